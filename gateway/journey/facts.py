"""What does the state say that a judgement rests on? Read once for a call, as of one instant and one state index.

Read before the fetch over the reader's connection, and inside the append transaction, where the state has moved, over the
transaction's own: what is judged over the facts is judged by pure functions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from audit.stores.connection import Connection, Row, Statement
from audit.stores.shelf import Key
from audit.writing.keyring import reference
from gateway.journey.call import Ask
from gateway.problems import AGREEMENT_UNCLEAR, ProblemError
from gateway.sources.contract import Found
from gateway.store.emergencies import incident_of
from gateway.store.live import LiveAgreement
from gateway.store.state import Reader
from schemas.consent import ConsentRecord, Restriction
from schemas.incident import Incident
from schemas.instants import london_day
from schemas.organisation import live_levels, next_end
from schemas.terms import AssuranceLevel, Match

FACTS: Final = "facts"  # the shelf's name; a key is what is asked of the state


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is the same for everybody whom a call is about. It stands until `ends`, if the state does not move.

    `state_index` is S: every fact stands as of that entry.
    """

    at: datetime
    state_index: int
    agreement_id: str | None
    live: LiveAgreement | None
    incident: Incident | None  # which covers the call's emergency
    assurances: frozenset[AssuranceLevel]
    ends: datetime


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What the people of one record have said, by their roles; `refs` are their keyed references."""

    refs: Mapping[str, str]
    consents: Mapping[str, tuple[ConsentRecord, ...]]
    restrictions: Mapping[str, tuple[Restriction, ...]]


NO_PERSON: Final = PersonFacts({}, {}, {})


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the judgements of a call rest on; of each person in the call's own order.

    `still_counts` is False once token, client or what these rest on was taken back.
    """

    call: CallFacts
    people: tuple[PersonFacts, ...]
    still_counts: bool


def agreement_asked(ask: Ask) -> str | None:
    """Return the agreement that a call is under; None where the token does not cover the one it names."""
    details = ask.caller.token.details
    if ask.request.agreement is not None:
        return ask.request.agreement if ask.request.agreement in details else None
    if len(details) != 1:
        raise ProblemError(AGREEMENT_UNCLEAR, f"name one of: {', '.join(sorted(details))}")
    return next(iter(details))


def incident_asked(reader: Reader, ask: Ask, at: datetime) -> Incident | None:
    """Return the declared incident that covers the emergency of a call."""
    emergency, partner = ask.request.emergency, ask.caller.client.partner_id
    if emergency is None or ask.request.caseworker is None or partner is None:
        return None
    reader.check(f"incident/{partner}")
    return incident_of(reader.connection, partner, emergency.kind, at)


def read_call(reader: Reader, ask: Ask, *, at: datetime, state_index: int) -> CallFacts:
    """Read what is the same for everybody. S (`state_index`) was read before anything else of the state."""
    agreement_id = agreement_asked(ask)
    live = reader.find_agreement(agreement_id, london_day(at)) if agreement_id else None
    ends = datetime.fromtimestamp(ask.caller.token.expires, UTC)
    if live is not None and live.holds_until is not None:
        ends = min(ends, live.holds_until)
    partner = reader.find_partner(ask.caller.client.partner_id or "")
    assurances: frozenset[AssuranceLevel] = frozenset()
    if partner is not None and partner.assurances and live is not None and live.agreement.assurance:
        assurances = live_levels(partner.assurances, at)
        ends = min(ends, next_end(partner.assurances, at) or ends)
    incident = incident_asked(reader, ask, at)
    if incident is not None:
        ends = min(ends, incident.ends)
    return CallFacts(at, state_index, agreement_id, live, incident, assurances, ends)


def read_people(reader: Reader, call: CallFacts, found: Sequence[Found], index_secret: bytes) -> tuple[PersonFacts, ...]:
    """Read what the people of these records have said: one query, and more only for those who have said something."""
    # Who was found, but not confirmed, must not matter: what a restriction does would tell that somebody is there.
    dataset = call.live.dataset.id if call.live else ""
    refs = [_references(index_secret, dataset, one) if one.match is Match.CONFIRMED else {} for one in found]
    known = reader.answered_by(refs)
    return tuple(PersonFacts(theirs, *reader.answers_of(theirs, known)) for theirs in refs)


def _references(index_secret: bytes, dataset: str, found: Found) -> dict[str, str]:
    return {role: reference(index_secret, dataset, one).hex() for role, one in (found.people or {}).items()}


@dataclass(frozen=True, slots=True)
class FactsAsked:
    """What is asked of the state for one call, in the append transaction. `call` tells calls apart."""

    call: int
    at: datetime
    state_index: int
    ask: Ask = field(compare=False, repr=False)
    found: Sequence[Found] = field(compare=False, repr=False)
    reader: Reader = field(compare=False, repr=False)
    index_secret: bytes = field(compare=False, repr=False)


class FactsShelf:
    """The facts of calls that are judged again, read over the transaction's connection."""

    def asked(self, _keys: Collection[Key]) -> Sequence[Statement]:
        """Return no statement: which rows are read depends on what others hold."""
        return ()

    def found(self, keys: Collection[Key], _answers: Sequence[Sequence[Row]], connection: Connection) -> dict[Key, Any]:
        """Return the facts of each call."""
        return {key: _read(key[1], connection) for key in keys}

    def written(self, _rows: Mapping[Key, Any]) -> Sequence[Statement]:
        """Raise TypeError: an item that judges moves no state."""
        raise TypeError("only a change moves the state")


def _read(asked: FactsAsked, connection: Connection) -> Facts:
    reader = asked.reader.over(connection)
    still_counts = reader.still_counts(asked.ask.caller.token)
    call = read_call(reader, asked.ask, at=asked.at, state_index=asked.state_index)
    return Facts(call, read_people(reader, call, asked.found, asked.index_secret), still_counts)

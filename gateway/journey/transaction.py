"""What happens to a call inside the append transaction? The transaction is the judge: of replays, limits and the state.

A pure function of the rows that the batch has read: what it comes to is written with the entry, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from audit.stores.recipients import COUNTERS
from audit.stores.shelf import Key, Shelves
from audit.stores.state_keys import STATE_KEYS
from audit.writing.item import Known, Moment, Verdict
from audit.writing.key_shelf import PERSONS_KEYS, KeyShelf
from audit.writing.key_shelf import key_of as persons_key
from audit.writing.keyring import Keyring
from gateway.journey.counted import Counted, count, people_of
from gateway.journey.entry_keys import are_held, claim_rows, held_now
from gateway.journey.facts import FACTS, FactsShelf
from gateway.journey.judge_again import standing
from gateway.journey.locking import counting
from gateway.journey.person import Line, Prepared
from gateway.journey.prepare import prepare, prepare_again
from gateway.journey.refusal_entry import refuse_at_limit
from gateway.journey.round import Round, RoundEnd, Stopped
from gateway.journey.urgency import urgent_call
from gateway.limits.reached import Left, Reached, refusals, repeats
from gateway.log.used_once import remember
from gateway.store.counts import COUNTS, CountShelf
from gateway.store.emergency_calls import EMERGENCY_CALLS, Call, EmergencyCallShelf
from gateway.store.first_uses import FIRST_USES, KEPT_FOR, FirstUse, FirstUseShelf
from gateway.telemetry import Urgent


def shelves_of(keyring: Keyring) -> Shelves:
    """Return every kind of row that calls are judged over, besides the log's own."""
    return {
        COUNTS: CountShelf(),
        FIRST_USES: FirstUseShelf(),
        EMERGENCY_CALLS: EmergencyCallShelf(),
        FACTS: FactsShelf(),
        PERSONS_KEYS: KeyShelf(keyring),
    }


@dataclass(frozen=True, slots=True)
class Recording:
    """The item of the log that records a round. It tells how the round ended."""

    round: Round = field(repr=False)  # it holds what was asked, and read
    _wanted: frozenset[Key] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Worked out before it waits for the log, whose lock others wait for.
        object.__setattr__(self, "_wanted", frozenset(self._first_wanted()))

    def keys(self, state_index: int) -> Collection[Key]:
        """Return what it reads where nothing is judged again."""
        one = self.round
        if state_index == one.judged.state_index:
            return self._wanted
        return self._wanted | {(STATE_KEYS, key) for key in one.basis}

    def _first_wanted(self) -> set[Key]:
        one = self.round
        client, judged = one.ask.caller.client, one.judged
        keys: set[Key] = set(counting(judged, one.ask, at=judged.at).names.keys(people_of(one.lines, one.services)))
        keys |= {persons_key(whose) for whose in one.prepared.claims}
        keys.add((COUNTERS, client.partner_id))
        if one.chunk.idempotency_key is not None:
            keys.add((FIRST_USES, client.client_id, one.chunk.idempotency_key))
            keys.add(repeats(client=client.client_id, key=one.ask.idempotency_key or "", at=judged.at))
        return keys

    def judge(self, known: Known, moment: Moment) -> Verdict[RoundEnd]:
        """Judge in this order: the proof, the Idempotency-Key, the decision, the limits."""
        one = self.round
        if one.is_first_of_call and not remember(moment, (one.ask.caller.seen,)):
            return _stop(one, Stopped.REPLAYED, moment)
        use = _first_use(one, known, moment.at)
        if use is not None and use.body_digest != one.digest:
            return _stop(one, Stopped.KEY_REUSED, moment)
        lines = standing(one, known, moment)
        if isinstance(lines, Stopped):
            return _stop(one, lines, moment)
        prepared = one.prepared
        if lines is not one.lines or use is not None or not are_held(prepared.claims, known):
            prepared = _prepare(one, lines, known, use)
        is_first_chunk = one.chunk.number == 0
        counted = count(lines, prepared, one.services, known, at=moment.at, use=use, is_first_chunk=is_first_chunk)
        if counted.reached is not None:
            return _refuse(one, counted, counted.reached, known, use)
        if counted.changed and one.chunk.refs:
            prepared = prepare_again(
                prepared, counted.lines, counted.changed, one.services, key_of=held_now(known), retry_of=_retry_of(use)
            )
        elif counted.changed:
            prepared = _prepare(one, counted.lines, known, use)
        return _record(one, counted, prepared, known, moment, use)


def _stop(one: Round, why: Stopped, moment: Moment) -> Verdict[RoundEnd]:
    return Verdict(RoundEnd(one.lines, one.prepared, stopped=why, decided_again_at=moment.at))


def _first_use(one: Round, known: Known, at: datetime) -> FirstUse | None:
    """Return what a repeat's Idempotency-Key was first used for; a key whose day is over is used anew."""
    if one.chunk.idempotency_key is None:
        return None
    use: FirstUse | None = known.one((FIRST_USES, one.ask.caller.client.client_id, one.chunk.idempotency_key))
    return use if use is not None and use.counts(at) else None


def _retry_of(use: FirstUse | None) -> str | None:
    return use.disclosure_id if use is not None else None


def _prepare(one: Round, lines: tuple[Line, ...], known: Known, use: FirstUse | None) -> Prepared:
    entry_id = one.prepared.draft.entry_id
    return prepare(lines, one.services, key_of=held_now(known), entry_id=entry_id, retry_of=_retry_of(use))


def _refuse(one: Round, counted: Counted, reached: Reached, known: Known, use: FirstUse | None) -> Verdict[RoundEnd]:
    """Refuse the whole call: of a limit's window the first refusal is an entry, the others are counted."""
    end = RoundEnd(counted.lines, one.prepared, reached=reached)
    key = refusals(one.ask.caller.client.client_id, reached)
    before = known.one(key) or 0
    rows: dict[Key, Any] = {**counted.rows, key: before + 1}
    if before:
        return Verdict(end, rows=rows)
    draft, claims = refuse_at_limit(
        counted.lines[0].judged,
        reached,
        one.ask,
        one.services,
        key_of=held_now(known),
        entry_id=one.prepared.draft.entry_id,
        retry_of=_retry_of(use),
    )
    return Verdict(end, draft, {**rows, **claim_rows(claims, known)})


def _record(
    one: Round, counted: Counted, prepared: Prepared, known: Known, moment: Moment, use: FirstUse | None
) -> Verdict[RoundEnd]:
    call = _urgent_call(one, counted, prepared, known, moment.at, use)
    end = RoundEnd(
        counted.lines,
        prepared,
        left=counted.counts.left() if counted.lines[0].judged.live is not None else Left(()),
        misses=counted.counts.alarming(),
        urgent=Urgent(call.client, call.kind, call.people, counted.counts.many_urgent()) if call is not None else None,
    )
    rows = {**counted.rows, **claim_rows(prepared.claims, known), **_used(one, counted, prepared, moment.at, use)}
    if call is not None:
        rows[EMERGENCY_CALLS, call.entry_id] = call
    return Verdict(end, prepared.draft, rows)


def _urgent_call(
    one: Round, counted: Counted, prepared: Prepared, known: Known, at: datetime, use: FirstUse | None
) -> Call | None:
    """Return the row of an emergency that opened something.

    A repeat is a new emergency where the first call was none; and for those whom the first call was not counted for, or not
    for the bound that they count for now.
    """
    if one.ask.request.emergency is None:
        return None
    within = {number for number, line in enumerate(counted.lines) if line.reached is None}
    if use is not None and known.one((EMERGENCY_CALLS, use.disclosure_id)):
        within &= use.uncounted | counted.newly_urgent
    return urgent_call(counted.lines[0], prepared.draft.entry_id, people=len(within), at=at)


def _used(one: Round, counted: Counted, prepared: Prepared, at: datetime, use: FirstUse | None) -> dict[Key, Any]:
    """Return the row of an Idempotency-Key's first use, with whom it was not counted for."""
    if one.chunk.idempotency_key is None:
        return {}
    uncounted = frozenset(number for number, line in enumerate(counted.lines) if line.reached is not None)
    expires = int((at + KEPT_FOR).timestamp())
    first = use or FirstUse(one.digest, prepared.draft.entry_id, expires)
    key = (FIRST_USES, one.ask.caller.client.client_id, one.chunk.idempotency_key)
    return {key: replace(first, uncounted=uncounted)}

"""How does a change come about that needs a second person? One proposes it, with a reason; `decisions` says what follows.

Where the council is too small for two people, and has said so, one person's step makes it so, and its entry says that it
was one person's.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from audit.stores.connection import Connection
from audit.stores.instants import to_micros
from audit.stores.savepoints import release_savepoint, set_savepoint, take_back_to_savepoint
from audit.writing.item import Draft, Moment, Within
from gateway.store.account_persons import find_person, require_person
from gateway.store.acting import Actor, one_line
from gateway.store.change_kinds import ChangeKind, Content, Tools, kind_called
from gateway.store.entries import ChangeRefusedError
from gateway.store.proposal_rows import (
    Proposal,
    ProposalStatus,
    count_waiting,
    digest_of_change,
    find_same,
    load_proposal,
    sealed_content,
)
from gateway.store.staffing import TWO, how_many_decide
from gateway.store.state import Reader

MOST_PENDING: Final = 500
ALONE: Final = {"people": 1}
SECOND_NEEDED: Final = "two people decide here: sign in (`stile login`) and propose it, and another person approves it"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A change as it is proposed now: its content checked, with what it rests on."""

    kind: ChangeKind
    content: Content
    rests_on: Mapping[str, str]
    reason: str

    @property
    def digest(self) -> str:
        """Return what names exactly this."""
        return digest_of_change(self.kind.name, self.content, reason=self.reason, rests_on=self.rests_on)


@dataclass(frozen=True, slots=True)
class Proposals:
    """Proposing, and making so what one person may. What a `within` has proposed is put into `made`, the newest alone."""

    tools: Tools

    def propose(self, kind_name: str, content: Content, *, reason: str, actor: Actor, made: list[Proposal]) -> Within:
        """Propose a change: it must hold together now. The same proposal again is the one that waits already."""

        def within(connection: Connection, moment: Moment) -> Draft | None:
            made.clear()
            kind = kind_called(kind_name)
            actor.require_office(kind.proposers, f"proposing a change of kind {kind.name}")
            why, checked = one_line(reason), kind.checked(content)
            self._try(kind, checked, connection, moment, why)
            proposed = Proposed(kind, checked, dict(kind.rests_on(Reader(connection), checked)), why)
            waits = find_same(connection, proposed.digest, proposed_by=actor.by)
            if waits is not None:
                made.append(waits)
                return None
            person = _proposers_person(connection, actor.by)
            made.append(_inserted(connection, moment, proposed, actor.by, person))
            return self._entry(connection, moment, proposed, made[0], actor)

        return within

    def make(self, kind_name: str, content: Content, *, reason: str, actor: Actor, made: list[Proposal]) -> Within:
        """Make a change at once where one person decides, and then put nothing into `made`; else propose it."""
        alone = self.make_alone(kind_name, content, by=actor.by, reason=reason)
        proposing = self.propose(kind_name, content, reason=reason, actor=actor, made=made)

        def within(connection: Connection, moment: Moment) -> Draft | None:
            made.clear()
            if how_many_decide(connection) != 1:
                return proposing(connection, moment)
            actor.require_office(kind_called(kind_name).alone, f"a change of kind {kind_name}, as one person")
            return alone(connection, moment)

        return within

    def make_alone(self, kind_name: str, content: Content, *, by: str, reason: str = "") -> Within:
        """Make a change as one person, where the council has said that it is too small for two; else refuse."""

        def within(connection: Connection, moment: Moment) -> Draft | None:
            if how_many_decide(connection) != 1:
                raise ChangeRefusedError(SECOND_NEEDED)
            kind = kind_called(kind_name)
            said = {"reason": one_line(reason)} if reason.strip() else {}
            return kind.apply(self.tools, kind.checked(content), {**ALONE, **said}, by)(connection, moment)

        return within

    def _try(self, kind: ChangeKind, content: Content, connection: Connection, moment: Moment, reason: str) -> None:
        """Raise what approving would raise now: the change is made, and taken back."""
        set_savepoint(connection)
        try:
            kind.apply(self.tools, content, {"reason": reason}, "")(connection, moment)
        finally:
            take_back_to_savepoint(connection)
            release_savepoint(connection)

    def _entry(self, connection: Connection, moment: Moment, proposed: Proposed, kept: Proposal, actor: Actor) -> Draft:
        what = {
            "change": kept.change_id,
            "kind": kept.kind,
            "about": kept.about,
            "digest": kept.digest,
            "reason": kept.reason,
            "content": sealed_content(proposed.content),
            "rests_on": dict(proposed.rests_on),
        }
        who = {"by": actor.by, "person": kept.person, "roles": sorted(one.value for one in actor.roles)}
        names, rows = {"what": what, "who": who}, (kept.state_key,)
        return self.tools.entries.plain(proposed.kind.proposed_as, connection, moment, (), names, besides=rows)


def _proposers_person(connection: Connection, by: str) -> str | None:
    return require_person(connection, by) if how_many_decide(connection) == TWO else find_person(connection, by)


def _inserted(connection: Connection, moment: Moment, proposed: Proposed, by: str, person: str | None) -> Proposal:
    if count_waiting(connection) >= MOST_PENDING:
        raise ChangeRefusedError(f"{MOST_PENDING} changes wait already: decide some first")
    change_id, kind = "ch_" + secrets.token_hex(8), proposed.kind
    connection.run(
        "INSERT INTO proposal (change_id, kind, about, content, rests_on, digest, reason, proposed_by, person, "
        "proposed_at, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(change_id, kind.name, kind.about(proposed.content)),
            *(json.dumps(dict(proposed.content)), json.dumps(dict(proposed.rests_on)), proposed.digest, proposed.reason),
            *(by, person, to_micros(moment.at), ProposalStatus.PENDING.value),
        ),
    )
    return load_proposal(connection, change_id)

"""What becomes of a proposed change? Another person approves or rejects it; the data protection officer advises.

Approving writes the change, its entry and the decision in one transaction: until that is durable the proposal waits, and
afterwards it is decided, whenever the process stops. Of two who decide at once the second finds it decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.stores.instants import to_micros
from audit.writing.item import Draft, Moment, Within
from gateway.oauth.clients import Role
from gateway.store.acting import Actor, one_line, require_another
from gateway.store.change_kinds import ChangeKind, Tools, kind_called
from gateway.store.entries import ChangeRefusedError
from gateway.store.proposal_rows import Advised, Proposal, ProposalStatus, advice_on, find_proposal, load_proposal
from gateway.store.resting import moved
from gateway.store.state import Reader


@dataclass(frozen=True, slots=True)
class Decision:
    """How a proposal is decided. `people`: how many it took; `followed`: whether the advice was, where there was one."""

    status: ProposalStatus
    by: str
    why: str | None = None
    role: str | None = None
    people: int | None = None
    followed: bool | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions about proposals. What a `within` has decided is put into `made`, the newest alone."""

    tools: Tools

    def approve(
        self, change_id: str, *, digest: str, actor: Actor, why: str, against_advice: bool, made: list[Proposal]
    ) -> Within:
        """Make what was proposed so: exactly what the digest names, beside what it was proposed beside."""

        def within(connection: Connection, moment: Moment) -> Draft | None:
            made.clear()
            proposal, kind = _waiting(connection, change_id, digest)
            actor.require_office(kind.approvers, f"approving a change of kind {kind.name}")
            _require_current(connection, proposal, kind)
            people = require_another(connection, proposal, actor.by)
            because = one_line(why) if why.strip() else None
            advice = _weighed(connection, change_id, because, against_advice=against_advice)
            role, followed = actor.acts_as(kind.approvers), advice.get("followed")
            approval = {**_approval(proposal, because, people), "role": role, **advice}
            decision = Decision(ProposalStatus.APPROVED, actor.by, because, role, people, followed)
            made.append(_decide(connection, moment, change_id, decision))  # first: its entry says how the row now stands
            tools = self.tools.saying(proposal.state_key)
            return kind.apply(tools, proposal.content, approval, actor.by)(connection, moment)

        return within

    def reject(self, change_id: str, *, digest: str, actor: Actor, why: str, made: list[Proposal]) -> Within:
        """Decide that a proposal does not come about. Where two decide, its own proposer withdraws it instead."""

        def within(connection: Connection, moment: Moment) -> Draft:
            made.clear()
            proposal, kind = _waiting(connection, change_id, digest)
            actor.require_office(kind.approvers, f"rejecting a change of kind {kind.name}")
            people, given = require_another(connection, proposal, actor.by), advice_on(connection, change_id)
            followed = given[-1].advised is Advised.REJECT if given else None
            decision = Decision(
                ProposalStatus.REJECTED, actor.by, one_line(why), actor.acts_as(kind.approvers), people, followed
            )
            made.append(_decide(connection, moment, change_id, decision))
            return self._entry(kind, connection, moment, made[0])

        return within

    def withdraw(self, change_id: str, *, actor: Actor, made: list[Proposal]) -> Within:
        """Take one's own proposal back."""

        def within(connection: Connection, moment: Moment) -> Draft:
            made.clear()
            proposal, kind = _waiting(connection, change_id, None)
            if proposal.proposed_by != actor.by:
                raise ChangeRefusedError("another account proposed it: who did takes it back, and an approver rejects it")
            made.append(_decide(connection, moment, change_id, Decision(ProposalStatus.WITHDRAWN, actor.by)))
            return self._entry(kind, connection, moment, made[0])

        return within

    def advise(self, change_id: str, *, digest: str, advised: Advised, words: str, actor: Actor) -> Within:
        """Enter what the data protection officer advises on somebody else's proposal. The newest advice counts."""

        def within(connection: Connection, moment: Moment) -> Draft:
            proposal, _ = _waiting(connection, change_id, digest)
            actor.require_office(frozenset({Role.DPO}), "advising on a change")
            require_another(connection, proposal, actor.by)
            said = one_line(words)
            connection.run(
                "INSERT INTO advice (idx, change_id, advice, words, given_by, given_at) VALUES (?, ?, ?, ?, ?, ?)",
                (moment.index, change_id, advised.value, said, actor.by, to_micros(moment.at)),
            )
            what = {"change": change_id, "digest": proposal.digest, "advice": advised.value, "words": said}
            names, rows = {"what": what, "who": {"by": actor.by}}, (proposal.state_key,)
            return self.tools.entries.plain(Kind.ADVICE_GIVEN, connection, moment, (), names, besides=rows)

        return within

    def _entry(self, kind: ChangeKind, connection: Connection, moment: Moment, decided: Proposal) -> Draft:
        what = {
            "change": decided.change_id,
            "digest": decided.digest,
            "decided": decided.status.value,
            "because": decided.decided_why,
            "people": decided.people,
            "followed": decided.followed,
        }
        who = {"by": decided.decided_by, "role": decided.decided_role, "proposed_by": decided.proposed_by}
        names, rows = {"what": what, "who": who}, (decided.state_key,)
        return self.tools.entries.plain(kind.rejected_as, connection, moment, (), names, besides=rows)


def _waiting(connection: Connection, change_id: str, digest: str | None) -> tuple[Proposal, ChangeKind]:
    found = find_proposal(connection, change_id)
    if found is None:
        raise ChangeRefusedError("no change was proposed under this id: `stile change list`")
    if found.status is not ProposalStatus.PENDING:
        raise ChangeRefusedError(f"it is {found.status.value} already: `stile change show` says by whom")
    if not found.is_intact:
        raise ChangeRefusedError("what is kept of it is not what was proposed: restore the database")
    if digest is not None and digest != found.digest:
        raise ChangeRefusedError("the digest is of something else than what waits under this id: look at it again")
    return found, kind_called(found.kind)


def _require_current(connection: Connection, proposal: Proposal, kind: ChangeKind) -> None:
    changed = moved(proposal.rests_on, now=kind.rests_on(Reader(connection), proposal.content))
    if changed:
        raise ChangeRefusedError(
            f"it is stale, for these are others since it was proposed: {', '.join(changed)}; propose anew"
        )


def _weighed(connection: Connection, change_id: str, because: str | None, *, against_advice: bool) -> dict[str, Any]:
    """Return what was advised and whether it is followed; ChangeRefusedError where who approves may not have seen it."""
    given = advice_on(connection, change_id)
    if not given:
        return {}
    newest = given[-1]
    is_followed = newest.advised is Advised.APPROVE
    if not is_followed and not (against_advice and because):
        raise ChangeRefusedError("the data protection officer advises against it: approve it against advice, and say why")
    advice = {"advice": newest.advised.value, "words": newest.words, "by": newest.given_by}
    return {"advice": advice, "followed": is_followed}


def _approval(proposal: Proposal, because: str | None, people: int) -> Mapping[str, Any]:
    """Return what the entry of an approved change says of how it came about."""
    told = {"change": proposal.change_id, "digest": proposal.digest, "proposed_by": proposal.proposed_by}
    return {**told, "reason": proposal.reason, "because": because, "people": people}


def _decide(connection: Connection, moment: Moment, change_id: str, decision: Decision) -> Proposal:
    followed = None if decision.followed is None else int(decision.followed)
    found = connection.run(
        "UPDATE proposal SET status = ?, decided_by = ?, decided_at = ?, decided_why = ?, decided_role = ?, people = ?, "
        "followed = ? WHERE change_id = ? AND status = ?",
        (
            *(decision.status.value, decision.by, to_micros(moment.at), decision.why, decision.role, decision.people),
            *(followed, change_id, ProposalStatus.PENDING.value),
        ),
    )
    if found != 1:
        raise ChangeRefusedError("it was decided at the same moment: `stile change show` says by whom")
    return load_proposal(connection, change_id)

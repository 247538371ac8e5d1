"""The pages on which changes that wait for a second person are listed, looked at, advised on and decided."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from audit.writing.item import Within
from gateway.console.door import SignedIn
from gateway.console.pages import CHANGES, own_place, page, see_other
from gateway.desk.proposed import told_proposal, told_whole
from gateway.problems import NOT_FOUND, REQUEST_MALFORMED, ProblemError
from gateway.store.acting import LONGEST_REASON
from gateway.store.change_kinds import CHANGE_KINDS
from gateway.store.proposal_rows import Advised, Proposal, find_proposal, read_proposals
from gateway.store.proposals import MOST_PENDING
from gateway.store.staffing import how_many_decide
from gateway.web.changes import make_change, rows_of_deciding
from gateway.web.offices import ADVISING

SHOWN: Final = 20  # of those that were decided


async def get_changes(visit: SignedIn) -> Response:
    """List what waits, and what was decided last."""
    reader, titles = visit.wiring.services.reader, visit.wiring.council.settings.role_titles
    waiting = read_proposals(reader.connection, is_pending=True, most=MOST_PENDING)
    decided = read_proposals(reader.connection, is_pending=False, most=SHOWN)
    return page(
        "approver/changes.html",
        waiting=[told_proposal(one, reader, titles) for one in waiting],
        decided=[told_proposal(one, reader, titles) for one in decided],
        people=how_many_decide(reader.connection),
    )


async def get_change(visit: SignedIn) -> Response:
    """Show one change: what would be another, why, what is advised, and the forms by which this operator acts on it."""
    proposal = _asked(visit, visit.request.path_params["change"])
    reader, titles = visit.wiring.services.reader, visit.wiring.council.settings.role_titles
    kind = CHANGE_KINDS[proposal.kind]
    return page(
        "approver/change.html",
        csrf=visit.csrf,
        is_fresh=visit.is_fresh,
        one=told_whole(proposal, reader, titles, visit.session.roles),
        is_own=proposal.proposed_by == visit.caller.by,
        may_decide=not kind.approvers.isdisjoint(visit.session.roles),
        may_advise=ADVISING.lets(visit.session.roles),
        people=how_many_decide(reader.connection),
        longest=LONGEST_REASON,
    )


async def post_approve(visit: SignedIn) -> Response:
    """Approve what was shown."""
    approve = visit.wiring.changes.decisions.approve(
        visit.form.get("change", ""),
        digest=visit.form.get("digest", ""),
        actor=visit.caller.actor,
        why=visit.form.get("reason", ""),
        against_advice=visit.form.get("against") == "yes",
        made=[],
    )
    return await _done(visit, approve)


async def post_reject(visit: SignedIn) -> Response:
    """Reject what was shown."""
    change, digest, why = (visit.form.get(name, "") for name in ("change", "digest", "reason"))
    reject = visit.wiring.changes.decisions.reject(change, digest=digest, actor=visit.caller.actor, why=why, made=[])
    return await _done(visit, reject)


async def post_withdraw(visit: SignedIn) -> Response:
    """Take one's own proposal back."""
    withdraw = visit.wiring.changes.decisions.withdraw(visit.form.get("change", ""), actor=visit.caller.actor, made=[])
    return await _done(visit, withdraw)


async def post_advise(visit: SignedIn) -> Response:
    """Advise on what was shown."""
    if visit.form.get("advice") not in set(Advised):
        raise ProblemError(REQUEST_MALFORMED, "say whether you advise to approve or to reject")
    advise = visit.wiring.changes.decisions.advise(
        visit.form.get("change", ""),
        digest=visit.form.get("digest", ""),
        advised=Advised(visit.form["advice"]),
        words=visit.form.get("reason", ""),
        actor=visit.caller.actor,
    )
    return await _done(visit, advise)


async def back_to_change(visit: SignedIn) -> Response:
    """Ask for a new sign-in, and come back to the change."""
    change = f"{CHANGES}/{visit.form.get('change', '')}"
    return see_other(f"/console/step-up?to={own_place(change)}")


async def _done(visit: SignedIn, within: Within) -> Response:
    rows = rows_of_deciding(visit.wiring, visit.caller, visit.form.get("change", ""))
    await make_change(visit.wiring, visit.caller, within, rests_on=rows)
    return see_other(f"{CHANGES}/{visit.form.get('change', '')}")


def _asked(visit: SignedIn, change_id: str) -> Proposal:
    found = find_proposal(visit.wiring.services.reader.connection, change_id)
    if found is None:
        raise ProblemError(NOT_FOUND, "no change was proposed under this id")
    return found

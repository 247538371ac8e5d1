"""The control API: changes that need a second person. One proposes with a reason, another approves or rejects."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from audit.format.entry import canonical
from audit.writing.item import Within
from gateway.control.door import PREFIX, Authenticated
from gateway.desk.proposed import told_proposal, told_whole
from gateway.journey.wiring import Wiring
from gateway.problems import NOT_FOUND, ProblemError
from gateway.store.acting import LONGEST_REASON
from gateway.store.proposal_rows import Advised, Proposal, find_proposal, read_proposals
from gateway.store.staffing import how_many_decide
from gateway.web.bodies import LONGEST_TEXT
from gateway.web.changes import ControlCaller, make_change, rows_of_deciding

MOST_LISTED: Final = 500
router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
ChangeId = Annotated[str, Path(pattern=r"^ch_[0-9a-f]{16}$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", description="As it was shown: what you decide is that.")]
Words = Annotated[str, Field(max_length=LONGEST_REASON)]


class ProposalIn(BaseModel):
    """A change: its kind, what it needs, and why. It stands in the log: name nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(max_length=50, examples=["agreement"])
    reason: Words = Field(examples=["the partner's new case system needs the date of birth by month"])
    text: str | None = Field(default=None, max_length=LONGEST_TEXT, description="Of an agreement, core, dataset or source.")
    unchecked: bool | None = Field(default=None, description="Of a source: nobody has tried it.")
    client: str | None = Field(default=None, max_length=100, description="Of a registration.")
    client_digest: str | None = Field(default=None, max_length=100, description="Of a registration: as it was listed.")

    def content(self) -> dict[str, Any]:
        """Return what was given besides kind and reason."""
        given = self.model_dump(exclude={"kind", "reason"})
        return {name: value for name, value in given.items() if value is not None}


class ApprovalIn(BaseModel):
    """What is approved, and why: a reason is needed where the data protection officer advises against it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: Digest
    reason: Words = ""
    against_advice: bool = Field(default=False, description="You have seen that it is advised against, and approve it.")


class RejectionIn(BaseModel):
    """What is rejected, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: Digest
    reason: Words = Field(min_length=1)


class AdviceIn(BaseModel):
    """What the data protection officer advises, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: Digest
    advice: Advised
    words: Words = Field(min_length=1)


@router.get("/changes", summary="List the changes that wait for a second person")
async def get_changes(
    request: Request,
    caller: Authenticated,
    *,
    decided: Annotated[bool, Query(description="Those that were decided instead, the newest first.")] = False,
) -> Response:
    """The oldest first. `people` says how many decide here; `stale` names what is another than when it was proposed."""
    del caller
    wiring: Wiring = request.app.state.wiring
    reader, titles = wiring.services.reader, wiring.council.settings.role_titles
    found = read_proposals(reader.connection, is_pending=not decided, most=MOST_LISTED)
    told = {"people": how_many_decide(reader.connection), "changes": [told_proposal(one, reader, titles) for one in found]}
    return _json(told, 200)


@router.get("/changes/{change_id}", summary="Show a change with what it would change")
async def get_change(request: Request, change_id: ChangeId, caller: Authenticated) -> Response:
    """What differs from the newest published version line by line, and the text in plain English."""
    wiring: Wiring = request.app.state.wiring
    found = find_proposal(wiring.services.reader.connection, change_id)
    if found is None:
        raise ProblemError(NOT_FOUND, "no change was proposed under this id")
    return _json(told_whole(found, wiring.services.reader, wiring.council.settings.role_titles, caller.roles), 200)


@router.post(
    "/changes",
    status_code=201,
    summary="Propose a change",
    responses={422: {"description": "The text does not hold together: findings says where, and what to write instead."}},
)
async def post_change(request: Request, given: ProposalIn, caller: Authenticated) -> Response:
    """It must hold together now. The same proposal again is answered with the one that waits already."""
    made: list[Proposal] = []
    proposals = request.app.state.wiring.changes.proposals
    propose = proposals.propose(given.kind, given.content(), reason=given.reason, actor=caller.actor, made=made)
    return await _done(request, caller, propose, made)


@router.post("/changes/{change_id}/approval", status_code=201, summary="Approve a change that somebody else proposed")
async def post_change_approval(request: Request, change_id: ChangeId, given: ApprovalIn, caller: Authenticated) -> Response:
    """It counts from its entry on. A session needs a sign-in of the last five minutes."""
    made: list[Proposal] = []
    approve = request.app.state.wiring.changes.decisions.approve(
        change_id,
        digest=given.digest,
        actor=caller.actor,
        why=given.reason,
        against_advice=given.against_advice,
        made=made,
    )
    return await _done(request, caller, approve, made, change_id)


@router.post("/changes/{change_id}/rejection", status_code=201, summary="Reject a change that somebody else proposed")
async def post_rejection(request: Request, change_id: ChangeId, given: RejectionIn, caller: Authenticated) -> Response:
    """Nothing of it comes about."""
    made: list[Proposal] = []
    decisions = request.app.state.wiring.changes.decisions
    reject = decisions.reject(change_id, digest=given.digest, actor=caller.actor, why=given.reason, made=made)
    return await _done(request, caller, reject, made, change_id)


@router.post("/changes/{change_id}/withdrawal", status_code=201, summary="Take your own proposal back")
async def post_change_withdrawal(request: Request, change_id: ChangeId, caller: Authenticated) -> Response:
    """By the account that proposed it."""
    made: list[Proposal] = []
    withdraw = request.app.state.wiring.changes.decisions.withdraw(change_id, actor=caller.actor, made=made)
    return await _done(request, caller, withdraw, made, change_id)


@router.post("/changes/{change_id}/advice", status_code=201, summary="Advise on a change that somebody else proposed")
async def post_advice(request: Request, change_id: ChangeId, given: AdviceIn, caller: Authenticated) -> Response:
    """For a dpo. It stands beside the decision, and so does whether it was followed (UK GDPR Article 38)."""
    wiring: Wiring = request.app.state.wiring
    advise = wiring.changes.decisions.advise(
        change_id, digest=given.digest, advised=given.advice, words=given.words, actor=caller.actor
    )
    rows = rows_of_deciding(wiring, caller, change_id)
    appended = await make_change(wiring, caller, advise, rests_on=rows)
    index = {"entry_id": appended.entry_id, "index": appended.index} if appended else {}
    return _json({"change": change_id, "advice": given.advice.value, **index}, 201)


async def _done(
    request: Request, caller: ControlCaller, within: Within, made: list[Proposal], change_id: str | None = None
) -> Response:
    wiring: Wiring = request.app.state.wiring
    appended = await make_change(wiring, caller, within, rests_on=rows_of_deciding(wiring, caller, change_id))
    index = {"entry_id": appended.entry_id, "index": appended.index} if appended else {}
    reader, titles = wiring.services.reader, wiring.council.settings.role_titles
    return _json({**told_proposal(made[0], reader, titles), **index}, 201)


def _json(content: dict[str, Any], status: int) -> Response:
    return Response(canonical(content), status, media_type="application/json")

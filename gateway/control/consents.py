"""The control API: consents and restrictions, for the council's own clients of role dpo or administrator."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from audit.format.entry import canonical
from audit.writing.item import Within
from gateway.control.door import PREFIX, Authenticated
from gateway.control.persons import OneLine, Slug, look_up_person
from gateway.desk.standing import consent_told
from gateway.journey.wiring import Wiring
from gateway.problems import CONFLICT, NOT_FOUND, ProblemError
from gateway.store.people import find_consent
from gateway.web.changes import ControlCaller, make_change
from schemas.consent import ConsentRecord, Restriction
from schemas.instants import end_of
from schemas.terms import (
    Capacity,
    ConsentKind,
    ConsentState,
    GivenBy,
    ObjectionDecision,
    OptOutScheme,
    RestrictionKind,
)

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d))?", re.ASCII)


def _ending(given: object) -> datetime:
    if not isinstance(given, str) or not _INSTANT.fullmatch(given):
        raise ValueError("write a day (2027-06-30), or an instant with its offset (2027-06-30T17:00:00+01:00)")
    return end_of(given)


# A day of London's, which counts to its last instant, or the instant from which it no longer counts, with its offset.
End = Annotated[
    datetime,
    BeforeValidator(_ending),
    Field(
        examples=["2027-06-30", "2027-06-30T17:00:00+01:00"],
        json_schema_extra={"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]},
    ),
]


class ConsentIn(BaseModel):
    """A person's yes or no, as it was recorded. `person` is the source's own reference."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: ConsentState = Field(description="given or refused", examples=["given"])
    dataset: Slug = Field(examples=["council-tax"])
    person: OneLine = Field(examples=["P0000042"])
    purpose: Slug = Field(examples=["tenancy-sustainment"])
    recipients: list[Slug] = Field(min_length=1, max_length=50, examples=[["harbour-housing"]])
    fields: list[Slug] = Field(default=[], max_length=200, description="None: the whole dataset.")
    kind: ConsentKind = ConsentKind.UK_GDPR
    given_by: GivenBy = GivenBy.SELF
    capacity: Capacity = Capacity.PRESUMED
    authority: OneLine | None = None
    evidence: OneLine | None = None
    text_version: OneLine = Field(examples=["consent-2026-03"])
    how: OneLine = Field(examples=["in person, form CT-7"])
    until: End | None = None


class WithdrawalIn(BaseModel):
    """How a consent was taken back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    how: OneLine = Field(examples=["by telephone"])


class RestrictionIn(BaseModel):
    """A hold on the use of a person's data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: RestrictionKind
    dataset: Slug = Field(examples=["council-tax"])
    person: OneLine = Field(examples=["P0000042"])
    fields: list[Slug] = Field(default=[], max_length=200)
    recipients: list[Slug] = Field(default=[], max_length=50)
    until: End | None = None
    scheme: OptOutScheme | None = Field(default=None, description="Of an opt-out: whose rules say what it is from.")
    purposes: list[Slug] = Field(default=[], max_length=50, description="Of an opt-out: from what; none, everything.")


class ObjectionDecisionIn(BaseModel):
    """Why an objection holds nothing back: UK GDPR Article 21(1)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: ObjectionDecision
    reason: OneLine = Field(examples=["the account is in dispute before the county court"])
    officer: OneLine = Field(examples=["information asset owner, revenues"])


router = APIRouter(prefix=PREFIX, tags=["control"], redirect_slashes=False)
ConsentId = Annotated[str, Path(pattern=r"^c_[0-9a-f]{24}$")]
RestrictionId = Annotated[str, Path(pattern=r"^r_[0-9a-f]{24}$")]


async def _change(request: Request, caller: ControlCaller, within: Within) -> dict[str, Any]:
    appended = await make_change(request.app.state.wiring, caller, within)
    return {"entry_id": appended.entry_id, "index": appended.index} if appended else {}


@router.post("/consents", status_code=201, summary="Record that a person gave or refused consent")
async def post_consent(request: Request, given: ConsentIn, caller: Authenticated) -> Response:
    """Acknowledged once it counts: no later entry discloses as if it had not been given or refused.

    The source is asked whether it knows the person; where it can't be asked, the consent counts, and is `unchecked`.
    """
    wiring: Wiring = request.app.state.wiring
    if given.state not in {ConsentState.GIVEN, ConsentState.REFUSED}:
        raise ProblemError(CONFLICT, "a consent is recorded as given or refused; withdraw it under its own address")
    looked = await look_up_person(wiring, dataset=given.dataset, person=given.person)
    record = ConsentRecord(
        consent_id="c_" + secrets.token_hex(12),
        subject_ref=wiring.changes.people.subject_ref(given.dataset, looked.person),
        unchecked=looked.unchecked,
        controller=wiring.services.settings.controller,
        recipients=frozenset(given.recipients),
        fields=frozenset(given.fields),
        recorded_by=caller.by,
        from_at=datetime.fromtimestamp(0, UTC),
        **{
            name: getattr(given, name)
            for name in (
                "dataset",
                "purpose",
                "state",
                "kind",
                "given_by",
                "capacity",
                "authority",
                "evidence",
                "text_version",
                "how",
                "until",
            )
        },
    )
    entry = await _change(request, caller, wiring.changes.people.record_consent(record))
    told = {"consent_id": record.consent_id, "state": record.state.value, "unchecked": looked.unchecked}
    return _json({**told, **entry}, 201)


@router.post("/consents/{consent_id}/withdrawal", status_code=201, summary="Withdraw a consent")
async def post_withdrawal(request: Request, consent_id: ConsentId, given: WithdrawalIn, caller: Authenticated) -> Response:
    """As easy as giving it (UK GDPR Article 7(3)), and immediate."""
    wiring: Wiring = request.app.state.wiring
    within = wiring.changes.people.withdraw_consent(consent_id, by=caller.by, how=given.how)
    return _json({"consent_id": consent_id, "state": "withdrawn", **await _change(request, caller, within)}, 201)


@router.get("/consents/{consent_id}", summary="Show a consent as it stands")
async def get_consent(request: Request, consent_id: ConsentId, caller: Authenticated) -> Response:
    """Show everything recorded but the person's reference, what it counts for now, and what outweighs it."""
    del caller
    wiring: Wiring = request.app.state.wiring
    record = find_consent(wiring.services.reader.connection, consent_id)
    if record is None:
        raise ProblemError(NOT_FOUND, "no consent has this id")
    return _json(consent_told(record, wiring.services.reader, wiring.services.clock()), 200)


@router.post("/restrictions", status_code=201, summary="Set a restriction")
async def post_restriction(request: Request, given: RestrictionIn, caller: Authenticated) -> Response:
    """Hold back the use of a person's data, from the next entry on.

    The source is asked whether it knows the person; where it can't be asked, the restriction counts, and is `unchecked`.
    """
    wiring: Wiring = request.app.state.wiring
    looked = await look_up_person(wiring, dataset=given.dataset, person=given.person)
    restriction = Restriction(
        restriction_id="r_" + secrets.token_hex(12),
        subject_ref=wiring.changes.people.subject_ref(given.dataset, looked.person),
        unchecked=looked.unchecked,
        dataset=given.dataset,
        kind=given.kind,
        fields=frozenset(given.fields),
        recipients=frozenset(given.recipients),
        from_at=datetime.fromtimestamp(0, UTC),
        until=given.until,
        recorded_by=caller.by,
        scheme=given.scheme,
        purposes=frozenset(given.purposes),
    )
    entry = await _change(request, caller, wiring.changes.people.set_restriction(restriction))
    told = {"restriction_id": restriction.restriction_id, "unchecked": looked.unchecked}
    return _json({**told, **entry}, 201)


@router.post("/restrictions/{restriction_id}/decision", status_code=201, summary="Decide against an objection")
async def post_objection_decision(
    request: Request, restriction_id: RestrictionId, given: ObjectionDecisionIn, caller: Authenticated
) -> Response:
    """It holds nothing back from the next entry on. An objection that is upheld stays as it is."""
    wiring: Wiring = request.app.state.wiring
    within = wiring.changes.people.decide_objection(
        restriction_id, outcome=given.outcome, reason=given.reason, officer=given.officer, by=caller.by
    )
    entry = await _change(request, caller, within)
    return _json({"restriction_id": restriction_id, "outcome": given.outcome.value, **entry}, 201)


@router.delete("/restrictions/{restriction_id}", summary="Lift a restriction")
async def delete_restriction(request: Request, restriction_id: RestrictionId, caller: Authenticated) -> Response:
    """Lift it, from the next entry on; the record of it stays."""
    wiring: Wiring = request.app.state.wiring
    within = wiring.changes.people.lift_restriction(restriction_id, by=caller.by)
    return _json({"restriction_id": restriction_id, **await _change(request, caller, within)}, 200)


def _json(content: dict[str, Any], status: int) -> Response:
    return Response(canonical(content), status, media_type="application/json")

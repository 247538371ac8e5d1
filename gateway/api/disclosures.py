"""POST /v1/disclosures, GET /v1/disclosures/{id}/receipt, POST /v1/explain, GET /v1/agreements."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from audit.format.entry import canonical
from gateway.api.lines import answer_many
from gateway.api.request_bodies import parse_explain, read_disclosure
from gateway.disclose import disclose
from gateway.journey.call import Ask, caseworker_reference
from gateway.journey.explain import explain_to_partner
from gateway.journey.outcome import LimitReachedError
from gateway.journey.receipt_again import load_receipt
from gateway.journey.turn import turn
from gateway.journey.wiring import Wiring
from gateway.limits import counting as limits
from gateway.limits.count_names import Use
from gateway.log.used_once import remember_call
from gateway.oauth.caller import Caller
from gateway.oauth.context import LONGEST_CONTEXT, read_context
from gateway.oauth.jose import JoseRefusedError
from gateway.oauth.jose import read as read_jws
from gateway.problems import CONTEXT_REFUSED, NOT_FOUND, REQUEST_MALFORMED, ProblemError
from gateway.store.live import LiveAgreement
from gateway.telemetry import Steps
from gateway.web.bodies import read_body
from gateway.web.door import authenticate
from gateway.web.headers import headers_of
from schemas.agreement import Atom
from schemas.dataset import Key
from schemas.instants import london_day
from schemas.request import Caseworker, DisclosureRequest

_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")
_DISCLOSURE_ID: Final = re.compile(r"[a-z]{1,3}_[0-9A-HJKMNP-TV-Z]{26}(\.(0|[1-9]\d{0,3}))?", re.ASCII)


def caller_of(request: Request, wiring: Wiring) -> tuple[Caller, int]:
    """Authenticate a partner's call; return the caller and S, the state index as of which it stands."""
    now = wiring.services.clock().timestamp()
    state_index = wiring.services.reader.refresh()
    return authenticate(request, wiring.door, now=now, audience=wiring.door.issuer), state_index


async def post_disclosure(request: Request) -> Response:
    """Answer for one person, in the order of the journey: who asks comes before what is asked."""
    state = request.state
    wiring: Wiring = state.wiring
    steps: Steps = state.steps
    caller, state_index = caller_of(request, wiring)
    now = wiring.services.clock().timestamp()
    wiring.early_limits.check(caller, now=now)
    steps.mark("authenticate")
    await turn()
    context = await context_of(request, wiring, caller, now)
    body, asked = await read_disclosure(request)
    if context is not None:
        asked = vouched(asked, context)
    ask = Ask(
        request=asked,
        caller=caller,
        body_digest="sha256:" + hashlib.sha256(body).hexdigest(),
        idempotency_key=_idempotency_key(request),
        request_id=state.request_id,
        state_index=state_index,
        steps=steps,
        caseworker_ref=caseworker_reference(wiring.services.secrets.index, caller, asked),
    )
    steps.mark("read")
    await turn()
    try:
        if asked.subjects:
            return await answer_many(request, ask, wiring)
        answer = await disclose(ask, wiring.services)
    except LimitReachedError as error:
        wiring.early_limits.close(caller, error.reached, now=now)
        raise
    steps.mark("answer")
    if answer.tripped:
        wiring.telemetry.alarm(answer.tripped, request.state.request_id)
    if answer.misses is not None:
        wiring.telemetry.alarm_misses(
            client_id=caller.client.client_id, count=answer.misses, request_id=request.state.request_id
        )
    if answer.urgent is not None:
        wiring.telemetry.note_emergency(answer.urgent, request.state.request_id)
    return Response(answer.body, answer.status, dict(answer.headers), media_type=answer.media_type)


async def context_of(request: Request, wiring: Wiring, caller: Caller, now: float) -> Caseworker | None:
    """Return the caseworker whom the partner vouches for, or None where it sends no context. Before the body is read."""
    given = headers_of(request).get(b"stile-context")
    if not given:
        return None
    if len(given) > 1:
        raise ProblemError(CONTEXT_REFUSED, "Stile-Context: send it once")
    client = caller.client
    try:
        if client.jwks_uri is not None and len(given[0]) <= LONGEST_CONTEXT:  # this worker may not have its keys yet
            await wiring.clients.prepare_for(client.client_id, read_jws(given[0]).header.get("kid"))
            client = wiring.clients.find_client(client.client_id) or client
        context = read_context(given[0], client=client, issuer=wiring.door.issuer, now=now)
    except JoseRefusedError as refused:
        raise ProblemError(CONTEXT_REFUSED, f"Stile-Context: {refused}") from refused
    partner = wiring.services.reader.find_partner(client.partner_id or "")
    if partner is not None and partner.codes and context.organisation_code not in partner.codes.values():
        raise ProblemError(CONTEXT_REFUSED, "Stile-Context: the organisation's code is none of those registered for you")
    return context


def vouched(asked: DisclosureRequest, context: Caseworker) -> DisclosureRequest:
    """Return the request with the caseworker of the context; one that the body names must be the same."""
    named = asked.caseworker
    if named is not None and (named.id, named.name, named.role) != (context.id, context.name, context.role):
        raise ProblemError(CONTEXT_REFUSED, "caseworker: the body names another than the context that you signed")
    return replace(asked, caseworker=context)


def _idempotency_key(request: Request) -> str | None:
    given = headers_of(request).get(b"idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _IDEMPOTENCY_KEY.fullmatch(given[0]):
        raise ProblemError(REQUEST_MALFORMED, "Idempotency-Key: one header of 1 to 128 printable characters")
    return given[0]


async def post_explain(request: Request) -> Response:
    """Say what would be decided, without data and without a subject."""
    wiring: Wiring = request.state.wiring
    caller, state_index = caller_of(request, wiring)
    body = await read_body(request)
    asked = parse_explain(body)
    await remember_call(wiring.services.log, caller.seen)
    ask = Ask(asked, caller, "", None, request.state.request_id, state_index, request.state.steps)
    return Response(canonical(explain_to_partner(ask, wiring.services)), media_type="application/json")


async def get_agreements(request: Request) -> Response:
    """List the caller's own agreements, as they stand today."""
    wiring: Wiring = request.app.state.wiring
    caller, _ = caller_of(request, wiring)
    await remember_call(wiring.services.log, caller.seen)
    services = wiring.services
    today = london_day(services.clock())
    names = services.reader.available_to(caller.client, today)
    live = [services.reader.find_agreement(name, today) for name in sorted(names)]
    listed = [_listed(one, caller, wiring) for one in live if one is not None]
    return Response(canonical({"agreements": listed}), media_type="application/json")


def _told_of(key: Key) -> dict[str, Any]:
    if key.all_of:
        return {"all_of": list(key.all_of)}
    return {"confirm": list(key.confirm), "at_least": key.at_least}


def _listed(live: LiveAgreement, caller: Caller, wiring: Wiring) -> dict[str, Any]:
    agreement, dataset, partner = live.agreement, live.dataset, caller.client.partner_id or ""
    today = london_day(wiring.services.clock())
    return {
        "id": agreement.id,
        "version": agreement.version,
        "digest": agreement.digest,
        "purpose": agreement.purpose,
        "dataset": dataset.id,
        "first_day": agreement.starts_on.isoformat(),
        "last_day": agreement.ends_on.isoformat(),
        "in_force": not live.ended and agreement.starts_on <= today <= agreement.ends_on,
        "next_version_from": live.next_from.isoformat() if live.next_from else None,
        "requires": sorted(agreement.requires),
        "assurance": sorted(one.value for one in agreement.assurance),
        "roles": list(agreement.roles),
        "keys": {key.name: _told_of(key) for key in live.keys_for(partner)},
        "releases": [
            {
                "line": line.id,
                "fields": list(line.fields),
                "form": line.form,
                "when": [one.value if isinstance(one, Atom) else "record" for one in line.when],
                "roles": list(line.roles),
            }
            for line in agreement.releases
            if not line.to or caller.client.partner_id in line.to or _kind(live, caller) in line.to
        ],
        "limits": {
            "per_minute": agreement.limits.per_minute,
            "subjects_per_day": agreement.limits.subjects_per_day,
            "same_subject_per_day": agreement.limits.same_subject_per_day,
            "batch": agreement.limits.batch,
            "misses_per_day": agreement.limits.misses_per_day,
        },
        "left": _left(live, caller, wiring),
        "urgent_contact": wiring.services.settings.urgent_contact,
    }


def _kind(live: LiveAgreement, caller: Caller) -> str:
    return str(live.compiled.rules.recipient_kinds.get(caller.client.partner_id or "", ""))


def _left(live: LiveAgreement, caller: Caller, wiring: Wiring) -> dict[str, int]:
    use = Use(
        agreement=live.agreement.id,
        partner=caller.client.partner_id or "",
        at=wiring.services.clock(),
        in_emergency=False,
        counts=True,
    )
    counting = limits.Counting(live.agreement.limits, use)
    counts = wiring.services.read_counts(wiring.services.reader.connection, counting.names.keys(()))
    return {name: count for name, count, _ in counting.over(counts.__getitem__).left().left}


async def get_receipt(request: Request) -> Response:
    """Give the receipt of one of the caller's own disclosures again, to the newest checkpoint."""
    wiring: Wiring = request.app.state.wiring
    caller, _ = caller_of(request, wiring)
    await remember_call(wiring.services.log, caller.seen)
    entry_id = request.path_params["disclosure_id"]
    found = load_receipt(wiring.services, entry_id, caller.client) if _DISCLOSURE_ID.fullmatch(entry_id) else None
    if found is None:
        raise ProblemError(NOT_FOUND, "no disclosure of yours has this id")
    return Response(canonical(found), media_type="application/json")

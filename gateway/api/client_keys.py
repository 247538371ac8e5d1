"""POST /oauth2/keys: a client brings its next key. POST /oauth2/test-assertion: what is wrong with an assertion?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date

import orjson
from starlette.requests import Request
from starlette.responses import Response

from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.api.oauth import NO_STORE, refusal
from gateway.journey.wiring import Wiring
from gateway.log.used_once import remember
from gateway.oauth import jose
from gateway.oauth.assertion import Authenticated
from gateway.oauth.assertion_check import check_assertion, claimed_client
from gateway.oauth.client_keys import (
    KeyRefusedError,
    NewKey,
    Possession,
    check_possession,
    check_vouched_for,
    read_key,
)
from gateway.oauth.refusals import REQUEST_REFUSED, OAuthRefusal
from gateway.oauth.server import Seen, parse_form
from gateway.oauth.standing import authenticate_form
from gateway.problems import PROOF_REPLAYED, ProblemError
from gateway.store.changes import ChangeRefusedError
from gateway.store.client_keys import Term
from gateway.web.bodies import read_form

FAILURES = (OAuthRefusal, ProblemError, NotDurableError, LogUnavailableError)


async def post_key(request: Request) -> Response:
    """Register the client's own next key: by an assertion of a live one, with a proof that it holds the new one."""
    wiring: Wiring = request.app.state.wiring
    now = wiring.services.clock().timestamp()
    wiring.services.reader.refresh()
    try:
        form = parse_form(await read_form(request))
        known = authenticate_form(
            wiring.endpoint, form=form, authorization=request.headers.getlist("authorization"), now=now
        )
        new, proof, term = _asked(form, known, issuer=wiring.endpoint.issuer, now=now)
        await _register(wiring, known, new, proof, term)
    except FAILURES as refused:
        return refusal(refused, wiring)
    told = {
        "client_id": known.client.client_id,
        "kid": new.kid,
        "thumbprint": new.thumbprint,
        "starts_on": term.starts_on,
        "expires_on": term.expires_on,
    }
    return Response(orjson.dumps(told), 201, NO_STORE, media_type="application/json")


def _asked(form: Mapping[str, str], known: Authenticated, *, issuer: str, now: float) -> tuple[NewKey, Possession, Term]:
    if not {"jwk", "proof"} <= form.keys():
        raise OAuthRefusal(REQUEST_REFUSED, "send jwk, the new public key, and proof, a JWS by it: see docs/partners")
    try:
        new = read_key(jose.read_json(form["jwk"].encode()))
        check_vouched_for(new, known.vouches_for)
        proof = check_possession(form["proof"], new, client_id=known.client.client_id, issuer=issuer, now=now)
        return new, proof, Term(_day(form, "starts_on"), _day(form, "expires_on"))
    except KeyRefusedError as refused:
        raise OAuthRefusal(REQUEST_REFUSED, str(refused)) from refused
    except jose.JoseRefusedError as refused:
        raise OAuthRefusal(REQUEST_REFUSED, f"jwk: {refused}") from refused


def _day(form: Mapping[str, str], name: str) -> date | None:
    try:
        return date.fromisoformat(form[name]) if name in form else None
    except ValueError as error:
        raise OAuthRefusal(REQUEST_REFUSED, f"{name} must be a day such as 2027-03-31") from error


async def _register(wiring: Wiring, known: Authenticated, new: NewKey, proof: Possession, term: Term) -> None:
    """Remember both JWTs and register the key, in one transaction."""
    client_id = known.client.client_id
    seen = (
        Seen(scope=f"assertion/{client_id}", jti=known.jti, expires=known.expires),
        Seen(scope=f"key-proof/{client_id}", jti=proof.jti, expires=proof.expires),
    )
    asked_by = known.key.thumbprint
    add = wiring.changes.client_keys.add_keys(client_id, [new], term=term, by=f"key:{asked_by}", by_key=asked_by)
    is_fresh = True

    def within(connection: Connection, moment: Moment) -> Draft | None:
        nonlocal is_fresh
        is_fresh = remember(moment, seen)
        return add(connection, moment) if is_fresh else None

    try:
        await wiring.services.log.append(within)
    except ChangeRefusedError as refused:
        raise OAuthRefusal(REQUEST_REFUSED, str(refused)) from refused
    if not is_fresh:
        raise ProblemError(PROOF_REPLAYED)


async def post_assertion_test(request: Request) -> Response:
    """Say claim by claim what the token endpoint would find. Takes no `jti`, gives no token, leaves no entry."""
    wiring: Wiring = request.app.state.wiring
    now = wiring.services.clock().timestamp()
    wiring.services.reader.refresh()
    try:
        form = parse_form(await read_form(request))
    except OAuthRefusal as refused:
        return refusal(refused, wiring)
    wait = wiring.assertion_tests.wait(claimed_client(form), now)
    if wait:
        told = {"error": "temporarily_unavailable", "error_description": "too many tests for one client in a minute"}
        return Response(orjson.dumps(told), 429, {**NO_STORE, "Retry-After": str(wait)}, media_type="application/json")
    checks = check_assertion(form, issuer=wiring.endpoint.issuer, clients=wiring.endpoint.clients, now=now)
    answer = {"ok": all(one.ok for one in checks), "checks": [asdict(one) for one in checks]}
    return Response(orjson.dumps(answer), 200, NO_STORE, media_type="application/json")

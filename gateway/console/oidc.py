"""Signing in at the council's OpenID provider: the way there, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response

from gateway.console.attempts import count_beginning
from gateway.console.beginning import begin_session, failed, put_under_way, require_step, take_under_way
from gateway.console.door import Visit
from gateway.console.pages import own_place
from gateway.operators import cookies
from gateway.operators.id_token import IdTokenRefusedError, authenticated_at, roles_in, shown_name
from gateway.operators.provider import CallbackRefusedError, Provider
from gateway.operators.reaching import ProviderUnavailableError
from gateway.problems import CALLBACK_REFUSED, NOT_FOUND, PROVIDER_UNAVAILABLE, SIGN_IN_REFUSED, ProblemError

STEP = "callback"


async def post_begin(visit: Visit) -> Response:
    """Send the browser to the provider."""
    return await begin_at_provider(visit, {"to": own_place(visit.form.get("to")), "renews": None})


async def begin_at_provider(visit: Visit, content: Mapping[str, Any]) -> Response:
    """Keep state, nonce and PKCE verifier for this browser, under a new id, and send it to the provider."""
    provider = _provider(visit)
    await count_beginning(visit)
    session: dict[str, Any] = {}
    try:
        address = await provider.begin(visit.request, session, is_new=content["renews"] is not None)
    except ProviderUnavailableError as error:
        raise ProblemError(PROVIDER_UNAVAILABLE, str(error)) from error
    kept = {**content, "step": STEP, "session": session, "begun": visit.now.timestamp()}
    browser = await put_under_way(visit, kept, is_strangers=content["renews"] is None)
    answer = RedirectResponse(address, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    cookies.give(answer, cookies.BEFORE, browser)
    return answer


async def get_callback(visit: Visit) -> Response:
    """Take the browser back from the provider.

    The one GET that changes something. It is bound to the browser that began by its cookie and by a state that counts
    once: what was kept is taken before anything is looked at, so a second callback finds nothing.
    """
    content = require_step(await take_under_way(visit), STEP)
    provider = _provider(visit)
    not_before = content["begun"] if content["renews"] is not None else None
    try:
        claims = await provider.finish(visit.request, content["session"], not_before=not_before)
    except CallbackRefusedError as error:
        await failed(visit, "oidc", "callback")
        raise ProblemError(CALLBACK_REFUSED, str(error)) from error
    except ProviderUnavailableError as error:
        await failed(visit, "oidc", "provider")
        raise ProblemError(PROVIDER_UNAVAILABLE, str(error)) from error
    except IdTokenRefusedError as error:
        await failed(visit, "oidc", "id token")
        raise ProblemError(SIGN_IN_REFUSED, str(error)) from error
    return await _signed_in(visit, claims, content)


async def _signed_in(visit: Visit, claims: dict[str, Any], content: dict[str, Any]) -> Response:
    operators = visit.wiring.operators
    operator_id = operators.operator_id(claims["sub"])
    roles = roles_in(claims, operators.role_claim, operators.roles)
    if not roles:
        await failed(visit, "oidc", "no role", operator_id)
        raise ProblemError(
            SIGN_IN_REFUSED,
            f"the provider's claim {operators.role_claim} gives you no role here: ask who administers oidc_roles",
        )
    return await begin_session(
        visit,
        operator_id=operator_id,
        method="oidc",
        roles=roles,
        shown=shown_name(claims),
        authenticated_at=authenticated_at(claims, visit.now.timestamp()),
        content=content,
        facts={"issuer": operators.issuer},
    )


def _provider(visit: Visit) -> Provider:
    provider = visit.wiring.operators.provider
    if provider is None:
        raise ProblemError(NOT_FOUND, "no sign-in service is set up here")
    return provider

"""The page on which an operator chooses how to sign in; and the one that asks for it again, for a step-up."""

from __future__ import annotations

from starlette.responses import Response

from gateway.console.beginning import put_under_way
from gateway.console.door import SignedIn, Visit
from gateway.console.oidc import begin_at_provider
from gateway.console.pages import own_place, page, see_other
from gateway.operators import cookies, cross_site


async def get_sign_in(visit: Visit) -> Response:
    """Show the ways to sign in. Whoever comes without a browser's id is given one; nothing is kept of it here."""
    operators = visit.wiring.operators
    before = visit.before or cookies.new_id()
    provider = operators.provider
    answer = page(
        "sign-in.html",
        sends_to=provider.origin if provider is not None else "",
        csrf=cross_site.token_of(operators.csrf_key, before),
        has_provider=provider is not None,
        to=own_place(visit.request.query_params.get("to")),
        controller=visit.wiring.council.settings.controller,
    )
    if visit.before is None:
        cookies.give(answer, cookies.BEFORE, before)
    return answer


async def get_step_up(visit: SignedIn) -> Response:
    """Say that what comes next needs a new sign-in, and offer it."""
    provider = visit.wiring.operators.provider
    sends_to = provider.origin if provider is not None and visit.session.method == "oidc" else ""
    to = own_place(visit.request.query_params.get("to"))
    return page("step-up.html", sends_to=sends_to, csrf=visit.csrf, to=to, session=visit.session)


async def post_step_up(visit: SignedIn) -> Response:
    """Begin a sign-in that renews this session, in the way in which it was begun."""
    content = {"to": own_place(visit.form.get("to")), "renews": visit.session.key}
    before = Visit(visit.request, visit.wiring, visit.now, cookies.read(visit.request, cookies.BEFORE), {})
    if visit.session.method == "oidc":
        return await begin_at_provider(before, content)
    browser = await put_under_way(before, {**content, "step": "password"}, is_strangers=False)
    answer = see_other("/console/local")
    cookies.give(answer, cookies.BEFORE, browser)
    return answer

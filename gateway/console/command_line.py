"""The page on which an operator lets a command line act as them, for an hour."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import RedirectResponse, Response

from gateway.console.door import SignedIn, append
from gateway.console.pages import COMMAND_LINE, COMMAND_LINES, own_place, page, see_other
from gateway.operators import cookies
from gateway.problems import CALLBACK_REFUSED, NOT_FOUND, ProblemError
from gateway.store.operator_rows import LONGEST_OF_COMMANDS
from gateway.store.sign_ins import Beginning
from gateway.web.command_line import word_of

HIGHEST_PORT = 65_535


async def get_command_line(visit: SignedIn) -> Response:
    """Ask whether it may. The word at the end of its key is shown here and by the command: they must be the same."""
    port, _, jkt, _ = _asked(visit.request.path_params["asked"])
    return page(
        "command-line.html",
        sends_to=f"http://127.0.0.1:{port}",
        csrf=visit.csrf,
        asked=visit.request.path_params["asked"],
        word=word_of(jkt),
        is_fresh=visit.is_fresh,
        session=visit.session,
        hours=LONGEST_OF_COMMANDS // timedelta(hours=1),
    )


async def post_command_line(visit: SignedIn) -> Response:
    """Begin a session of the command line's own, and send its half of the token to the port where it waits."""
    port, state, jkt, challenge = _asked(visit.form.get("asked", ""))
    code, session = cookies.new_id(), visit.session
    new = Beginning(
        key=cookies.key_of(code),
        operator_id=session.operator_id,
        method=session.method,
        roles=session.roles,
        shown=session.shown,
        mapping=visit.wiring.operators.mapping,
        authenticated_at=session.authenticated_at,
        jkt=jkt,
        challenge=challenge,
    )
    await append(visit.wiring, visit.wiring.changes.sign_ins.begin(new, {"command_line": True}))
    address = f"http://127.0.0.1:{port}/?code={code}&state={state}"
    return RedirectResponse(address, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


async def sign_in_first(visit: SignedIn) -> Response:
    """Ask for a new sign-in, and come back to the question."""
    asked = f"{COMMAND_LINE}/{visit.form.get('asked', '')}"
    return see_other(f"/console/step-up?to={own_place(asked)}")


def _asked(given: str) -> tuple[int, str, str, str]:
    """Return port, state, key and challenge of what a command line asks, or raise the problem."""
    if not COMMAND_LINES.fullmatch(given):
        raise ProblemError(NOT_FOUND, "the address is not one that `stile login` printed")
    port, state, jkt, challenge = given.split(".")
    if int(port) > HIGHEST_PORT:
        raise ProblemError(CALLBACK_REFUSED, "there is no such port")
    return int(port), state, jkt, challenge

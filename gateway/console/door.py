"""Who may see a page or send its form? Origin, session, form, token, role and freshness, in this order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from audit.stores.connection import StoreError
from audit.writing.item import Within
from audit.writing.keyring import KeyringError
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.console.pages import SIGN_IN, own_place, problem_page, see_other
from gateway.journey.wiring import Wiring
from gateway.oauth.refusals import OAuthRefusal
from gateway.oauth.server import parse_form
from gateway.operators import cookies, cross_site
from gateway.problems import (
    CROSS_SITE_REFUSED,
    REQUEST_MALFORMED,
    REQUEST_SLOW,
    REQUEST_TOO_LARGE,
    SESSION_REFUSED,
    SIGN_IN_REFUSED,
    WRONG_ROLE,
    Problem,
    ProblemError,
    log_unavailable,
)
from gateway.store.operator_rows import Session
from gateway.store.sign_ins import SignInOverError
from gateway.web.bodies import read_form
from gateway.web.changes import ControlCaller
from gateway.web.offices import SAFE, Rule
from gateway.web.sessions import caller_of, note_use, require_fresh

_OF_A_FORM: Final[dict[int, Problem]] = {408: REQUEST_SLOW, 413: REQUEST_TOO_LARGE}


@dataclass(frozen=True, slots=True)
class Visit:
    """One call of an open page. `before` names a browser that has not signed in; `form` is what it sent, checked."""

    request: Request
    wiring: Wiring
    now: datetime
    before: str | None
    form: dict[str, str]

    @property
    def csrf(self) -> str:
        """Return the token for the forms of this browser, before it has signed in."""
        return cross_site.token_of(self.wiring.operators.csrf_key, self.before or "")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One call of a page that needs a session."""

    request: Request
    wiring: Wiring
    now: datetime
    form: dict[str, str]
    cookie: str
    session: Session
    caller: ControlCaller

    @property
    def csrf(self) -> str:
        """Return the token for the forms of this session."""
        return cross_site.token_of(self.wiring.operators.csrf_key, self.cookie)

    @property
    def is_fresh(self) -> bool:
        """Tell whether what needs a step-up may be done now."""
        return self.session.is_fresh(self.now)


Handler = Callable[[Request], Awaitable[Response]]
OpenPage = Callable[[Visit], Awaitable[Response]]
Page = Callable[[SignedIn], Awaitable[Response]]


def open_page(handler: OpenPage) -> Handler:
    """Serve a page to anybody; a form of it only to the browser that was shown it."""

    async def run(request: Request) -> Response:
        wiring = _begin(request)
        before, form = cookies.read(request, cookies.BEFORE), {}
        if request.method not in SAFE:
            _require_own_page(request, wiring)
            form = await _checked_form(request, wiring, before)
        return await handler(Visit(request, wiring, wiring.services.clock(), before, form))

    return _telling(run)


def guarded(page: Page, rule: Rule, *, instead: Page | None = None) -> Handler:
    """Serve a page to who is signed in, in one of the rule's roles; a form of it freshly, where the rule needs that.

    `instead` answers a form whose sign-in is too long ago, in place of the refusal.
    """

    async def run(request: Request) -> Response:
        wiring = _begin(request)
        if request.method not in SAFE:
            _require_own_page(request, wiring)
        now = wiring.services.clock()
        found = wiring.operators.session_of(request, wiring.services.reader, now)
        if found is None:
            return _to_sign_in(request)
        needed = rule.by(request.method)
        visit = await _let_in(request, wiring, now, *found, needed)
        if instead is not None and needed.needs_fresh and not visit.is_fresh:
            return await instead(visit)
        require_fresh(needed, visit.session, now)
        return await page(visit)

    return _telling(run)


def _to_sign_in(request: Request) -> Response:
    """Send a stranger who looks at a page to sign in; refuse the form of one."""
    if request.method not in SAFE:
        raise ProblemError(SESSION_REFUSED)
    return see_other(f"{SIGN_IN}?to={own_place(request.scope['path'])}")


async def _let_in(request: Request, wiring: Wiring, now: datetime, cookie: str, session: Session, needed: Rule) -> SignedIn:
    form = {} if request.method in SAFE else await _checked_form(request, wiring, cookie)
    if not needed.lets(session.roles):
        raise ProblemError(WRONG_ROLE, f"this page is for: {needed.words()}")
    await note_use(wiring, session, now)
    caller = caller_of(session, needed, mapping=wiring.operators.mapping)
    return SignedIn(request, wiring, now, form, cookie, session, caller)


async def append(wiring: Wiring, within: Within) -> None:
    """Make a row or an entry of a sign-in durable, or raise the problem."""
    try:
        await wiring.services.log.append(within)
    except SignInOverError as error:
        raise ProblemError(SIGN_IN_REFUSED, f"{error}: begin again") from error


def _begin(request: Request) -> Wiring:
    wiring: Wiring = request.app.state.wiring
    wiring.services.reader.refresh()
    return wiring


def _telling(run: Handler) -> Handler:
    async def told(request: Request) -> Response:
        try:
            return await run(request)
        except ProblemError as error:
            return problem_page(request, error)
        except (NotDurableError, LogUnavailableError, KeyringError):
            return problem_page(request, log_unavailable())
        except StoreError as error:
            if error.is_own:
                raise
            return problem_page(request, log_unavailable())

    return told


def _require_own_page(request: Request, wiring: Wiring) -> None:
    if not cross_site.is_own_page(request, wiring.operators.public_url):
        raise ProblemError(CROSS_SITE_REFUSED, "Origin is not this gateway's")


async def _checked_form(request: Request, wiring: Wiring, cookie: str | None) -> dict[str, str]:
    """Return a form whose token belongs to the cookie; one that another page made is refused."""
    try:
        form = parse_form(await read_form(request))
    except OAuthRefusal as refused:
        problem = _OF_A_FORM.get(refused.status_code, REQUEST_MALFORMED)
        raise ProblemError(problem, str(refused.description)) from refused
    given = form.pop(cross_site.FIELD, "")
    if cookie is None or not cross_site.is_token(wiring.operators.csrf_key, cookie, given):
        raise ProblemError(CROSS_SITE_REFUSED, "the form's token is not this browser's")
    return form

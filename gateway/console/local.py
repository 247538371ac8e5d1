"""Signing in by a local account: a password, and then a passkey. For when the provider can't be used."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from gateway.console.attempts import count_attempt
from gateway.console.beginning import begin_session, failed, put_under_way, require_step, session_before, take_under_way
from gateway.console.door import Visit, append
from gateway.console.pages import own_place, page
from gateway.operators import cookies, cross_site, passkeys
from gateway.operators.passwords import BusyError
from gateway.problems import CALLBACK_REFUSED, SIGN_IN_REFUSED, TOO_MANY_ATTEMPTS, ProblemError
from gateway.store.operator_rows import Account, find_account, read_account
from gateway.store.operators import add_passkey, is_invited, use_passkey

METHOD: Final = "local"
LONGEST_NAME: Final = 100
WRONG: Final = "name or password is wrong, or the account is revoked"


async def get_local(visit: Visit) -> Response:
    """Show the form for name and password."""
    operators, before = visit.wiring.operators, visit.before or cookies.new_id()
    to = own_place(visit.request.query_params.get("to"))
    answer = page("local.html", csrf=cross_site.token_of(operators.csrf_key, before), to=to)
    if visit.before is None:
        cookies.give(answer, cookies.BEFORE, before)
    return answer


async def post_password(visit: Visit) -> Response:
    """Look at name and password. An unknown name is answered as a wrong password is, and takes as long."""
    name = visit.form.get("name", "")[:LONGEST_NAME].strip()
    await count_attempt(visit, name)
    kept = await take_under_way(visit) or {}
    is_step_up = kept.get("step") == "password" and session_before(visit) is not None
    content = kept if is_step_up else {"to": own_place(visit.form.get("to")), "renews": None}
    reader = visit.wiring.services.reader
    account = find_account(reader.connection, name)
    if account is not None:
        reader.check(f"operator/{account.operator_id}")
    known = account.password if account is not None and account.may_sign_in(visit.now) else None
    try:
        is_right = await visit.wiring.operators.passwords.is_right(known, visit.form.get("password", ""))
    except BusyError as error:
        raise ProblemError(TOO_MANY_ATTEMPTS, headers={"Retry-After": "5"}) from error
    if account is None or not is_right:
        await failed(visit, METHOD, "password", account.operator_id if account is not None else None)
        raise ProblemError(SIGN_IN_REFUSED, WRONG)
    return await _ask_for_passkey(visit, account, content)


async def _ask_for_passkey(visit: Visit, account: Account, content: dict[str, Any]) -> Response:
    """Ask for the account's passkey; an account that has none may register its first, and do nothing else."""
    operators, name = visit.wiring.operators, account.name or ""
    if account.passkeys:
        step, (challenge, options) = "use", passkeys.use_options(operators.public_url, account.passkeys)
    elif is_invited(account, visit.now):
        step = "register"
        challenge, options = passkeys.registration_options(operators.public_url, operator_id=account.operator_id, name=name)
    else:
        await failed(visit, METHOD, "invitation over", account.operator_id)
        raise ProblemError(
            SIGN_IN_REFUSED, "the account has no passkey, and its day to register one is over: ask for an invitation"
        )
    # A password that was right is a use of the account, whether or not its passkey follows.
    await append(visit.wiring, visit.wiring.changes.sign_ins.note_password(account.operator_id, step))
    kept = {"to": content["to"], "renews": content["renews"], "step": step}
    kept |= {"challenge": challenge, "operator": account.operator_id, "password": account.password}
    browser = await put_under_way(visit, kept, is_strangers=False)
    csrf = cross_site.token_of(operators.csrf_key, browser)
    answer = page("passkey.html", csrf=csrf, step=step, options=options, name=name)
    cookies.give(answer, cookies.BEFORE, browser)
    return answer


async def post_passkey(visit: Visit) -> Response:
    """Take what the browser's passkey signed. The challenge counts once, whatever comes of it."""
    content = await take_under_way(visit)
    step = content.get("step") if content is not None else None
    if step not in ("use", "register"):
        raise ProblemError(CALLBACK_REFUSED)
    kept = require_step(content, step)
    reader = visit.wiring.services.reader
    reader.check(f"operator/{kept['operator']}")
    account = read_account(reader.connection, kept["operator"])
    # A new password or an invitation in between begins the account anew: what the old password began is over.
    if account is None or not account.may_sign_in(visit.now) or account.password != kept["password"]:
        raise ProblemError(CALLBACK_REFUSED)
    try:
        facts, also = _checked(visit, account, kept, visit.form.get("credential", ""))
    except passkeys.PasskeyRefusedError as error:
        await failed(visit, METHOD, "passkey", account.operator_id)
        raise ProblemError(SIGN_IN_REFUSED, str(error)) from error
    return await begin_session(
        visit,
        operator_id=account.operator_id,
        method=METHOD,
        roles=account.roles,
        shown=account.name or "",
        authenticated_at=visit.now.timestamp(),
        content=kept,
        facts=facts,
        also=also,
    )


def _checked(visit: Visit, account: Account, kept: dict[str, Any], sent: str) -> tuple[dict[str, Any], Any]:
    """Return what the entry says of the passkey, and what writes it; raises PasskeyRefusedError."""
    url, challenge = visit.wiring.operators.public_url, kept["challenge"]
    if kept["step"] == "register":
        made = passkeys.registered(sent, challenge=challenge, public_url=url)
        also = add_passkey(
            account.operator_id,
            password=kept["password"],
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
        )
        return {"passkey": "registered", "credential": made.credential_id}, also
    held, count = passkeys.used(sent, challenge=challenge, public_url=url, passkeys=account.passkeys)
    also = use_passkey(held.credential_id, before=held.sign_count, sign_count=count)
    return {"passkey": "used", "credential": held.credential_id}, also

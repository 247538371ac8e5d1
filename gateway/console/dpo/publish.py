"""The page on which an agreement's text is checked, and published; or proposed, where two people decide."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from gateway.console.door import SignedIn, append
from gateway.console.pages import CHANGES, page, see_other
from gateway.desk.proposed import made_by
from gateway.problems import CONFLICT, REQUEST_TOO_LARGE, TEXT_REFUSED, ProblemError
from gateway.store import sign_ins
from gateway.store.change_kinds import AGREEMENT
from gateway.store.changes import ChangeRefusedError
from gateway.store.draft_checks import check_draft
from gateway.store.proposal_rows import Proposal
from gateway.store.staffing import how_many_decide
from gateway.web.bodies import LONGEST_TEXT
from gateway.web.changes import make_change, rows_of_deciding, told_finding
from policies.reading.findings import TextError
from policies.reading.yaml_text import without_mark


async def get_publish(visit: SignedIn) -> Response:
    """Show the form, with the text that waits for a step-up, if one does."""
    return _form(visit, visit.session.draft or "")


async def post_check(visit: SignedIn) -> Response:
    """Say what is wrong with a text, and publish nothing."""
    text = _text(visit)
    try:
        check_draft(visit.wiring.services.reader, text)
    except TextError as error:
        return _form(visit, text, findings=[told_finding(one) for one in error.findings])
    except ChangeRefusedError as error:
        return _form(visit, text, refused=str(error))
    return _form(visit, text, done="The text holds together. Nothing was published.")


async def post_publish(visit: SignedIn) -> Response:
    """Publish a text where one person decides; else propose it."""
    text, made = _text(visit), list[Proposal]()
    reason, actor = visit.form.get("reason", ""), visit.caller.actor
    try:
        publish = visit.wiring.changes.proposals.make(AGREEMENT.name, {"text": text}, reason=reason, actor=actor, made=made)
        appended = await make_change(
            visit.wiring, visit.caller, publish, rests_on=rows_of_deciding(visit.wiring, visit.caller)
        )
    except ProblemError as error:
        if error.problem not in (TEXT_REFUSED, CONFLICT):
            raise
        return _form(
            visit, text, findings=error.more.get("findings", ()), refused=error.detail or "", status=error.problem.status
        )
    if visit.session.draft is not None:
        await append(visit.wiring, sign_ins.keep_draft(visit.session.key, None))
    if made:
        return see_other(f"{CHANGES}/{made[0].change_id}")
    return _form(visit, "", done=f"Published: entry {appended.index if appended else ''}. {made_by(1)}")


async def keep_text(visit: SignedIn) -> Response:
    """Keep a text that is to be published, ask for a new sign-in, and come back to it."""
    await append(visit.wiring, sign_ins.keep_draft(visit.session.key, _text(visit)))
    return see_other("/console/step-up?to=/console/publish")


def _text(visit: SignedIn) -> str:
    # A browser sends the lines of a text field with CR LF: a text's digest must not depend on where it was written.
    text = without_mark(visit.form.get("text", "").replace("\r\n", "\n"))
    if len(text) > LONGEST_TEXT:
        raise ProblemError(REQUEST_TOO_LARGE, f"a text is at most {LONGEST_TEXT} characters long")
    return text


def _form(
    visit: SignedIn, text: str, *, status: int = 200, findings: Any = (), refused: str = "", done: str = ""
) -> Response:
    people = how_many_decide(visit.wiring.services.reader.connection)
    values = {"text": text, "people": people, "findings": findings, "refused": refused, "done": done}
    return page("dpo/publish.html", status=status, csrf=visit.csrf, is_fresh=visit.is_fresh, **values)

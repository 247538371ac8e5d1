"""Does an operator's session count for this call, and does it still when what they do is written?"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from audit.writing.item import Moment
from gateway.journey.wiring import Wiring
from gateway.problems import SESSION_REFUSED, STEP_UP_NEEDED, ProblemError
from gateway.store import sign_ins
from gateway.store.operator_rows import FRESH, Session, find_session
from gateway.web.changes import ControlCaller
from gateway.web.offices import Rule

USED_EVERY: Final = 60.0  # seconds: a session's last use is written no oftener
# RFC 9470, section 3. What a session brings is no token, so the scheme is no token's.
STEP_UP_CHALLENGE: Final = f'Stile-Session error="insufficient_user_authentication", max_age="{int(FRESH.total_seconds())}"'


def require_fresh(rule: Rule, session: Session, at: datetime) -> None:
    """Raise the refusal of RFC 9470, section 3, where the rule needs a fresh sign-in and the session's is none."""
    if rule.needs_fresh and not session.is_fresh(at):
        raise ProblemError(STEP_UP_NEEDED, headers={"WWW-Authenticate": STEP_UP_CHALLENGE})


async def note_use(wiring: Wiring, session: Session, at: datetime) -> None:
    """Write that a session was used, where that was not written a moment ago: a session that is not used ends."""
    if (at - session.used_at).total_seconds() >= USED_EVERY:
        await wiring.services.log.append(sign_ins.touch(session.key))


def caller_of(session: Session, rule: Rule, *, mapping: str) -> ControlCaller:
    """Return who calls by a session. Where their change is written, session, role and freshness are asked for once more."""

    def still_counts(connection: Any, moment: Moment) -> None:
        live = find_session(connection, session.key, at=moment.at, mapping=mapping)
        if live is None or not rule.lets(live.roles):
            raise ProblemError(SESSION_REFUSED)
        require_fresh(rule, live, moment.at)

    return ControlCaller(session.operator_id, session.roles, still_counts, session)

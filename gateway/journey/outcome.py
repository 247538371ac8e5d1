"""What has become of a call, and what is told beside its answer: a problem, the limits, a refusal's members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from audit.writing.item import Appended
from gateway.journey.call import Ask
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement
from gateway.journey.round import RoundEnd, Stopped
from gateway.limits import counting as limits
from gateway.limits.reached import Reached, left_header, policy_header
from gateway.problems import (
    KEY_REUSED,
    LIMIT_REACHED,
    NOTHING_PERMITTED,
    PROOF_REPLAYED,
    TOKEN_REFUSED,
    TOO_MANY_MISSES,
    ProblemError,
    log_unavailable,
)

REVOKED: Final = "it was revoked, or its client was, or its organisation is suspended"


class LimitReachedError(ProblemError):
    """A limit of the agreement, or of wrong guesses, stands in the way. Recorded once a window."""

    def __init__(self, reached: Reached, headers: dict[str, str]) -> None:
        problem = TOO_MANY_MISSES if reached.limit in (*limits.OF_MISSES, limits.WRONG) else LIMIT_REACHED
        super().__init__(problem, headers=headers, limit=reached.limit)
        self.reached = reached


def kept(end: RoundEnd, appended: Appended | None) -> tuple[RoundEnd, Appended]:
    """Return how a round ended with what the log has kept, or raise the problem that stood in its way."""
    if end.stopped is Stopped.REPLAYED:
        raise ProblemError(PROOF_REPLAYED)
    if end.stopped is Stopped.REVOKED:
        raise ProblemError(TOKEN_REFUSED, REVOKED)
    if end.stopped is Stopped.EXPIRED:
        raise ProblemError(TOKEN_REFUSED, "it expired while the call was under way: get a new one")
    if end.stopped is Stopped.KEY_REUSED:
        raise ProblemError(KEY_REUSED)
    if end.reached is not None:
        raise LimitReachedError(end.reached, {"Retry-After": str(end.reached.retry_after), **headers_of(end)})
    if appended is None:
        raise log_unavailable()
    return end, appended


def not_named_by(unnamed: Sequence[str], judged: Judgement) -> str | None:
    """Say which key or detail the agreement lets nobody be named by, and which it does."""
    if not unnamed or judged.live is None:
        return None
    key = judged.live.dataset.keys.get(judged.circumstances.key or "")
    inside = f"subject.{key.name}" if key is not None and key.all_of else "subject.confirm"
    where = ", ".join(f"subject.{one}" if key and one == key.name else f"{inside}.{one}" for one in unnamed)
    keys = judged.live.keys_for(judged.circumstances.recipient)
    told = "; ".join(f"{one.name} with {', '.join(one.confirm)}" for one in keys) or "no key at present"
    return f"{where}: this agreement lets nobody be named by it. It takes {told}"


def nothing_permitted(ask: Ask, services: Services, detail: str | None = None) -> dict[str, object]:
    """Return the members of the problem (RFC 9457) that stand beside a refusal's disclosure and receipt."""
    return NOTHING_PERMITTED.body(
        detail=detail,
        request_id=ask.request_id,
        base=services.settings.public_url,
        urgent_contact=services.settings.urgent_contact,
    )


def headers_of(end: RoundEnd) -> dict[str, str]:
    """Return the headers that tell of limits."""
    live = end.judged.live
    policy = policy_header(live.agreement.limits) if live else ""
    left = left_header(end.left)
    return {
        **({"RateLimit-Policy": policy} if policy else {}),
        **({"RateLimit": left} if left else {}),
    }

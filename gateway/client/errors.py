"""How can a call fail, as the partner's program sees it? No message holds a secret, a subject or a value.

A refusal with a receipt (403) is no failure: it is an `Answer` whose `refused` is true, and whose fields say why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class StileError(Exception):
    """A call that gave no data. `urgent_contact` is whom to ring in an emergency, as far as it was ever told."""

    urgent_contact: str | None = None


class UnreachableError(StileError):
    """The gateway did not answer in time, or the connection broke, at every try."""


class NotVerifiedError(StileError):
    """An answer came whose receipt is missing or does not verify. Its data are refused; do not use a copy either."""


class NotKeptError(StileError):
    """The answer verified and could not be kept. `answers` holds it, for a caller who must not wait."""

    def __init__(self, message: str, answers: tuple[Any, ...]) -> None:
        super().__init__(message)
        self.answers = answers


class IncompleteError(StileError):
    """An answer about many people broke off. What was proved has been given out; `remaining` was not answered.

    `problem` is why, where the gateway said so.
    """

    def __init__(self, message: str, *, remaining: tuple[str, ...], problem: ProblemError | None = None) -> None:
        super().__init__(message)
        self.remaining = remaining
        self.problem = problem
        self.urgent_contact = problem.urgent_contact if problem else None


class LinesRefusedError(StileError):
    """Of many people everybody was answered but these: what names them is of no shape that could be looked for.

    `problems` says why, by `ref`. Mend those, and ask about them again.
    """

    def __init__(self, problems: Mapping[str, ProblemError]) -> None:
        self.problems = dict(problems)
        first = next(iter(problems.values()))
        super().__init__(f"{len(problems)} of the people could not be asked about. The first: {first}")


class OAuthError(StileError):
    """The token endpoint refused (RFC 6749, section 5.2): `error` and `description` are its own words."""

    def __init__(self, error: str, description: str, hint: str = "") -> None:
        super().__init__(f"no token: {error}: {description}{' ' + hint if hint else ''}")
        self.error = error
        self.description = description
        self.hint = hint


class UnexpectedReplyError(StileError):
    """Something answered that is not a gateway's API: a proxy, or another address."""


class ProblemError(StileError):
    """The gateway refused or failed with a problem (RFC 9457). Switch on `code`; show `remedy`."""

    def __init__(self, problem: Mapping[str, Any], hint: str = "") -> None:
        self.status = _whole(problem.get("status"))
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail", ""))
        self.remedy = str(problem.get("remedy", ""))
        self.request_id = str(problem.get("request_id", ""))
        self.hint = hint
        contact = problem.get("urgent_contact")
        self.urgent_contact = contact if isinstance(contact, str) else None
        said = " ".join(one for one in (self.detail, self.remedy, hint) if one)
        super().__init__(f"{self.status} {self.code}: {said} (request {self.request_id})")


class TokenRefusedError(ProblemError):
    """401, with a token that was just made: `hint` says what the two clocks show."""


class LimitReachedError(ProblemError):
    """429. `retry_after` is in seconds, where the gateway said when."""

    retry_after: float | None = None


class UnavailableError(ProblemError):
    """502, 503 or 504, at every try. Nothing was disclosed."""


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def problem_error(problem: Mapping[str, Any], *, hint: str = "", retry_after: float | None = None) -> ProblemError:
    """Return the error of a problem's own kind."""
    status = problem.get("status")
    if status == 401:  # noqa: PLR2004 -- HTTP's own number
        return TokenRefusedError(problem, hint)
    if status == 429:  # noqa: PLR2004 -- HTTP's own number
        limited = LimitReachedError(problem, hint)
        limited.retry_after = retry_after
        return limited
    return UnavailableError(problem, hint) if status in (502, 503, 504) else ProblemError(problem, hint)

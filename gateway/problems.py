"""How can a call fail, and what is the caller told? RFC 9457: one table, one page each under /docs/problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Problem:
    """One way to fail. `code` is stable for ever; `type` is its page's address."""

    code: str
    status: int
    title: str
    remedy: str

    def body(self, *, detail: str | None, request_id: str, base: str, **more: Any) -> dict[str, Any]:
        """Return the members of RFC 9457, section 3.1, and ours."""
        return {
            "type": f"{base}/docs/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": detail or self.title,
            "remedy": self.remedy,
            "request_id": request_id,
            **more,
        }


TOKEN_REFUSED: Final = Problem(
    "token_refused",
    401,
    "The access token is missing, expired, or not yours",
    "Get a new token at /oauth2/token. If it is new, your clock is wrong: it must be right to 10 seconds.",
)
PROOF_REPLAYED: Final = Problem(
    "proof_replayed",
    401,
    "This DPoP proof has been used before",
    "Make a new proof, with a new jti, for each call.",
)
REQUEST_MALFORMED: Final = Problem(
    "request_malformed", 400, "The request can't be read", "Mend the member that detail names; see /docs/api."
)
REQUEST_TOO_LARGE: Final = Problem(
    "request_too_large",
    413,
    "The request is larger than any honest one",
    "Send at most 64 KiB, and 2 MiB of many subjects, at most 16 levels deep.",
)
BATCH_TOO_LARGE: Final = Problem(
    "batch_too_large",
    400,
    "The call is about more people than the agreement allows in one",
    "Send at most as many as the agreement's limit batch; see GET /v1/agreements.",
)
REQUEST_SLOW: Final = Problem(
    "request_slow", 408, "The request took too long to arrive", "Send the body within 10 seconds of the headers."
)
NOT_JSON: Final = Problem("not_json", 415, "The body must be JSON", "Send Content-Type: application/json, in UTF-8.")
CONTEXT_REFUSED: Final = Problem(
    "context_refused",
    400,
    "The signed context does not hold",
    "Mend the claim that detail names, and sign it anew with a key of this client.",
)
AGREEMENT_UNCLEAR: Final = Problem(
    "agreement_unclear",
    400,
    "Your token covers several agreements",
    "Name one in the member agreement.",
)
KEY_REUSED: Final = Problem(
    "idempotency_key_reused",
    422,
    "This Idempotency-Key was used with another request",
    "Use a new key for a new request.",
)
NOTHING_PERMITTED: Final = Problem(
    "nothing_permitted",
    403,
    "Nothing that was asked may be disclosed",
    "Each withheld field names its reason and what would change it.",
)
WRONG_ROLE: Final = Problem(
    "wrong_role",
    403,
    "A client of this role may not do this",
    "Use a client whose role the page of this call names.",
)
LIMIT_REACHED: Final = Problem(
    "limit_reached", 429, "A limit of the agreement is reached", "Wait for the time in Retry-After."
)
TOO_MANY_MISSES: Final = Problem(
    "too_many_misses",
    429,
    "There were too many misses today",
    "Check the key and the details with the person. The member limit says whose misses are meant: the key's, the "
    "caseworker's or the client's; they end with the day, or when the council lifts the lock.",
)
NOT_FOUND: Final = Problem("not_found", 404, "There is no such thing here", "Check the address and the id.")
METHOD_REFUSED: Final = Problem(
    "method_not_allowed", 405, "This address does not take that method", "See /docs/api for what it takes."
)
NO_LONGER_OPENS: Final = Problem(
    "no_longer_opens",
    410,
    "What this entry holds can no longer be opened",
    "Its keys were destroyed, by erasure or at the end of its retention. The receipt that you were given still verifies.",
)
SESSION_REFUSED: Final = Problem(
    "session_refused", 401, "There is no such session, or it has ended", "Sign in at /console, and send it again."
)
STEP_UP_NEEDED: Final = Problem(
    "step_up_needed",
    401,
    "This needs a sign-in that is at most five minutes old",
    "Sign in once more at /console/step-up, then send it again.",
)
CROSS_SITE_REFUSED: Final = Problem(
    "cross_site_refused",
    403,
    "This was not sent by a page of this gateway",
    "Open the page again and send its form. From a program, send Origin and Stile-CSRF.",
)
SIGN_IN_REFUSED: Final = Problem(
    "sign_in_refused", 403, "You could not be signed in", "Sign in again; detail says what did not hold."
)
CALLBACK_REFUSED: Final = Problem(
    "callback_refused",
    400,
    "This is not the end of a sign-in that was begun here",
    "Begin again at /console/sign-in, and go on in the same browser within ten minutes.",
)
TOO_MANY_ATTEMPTS: Final = Problem(
    "too_many_attempts", 429, "There were too many attempts to sign in", "Wait for the time in Retry-After."
)
PROVIDER_UNAVAILABLE: Final = Problem(
    "provider_unavailable",
    502,
    "The council's sign-in service can't be used now",
    "Try again later. In an emergency an administrator signs in by a break-glass account.",
)
CONFLICT: Final = Problem("conflict", 409, "That stands already, or has moved on", "Read it again, and decide again.")
PERSON_UNKNOWN: Final = Problem(
    "person_unknown",
    422,
    "The source has no record of this person",
    "Nothing was recorded. Give the person's own reference as the source spells it.",
)
TEXT_REFUSED: Final = Problem("text_refused", 422, "The text does not hold together", "Mend the lines that findings names.")
SOURCE_UNAVAILABLE: Final = Problem(
    "source_unavailable",
    502,
    "The council's system could not be asked",
    "Nothing was disclosed. Try again later; in an emergency ring the urgent contact.",
)
SOURCE_SLOW: Final = Problem(
    "source_slow",
    504,
    "The council's system did not answer in time",
    "Nothing was disclosed. Try again later; in an emergency ring the urgent contact.",
)
LOG_UNAVAILABLE: Final = Problem(
    "log_unavailable",
    503,
    "The disclosure could not be recorded, so it was not made",
    "Nothing was disclosed. Retry after the time in Retry-After.",
)
NOT_A_SANDBOX: Final = Problem(
    "not_a_sandbox",
    400,
    "This gateway plays no scenarios: it is not a sandbox",
    "Leave Stile-Scenario out, or send the call to the council's sandbox.",
)
SCENARIO_REFUSED: Final = Problem(
    "scenario_refused",
    400,
    "Stile-Scenario can't be played here",
    "Send it once, with a name that detail lists; see /sandbox/scenarios.",
)
STATE_MOVING: Final = Problem(
    "state_moving",
    503,
    "What may be disclosed changed faster than it could be decided",
    "Nothing was disclosed. Retry after the time in Retry-After.",
)
FAULT: Final = Problem(
    "fault", 500, "Something failed here that should not have", "Nothing was disclosed. Tell us the request_id."
)

PROBLEMS: Final[Mapping[str, Problem]] = {
    problem.code: problem
    for problem in (
        TOKEN_REFUSED,
        PROOF_REPLAYED,
        REQUEST_MALFORMED,
        REQUEST_TOO_LARGE,
        BATCH_TOO_LARGE,
        REQUEST_SLOW,
        NOT_JSON,
        CONTEXT_REFUSED,
        AGREEMENT_UNCLEAR,
        KEY_REUSED,
        NOTHING_PERMITTED,
        WRONG_ROLE,
        LIMIT_REACHED,
        TOO_MANY_MISSES,
        NOT_FOUND,
        METHOD_REFUSED,
        NO_LONGER_OPENS,
        SESSION_REFUSED,
        STEP_UP_NEEDED,
        CROSS_SITE_REFUSED,
        SIGN_IN_REFUSED,
        CALLBACK_REFUSED,
        TOO_MANY_ATTEMPTS,
        PROVIDER_UNAVAILABLE,
        CONFLICT,
        PERSON_UNKNOWN,
        TEXT_REFUSED,
        SOURCE_UNAVAILABLE,
        SOURCE_SLOW,
        LOG_UNAVAILABLE,
        STATE_MOVING,
        FAULT,
        NOT_A_SANDBOX,
        SCENARIO_REFUSED,
    )
}


class ProblemError(Exception):
    """A failure that its caller is told. `more` are members besides; `headers` go with the answer."""

    def __init__(
        self, problem: Problem, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail or problem.title)
        self.problem = problem
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more


def log_unavailable() -> ProblemError:
    """Return what a caller is told where the log took nothing: it may well take it a moment later."""
    return ProblemError(LOG_UNAVAILABLE, headers={"Retry-After": "5"})

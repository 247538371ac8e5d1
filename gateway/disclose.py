"""The journey of a request: who is it about, what may leave, fetch that, shape it, record it, answer.

Open this file first. Refusals are values and go down the same path; failures are exceptions, each mapped once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import orjson

from audit.entry import canonical
from audit.keyring import KeyringError
from audit.proof import receipt
from audit.sequencer import Appended, LogUnavailableError, NotDurableError
from gateway import limits
from gateway.appending import Attempt, Stopped
from gateway.failing import record_failure
from gateway.judgement import NOBODY, Judgement, check_query, judge, no_person_could_change
from gateway.problems import (
    KEY_REUSED,
    LIMIT_REACHED,
    LOG_UNAVAILABLE,
    NOTHING_PERMITTED,
    PROOF_REPLAYED,
    SOURCE_SLOW,
    SOURCE_UNAVAILABLE,
    STATE_MOVING,
    TOKEN_REFUSED,
    TOO_MANY_MISSES,
    ProblemError,
)
from gateway.services import Answer, Ask, Services
from gateway.sources.contract import SourceFailedError, SourceSlowError
from schemas.decision import Record
from schemas.terms import Match

EVER: Final = datetime.min.replace(tzinfo=UTC)
MOST_ROUNDS: Final = 3  # fetches for one call while the state moves under it


class LimitReachedError(ProblemError):
    """A limit of the agreement, or of wrong guesses, stands in the way. Recorded once a window."""

    def __init__(self, reached: limits.Reached, headers: dict[str, str]) -> None:
        problem = TOO_MANY_MISSES if reached.limit == limits.MISSES else LIMIT_REACHED
        super().__init__(problem, headers=headers, limit=reached.limit)
        self.reached = reached


async def disclose(ask: Ask, services: Services) -> Answer:
    """Decide, fetch, shape, record; hand back only what the log has already kept.

    Raises ProblemError for every failure; nothing is disclosed then.
    """
    steps = ask.steps
    state_index, not_before = ask.state_index, EVER
    for number in range(MOST_ROUNDS):
        is_first = number == 0
        judged = await _judge(ask, services, state_index=state_index, not_before=not_before, is_first=is_first)
        record = await _fetch(judged, ask, services, is_first=is_first)
        steps.mark("fetch")
        attempt = Attempt(ask, judged, record, services, is_first=is_first)
        attempt.prepare()
        steps.mark("shape")

        # An entry without a disclosure is noise; a disclosure without an entry is a breach.
        # So the log comes first, and if it fails nothing below this line happens.
        appended = await _append(attempt, services)
        steps.mark("append")
        if attempt.stopped is not Stopped.FETCH_AGAIN:
            return _answer(attempt, appended, services)
        # The log's time may be ahead of this machine's clock; deciding by the clock again would lead here again.
        state_index, not_before = services.reader.refresh(), attempt.decided_again_at
    raise ProblemError(STATE_MOVING, headers={"Retry-After": "1"})


async def _judge(ask: Ask, services: Services, *, state_index: int, not_before: datetime, is_first: bool) -> Judgement:
    """Decide first as if nobody were found: a refusal that no person could change asks no council system."""
    at = max(services.clock(), not_before)
    early = judge(services.reader, ask, services, found=NOBODY, at=at, state_index=state_index)
    ask.steps.mark("decide")
    if early.live is None or early.live.ended:
        return early
    check_query(ask, early.live)
    if no_person_could_change(early.decision):
        return early
    try:
        source = services.source_of(early.live.dataset, services.reader)
        (found,) = await source.identify([ask.request.subject])
    except SourceFailedError as error:
        raise await _source_failed(error, early, ask, services, is_first=is_first) from error
    ask.steps.mark("identify")
    at = max(services.clock(), at)
    judged = judge(services.reader, ask, services, found=found, at=at, state_index=state_index)
    ask.steps.mark("decide")
    return judged


async def _fetch(judged: Judgement, ask: Ask, services: Services, *, is_first: bool) -> Record | None:
    """Read what may leave and nothing else; nothing at all where nobody is confirmed or nothing may leave."""
    if judged.live is None or not judged.decision.permits or judged.found.match is not Match.CONFIRMED:
        return None
    try:
        source = services.source_of(judged.live.dataset, services.reader)
        (record,) = await source.fetch([(judged.found, judged.decision.read)])
    except SourceFailedError as error:
        raise await _source_failed(error, judged, ask, services, is_first=is_first) from error
    return record


async def _append(attempt: Attempt, services: Services) -> Appended | None:
    try:
        return await services.log.append(attempt.within)
    except (NotDurableError, LogUnavailableError, KeyringError) as error:
        raise ProblemError(LOG_UNAVAILABLE, headers={"Retry-After": "5"}) from error


async def _source_failed(
    error: SourceFailedError, judged: Judgement, ask: Ask, services: Services, *, is_first: bool
) -> ProblemError:
    """Record the failure, then say so; where even that can't be recorded, the log's failure is what is told."""
    problem = SOURCE_SLOW if isinstance(error, SourceSlowError) else SOURCE_UNAVAILABLE
    try:
        entry_id = await record_failure(ask, judged, services, problem.code, is_first=is_first)
    except (NotDurableError, LogUnavailableError, KeyringError):
        return ProblemError(LOG_UNAVAILABLE, headers={"Retry-After": "5"})
    if entry_id is None:
        return ProblemError(PROOF_REPLAYED)
    return ProblemError(problem, headers={"Retry-After": "30"}, failure_id=entry_id)


def _answer(attempt: Attempt, appended: Appended | None, services: Services) -> Answer:
    if attempt.stopped is Stopped.REPLAYED:
        raise ProblemError(PROOF_REPLAYED)
    if attempt.stopped is Stopped.REVOKED:
        raise ProblemError(TOKEN_REFUSED, "the client is revoked, or its organisation suspended")
    if attempt.stopped is Stopped.EXPIRED:
        raise ProblemError(TOKEN_REFUSED, "it expired while the call was under way: get a new one")
    if attempt.stopped is Stopped.KEY_REUSED:
        raise ProblemError(KEY_REUSED)
    if attempt.reached is not None:
        raise _limited(attempt, attempt.reached)
    if appended is None or attempt.prepared is None:
        raise ProblemError(LOG_UNAVAILABLE, headers={"Retry-After": "5"})
    proof = canonical(receipt(appended, origin=services.settings.origin))
    prepared = attempt.prepared
    body = b'{"disclosure":' + prepared.disclosure + b',"receipt":' + proof + b"}"
    if prepared.status == 200:  # noqa: PLR2004 -- HTTP's own number
        return Answer(200, body, "application/json", _headers(attempt), prepared.tripped)
    return Answer(403, _refusal(body, attempt, services), "application/problem+json", _headers(attempt), prepared.tripped)


def _refusal(body: bytes, attempt: Attempt, services: Services) -> bytes:
    """Put the problem's members (RFC 9457) beside the same disclosure and receipt."""
    members = NOTHING_PERMITTED.body(
        detail=None,
        request_id=attempt.ask.request_id,
        base=services.settings.public_url,
        urgent_contact=services.settings.urgent_contact,
    )
    return canonical({**members, **orjson.loads(body)})


def _headers(attempt: Attempt) -> dict[str, str]:
    live = attempt.judged.live
    policy = limits.policy_header(live.agreement.limits) if live else ""
    left = limits.left_header(attempt.left)
    return {
        **({"RateLimit-Policy": policy} if policy else {}),
        **({"RateLimit": left} if left else {}),
    }


def _limited(attempt: Attempt, reached: limits.Reached) -> ProblemError:
    return LimitReachedError(reached, {"Retry-After": str(reached.retry_after), **_headers(attempt)})

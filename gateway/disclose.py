"""The journey of a request: who is it about, what may leave, fetch that, shape it, record it, answer.

Open this file first. Refusals are values and go down the same path; failures are exceptions, each mapped once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from audit.format.entry import canonical
from audit.writing.item import Appended
from audit.writing.keyring import KeyringError
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.journey.check_people import check_again, check_emergency, check_one
from gateway.journey.equipment import Answer, Ask, Services
from gateway.journey.failure_entry import record_failure
from gateway.journey.judge import NOBODY, Judgement, about, judge, judge_all, no_person_could_change
from gateway.journey.locking import without_locked
from gateway.journey.person import Prepared
from gateway.journey.prepare import written_answer
from gateway.journey.transaction import Attempt, Chunk, Stopped
from gateway.limits import counting as limits
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
from gateway.sources.contract import SourceFailedError, SourceSlowError
from schemas.decision import Record
from schemas.terms import Action, Match

EVER: Final = datetime.min.replace(tzinfo=UTC)
REVOKED: Final = "it was revoked, or its client was, or its organisation is suspended"
MOST_ROUNDS: Final = 3  # fetches for one call while the state moves under it


class LimitReachedError(ProblemError):
    """A limit of the agreement, or of wrong guesses, stands in the way. Recorded once a window."""

    def __init__(self, reached: limits.Reached, headers: dict[str, str]) -> None:
        problem = TOO_MANY_MISSES if reached.limit in (*limits.OF_MISSES, limits.WRONG) else LIMIT_REACHED
        super().__init__(problem, headers=headers, limit=reached.limit)
        self.reached = reached


async def disclose(ask: Ask, services: Services) -> Answer:
    """Answer about one person. Raises ProblemError for every failure; nothing is disclosed then."""
    attempt, appended, prepared = await decide_and_record(Chunk((ask,)), services)
    body = written_answer(prepared, appended, services.settings.origin)
    if prepared.permits:
        return Answer(200, body, "application/json", headers_of(attempt), prepared.tripped, attempt.misses, attempt.urgent)
    detail = not_named_by(attempt.judged.decision.unnamed, attempt.judged)
    refusal = canonical({**nothing_permitted(ask, services, detail), **orjson.loads(body)})
    return Answer(
        403, refusal, "application/problem+json", headers_of(attempt), prepared.tripped, attempt.misses, attempt.urgent
    )


async def decide_and_record(chunk: Chunk, services: Services) -> tuple[Attempt, Appended, Prepared]:
    """Decide, fetch, shape, record; hand back only what the log has already kept.

    For everybody in the chunk at once: one search, one fetch, one entry. Raises ProblemError for every failure.
    """
    steps = chunk.asks[0].steps
    state_index, not_before = chunk.asks[0].state_index, EVER
    for number in range(MOST_ROUNDS):
        is_first = number == 0 and chunk.number == 0
        if not is_first:
            _check_standing(chunk.asks[0], services)
        judged = await _judge(chunk, services, state_index=state_index, not_before=not_before, is_first=is_first)
        records = await _fetch(judged, chunk, services, is_first=is_first)
        steps.mark("fetch")
        attempt = Attempt(chunk, judged, records, services, is_first=is_first)
        attempt.prepare()
        steps.mark("shape")

        # An entry without a disclosure is noise; a disclosure without an entry is a breach.
        # So the log comes first, and if it fails nothing below this line happens.
        appended = await _append(attempt, services)
        steps.mark("append")
        if attempt.stopped is not Stopped.FETCH_AGAIN:
            return _kept(attempt, appended)
        # The log's time may be ahead of this machine's clock; deciding by the clock again would lead here again.
        state_index, not_before = services.reader.refresh(), attempt.decided_again_at
    raise ProblemError(STATE_MOVING, headers={"Retry-After": "1"})


def _check_standing(ask: Ask, services: Services) -> None:
    """Raise ProblemError for a client, key or token revoked since the call was authenticated: a later S must know."""
    if not services.reader.still_counts(ask.caller.token):
        raise ProblemError(TOKEN_REFUSED, REVOKED)


async def _judge(
    chunk: Chunk, services: Services, *, state_index: int, not_before: datetime, is_first: bool
) -> list[Judgement]:
    """Decide first as if nobody were found: a refusal that no person could change asks no council system."""
    asks, steps = chunk.asks, chunk.asks[0].steps
    at = max(services.clock(), not_before)
    early = _judge_early(chunk, services, at=at, state_index=state_index)
    steps.mark("decide")
    live = early[0].live
    if live is None or live.ended:
        return early
    check_emergency(asks[0], early[0].incident)
    if chunk.refs:  # these were checked before the first chunk, by the version that counted then
        check_again(asks, live)
    else:
        check_one(asks[0], live)
    wanted = [number for number, one in enumerate(early) if not no_person_could_change(one.decision)]
    if not wanted:
        return early
    try:
        source = services.source_of(live.dataset, services.reader)
        found = await source.identify([asks[number].request.subject for number in wanted])
    except SourceFailedError as error:
        raise await _source_failed(error, early, chunk, services, is_first=is_first) from error
    steps.mark("identify")
    at = max(services.clock(), at)
    everybody = [NOBODY] * len(asks)
    for number, one in zip(wanted, found, strict=True):
        everybody[number] = one
    judged = judge_all(services.reader, asks, services, found=everybody, at=at, state_index=state_index)
    judged = without_locked(judged, asks, services)
    steps.mark("decide")
    return judged


def _judge_early(chunk: Chunk, services: Services, *, at: datetime, state_index: int) -> list[Judgement]:
    """Judge everybody as if nobody were found: once for all where they differ in nothing but who they are."""
    first = judge(services.reader, chunk.asks[0], services, found=NOBODY, at=at, state_index=state_index)
    others = chunk.asks[1:]
    named = chunk.asks[0].request.subject
    if any(ask.differs or not ask.request.subject.is_named_like(named) for ask in others):
        nobody = [NOBODY] * len(others)
        return [first, *judge_all(services.reader, others, services, found=nobody, at=at, state_index=state_index)]
    return [first, *(about(first, ask, services) for ask in others)]


async def _fetch(judged: Sequence[Judgement], chunk: Chunk, services: Services, *, is_first: bool) -> list[Record | None]:
    """Read what may leave and nothing else; nothing at all of whom nobody confirmed, or nothing may leave."""
    wanted = [number for number, one in enumerate(judged) if _may_be_read(one)]
    records: list[Record | None] = [None] * len(judged)
    live = judged[0].live
    if not wanted or live is None:
        return records
    try:
        source = services.source_of(live.dataset, services.reader)
        fetched = await source.fetch([(judged[number].found, judged[number].read) for number in wanted])
    except SourceFailedError as error:
        raise await _source_failed(error, judged, chunk, services, is_first=is_first) from error
    for number, one in zip(wanted, fetched, strict=True):
        records[number] = one
    return records


def _may_be_read(judged: Judgement) -> bool:
    is_to_read = judged.circumstances.action is not Action.MATCH
    return is_to_read and judged.live is not None and judged.decision.permits and judged.found.match is Match.CONFIRMED


async def _append(attempt: Attempt, services: Services) -> Appended | None:
    try:
        return await services.log.append(attempt.within)
    except (NotDurableError, LogUnavailableError, KeyringError) as error:
        raise ProblemError(LOG_UNAVAILABLE, headers={"Retry-After": "5"}) from error


async def _source_failed(
    error: SourceFailedError, judged: Sequence[Judgement], chunk: Chunk, services: Services, *, is_first: bool
) -> ProblemError:
    """Record the failure, then say so; where even that can't be recorded, the log's failure is what is told."""
    problem = SOURCE_SLOW if isinstance(error, SourceSlowError) else SOURCE_UNAVAILABLE
    source = _source_of(judged[0], services)
    services.note_failure(source, error.why, str(error), chunk.asks[0].request_id)
    facts = {"source": source, "cause": error.why}
    try:
        entry_id = await record_failure(chunk.asks, judged, services, problem.code, facts=facts, is_first=is_first)
    except (NotDurableError, LogUnavailableError, KeyringError):
        return ProblemError(LOG_UNAVAILABLE, headers={"Retry-After": "5"})
    if entry_id is None:
        return ProblemError(PROOF_REPLAYED)
    return ProblemError(problem, headers={"Retry-After": "30"}, failure_id=entry_id)


def _source_of(judged: Judgement, services: Services) -> str:
    """Return the name of the source that was asked, as its mapping has it; the dataset's where none is mapped."""
    dataset = judged.live.dataset if judged.live is not None else None
    name = f"{dataset.id}@{dataset.version}" if dataset is not None else "none"
    mapping = services.reader.find_mapping(name) if dataset is not None else None
    return mapping[0].source if mapping is not None else name


def _kept(attempt: Attempt, appended: Appended | None) -> tuple[Attempt, Appended, Prepared]:
    """Return what the log has kept, or raise the problem that stood in its way."""
    if attempt.stopped is Stopped.REPLAYED:
        raise ProblemError(PROOF_REPLAYED)
    if attempt.stopped is Stopped.REVOKED:
        raise ProblemError(TOKEN_REFUSED, REVOKED)
    if attempt.stopped is Stopped.EXPIRED:
        raise ProblemError(TOKEN_REFUSED, "it expired while the call was under way: get a new one")
    if attempt.stopped is Stopped.KEY_REUSED:
        raise ProblemError(KEY_REUSED)
    if attempt.reached is not None:
        raise LimitReachedError(attempt.reached, {"Retry-After": str(attempt.reached.retry_after), **headers_of(attempt)})
    if appended is None or attempt.prepared is None:
        raise ProblemError(LOG_UNAVAILABLE, headers={"Retry-After": "5"})
    return attempt, appended, attempt.prepared


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


def headers_of(attempt: Attempt) -> dict[str, str]:
    """Return the headers that tell of limits."""
    live = attempt.judged.live
    policy = limits.policy_header(live.agreement.limits) if live else ""
    left = limits.left_header(attempt.left)
    return {
        **({"RateLimit-Policy": policy} if policy else {}),
        **({"RateLimit": left} if left else {}),
    }

"""Who is it about, and what may leave of them? Looked for only where some person could change the decision."""

from __future__ import annotations

from datetime import datetime

from gateway.journey.check_people import check_again, check_emergency, check_one
from gateway.journey.equipment import Services
from gateway.journey.judge import NOBODY, Judgement, about, judge, judge_all, no_person_could_change
from gateway.journey.locking import without_locked
from gateway.journey.source_failed import source_failed
from gateway.journey.transaction import Chunk
from gateway.sources.contract import SourceFailedError


async def find_and_judge(
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
        raise await source_failed(error, early, chunk, services, is_first=is_first) from error
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

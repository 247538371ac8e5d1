"""Who is it about, and what may leave of them? Looked for only where some person could change the decision."""

from __future__ import annotations

from datetime import datetime

from gateway.journey.call import Chunk
from gateway.journey.check_people import check_again, check_emergency, check_one
from gateway.journey.equipment import Services
from gateway.journey.facts import NO_PERSON, CallFacts, read_call, read_people
from gateway.journey.judge import NOBODY, Judgement, about, judge_all, no_person_could_change
from gateway.journey.locking import without_locked
from gateway.journey.source_failed import source_failed
from gateway.journey.turn import turn
from gateway.sources.contract import SourceFailedError


async def find_and_judge(
    chunk: Chunk, services: Services, *, state_index: int, not_before: datetime, is_first: bool
) -> list[Judgement]:
    """Decide first as if nobody were found: a refusal that no person could change asks no council system."""
    asks, steps = chunk.asks, chunk.asks[0].steps
    at = max(services.clock(), not_before)
    early = _judge_early(read_call(services.reader, asks[0], at=at, state_index=state_index), chunk, services)
    steps.mark("decide")
    live = early[0].live
    if live is None or live.ended:
        return early
    check_emergency(asks[0], early[0].incident)
    if chunk.refs:  # these were checked before the first chunk, by the version that counted then
        check_again(chunk, live)
    else:
        check_one(asks[0], live)
    wanted = [number for number, one in enumerate(early) if not no_person_could_change(one.decision)]
    if not wanted:
        return early
    await turn()
    try:
        source = services.source_of(live.dataset, services.reader)
        found = await source.identify([asks[number].request.subject for number in wanted])
    except SourceFailedError as error:
        raise await source_failed(error, early, chunk, services, is_first=is_first) from error
    steps.mark("identify")
    call = read_call(services.reader, asks[0], at=max(services.clock(), at), state_index=state_index)
    everybody = [NOBODY] * len(asks)
    for number, one in zip(wanted, found, strict=True):
        everybody[number] = one
    people = read_people(services.reader, call, everybody, services.secrets.index)
    judged = judge_all(call, asks, services, found=everybody, people=people, before=early)
    judged = without_locked(judged, asks, services)
    steps.mark("decide")
    return judged


def _judge_early(call: CallFacts, chunk: Chunk, services: Services) -> list[Judgement]:
    """Judge everybody as if nobody were found: once for all where they differ in nothing but who they are."""
    first, others = chunk.asks[0], chunk.asks[1:]
    if any(ask.differs or not ask.request.subject.is_named_like(first.request.subject) for ask in others):
        nobody = [NOBODY] * len(chunk.asks)
        return judge_all(call, chunk.asks, services, found=nobody, people=[NO_PERSON] * len(nobody))
    judged = judge_all(call, [first], services, found=[NOBODY], people=[NO_PERSON])[0]
    return [judged, *(about(judged, ask, services) for ask in others)]

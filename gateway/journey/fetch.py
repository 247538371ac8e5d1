"""What is read of a council's system? What was decided that it may leave, and the markers that this rests on."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.journey.call import Chunk
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement
from gateway.journey.source_failed import source_failed
from gateway.sources.contract import SourceFailedError
from schemas.decision import Record
from schemas.terms import Action, Match


async def fetch(judged: Sequence[Judgement], chunk: Chunk, services: Services, *, is_first: bool) -> list[Record | None]:
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
        raise await source_failed(error, judged, chunk, services, is_first=is_first) from error
    for number, one in zip(wanted, fetched, strict=True):
        records[number] = one
    return records


def _may_be_read(judged: Judgement) -> bool:
    is_to_read = judged.circumstances.action is not Action.MATCH
    return is_to_read and judged.live is not None and judged.decision.permits and judged.found.match is Match.CONFIRMED

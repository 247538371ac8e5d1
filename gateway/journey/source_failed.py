"""What if a council's system fails in the middle of a call? That is recorded, and then told."""

from __future__ import annotations

from collections.abc import Sequence

from audit.writing.keyring import KeyringError
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.journey.call import Chunk
from gateway.journey.equipment import Services
from gateway.journey.failure_entry import record_failure
from gateway.journey.judge import Judgement
from gateway.problems import PROOF_REPLAYED, SOURCE_SLOW, SOURCE_UNAVAILABLE, ProblemError, log_unavailable
from gateway.sources.contract import SourceFailedError, SourceSlowError


async def source_failed(
    error: SourceFailedError, judged: Sequence[Judgement], chunk: Chunk, services: Services, *, is_first: bool
) -> ProblemError:
    """Record the failure, then say so; where even that can't be recorded, the log's failure is what is told."""
    problem = SOURCE_SLOW if isinstance(error, SourceSlowError) else SOURCE_UNAVAILABLE
    source = _source_of(judged[0], services)
    services.note_failure(source, error.why, str(error), chunk.asks[0].request_id)
    facts = {"source": source, "cause": error.why}
    try:
        entry_id = await record_failure(chunk, judged, services, problem.code, facts=facts, is_first=is_first)
    except (NotDurableError, LogUnavailableError, KeyringError):
        return log_unavailable()
    if entry_id is None:
        return ProblemError(PROOF_REPLAYED)
    return ProblemError(problem, headers={"Retry-After": "30"}, failure_id=entry_id)


def _source_of(judged: Judgement, services: Services) -> str:
    """Return the name of the source that was asked, as its mapping has it; the dataset's where none is mapped."""
    dataset = judged.live.dataset if judged.live is not None else None
    name = f"{dataset.id}@{dataset.version}" if dataset is not None else "none"
    mapping = services.reader.find_mapping(name) if dataset is not None else None
    return mapping[0].source if mapping is not None else name

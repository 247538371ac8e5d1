"""The journey of a request: who is it about, what may leave, fetch that, shape it, record it, answer.

Open this file first. Refusals are values and go down the same path; failures are exceptions, each mapped once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import orjson

from audit.format.entry import canonical
from audit.writing.item import Appended, NeedsTooMuchError, Settled
from audit.writing.keyring import KeyringError
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.journey.call import Ask, Chunk
from gateway.journey.equipment import Answer, Services
from gateway.journey.fetch import fetch
from gateway.journey.find import find_and_judge
from gateway.journey.outcome import REVOKED, headers_of, kept, not_named_by, nothing_permitted
from gateway.journey.prepare import prepare_round, written_answer
from gateway.journey.round import Round, RoundEnd, Stopped
from gateway.journey.transaction import Recording
from gateway.journey.turn import turn
from gateway.problems import STATE_MOVING, TOKEN_REFUSED, ProblemError, log_unavailable

EVER: Final = datetime.min.replace(tzinfo=UTC)
MOST_ROUNDS: Final = 3  # fetches for one call while the state moves under it


async def disclose(ask: Ask, services: Services) -> Answer:
    """Answer about one person. Raises ProblemError for every failure; nothing is disclosed then."""
    end, appended = await decide_and_record(Chunk((ask,)), services)
    body, prepared = written_answer(end.prepared, appended, services.settings.origin), end.prepared
    if prepared.permits:
        return Answer(200, body, "application/json", headers_of(end), prepared.tripped, end.misses, end.urgent)
    detail = not_named_by(end.judged.decision.unnamed, end.judged)
    refusal = canonical({**nothing_permitted(ask, services, detail), **orjson.loads(body)})
    return Answer(403, refusal, "application/problem+json", headers_of(end), prepared.tripped, end.misses, end.urgent)


async def decide_and_record(chunk: Chunk, services: Services) -> tuple[RoundEnd, Appended]:
    """Decide, fetch, shape, record; hand back only what the log has already kept.

    For everybody in the chunk at once: one search, one fetch, one entry. Raises ProblemError for every failure.
    """
    steps = chunk.asks[0].steps
    state_index, not_before = chunk.asks[0].state_index, EVER
    is_first = chunk.number == 0  # and so the call's proof is yet to be used
    for number in range(MOST_ROUNDS):
        if number or chunk.number:
            _check_standing(chunk.asks[0], services)
        judged = await find_and_judge(chunk, services, state_index=state_index, not_before=not_before, is_first=is_first)
        await turn()
        records = await fetch(judged, chunk, services, is_first=is_first)
        steps.mark("fetch")
        await turn()
        round_ = prepare_round(chunk, judged, records, services, is_first=is_first)
        steps.mark("shape")

        # An entry without a disclosure is noise; a disclosure without an entry is a breach.
        # So the log comes first, and if it fails nothing below this line happens.
        settled = await _append(round_, services)
        steps.mark("append")
        if settled is not None and settled.told.stopped is not Stopped.FETCH_AGAIN:
            return kept(settled.told, settled.appended)
        # The log's time may be ahead of this machine's clock; deciding by the clock again would lead here again.
        if settled is not None:
            is_first, not_before = False, settled.told.decided_again_at or not_before
        state_index = services.reader.refresh()
    raise ProblemError(STATE_MOVING, headers={"Retry-After": "1"})


def _check_standing(ask: Ask, services: Services) -> None:
    """Raise ProblemError for a client, key or token revoked since the call was authenticated: a later S must know."""
    if not services.reader.still_counts(ask.caller.token):
        raise ProblemError(TOKEN_REFUSED, REVOKED)


async def _append(round_: Round, services: Services) -> Settled[RoundEnd] | None:
    """Record a round; None where so much has moved under it that it must be judged from the start."""
    try:
        return await services.log.settle(Recording(round_))
    except NeedsTooMuchError:
        return None
    except (NotDurableError, LogUnavailableError, KeyringError) as error:
        raise log_unavailable() from error

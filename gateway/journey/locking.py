"""Whom do the misses of today keep from being found? They are not confirmed, and the partner can't tell why.

Whether the details that came were right must not matter then: neither to the answer nor to what is read or counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from audit.writing.keyring import reference
from gateway.journey.call import Ask
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement, judge_as
from gateway.limits import counting as limits
from gateway.limits.count_names import Use
from gateway.sources.contract import Found
from policies.deciding.decide import waives_in_emergency
from schemas.terms import Match


def counting(judged: Judgement, ask: Ask, *, at: datetime, is_repeat: bool = False) -> limits.Counting:
    """Return what counts a call, before any count was read; `judged` is of whomever it is about."""
    live, caller = judged.live, ask.caller.client
    use = Use(
        agreement=live.agreement.id if live is not None else "",
        partner=caller.partner_id or "",
        at=at,
        in_emergency=live is not None and waives_in_emergency(live.compiled, judged.circumstances),
        counts=not is_repeat,
        client=caller.client_id,
        caseworker=ask.caseworker_ref.hex() if ask.caseworker_ref is not None else None,
        urgent_people=live.agreement.emergency_people_per_day if live is not None else None,
        incident=judged.incident,
    )
    return limits.Counting(live.agreement.limits if live is not None else limits.WITHOUT_AGREEMENT, use)


def without_locked(judged: list[Judgement], asks: Sequence[Ask], services: Services) -> list[Judgement]:
    """Judge anew, before anything is read of them, whom misses have locked: as if nobody had been confirmed.

    The append judges again, by the counts of its own moment.
    """
    confirmed = [number for number, one in enumerate(judged) if one.found.match is Match.CONFIRMED]
    if not confirmed:
        return judged
    counts = counting(judged[0], asks[0], at=judged[0].at)
    keys = [counts.names.of_misses(judged[number].subject_ref) for number in confirmed]
    counts.over(services.read_counts(services.reader.connection, keys).__getitem__)
    found = list(judged)
    for number in confirmed:
        if counts.is_locked(judged[number].subject_ref):
            found[number] = locked(judged[number], asks[number], services)
    return found


def locked(judged: Judgement, ask: Ask, services: Services) -> Judgement:
    """Return what stands of somebody who was confirmed, and is locked: nobody was."""
    return judge_as(judged, Found(Match.TOO_MANY_MISSES, near=judged.found.near), ask, services)


def near_refs(judged: Judgement, services: Services) -> tuple[str, ...]:
    """Return the references of whom a key leads to: a miss by it counts for each of them."""
    if not judged.found.near:
        return ()
    dataset = judged.live.dataset.id if judged.live is not None else ""
    return tuple(reference(services.secrets.index, dataset, one).hex() for one in judged.found.near)

"""Whom do the misses of today keep from being found? They are not confirmed, and the partner can't tell why.

Whether the details that came were right must not matter then: neither to the answer nor to what is read or counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from audit.stores.connection import Connection
from audit.writing.keyring import reference
from gateway.journey.entry_names import caseworker_ref
from gateway.journey.equipment import Ask, Services
from gateway.journey.judge import Judgement, judge
from gateway.limits import counting as limits
from gateway.sources.contract import Found
from gateway.store.state import Reader
from policies.deciding.decide import waives_in_emergency
from schemas.terms import Match


def counting(
    judged: Sequence[Judgement],
    people: Sequence[limits.Person],
    ask: Ask,
    services: Services,
    *,
    connection: Connection,
    at: datetime,
    is_repeat: bool = False,
) -> limits.Counting:
    """Return the counts that a call needs, as one connection sees them."""
    first = judged[0]
    live, caller = first.live, ask.caller.client
    use = limits.Use(
        agreement=live.agreement.id if live is not None else "",
        partner=caller.partner_id or "",
        at=at,
        in_emergency=live is not None and waives_in_emergency(live.compiled, first.circumstances),
        counts=not is_repeat,
        client=caller.client_id,
        caseworker=caseworker_ref(ask, services).hex() if ask.request.caseworker is not None else None,
        urgent_people=live.agreement.emergency_people_per_day if live is not None else None,
        incident=first.incident,
    )
    held = live.agreement.limits if live is not None else limits.WITHOUT_AGREEMENT
    return limits.Counting(connection, held, use, people, services.usage)


def without_locked(judged: list[Judgement], asks: Sequence[Ask], services: Services) -> list[Judgement]:
    """Judge anew, before anything is read of them, whom misses have locked: as if nobody had been confirmed.

    The append judges again, by the counts of its own moment.
    """
    confirmed = [number for number, one in enumerate(judged) if one.found.match is Match.CONFIRMED]
    if not confirmed:
        return judged
    people = [
        limits.Person(judged[number].subject_ref, judged[number].key_ref, judged[number].guess_refs) for number in confirmed
    ]
    connection, at = services.reader.connection, judged[0].at
    counts = counting(judged, people, asks[0], services, connection=connection, at=at)
    found = list(judged)
    for number in confirmed:
        if counts.is_locked(judged[number].subject_ref):
            found[number] = locked(judged[number], asks[number], services, services.reader)
    return found


def locked(judged: Judgement, ask: Ask, services: Services, reader: Reader) -> Judgement:
    """Return what stands of somebody who was confirmed, and is locked: nobody was."""
    found = Found(Match.TOO_MANY_MISSES, near=judged.found.near)
    return judge(reader, ask, services, found=found, at=judged.at, state_index=judged.state_index)


def near_refs(judged: Judgement, services: Services) -> list[str]:
    """Return the references of whom a key leads to: a miss by it counts for each of them."""
    dataset = judged.live.dataset.id if judged.live is not None else ""
    return [reference(services.secrets.index, dataset, one).hex() for one in judged.found.near]

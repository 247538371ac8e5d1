"""Is a call within its limits, and each person whom it is about? Judged inside the transaction, and counted there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from audit.stores.shelf import Key
from audit.writing.item import Known
from audit.writing.key_shelf import key_of as persons_key
from gateway.journey.call import Ask
from gateway.journey.entry_keys import whose_key
from gateway.journey.equipment import Services
from gateway.journey.judge import NOBODY
from gateway.journey.locking import counting, locked, near_refs
from gateway.journey.person import Line, Prepared, refs_of
from gateway.limits import counting as limits
from gateway.limits.count_names import Person
from gateway.limits.reached import Reached, day_reached, repeats
from gateway.store.counts import CountKey
from gateway.store.first_uses import FirstUse
from schemas.terms import Match


@dataclass(frozen=True, slots=True)
class Counted:
    """What limits came to. `changed` are the places of those whose part of the answer is another by them.

    `newly_urgent` are the places of those who were not counted yet for whom an emergency counts.
    """

    counts: limits.Counting
    lines: tuple[Line, ...]
    rows: dict[CountKey, int]
    reached: Reached | None = None  # of the whole call
    changed: tuple[int, ...] = ()
    newly_urgent: frozenset[int] = frozenset()


def people_of(lines: Sequence[Line], services: Services, use: FirstUse | None = None) -> list[Person]:
    """Return whom the lines are about; in a repeat, whom the first call was counted for is not counted again."""
    counts = (use is None or number in use.uncounted for number in range(len(lines)))
    return [_person(line, services, counts=one) for line, one in zip(lines, counts, strict=True)]


def _person(line: Line, services: Services, *, counts: bool) -> Person:
    judged = line.judged
    claimed = tuple(refs_of(judged, line.ask.request.claims or ()))
    near = near_refs(judged, services) if judged.found.match is not Match.CONFIRMED else ()  # there is no miss to count
    return Person(judged.subject_ref, judged.key_ref, judged.guess_refs, counts, claimed, near)


def count(
    lines: tuple[Line, ...],
    prepared: Prepared,
    services: Services,
    known: Known,
    *,
    at: datetime,
    use: FirstUse | None,
    is_first_chunk: bool,
) -> Counted:
    """Judge the call, then each person, and count those who are within.

    A limit that one of many people exceeds withholds that person alone.
    """
    ask = lines[0].ask
    counts = counting(lines[0].judged, ask, at=at, is_repeat=use is not None)
    people = people_of(lines, services, use)
    known.all(counts.names.keys(people))  # all that will be read, so that what is missing is asked for at once
    counts.over(known.one)
    known.all(_if_locked(lines, people, counts, services))
    rows: dict[CountKey, int] = {}
    if is_first_chunk:
        reached = counts.call_reached()
        if reached is None and use is not None:
            reached, rows = _repeated(ask, known, at)
        if reached is not None:
            return Counted(counts, lines, rows, reached)
        counts.count_call()
    found, changed, urgent = [], [], set()
    for number, (line, person) in enumerate(zip(lines, people, strict=True)):
        one, is_changed, is_new = _count_one(line, person, counts, prepared.parts[number].wrong, services)
        found.append(one)
        changed += [number] if is_changed else []
        urgent |= {number} if is_new else set()
    reached = found[0].reached if found[0].ref is None else None
    if reached is not None:
        return Counted(counts, tuple(found), rows, reached)
    return Counted(counts, tuple(found), {**rows, **counts.rows()}, None, tuple(changed), frozenset(urgent))


def _if_locked(lines: Sequence[Line], people: Sequence[Person], counts: limits.Counting, services: Services) -> set[Key]:
    """Return what is read of those whom misses have locked since they were looked for, or the misses of this call will."""
    adding = Counter(ref for person in people for ref in person.near)
    keys: set[Key] = set()
    for line, person in zip(lines, people, strict=True):
        is_confirmed = line.judged.found.match is Match.CONFIRMED
        if is_confirmed and counts.is_locked(person.subject_ref, more=adding[person.subject_ref]):
            again = _person(replace(line, judged=locked(line.judged, line.ask, services)), services, counts=person.counts)
            keys |= counts.names.keys((again,))
            keys.add(persons_key(whose_key(line.judged, bytes.fromhex(again.subject_ref))))
    return keys


def _repeated(ask: Ask, known: Known, at: datetime) -> tuple[Reached | None, dict[CountKey, int]]:
    """Count a repeat, and tell whether a day's repeats of one call are too many."""
    key = repeats(client=ask.caller.client.client_id, key=ask.idempotency_key or "", at=at)
    now = (known.one(key) or 0) + 1
    return (day_reached(limits.REPEATS, at) if now > limits.MOST_REPEATS else None), {key: now}


def _count_one(
    line: Line, person: Person, counts: limits.Counting, wrong: frozenset[str], services: Services
) -> tuple[Line, bool, bool]:
    """Count one person; return their line, whether their part changes, and whether they are new to emergencies.

    A part changes where a limit withholds the person, and then nothing of theirs is counted; or where misses have locked
    them since they were looked for; or where nothing is told of who was guessed at.
    """
    is_locked = line.judged.found.match is Match.CONFIRMED and counts.is_locked(person.subject_ref)
    if is_locked:
        line = replace(line, judged=locked(line.judged, line.ask, services), record=None)
        person = _person(line, services, counts=person.counts)
    reached = counts.person_reached(person)
    if reached is None and line.ask.request.claims is not None:
        reached = counts.wrong_reached(person)
    if reached is not None:
        return replace(line, reached=reached), True, False
    is_new = counts.is_new_to_emergencies(person)
    guessed_at = counts.guessed_at(person)
    counts.count_person(person)
    # Also where nothing may leave: `not_confirmed` tells a guesser as much.
    if line.judged.found is not NOBODY and line.judged.found.match is not Match.CONFIRMED:
        counts.count_miss(person)
    if not is_locked:
        counts.count_wrong(person, wrong - guessed_at)
    if guessed_at:
        line = replace(line, guessed_at=guessed_at)
    return line, bool(is_locked or guessed_at), is_new

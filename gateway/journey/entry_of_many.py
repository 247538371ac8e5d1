"""How does one entry answer for several people? A leaf for each, under their own key; the rest they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from audit.format.commitment import SealingKey
from audit.format.entry import Kind, canonical, written
from audit.format.people import leaf_id, make_leaf, seal_people
from audit.writing.item import Draft
from gateway.journey.answer import disclosure_of, shape_of
from gateway.journey.call import Ask
from gateway.journey.entry_keys import KeyOf, Keys, choose_keys
from gateway.journey.entry_names import digest, facts_of, fields_of, matter_of, names_of_call
from gateway.journey.equipment import Services
from gateway.journey.judge import NOBODY, Judgement
from gateway.journey.person import Line, Part, Prepared, made_part, released_of, roles_of
from schemas.decision import Record, Shaped, Withhold
from schemas.reasons import Reason
from schemas.terms import Outcome

Names = dict[str, tuple[SealingKey, Any]]


@dataclass(slots=True)
class Making:
    """One person's part while it is made: what they are answered by, and the roles that have leaves besides them."""

    line: Line
    place: int
    told: Judgement
    record: Record | None
    roles: list[str]
    shaped: Shaped = field(init=False)
    released: dict[str, Any] = field(init=False)
    disclosure: bytes = field(init=False)
    keys: Keys = field(init=False)
    wanted: list[tuple[int, Names, list[tuple[str, Any]], SealingKey]] = field(init=False)


def parts_of(
    entry_id: str, making: Sequence[Making], services: Services, key_of: KeyOf, retry_of: str | None
) -> list[Part]:
    """Answer about each person, with a leaf for them and one for each other whose own fields were asked for.

    One step for everybody, then the next: what a step needs stays in the processor's caches.
    """
    for one in making:
        one.shaped = shape_of(one.told, one.record, one.line.ask, services, guessed_at=one.line.guessed_at)
    for one in making:
        one.released = released_of(one.shaped)
    for one in making:
        one.disclosure = _disclosure(entry_id, one, services)
    for one in making:
        one.keys = choose_keys(one.line.judged, one.line.ask, services, key_of, roles=one.roles)
    of_the_call = _of_the_call(making[0].line.ask, retry_of)
    for one in making:
        one.wanted = _leaves_wanted(one, services, of_the_call)
    leaves = [tuple(make_leaf(entry_id, *wanted) for wanted in one.wanted) for one in making]
    return [
        made_part(one.disclosure, its, one.keys, one.shaped, one.line, permits=one.told.decision.permits)
        for one, its in zip(making, leaves, strict=True)
    ]


def begun(place: int, line: Line, roles: list[str]) -> Making:
    if line.reached is not None:
        return Making(line, place, _limited(line.judged), None, roles)
    return Making(line, place, line.judged, line.record, roles)


def _disclosure(entry_id: str, one: Making, services: Services) -> bytes:
    ref = one.line.ref
    disclosure_id = entry_id if ref is None else leaf_id(entry_id, one.place)
    content = disclosure_of(disclosure_id, one.told, one.record, one.shaped, one.released, one.line.ask, services)
    return canonical(content if ref is None else {**content, "ref": ref})


def _leaves_wanted(
    one: Making, services: Services, of_the_call: tuple[Any, Any]
) -> list[tuple[int, Names, list[tuple[str, Any]], SealingKey]]:
    """Return place, names, released values and key of each leaf."""
    line, shaped, keys, roles = one.line, one.shaped, one.keys, one.roles
    facts = facts_of(line.judged, one.record, shaped, line.ask, line.reached)
    answer = {"digest": digest(one.disclosure)}
    matter, request = of_the_call
    whose = _whose(line.judged, shaped, roles)
    wanted = []
    for number, role in enumerate((None, *roles)):
        key = keys.subject if role is None else keys.others[role]
        names = {
            "subject": (key, {"ref": line.judged.subject_ref if role is None else line.judged.refs.get(role)}),
            "matter": (key, matter),
            "request": (key, request),
            "answer": (key, answer),
            "fields": (keys.controller, fields_of(_only(shaped, whose, role) if roles else shaped, services)),
            "facts": (key, facts if role is None else {"person": role}),
        }
        values = [(path, value) for path, value in one.released.items() if whose.get(path) == role]
        wanted.append((one.place + number, names, values, key))
    return wanted


def _of_the_call(ask: Ask, retry_of: str | None) -> tuple[Any, Any]:
    """Return `matter` and `request`, written: the same for everybody whom a call is about."""
    return written(matter_of(ask)), written({"digest": ask.body_digest, "retry_of": retry_of})


def _limited(judged: Judgement) -> Judgement:
    """Return what a person is told whom a limit withholds: nothing, not even whether they were found."""
    withheld = dict.fromkeys(judged.decision.fields, Withhold(Reason.LIMIT_REACHED))
    decision = replace(judged.decision, fields=withheld, permits=False, read=frozenset(), lawful=None)
    return replace(judged, decision=decision, found=NOBODY, refs={})


def _whose(judged: Judgement, shaped: Shaped, roles: Sequence[str]) -> dict[str, str | None]:
    """Return which leaf each field stands in: a person's own in that of their role, all else in the subject's.

    Also where the subject has that role: else the leaves would tell which role that is.
    """
    if not roles or judged.live is None:
        return {}
    fields = judged.live.dataset.fields
    return {path: fields[path].of for path in (*shaped.lines, *shaped.withheld) if path in fields}


def _only(shaped: Shaped, whose: dict[str, str | None], role: str | None) -> Shaped:
    lines = {path: one for path, one in shaped.lines.items() if whose.get(path) == role}
    return replace(
        shaped, lines=lines, withheld={path: r for path, r in shaped.withheld.items() if whose.get(path) == role}
    )


def close_entry(entry_id: str, lines: Sequence[Line], parts: Sequence[Part], services: Services) -> Prepared:
    first, leaves = lines[0], [leaf for part in parts for leaf in part.leaves]
    # Of those whom a limit withholds nothing may be told, and so not on which law their data would have left.
    told = [line.judged.decision.lawful for line in lines if line.reached is None]
    lawful = sorted({one for one in told if one is not None})
    shared = names_of_call(
        first.judged, first.ask, services, parts[0].keys, lawful if len(lawful) > 1 else next(iter(lawful), None)
    )
    sealed, people = seal_people(entry_id, shared, leaves)
    outcomes = {part.outcome for part in parts}
    draft = Draft(
        kind=Kind.DISCLOSURE if any(part.permits for part in parts) else Kind.REFUSAL,
        entry_id=entry_id,
        sealed=sealed,
        outcome=(outcomes.pop() if len(outcomes) == 1 else Outcome.PARTIAL).value,
        recipient=first.ask.caller.client.partner_id,
        people=people,
        leaves=tuple(leaf.hashed for leaf in leaves),
        begins=frozenset(accumulate((len(part.leaves) for part in parts[:-1]), initial=0)),
    )
    return Prepared(tuple(parts), draft)


def roles_of_each(lines: Sequence[Line]) -> list[list[str]]:
    """Return the roles of each person of one call: most of them share one decision."""
    fields = [line.judged.decision.fields for line in lines]
    found = {id(one): line for one, line in zip(fields, lines, strict=True)}
    roles = {known: roles_of(line.judged) for known, line in found.items()}
    return [roles[id(one)] for one in fields]

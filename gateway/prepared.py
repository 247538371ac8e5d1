"""What is ready to be recorded? An answer with its entry: of one person, or of many in one entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from audit.commitment import seal
from audit.entry import Kind, canonical, written, written_scalar
from audit.people import Leaf, leaf_id, make_leaf, paths_of, seal_people, shown_leaf
from audit.proof import receipt
from audit.sequencer import Appended, Draft
from gateway.answer import disclosure_of, outcome_of, shape_of
from gateway.judgement import NOBODY, Judgement
from gateway.limits import Reached
from gateway.sealing import Keys, choose_keys, digest, facts_of, fields_of, matter_of, names_of_ask, names_of_call
from gateway.services import Ask, Services
from policies.claims import wrong_in
from schemas.decision import Record, Shaped, Withhold
from schemas.terms import Action, Outcome, Reason

PLAIN: Final = 2  # members of a field that is no group: its value and form


@dataclass(slots=True)
class Line:
    """One person of an attempt: what was judged and fetched, and what stands of it inside the transaction.

    `ref` is the caller's own label, where they ask about many; `reached` a limit that withholds this person alone.
    """

    ask: Ask
    early: Judgement
    fetched: Record | None
    ref: str | None = None
    reached: Reached | None = None
    judged: Judgement = field(init=False)
    record: Record | None = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Stand as before the transaction."""
        self.judged, self.record, self.reached = self.early, self.fetched, None


@dataclass(frozen=True, slots=True)
class Part:
    """One person's answer, ready: the disclosure's RFC 8785 bytes, and its leaves where it has any."""

    disclosure: bytes
    leaves: tuple[Leaf, ...]
    keys: Keys
    outcome: Outcome
    permits: bool
    is_wrong: bool
    tripped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Answers ready to be recorded. They leave only with the receipt of their entry."""

    parts: tuple[Part, ...]
    draft: Draft

    @property
    def permits(self) -> bool:
        """Tell whether anything was permitted to anybody."""
        return any(part.permits for part in self.parts)

    @property
    def tripped(self) -> tuple[str, ...]:
        """Return the guardrails whose nets changed a result."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.tripped))


def prepare(lines: Sequence[Line], services: Services, *, connection: Any, retry_of: str | None = None) -> Prepared:
    """Shape each record, write each disclosure, seal the entry. `retry_of` names the entry that this call repeats."""
    first = lines[0]
    entry_id = services.new_id("d", first.judged.at)
    if first.ref is None and not roles_of(first.judged):
        return _prepare_one(entry_id, first, services, connection, retry_of)
    parts: list[Part] = []
    place = 0
    for line in lines:
        parts.append(_part(entry_id, place, line, services, connection, retry_of))
        place += len(parts[-1].leaves)
    return _closed(entry_id, lines, parts, services)


def prepare_again(
    prepared: Prepared,
    lines: Sequence[Line],
    changed: Sequence[int],
    services: Services,
    *,
    connection: Any,
    retry_of: str | None,
) -> Prepared:
    """Return the same entry with some of its people's parts made anew: those whom a limit withholds."""
    entry_id = prepared.draft.entry_id
    parts = list(prepared.parts)
    for number in changed:
        place = sum(len(part.leaves) for part in parts[:number])
        parts[number] = _part(entry_id, place, lines[number], services, connection, retry_of)
    return _closed(entry_id, lines, parts, services)


def roles_of(judged: Judgement) -> list[str]:
    """Return the roles of people whose own fields were asked for: each then has a leaf, whether or not they are there.

    From the request and the dataset alone, so that the number of leaves tells nothing of the record.
    """
    if judged.live is None:
        return []
    fields = judged.live.dataset.fields
    roles = {fields[path].of for path in judged.decision.fields if path in fields}
    return sorted(role for role in roles if role is not None)


def _prepare_one(entry_id: str, line: Line, services: Services, connection: Any, retry_of: str | None) -> Prepared:
    judged, ask = line.judged, line.ask
    shaped = shape_of(judged, line.record, ask, services)
    released = released_of(shaped)
    disclosure = canonical(disclosure_of(entry_id, judged, line.record, shaped, released, ask, services))
    keys = choose_keys(judged, ask, services, connection)
    names = {
        **names_of_ask(judged, ask, services, keys),
        "fields": (keys.controller, fields_of(shaped, services)),
        "request": (keys.subject, {"digest": ask.body_digest, "retry_of": retry_of}),
        "answer": (keys.subject, {"digest": digest(disclosure)}),
        "facts": (keys.subject, facts_of(judged, line.record, shaped, ask)),
    }
    sealed = seal(entry_id, names, list(released.items()), keys.subject)
    part = _made(disclosure, (), keys, shaped, ask, permits=judged.decision.permits)
    draft = Draft(
        kind=Kind.DISCLOSURE if part.permits else Kind.REFUSAL,
        entry_id=entry_id,
        sealed=sealed,
        outcome=part.outcome.value,
        recipient=ask.caller.client.partner_id,
    )
    return Prepared((part,), draft)


def released_of(shaped: Shaped) -> dict[str, Any]:
    """Return the released fields, written: they stand in the disclosure, and are committed to one by one."""
    return {
        path: written_scalar(one["value"], str(one["form"])) if len(one) == PLAIN else written(dict(one))
        for path, one in shaped.fields.items()
    }


def _made(disclosure: bytes, leaves: tuple[Leaf, ...], keys: Keys, shaped: Shaped, ask: Ask, *, permits: bool) -> Part:
    is_wrong = ask.request.action is Action.VERIFY and wrong_in(shaped)
    return Part(disclosure, leaves, keys, outcome_of(shaped), permits, is_wrong, shaped.tripped)


# -- several people in one entry


def _part(entry_id: str, place: int, line: Line, services: Services, connection: Any, retry_of: str | None) -> Part:
    """Answer about one person, with a leaf for them and one for each other whose own fields were asked for."""
    ask, told, record = line.ask, line.judged, line.record
    if line.reached is not None:
        told, record = _limited(line.judged), None
    shaped = shape_of(told, record, ask, services)
    released = released_of(shaped)
    disclosure_id = entry_id if line.ref is None else leaf_id(entry_id, place)
    content = disclosure_of(disclosure_id, told, record, shaped, released, ask, services)
    if line.ref is not None:
        content["ref"] = line.ref
    disclosure = canonical(content)
    roles = roles_of(line.judged)
    keys = choose_keys(line.judged, ask, services, connection, roles=roles)
    fields, facts = fields_of(shaped, services), facts_of(line.judged, record, shaped, ask, line.reached)
    answer = {"digest": digest(disclosure)}
    matter, request = _of_the_call(ask, retry_of)
    leaves = []
    whose = _whose(line.judged, shaped, roles)
    for number, role in enumerate((None, *roles)):
        key = keys.subject if role is None else keys.others[role]
        mine = fields if not roles else fields_of(_only(shaped, whose, role), services)
        names = {
            "subject": (key, {"ref": line.judged.subject_ref if role is None else line.judged.refs.get(role)}),
            "matter": (key, matter),
            "request": (key, request),
            "answer": (key, answer),
            "fields": (keys.controller, mine),
            "facts": (key, facts if role is None else {"person": role}),
        }
        values = [(path, one) for path, one in released.items() if whose.get(path) == role]
        leaves.append(make_leaf(entry_id, place + number, names, values, key))
    return _made(disclosure, tuple(leaves), keys, shaped, ask, permits=told.decision.permits)


def _of_the_call(ask: Ask, retry_of: str | None) -> tuple[Any, Any]:
    """Return `matter` and `request`, written: the same for everybody whom a call is about."""
    known = ("matter", retry_of or "")
    if known not in ask.noted_of_call:
        request = {"digest": ask.body_digest, "retry_of": retry_of}
        ask.noted_of_call[known] = (written(matter_of(ask)), written(request))
    found: tuple[Any, Any] = ask.noted_of_call[known]
    return found


def _limited(judged: Judgement) -> Judgement:
    """Return what a person is told whom a limit withholds: nothing, not even whether they were found."""
    withheld = dict.fromkeys(judged.decision.fields, Withhold(Reason.LIMIT_REACHED))
    decision = replace(judged.decision, fields=withheld, permits=False, read=frozenset(), lawful=None)
    return replace(judged, decision=decision, found=NOBODY, refs={})


def _whose(judged: Judgement, shaped: Shaped, roles: Sequence[str]) -> dict[str, str | None]:
    """Return which leaf each field stands in: another person's own in theirs, all else in the subject's."""
    if not roles or judged.live is None:
        return {}
    fields, subject = judged.live.dataset.fields, judged.found.subject
    found = {path: fields[path].of for path in (*shaped.lines, *shaped.withheld) if path in fields}
    return {path: None if role == subject else role for path, role in found.items()}


def _only(shaped: Shaped, whose: dict[str, str | None], role: str | None) -> Shaped:
    lines = {path: one for path, one in shaped.lines.items() if whose.get(path) == role}
    return replace(
        shaped, lines=lines, withheld={path: r for path, r in shaped.withheld.items() if whose.get(path) == role}
    )


def _closed(entry_id: str, lines: Sequence[Line], parts: Sequence[Part], services: Services) -> Prepared:
    first, leaves = lines[0], [leaf for part in parts for leaf in part.leaves]
    lawful = sorted({one for line in lines if (one := line.judged.decision.lawful) is not None})
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
    )
    return Prepared(tuple(parts), draft)


# -- what leaves, once it is recorded


def written_answer(prepared: Prepared, appended: Appended, origin: str) -> bytes:
    """Return the answer about one person: the disclosure, and the receipt with their leaves where there are any."""
    part = prepared.parts[0]
    proof = receipt(appended, origin=origin)
    if part.leaves:
        proof["leaves"] = _shown(prepared)[0]
    return b'{"disclosure":' + part.disclosure + b',"receipt":' + canonical(proof) + b"}"


def written_lines(prepared: Prepared, refs: Sequence[str], appended: Appended, origin: str) -> list[bytes]:
    """Return a line for each person of a chunk, and last its receipt: RFC 8785 bytes, without line ends."""
    shown = _shown(prepared)
    lines = [
        b'{"disclosure":' + part.disclosure + b',"leaves":' + canonical(leaves) + b',"ref":' + canonical(ref) + b"}"
        for part, leaves, ref in zip(prepared.parts, shown, refs, strict=True)
    ]
    return [*lines, canonical({"receipt": receipt(appended, origin=origin)})]


def _shown(prepared: Prepared) -> list[list[Any]]:
    """Return each person's leaves as they are given out, with their paths."""
    paths = iter(enumerate(paths_of(prepared.draft.leaves)))
    return [
        [shown_leaf(leaf, place, path) for leaf, (place, path) in zip(part.leaves, paths, strict=False)]
        for part in prepared.parts
    ]

"""How are answers made ready to be recorded, and written once they are? Of one person, or of many in one entry."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from audit.exporting.receipt import receipt
from audit.format.commitment import seal_answer
from audit.format.entry import Kind, canonical
from audit.format.people import paths_of, shown_leaf
from audit.writing.item import Appended, Draft
from gateway.journey.answer import disclosure_of, shape_of
from gateway.journey.call import Chunk
from gateway.journey.entry_keys import KeyOf, choose_keys, given_before
from gateway.journey.entry_names import digest, facts_of, fields_of, names_of_ask
from gateway.journey.entry_of_many import begun, close_entry, parts_of, roles_of_each
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement
from gateway.journey.person import Line, Prepared, made_part, released_of, roles_of
from gateway.journey.round import Round
from schemas.decision import Record


def prepare(
    lines: Sequence[Line], services: Services, *, key_of: KeyOf, entry_id: str, retry_of: str | None = None
) -> Prepared:
    """Shape each record, write each disclosure, seal the entry. `retry_of` names the entry that this call repeats."""
    first = lines[0]
    if first.ref is None and not roles_of(first.judged):
        return _prepare_one(entry_id, first, services, key_of, retry_of)
    roles = roles_of_each(lines)
    places = accumulate((1 + len(one) for one in roles), initial=0)
    making = [begun(*one) for one in zip(places, lines, roles, strict=False)]  # there is a place more than lines
    parts = parts_of(entry_id, making, services, key_of, retry_of)
    return close_entry(entry_id, lines, parts, services)


def prepare_round(
    chunk: Chunk, judged: Sequence[Judgement], records: Sequence[Record | None], services: Services, *, is_first: bool
) -> Round:
    """Build answers and entry before the transaction, which then only has to check that they still hold."""
    refs = chunk.refs or (None,) * len(chunk.asks)
    lines = tuple(Line(*one) for one in zip(chunk.asks, judged, records, refs, strict=True))
    entry_id = services.new_id("d", judged[0].at)
    prepared = prepare(lines, services, key_of=given_before(services), entry_id=entry_id)
    return Round(chunk, lines, prepared, services, is_first=is_first)


def prepare_again(
    prepared: Prepared,
    lines: Sequence[Line],
    changed: Sequence[int],
    services: Services,
    *,
    key_of: KeyOf,
    retry_of: str | None,
) -> Prepared:
    """Return the same entry with some of its people's parts made anew: those whom a limit withholds."""
    entry_id = prepared.draft.entry_id
    parts = list(prepared.parts)
    places = list(accumulate((len(part.leaves) for part in parts), initial=0))
    again = [begun(places[number], lines[number], roles_of(lines[number].judged)) for number in changed]
    for number, part in zip(changed, parts_of(entry_id, again, services, key_of, retry_of), strict=True):
        parts[number] = part
    return close_entry(entry_id, lines, parts, services)


def _prepare_one(entry_id: str, line: Line, services: Services, key_of: KeyOf, retry_of: str | None) -> Prepared:
    judged, ask = line.judged, line.ask
    shaped = shape_of(judged, line.record, ask, services, guessed_at=line.guessed_at)
    released = released_of(shaped)
    disclosure = canonical(disclosure_of(entry_id, judged, line.record, shaped, released, ask, services))
    keys = choose_keys(judged, ask, services, key_of)
    names = {
        **names_of_ask(judged, ask, services, keys),
        "fields": (keys.controller, fields_of(shaped, services)),
        "request": (keys.subject, {"digest": ask.body_digest, "retry_of": retry_of}),
        "answer": (keys.subject, {"digest": digest(disclosure)}),
        "facts": (keys.subject, facts_of(judged, line.record, shaped, ask)),
    }
    sealed = seal_answer(entry_id, names, list(released.items()), keys.subject)
    part = made_part(disclosure, (), keys, shaped, line, permits=judged.decision.permits)
    draft = Draft(
        kind=Kind.DISCLOSURE if part.permits else Kind.REFUSAL,
        entry_id=entry_id,
        sealed=sealed,
        outcome=str(part.outcome),
        recipient=ask.caller.client.partner_id,
    )
    return Prepared((part,), draft)


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

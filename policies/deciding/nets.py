"""Does anything leave that a guardrail forbids? It was proved that nothing does: a net that catches is a bug.

But for what a guardrail has come to cover since a text was published: that withholds as a cap would, and tells of no bug.
"""

from __future__ import annotations

from collections.abc import Sequence

from policies.deciding.choosing import Row, Work, look
from policies.deciding.net_parts import Net
from schemas.agreement import Condition, RecordTerm
from schemas.decision import Decision
from schemas.reasons import TrueReason
from schemas.terms import EmergencyKind


def cast_nets(work: Work, decision: Decision, emergency: EmergencyKind | None, recipient: str) -> tuple[str, ...]:
    """Withhold all fields that a guardrail names where it would have forbidden what leaves; return its id, if proved."""
    places = tuple(range(len(work.compiled.nets))) if decision.nets is None else decision.nets
    return _cast(work, places, emergency, recipient)


def _cast(work: Work, places: tuple[int, ...], emergency: EmergencyKind | None, recipient: str) -> tuple[str, ...]:
    for place, paths in _all_reached(work, places, emergency, recipient):
        net = work.compiled.nets[place]
        if any(all(_may_hold(work, one, path) for one in net.record) for path in paths):
            reason = TrueReason.GUARDRAIL_TRIPPED if net.is_proved else TrueReason.RECORD_CAP
            for part in net.parts:
                for path, _ in part:
                    _take_back(work, path, reason)
            # The others are cast over what is left.
            told = (net.id,) if net.is_proved else ()
            return (*told, *_cast(work, places[places.index(place) + 1 :], emergency, recipient))
    return ()


def _all_reached(
    work: Work, places: tuple[int, ...], emergency: EmergencyKind | None, recipient: str
) -> Sequence[tuple[int, list[str]]]:
    """Return the nets that what leaves reaches, and the fields by which it does.

    That follows from the lines by which the fields leave, and people's fields leave by few combinations of lines: it is
    worked out once for each.
    """
    known = (places, emergency, recipient, tuple(work.lines.items()))
    found: list[tuple[int, list[str]]] | None = work.compiled.reached.find(known)
    if found is None:
        each = [(place, _reached(work, work.compiled.nets[place], emergency, recipient)) for place in places]
        found = work.compiled.reached.keep(known, [(place, paths) for place, paths in each if paths])
    return found


def _reached(work: Work, net: Net, emergency: EmergencyKind | None, recipient: str) -> list[str]:
    kind = work.compiled.rules.recipient_kinds.get(recipient)
    excepted = emergency is not None and kind in net.except_emergency
    reached = [[path for path, most in part if _is_above(work, net, path, most, excepted=excepted)] for part in net.parts]
    if net.together and not all(reached):
        return []
    return [path for part in reached for path in part]


def _is_above(work: Work, net: Net, path: str, most: int, *, excepted: bool) -> bool:
    line = work.lines.get(path)
    if line is None or (excepted and line[1] in work.compiled.emergency_lines):
        return False
    if work.compiled.power_of[work.lawful[path]] in net.except_powers:
        return False
    return work.compiled.rules.dataset.fields[path].rank(line[0]) > most


def _may_hold(work: Work, condition: Condition, path: str) -> bool:
    """Tell whether a condition is not known to be false; that of a row, in any row that the field leaves in."""
    field = work.compiled.rules.dataset.fields[path]
    is_of_rows = isinstance(condition, RecordTerm) and "." in condition.marker
    same = is_of_rows and str(condition.marker).partition(".")[0] == path.partition(".")[0]  # type: ignore[union-attr]  # a term of rows
    rows: Sequence[Row | None] = work.shown.get(path, [None]) if same else [None]
    return any(said is not False for row in rows for said in look(work, condition, field, None, row))


def _take_back(work: Work, path: str, reason: TrueReason) -> None:
    """Withhold a field; a group with all its fields, and with a group's field the rows that hold its value."""
    group = path.partition(".")[0]
    if path not in work.lines:
        return
    for one in [path, group, *(other for other in work.lines if other.startswith(group + "."))]:
        work.values.pop(one, None)
        if work.lines.pop(one, None) is not None:
            work.true_reasons[one] = reason

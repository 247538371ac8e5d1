"""Does anything leave that a guardrail forbids? It was proved that nothing does: a net that catches is a bug."""

from __future__ import annotations

from policies.choosing import Work, look
from policies.compile import Net
from schemas.agreement import Condition, RecordTerm
from schemas.decision import Decision
from schemas.terms import EmergencyKind, TrueReason


def cast_nets(work: Work, decision: Decision, emergency: EmergencyKind | None, recipient: str) -> tuple[str, ...]:
    """Withhold all fields that a guardrail names where it would have forbidden what leaves; return its id."""
    nets = work.compiled.nets
    tripped = []
    for place in range(len(nets)) if decision.nets is None else decision.nets:
        net = nets[place]
        if net.paths.isdisjoint(work.lines):
            continue
        if _catches(work, net, emergency, recipient):
            tripped.append(net.id)
            for part in net.parts:
                for path, _ in part:
                    _take_back(work, path)
    return tuple(tripped)


def _catches(work: Work, net: Net, emergency: EmergencyKind | None, recipient: str) -> bool:
    kind = work.compiled.rules.recipient_kinds.get(recipient)
    excepted = emergency is not None and kind in net.except_emergency
    reached = [[path for path, most in part if _is_above(work, net, path, most, excepted=excepted)] for part in net.parts]
    if not any(reached) or (net.together and not all(reached)):
        return False
    paths = [path for part in reached for path in part]
    return any(all(_may_hold(work, one, path) for one in net.record) for path in paths)


def _is_above(work: Work, net: Net, path: str, most: int, *, excepted: bool) -> bool:
    line = work.lines.get(path)
    if line is None or (excepted and line[1] in work.compiled.emergency_lines):
        return False
    if work.compiled.power_of[work.lawful[path]] in net.except_powers:
        return False
    return work.compiled.rules.dataset.fields[path].rank(line[0]) > most


def _may_hold(work: Work, condition: Condition, path: str) -> bool:
    """Tell whether a condition is not known to be false; that of a row, in any row that the field leaves in."""
    if not isinstance(condition, RecordTerm) or "." not in condition.marker:
        return look(work, condition, None, None) is not False
    same = condition.marker.partition(".")[0] == path.partition(".")[0]
    rows = work.shown.get(path) if same else None
    if rows is None:
        return look(work, condition, None, None) is not False
    return any(look(work, condition, None, row) is not False for row in rows)


def _take_back(work: Work, path: str) -> None:
    """Withhold a field; a group with all its fields, and with a group's field the rows that hold its value."""
    group = path.partition(".")[0]
    if path not in work.lines:
        return
    for one in [path, group, *(other for other in work.lines if other.startswith(group + "."))]:
        work.values.pop(one, None)
        if work.lines.pop(one, None) is not None:
            work.true_reasons[one] = TrueReason.GUARDRAIL_TRIPPED

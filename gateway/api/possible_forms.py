"""In which forms can a field come to this partner, whatever the person, the day and the record?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policies.deciding.compile import Compiled, CompiledLine, Lane, LaneCap
from policies.deciding.restrictions import SINCE
from schemas.agreement import Atom
from schemas.dataset import Field
from schemas.terms import RecipientKind


@dataclass(frozen=True, slots=True)
class Possible:
    """One field that a partner may have: its forms, least revealing first, and the release lines that open it."""

    field: Field
    forms: tuple[str, ...]
    lines: tuple[CompiledLine, ...]
    group: str | None


def possible_forms(compiled: Compiled, recipient: str) -> Mapping[str, Possible]:
    """Return the fields that lines release to this partner, by path; one that no line may ever release is not there.

    Ceilings of every epoch count, for a description outlives a variation's end.
    """
    kind = compiled.rules.recipient_kinds.get(recipient)
    found: dict[str, Possible] = {}
    for path, lane in compiled.lanes.items():
        lines = [line for line in lane.lines if _is_for(line, recipient, kind)]
        ranks = {rank for line in lines for rank in _ranks(compiled, lane, line, kind)} - {0}
        if ranks:
            opening = tuple(line for line in lines if _ranks(compiled, lane, line, kind) - {0})
            found[path] = Possible(lane.field, tuple(map(lane.field.form, sorted(ranks))), opening, lane.group)
    return found


def _is_for(line: CompiledLine, recipient: str, kind: RecipientKind | None) -> bool:
    return not line.to or recipient in line.to or (kind is not None and kind.value in line.to)


def _ranks(compiled: Compiled, lane: Lane, line: CompiledLine, kind: RecipientKind | None) -> set[int]:
    """Return every rank that a line may release: a cap on the record withholds, an older one may be lifted."""
    caps = [
        cap for cap in lane.caps if not cap.record and (not cap.kinds or kind in cap.kinds) and not _spares(cap, line, kind)
    ]
    lifted = [cap for cap in caps if Atom.NO_OBJECTION in cap.atoms and not compiled.rules.semantics.tightens(SINCE)]
    always, at_times = [cap.rank for cap in caps if cap not in lifted], [cap.rank for cap in lifted]
    tops = {min([line.rank, ceiling, *always]) for ceiling in lane.ceilings}
    return tops | {min(top, rank) for top in tops for rank in at_times}


def _spares(cap: LaneCap, line: CompiledLine, kind: RecipientKind | None) -> bool:
    return line.power in cap.except_powers or (line.in_emergency and kind in cap.except_emergency)

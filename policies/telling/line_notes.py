"""What would an objection, a restriction or an opt-out do to each line, and whose consent does it ask for?"""

from __future__ import annotations

from collections.abc import Iterator

from policies.deciding.compile import CompiledLine, compile_rules
from policies.deciding.restrictions import Hold, holds_back
from schemas.agreement import Atom, ConsentOf, RuleSet
from schemas.terms import OptOutScheme, RestrictionKind

_ASKED = {
    "an objection": Hold("", "", RestrictionKind.OBJECTION_PENDING),
    "a restriction": Hold("", "", RestrictionKind.ARTICLE_18),
    "an opt-out": Hold("", "", RestrictionKind.OPT_OUT),
    "the national data opt-out": Hold("", "", RestrictionKind.OPT_OUT, OptOutScheme.NATIONAL_DATA_OPT_OUT),
}


def line_notes(rules: RuleSet) -> Iterator[tuple[int, str]]:
    """Yield, for each release line, its place in the text and what people's words do to it."""
    compiled = compile_rules(rules)
    lines = {line.id: line for lane in compiled.lanes.values() for line in lane.lines}
    for written in rules.agreement.releases:
        line = lines.get(written.id)
        if line is None:
            continue
        held = [name for name, hold in _ASKED.items() if holds_back(hold, line, compiled, in_emergency=line.in_emergency)]
        passed = [name for name in _ASKED if name not in held]
        said = [f"held back by {_listed(held)}"] if held else []
        said += [f"{'not' if held else 'not held back'} by {_listed(passed)}"] if passed else []
        yield written.line, f"{', '.join(written.fields)}: {', '.join(said)}{_consent(line)}"


def _consent(line: CompiledLine) -> str:
    if Atom.CONSENT not in line.atoms:
        return ""
    if line.of is not None:
        return f"; asks the consent of {line.of}"
    whose = "everybody whom the field belongs to" if line.consent_of is ConsentOf.ALL else "the person asked about"
    return f"; asks the consent of {whose}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"

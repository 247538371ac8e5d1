"""What may be published and is still worth a second look?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.checking.lawful import fields_under, kinds_under
from policies.checking.naming_checks import naming_advice
from policies.deciding.line_meaning import ceiling_rank, kinds_of, law_of
from policies.deciding.safeguards import PREFIX
from policies.deciding.targets import covers, most
from policies.reading.places import Flaw, Step
from schemas.agreement import RECORD_ATOMS, Atom, Cap, LegalBasis, RecordTerm, ReleaseLine, RuleSet, Side
from schemas.dataset import Field
from schemas.terms import Classification, LawfulBasis, RecipientKind, Regime

# DPA 2018 section 30: these may be competent authorities; whether they are, their own statutes say.
COMPETENT: Final = frozenset(
    {RecipientKind.POLICE, RecipientKind.COUNCIL, RecipientKind.GOVERNMENT_DEPARTMENT, RecipientKind.REGULATOR}
)


def advise(rules: RuleSet) -> Iterator[Flaw]:
    """Yield what to look at again: what tells by itself, what never has an effect, what counsel should see."""
    yield from _telling_caps(rules)
    yield from _lowered_lines(rules)
    yield from _unused(rules)
    for place, law in enumerate(rules.agreement.lawful):
        yield from _law(rules, law, ("lawful", place))
    yield from _assessment(rules)
    yield from _safeguarded(rules)
    yield from naming_advice(rules)


def _safeguarded(rules: RuleSet) -> Iterator[Flaw]:
    """Say which lines the safeguards hold back, whom they are not written for: their absence may tell."""
    for place, line in enumerate(rules.agreement.releases):
        for path in line.fields:
            field = rules.dataset.fields[path]
            reaching = [cap for cap in rules.caps if cap.when and covers(cap.target, field, rules)]
            # What a core's own cap withholds already, its author knows of.
            written = {term for cap in reaching if _is_written(cap) for term in cap.when}
            caps = [cap for cap in reaching if not _is_written(cap) and not written.issuperset(cap.when)]
            if caps:
                markers = ", ".join(
                    sorted({term.marker for cap in caps for term in cap.when if isinstance(term, RecordTerm)})
                )
                yield Flaw(
                    ("releases", place, "fields"),
                    f"{path} is withheld of whoever {markers} protects, by the safeguard {caps[0].id}, which no text takes "
                    "away: where the field is always held, its absence may tell",
                    "Ask whether the partner needs the field at all.",
                )
    if rules.dataset.no_protection is not None:
        text = f"{rules.dataset.id} protects nobody from being found: {rules.dataset.no_protection}"
        yield Flaw(("dataset",), text, "Ask whether this agreement may rest on it.")


def _telling_caps(rules: RuleSet) -> Iterator[Flaw]:
    """A field that every record holds is missed where a cap on the record withholds it."""
    always = frozenset(path for key in rules.dataset.keys.values() for path in (key.name, *key.confirm))
    for place, line in enumerate(rules.agreement.releases):
        for path in line.fields:
            field = rules.dataset.fields[path]
            caps = [
                cap for cap in rules.caps if _is_written(cap) and _rests_on_record(cap) and covers(cap.target, field, rules)
            ]
            if caps and (path in always or field.derived_from in always):
                yield Flaw(
                    ("releases", place, "fields"),
                    f"nearly every record holds {path}, so its absence tells that the cap {caps[0].id} may have held",
                    "Ask whether the partner needs the field at all.",
                )


def _is_written(cap: Cap) -> bool:
    """Tell whether a cap stands in a text; of the safeguards something else is said."""
    return not cap.id.startswith(PREFIX)


def _rests_on_record(cap: Cap) -> bool:
    return any(isinstance(one, RecordTerm) or one in RECORD_ATOMS for one in cap.when)


def _lowered_lines(rules: RuleSet) -> Iterator[Flaw]:
    for place, line in enumerate(rules.agreement.releases):
        for path in line.fields:
            field = rules.dataset.fields[path]
            for cap in rules.caps:
                if _always_holds(rules, cap, line) and _lowers(rules, cap, field, line.form):
                    rank = most(field, cap.form, rules.dataset)
                    text = f"the cap {cap.id} always lowers {path} to {field.form(rank)}"
                    remedy = f"Write as: {field.form(rank)}." if rank else "Take the field out."
                    yield Flaw(("releases", place, "as"), text, remedy)


def _always_holds(rules: RuleSet, cap: Cap, line: ReleaseLine) -> bool:
    kinds = kinds_of(rules, line)
    is_spared = Atom.EMERGENCY in line.when and kinds & cap.except_emergency
    by_power = law_of(rules, line).discloser.power in cap.except_powers
    return not (cap.when or is_spared or by_power) and (not cap.recipient_kinds or kinds <= cap.recipient_kinds)


def _lowers(rules: RuleSet, cap: Cap, field: Field, form: str) -> bool:
    return covers(cap.target, field, rules) and most(field, cap.form, rules.dataset) < field.rank(form)


def _unused(rules: RuleSet) -> Iterator[Flaw]:
    agreement, fields = rules.agreement, rules.dataset.fields
    for place, law in enumerate(agreement.lawful):
        if not fields_under(rules, law):
            text = f"nothing rests on the line of law {law.id}"
            yield Flaw(("lawful", place), text, "Take it out, or name it by `under:`.")
    for place, one in enumerate(agreement.variations):
        field = fields[one.field]
        lines = [line for line in agreement.releases if one.field in line.fields]
        if not any(field.rank(line.form) > ceiling_rank(rules, field) for line in lines):
            yield Flaw(("variations", place), f"no line needs the variation of {one.field}", "Take it out.")


def _law(rules: RuleSet, law: LegalBasis, here: tuple[Step, ...]) -> Iterator[Flaw]:
    moved = rules.dataset.collected_for != rules.agreement.purpose
    if law.compatible is None and moved and law.discloser.basis is not LawfulBasis.VITAL_INTERESTS:
        text = f"the line of law {law.id} does not say why the purpose is compatible with {rules.dataset.collected_for}"
        yield Flaw(here, text, "Add `compatible:` (UK GDPR Article 5(1)(b)).")
    sides: tuple[tuple[str, Side | None], ...] = (("discloser", law.discloser), ("recipient", law.recipient))
    for name, side in sides:
        if side is not None and side.basis is LawfulBasis.LEGITIMATE_INTERESTS and side.assessment is None:
            yield Flaw((*here, name), f"the {name} names no assessment of legitimate interests", "Add `assessment:`.")
    part_3 = law.recipient is not None and law.recipient.regime is Regime.LAW_ENFORCEMENT
    others = sorted(kind.value for kind in kinds_under(rules, law) - COMPETENT)
    if part_3 and others:
        text = f"whether a {others[0]} is a competent authority under DPA 2018 Part 3 is not certain"
        yield Flaw((*here, "recipient"), text, "Check with counsel.")


def _assessment(rules: RuleSet) -> Iterator[Flaw]:
    sensitive = {Classification.SPECIAL_CATEGORY, Classification.CRIMINAL_OFFENCE}
    paths = [path for line in rules.agreement.releases for path in line.fields]
    found = [path for path in paths if rules.dataset.fields[path].classification in sensitive]
    outcome = (rules.agreement.dpia or {}).get("outcome", "not_needed")
    if found and outcome == "not_needed":
        text = f"{found[0]} is sensitive, and no data protection impact assessment is named"
        yield Flaw(("dpia",), text, "Add `dpia:`, or check with counsel (UK GDPR Article 35).")

"""How do a form, a condition and a line of law read in plain English?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from schemas.agreement import Atom, Cap, Condition, Guardrail, LegalBasis, RecordTerm, Side
from schemas.dataset import Dataset, Field
from schemas.forms import WITHHELD, FieldType
from schemas.terms import RecipientKind

_FORMS = {
    WITHHELD: "withheld",
    "present": "only whether there is one (yes, or no answer)",
    "year": "the year only",
    "month": "the year and month only",
    "years": "in whole years",
    "band": "as a band",
    "rounded": "rounded down",
    "area": "the postcode area only (as LS)",
    "district": "the postcode district only (as LS1)",
    "sector": "the postcode sector only (as LS1 4)",
    "initial": "the initial only",
    "pseudonym": "as a pseudonym",
    "group": "the group of the code only",
    "count": "only how many there are",
    "latest": "the latest only",
    "all": "every one of them",
    "full": "in full",
}
_ATOMS = {
    Atom.CONSENT: "the person's consent to it is live",
    Atom.NO_OBJECTION: "the person has not objected",
    Atom.PUBLIC_TASK_STATEMENT: "the recipient, a public authority, states its task",
    Atom.RISK_HIGH: "the risk is high and its assessment is named",
    Atom.EMERGENCY: "the caseworker declares an emergency",
    Atom.ADULT: "the person is known to be an adult",
    Atom.CHILD: "the person is known to be a child",
    Atom.DECEASED: "the person is known to have died",
}
_PARTS = (("Y", "year"), ("M", "month"), ("W", "week"), ("D", "day"))
_TIMES = (("H", "hour"), ("M", "minute"))


def spoken(word: str) -> str:
    """Return a slug or name as words."""
    return word.replace("_", " ").replace("-", " ")


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return "a, b and c"."""
    *first, final = words
    return f"{', '.join(first)} {last} {final}" if first else final


def form_text(field: Field, form: str) -> str:
    """Return how a field looks in a form."""
    if form.startswith("over_"):
        return f"only whether over {form.removeprefix('over_')} (yes, no, or no answer)"
    if field.type is FieldType.BOOLEAN and form == "full":
        return "yes or no"
    return _FORMS[form]


def field_text(field: Field) -> str:
    """Return a field's label, with its name for who reads the text beside it."""
    return f"{field.label} ({field.path})"


def condition_text(condition: Condition, dataset: Dataset) -> str:
    """Return a condition as half a sentence."""
    if isinstance(condition, Atom):
        return _ATOMS[condition]
    return f"the record says that {dataset.fields[condition.marker].label} is {_value(condition)}"


def after_when(when: tuple[Condition, ...], dataset: Dataset) -> str:
    """Return the conditions of a line, as the end of its sentence."""
    if not when:
        return ""
    return f", only if {listed([condition_text(one, dataset) for one in when])}"


def law_text(law: LegalBasis) -> str:
    """Return both sides of a line of law as one sentence."""
    recipient = f"; the recipient {_side(law.recipient)}" if law.recipient else "; the recipient acts on contract"
    return f"the controller {_side(law.discloser)}{recipient}."


def _side(side: Side) -> str:
    more = [
        f"{what} {value}"
        for what, value in (
            ("power", side.power),
            ("assessment", side.assessment),
            ("condition", spoken(side.condition.value) if side.condition else None),
            ("Schedule 1", side.schedule_1),
            ("policy document", side.policy_document),
            ("official authority", side.official_authority),
        )
        if value
    ]
    return f"relies on {spoken(side.basis.value)}" + (f" ({', '.join(more)})" if more else "")


def rule_text(rule: Cap | Guardrail) -> str:
    """Return what a cap or guardrail is called, when it counts and when it does not."""
    said = [f"{'cap' if isinstance(rule, Cap) else 'guardrail'} {rule.id}"]
    if rule.when:
        said.append(f"counts unless it is known to be otherwise that {listed(map(_term, rule.when))}")
    if rule.recipient_kinds:
        said.append(f"for {_kinds(rule.recipient_kinds)}")
    if rule.except_emergency:
        said.append(f"except for {_kinds(rule.except_emergency)} in an emergency")
    if rule.except_powers:
        said.append(f"except under {listed(sorted(rule.except_powers), 'or')}")
    return "; ".join(said)


def _term(condition: Condition) -> str:
    return condition.value if isinstance(condition, Atom) else f"{condition.marker} is {_value(condition)}"


def _value(term: RecordTerm) -> str:
    if isinstance(term.value, bool):
        return "yes" if term.value else "no"
    return term.value


def _kinds(kinds: frozenset[RecipientKind]) -> str:
    return listed(sorted(spoken(one.value) for one in kinds))


def duration_text(duration: str) -> str:
    """Return an ISO 8601 duration in words: "P1Y6M" is "1 year and 6 months"."""
    days, _, hours = duration.removeprefix("P").partition("T")
    said = []
    for text, units in ((days, _PARTS), (hours, _TIMES)):
        for letter, word in units:
            found = re.search(rf"(\d+){letter}", text)
            if found:
                count = int(found[1])
                said.append(f"{count} {word}" if count == 1 else f"{count} {word}s")
    return listed(said)


def day_text(on: date) -> str:
    """Return a day as a letter has it."""
    return f"{on.day} {on:%B %Y}"

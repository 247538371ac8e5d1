"""What does a release line mean: on which law, for whom, under which conditions, below which ceiling?"""

from __future__ import annotations

from schemas.agreement import Atom, Condition, LegalBasis, ReleaseLine, RuleSet
from schemas.dataset import Field
from schemas.terms import RecipientKind


def law_of(rules: RuleSet, line: ReleaseLine) -> LegalBasis:
    """Return the line of law that a release line rests on: the first, unless it names another."""
    laws = rules.agreement.lawful
    return next((one for one in laws if one.id == line.under), laws[0])


def receivers(rules: RuleSet, line: ReleaseLine) -> frozenset[str]:
    """Return the recipients that a line is for."""
    return frozenset(
        name for name, kind in rules.recipient_kinds.items() if not line.to or name in line.to or kind.value in line.to
    )


def kinds_of(rules: RuleSet, line: ReleaseLine) -> frozenset[RecipientKind]:
    """Return the kinds of recipient that a line is for."""
    return frozenset(rules.recipient_kinds[name] for name in receivers(rules, line))


def effective(line: ReleaseLine) -> frozenset[Condition]:
    """Return the conditions that count: an emergency waives consent on the lines that name it."""
    found = frozenset(line.when)
    return found - {Atom.CONSENT} if Atom.EMERGENCY in found else found


def ceiling_rank(rules: RuleSet, field: Field) -> int:
    """Return the rank of the ceiling without variations."""
    return field.rank(rules.ceiling.get(field.path, "withheld"))

"""What do a person's objection, restriction or opt-out hold back? Each has its own law, and holds back what that says.

A restriction (UK GDPR Article 18) holds back every line but those `despite` it; an objection (Article 21) lines whose
discloser rests on public task or legitimate interests; an opt-out those of its scheme's purposes. An emergency's own
lines survive all three, unless they say that they heed one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from policies.deciding.compile import Compiled, CompiledLine
from schemas.agreement import Atom
from schemas.consent import Restriction
from schemas.dataset import Field
from schemas.request import Circumstances
from schemas.terms import Despite, LawfulBasis, OptOutScheme, RestrictionKind, RestrictionLaw

SINCE: Final = 2  # the semantics in which each has its own law, and one on an age holds back the date it derives from

LAW_OF: Final[Mapping[RestrictionKind, RestrictionLaw]] = {
    RestrictionKind.ARTICLE_18: RestrictionLaw.RESTRICTION,
    RestrictionKind.ACCURACY_DISPUTED: RestrictionLaw.RESTRICTION,  # Article 18(1)(a)
    RestrictionKind.OBJECTION_PENDING: RestrictionLaw.OBJECTION,
    RestrictionKind.OBJECTION_UPHELD: RestrictionLaw.OBJECTION,
    RestrictionKind.OPT_OUT: RestrictionLaw.OPT_OUT,
}
# What people may object to: UK GDPR Article 21(1).
OBJECTIONABLE: Final = frozenset(
    {LawfulBasis.PUBLIC_TASK, LawfulBasis.LEGITIMATE_INTERESTS, LawfulBasis.RECOGNISED_LEGITIMATE_INTEREST}
)
# The first semantics: what a restriction yielded to, whatever a line rested on.
SURVIVES: Final[Mapping[RestrictionKind, frozenset[Despite]]] = {
    RestrictionKind.ARTICLE_18: frozenset(Despite),
    RestrictionKind.ACCURACY_DISPUTED: frozenset(Despite),
    RestrictionKind.OBJECTION_PENDING: frozenset(Despite),
    RestrictionKind.OBJECTION_UPHELD: frozenset({Despite.LEGAL_CLAIM}),
    RestrictionKind.OPT_OUT: frozenset({Despite.IMPORTANT_PUBLIC_INTEREST}),
}


@dataclass(frozen=True, slots=True)
class Hold:
    """A restriction that is live, of one person and path."""

    person: str
    path: str
    kind: RestrictionKind
    scheme: OptOutScheme | None = None
    purposes: frozenset[str] = frozenset()


Held = frozenset[Hold]


def restricted(compiled: Compiled, c: Circumstances) -> Held:
    """Return what live restrictions are about, per person and field: with what derives from it, and what it derives from.

    Whoever holds back their age holds back the birth date, which tells it.
    """
    if not any(c.restrictions.values()):
        return frozenset()
    names = {path: _kin(path, compiled) for path in compiled.lanes}
    return frozenset(
        Hold(person, path, one.kind, one.scheme, one.purposes)
        for person, records in c.restrictions.items()
        for one in records
        if _is_live(one, c)
        for path, kin in names.items()
        if not one.fields or kin & one.fields
    )


def _kin(path: str, compiled: Compiled) -> frozenset[str | None]:
    """Return by which fields' names somebody holds a field back."""
    field = compiled.rules.dataset.fields[path]
    kin = field.kin if compiled.rules.semantics.tightens(SINCE) else frozenset()
    return frozenset({path, field.derived_from, path.partition(".")[0], *kin})


def _is_live(one: Restriction, c: Circumstances) -> bool:
    return is_in_force(one, c.at) and (not one.recipients or c.recipient in one.recipients)


def is_in_force(one: Restriction, at: datetime) -> bool:
    """Tell whether a restriction that was not lifted holds anything back at an instant."""
    begun = one.from_at <= at and (one.until is None or at < one.until)
    return begun and one.decided is None


def holds_on(field: Field, held: Held) -> list[Hold]:
    """Return the holds of every person that a field belongs to."""
    return [one for one in held if one.path == field.path and field.of in {None, one.person}]


def objecting(field: Field, held: Held) -> frozenset[str]:
    """Return who, of those whom a field belongs to, has objected to its use, or opted out."""
    return frozenset(one.person for one in holds_on(field, held) if LAW_OF[one.kind] is not RestrictionLaw.RESTRICTION)


def holding_back(line: CompiledLine, field: Field, held: Held, compiled: Compiled, *, in_emergency: bool) -> frozenset[str]:
    """Return for whose word a line stays. `in_emergency`: it is one of an emergency that counts."""
    if not held:
        return frozenset()
    if not compiled.rules.semantics.loosens(SINCE):
        return frozenset(one.person for one in holds_on(field, held) if not line.despite & SURVIVES[one.kind])
    return frozenset(
        one.person for one in holds_on(field, held) if holds_back(one, line, compiled, in_emergency=in_emergency)
    )


def holds_back(hold: Hold, line: CompiledLine, compiled: Compiled, *, in_emergency: bool) -> bool:
    """Tell whether one hold keeps back one line."""
    law = LAW_OF[hold.kind]
    if in_emergency and law not in line.heeds:
        return False
    if law is RestrictionLaw.RESTRICTION:
        return not line.despite
    if law is RestrictionLaw.OBJECTION:
        return line.basis in OBJECTIONABLE and not line.exempt
    return _opted_out(hold, line, compiled)


def _opted_out(hold: Hold, line: CompiledLine, compiled: Compiled) -> bool:
    agreement = compiled.rules.agreement
    if hold.scheme is OptOutScheme.NATIONAL_DATA_OPT_OUT:
        # It is about planning and research: not direct care, not what law requires, not what consent covers.
        is_required = line.basis is LawfulBasis.LEGAL_OBLIGATION
        return not (agreement.direct_care or is_required or Atom.CONSENT in line.atoms)
    if Despite.IMPORTANT_PUBLIC_INTEREST in line.despite:
        return False
    # Without a scheme's purposes an opt-out is from everything.
    return not hold.purposes or agreement.purpose in hold.purposes

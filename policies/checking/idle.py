"""Can every release line matter, or does another always give as much?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as member
from itertools import combinations

from policies.deciding.compile import consent_kinds
from policies.deciding.line_meaning import effective, law_of, receivers
from policies.deciding.restrictions import OBJECTIONABLE
from policies.deciding.targets import covers
from policies.reading.places import Flaw
from schemas.agreement import Atom, Condition, ReleaseLine, RuleSet
from schemas.dataset import Field
from schemas.terms import ConsentKind, LawfulBasis


@dataclass(frozen=True, slots=True)
class _Reach:
    """When one line gives how much of one field."""

    line: ReleaseLine
    rank: int
    when: frozenset[Condition]
    to: frozenset[str]
    roles: frozenset[str] | None  # None: every role
    power: str | None
    basis: LawfulBasis
    consent: frozenset[ConsentKind] = member(default_factory=frozenset)


def idle_flaws(rules: RuleSet) -> Iterator[Flaw]:
    """Yield each field of a line that another line always gives as much of. Takes known fields and forms for granted."""
    for path in dict.fromkeys(path for line in rules.agreement.releases for path in line.fields):
        field = rules.dataset.fields[path]
        caps = [cap for cap in rules.caps if covers(cap.target, field, rules)]
        powers = {power for cap in caps for power in cap.except_powers}
        spared = {Atom.CONSENT for cap in caps if cap.except_own_consent}
        reaches = [_reach(rules, field, line) for line in rules.agreement.releases if path in line.fields]
        told: set[str] = set()
        for first, second in combinations(reaches, 2):
            if second.line.id not in told and _always_gives(first, second, powers, spared=spared):
                told.add(second.line.id)
                yield _idle(path, second, first)
            elif first.line.id not in told and _always_gives(second, first, powers, spared=spared):
                told.add(first.line.id)
                yield _idle(path, first, second)


def _idle(path: str, idle: _Reach, other: _Reach) -> Flaw:
    place = int(idle.line.id.partition("/")[2]) - 1
    same = idle.rank == other.rank and idle.when == other.when
    what = "stands here twice under the same conditions" if same else "can never matter"
    return Flaw(
        ("releases", place),
        f"{path} as {idle.line.form} {what}: the line of {other.line.id} always gives as much",
        "Take the field out of one of the two.",
    )


def _reach(rules: RuleSet, field: Field, line: ReleaseLine) -> _Reach:
    law = law_of(rules, line)
    asked = frozenset(line.roles or rules.agreement.roles)
    return _Reach(
        line=line,
        rank=field.rank(line.form),
        when=effective(line),
        to=receivers(rules, line),
        roles=asked or None,
        power=law.discloser.power,
        basis=law.discloser.basis,
        consent=consent_kinds(field, law) if Atom.CONSENT in effective(line) else frozenset(ConsentKind),
    )


def _always_gives(one: _Reach, other: _Reach, powers: set[str], *, spared: set[Atom]) -> bool:
    """Tell whether one line gives at least as much of a field as the other whenever the other gives any.

    A cap that yields to a power, in an emergency or to consent holds the one back where it lets the other through.
    """
    # An emergency's own line survives what people have said, and so gives where no other does.
    is_spared = any(atom in other.line.when and atom not in one.line.when for atom in {Atom.EMERGENCY, *spared})
    return not is_spared and (
        one.rank >= other.rank
        and one.when <= other.when
        and one.to >= other.to
        and (one.roles is None or (other.roles is not None and one.roles >= other.roles))
        and one.line.of == other.line.of
        and one.line.despite >= other.line.despite
        and (one.line.exempt is not None or other.line.exempt is None)
        and one.line.heeds <= other.line.heeds
        and (not one.line.emergencies or bool(other.line.emergencies and one.line.emergencies >= other.line.emergencies))
        and (one.basis not in OBJECTIONABLE or other.basis in OBJECTIONABLE)
        and one.consent >= other.consent
        and (other.power not in powers or one.power == other.power)
    )

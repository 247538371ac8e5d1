"""How far may each field go before a guardrail is reached, and which nets are compiled of that?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from policies.deciding.targets import covered_by, most
from schemas.agreement import RECORD_ATOMS, Atom, Condition, Guardrail, RuleSet
from schemas.dataset import Dataset, Field
from schemas.forms import CHAINS
from schemas.terms import RecipientKind

KIN_SINCE: Final = 2  # the semantics in which a birth date may not leave beside something that its age may not leave beside
Part = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Net:
    """A guardrail, compiled in once more. A part is reached where a field of it goes above its rank.

    It catches where any part is reached, or, of `together`, where all of them are.
    """

    id: str
    together: bool
    parts: tuple[Part, ...]
    paths: frozenset[str]  # of all parts
    atoms: tuple[Atom, ...]
    record: tuple[Condition, ...]
    kinds: frozenset[RecipientKind]
    except_emergency: frozenset[RecipientKind]
    except_powers: frozenset[str]
    is_proved: bool = True  # False: what it has come to cover since the text was published, which withholds and is no bug


def nets_of(guardrail: Guardrail, rules: RuleSet) -> Iterator[Net]:
    """Yield a guardrail's net, and beside it what it has come to cover since an older text was proved."""
    wide = net_parts(guardrail, rules)
    proved = wide if rules.semantics.loosens(KIN_SINCE) else net_parts(guardrail, rules, widely=False)
    yield _net(guardrail, proved)
    if proved != wide:
        yield replace(_net(guardrail, wide), is_proved=False)


def _net(guardrail: Guardrail, parts: tuple[Part, ...]) -> Net:
    atoms, record = split(guardrail.when)
    return Net(
        id=guardrail.id,
        together=bool(guardrail.together),
        parts=parts,
        paths=frozenset(path for part in parts for path, _ in part),
        atoms=atoms,
        record=record,
        kinds=guardrail.recipient_kinds,
        except_emergency=guardrail.except_emergency,
        except_powers=guardrail.except_powers,
    )


def split(when: tuple[Condition, ...]) -> tuple[tuple[Atom, ...], tuple[Condition, ...]]:
    """Part what is known at request time from what only the record tells."""
    atoms = tuple(one for one in when if isinstance(one, Atom) and one not in RECORD_ATOMS)
    return atoms, tuple(one for one in when if one not in atoms)


def net_parts(guardrail: Guardrail, rules: RuleSet, *, widely: bool = True) -> tuple[Part, ...]:
    """Return, for each part of a guardrail, the most that each field may reach without that part being reached.

    Not `widely`: of what may not leave together, as texts of the first semantics were proved.
    """
    dataset = rules.dataset
    if guardrail.target is not None:
        above = guardrail.above or "withheld"
        return tuple(((one.path, most(one, above, dataset)),) for one in covered_by(guardrail.target, rules))
    # A rule over all of a council's datasets may name a field that this one lacks: then it can't happen here.
    if any(path not in dataset.fields for path in guardrail.together):
        return ()
    widely = widely and rules.semantics.tightens(KIN_SINCE)
    return tuple(_part(dataset.fields[path], form, dataset, widely=widely) for path, form in guardrail.together.items())


def _part(named: Field, form: str, dataset: Dataset, *, widely: bool) -> Part:
    fields = dataset.fields.values()
    kin = [one for one in fields if named.path in {one.path, one.derived_from} or (widely and one.path in named.kin)]
    below = _below(named, form)
    return tuple((one.path, below if one is named else most(one, named.form(below), dataset)) for one in kin)


def _below(field: Field, form: str) -> int:
    """Return the highest rank that is less revealing than a form, which the dataset may have left out."""
    if form in field.chain:
        return field.rank(form) - 1
    known = CHAINS[field.type]
    less = known[: known.index(form)] if form in known else ()
    return max((field.rank(one) for one in less if one in field.chain), default=0)

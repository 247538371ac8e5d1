"""Are the followed cores there, are they for this agreement, and do their rules make sense over this dataset?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from policies.findings import did_you_mean
from policies.places import Flaw
from policies.targets import covered
from schemas.agreement import RECORD_ATOMS, Agreement, Cap, Condition, Core, Guardrail, RecordTerm, Target
from schemas.dataset import WITHHELD, Dataset, Field
from schemas.terms import RecipientKind

_CEILING_NEEDED = "Follow a core that sets a ceiling: without one, everything is withheld."


def core_flaws(
    agreement: Agreement, dataset: Dataset, cores: tuple[Core, ...], kinds: Mapping[str, RecipientKind]
) -> Iterator[Flaw]:
    """Yield what is wrong between an agreement and the cores that bind it."""
    known = {(core.id, core.version): core for core in cores}
    for place, (name, version) in enumerate(agreement.follows):
        core = known.get((name, version))
        if core is None:
            published = [f"{core.id}@{core.version}" for core in cores if not core.is_council]
            remedy = did_you_mean(f"{name}@{version}", published) if published else "Publish the core first."
            yield Flaw(("follows", place), f"core {name}@{version} is not published", remedy)
        elif core.is_council:
            yield Flaw(("follows", place), f"{name} are council rules", "Take it out: they hold for every agreement.")
        else:
            yield from _scope_flaws(agreement, core, kinds, place)
    followed = [known[one] for one in agreement.follows if one in known]
    if followed and all(core.ceiling is None for core in followed):
        yield Flaw(("follows",), "no followed core sets a ceiling", _CEILING_NEEDED)
    for core in cores:
        yield from _rule_flaws(core, dataset)


def _scope_flaws(agreement: Agreement, core: Core, kinds: Mapping[str, RecipientKind], place: int) -> Iterator[Flaw]:
    name = f"core {core.id}@{core.version}"
    if core.purpose not in {None, agreement.purpose}:
        yield Flaw(("purpose",), f"{name} is for the purpose {core.purpose}", "Follow a core for this purpose.")
    if core.dataset not in {None, agreement.dataset[0]}:
        yield Flaw(("follows", place), f"{name} is for the dataset {core.dataset}", "Follow a core for this dataset.")
    for number, recipient in enumerate(agreement.recipients):
        kind = kinds.get(recipient)
        if kind is not None and core.recipient_kinds and kind not in core.recipient_kinds:
            yield Flaw(
                ("recipients", number),
                f"{recipient} is a {kind.value}, and {name} is for {_listed(core.recipient_kinds)}",
                "Make an agreement of its own for this recipient.",
            )


def _listed(kinds: Iterable[RecipientKind]) -> str:
    return ", ".join(sorted(one.value for one in kinds))


# -- a core's own rules, over this dataset


def _rule_flaws(core: Core, dataset: Dataset) -> Iterator[Flaw]:
    # A core for one dataset must fit it word for word: a rule on a misspelt field would guard nothing.
    # One that is for every dataset may name what this one does not have.
    is_for_this = core.dataset == dataset.id
    for path, form in (core.ceiling or {}).items():
        if is_for_this:
            yield from _named(core, "the ceiling", path, form, dataset)
    rules: tuple[Cap | Guardrail, ...] = (*core.caps, *core.guardrails)
    for rule in rules:
        what = f"{'cap' if isinstance(rule, Cap) else 'guardrail'} {rule.id}"
        if is_for_this:
            for path, form in _names(rule):
                yield from _named(core, what, path, form, dataset)
        if _bears_on(rule, dataset):
            for condition in rule.when:
                yield from _marker_named(core, what, condition, dataset)
        if isinstance(rule, Cap) and rule.form != WITHHELD and any(map(_is_of_record, rule.when)):
            yield _flaw(
                core,
                f"{what} rests on the record and lowers to {rule.form}, which would tell what the record says",
                "Such a cap must say `as: withheld`.",
            )


def _names(rule: Cap | Guardrail) -> Iterator[tuple[str, str]]:
    if isinstance(rule, Guardrail):
        yield from rule.together.items()
    form = rule.form if isinstance(rule, Cap) else rule.above or WITHHELD
    for path in (rule.target or Target()).fields:
        yield path, form


def _bears_on(rule: Cap | Guardrail, dataset: Dataset) -> bool:
    if isinstance(rule, Cap) or rule.target is not None:
        return bool(covered(rule.target or Target(), dataset))
    return all(path in dataset.fields for path in rule.together)


def _named(core: Core, what: str, path: str, form: str, dataset: Dataset) -> Iterator[Flaw]:
    field = dataset.fields.get(path)
    if field is None:
        yield _flaw(core, f"{what} names an unknown field {path}", did_you_mean(path, dataset.fields))
    elif form != WITHHELD and form not in field.chain:
        yield _flaw(core, f"{what}: {path} has no form {form}", did_you_mean(form, (WITHHELD, *field.chain)))


def _marker_named(core: Core, what: str, condition: Condition, dataset: Dataset) -> Iterator[Flaw]:
    if isinstance(condition, RecordTerm):
        flaw = marker_flaw(condition, dataset)
        if flaw is not None:
            yield _flaw(core, f"{what} {flaw[0]}", flaw[1])


def marker_flaw(term: RecordTerm, dataset: Dataset) -> tuple[str, str] | None:
    """Return what is wrong with a marker's name or value, and the remedy."""
    field = dataset.fields.get(term.marker)
    markers = [path for path, one in dataset.fields.items() if one.marker]
    if field is None:
        return f"rests on an unknown marker {term.marker}", did_you_mean(term.marker, markers)
    if not field.marker:
        return f"rests on {term.marker}, which is no marker", "Mark it in the dataset with `marker: true`, or name another."
    if _takes(field, term.value):
        return None
    return f"compares {term.marker} with {term.value}, which it can't be", _values(field)


def _takes(field: Field, value: bool | str) -> bool:  # noqa: FBT001 -- a marker's value
    if isinstance(value, bool):
        return field.type.value == "boolean"
    return field.type.value == "code" and (field.code_groups is None or value in field.code_groups)


def _values(field: Field) -> str:
    if field.type.value == "boolean":
        return "Write true or false."
    return f"Write one of: {', '.join(sorted(field.code_groups))}." if field.code_groups else "Write a code in quotes."


def _is_of_record(condition: Condition) -> bool:
    return isinstance(condition, RecordTerm) or condition in RECORD_ATOMS


def _flaw(core: Core, message: str, remedy: str) -> Flaw:
    kind = "council rules" if core.is_council else "core"
    return Flaw(("follows",), f"{kind} {core.id}@{core.version}: {message}", f"In its text: {remedy}")

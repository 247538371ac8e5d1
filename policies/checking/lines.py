"""Can every release line stand: does it name what exists, and stay under the ceiling?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from policies.checking.core_rules import marker_flaw
from policies.checking.vacuous import contradicts
from policies.deciding.line_meaning import ceiling_rank
from policies.reading.findings import did_you_mean, nearest
from policies.reading.places import Flaw, Step
from schemas.agreement import Atom, RecordTerm, ReleaseLine, RuleSet
from schemas.dataset import Field
from schemas.forms import SHOWS_ROWS

MOST_LINES = 500


def line_flaws(rules: RuleSet, doubts: Collection[str] = frozenset()) -> Iterator[Flaw]:
    """Yield what keeps release lines from standing, each for itself. Of what is in doubt nothing is said to be missing."""
    agreement = rules.agreement
    if len(agreement.releases) > MOST_LINES:
        yield Flaw(("releases",), f"more than {MOST_LINES} release lines", "Make two agreements.")
        return
    for place, line in enumerate(agreement.releases):
        yield from _own_flaws(rules, line, place, doubts)


def bound_flaws(rules: RuleSet) -> Iterator[Flaw]:
    """Yield what is above the ceiling, and forms that rows can't have. Takes known fields and forms for granted."""
    yield from _ceiling_flaws(rules)
    yield from _row_flaws(rules)


def sound(rules: RuleSet, flaws: Iterable[Flaw], *, in_bounds: bool = False) -> RuleSet:
    """Return the rules without what is wrong with their lines, so that the rest can be looked at; each keeps its place.

    Each flaw is of one line, and names its place.
    """
    hit: dict[Step, list[tuple[Step, ...]]] = {}
    for flaw in flaws:
        hit.setdefault(flaw.way[1], []).append(flaw.way[2:])
    lines = enumerate(rules.agreement.releases)
    kept = tuple(_sound(rules, line, hit.get(place, []), in_bounds=in_bounds) for place, line in lines)
    return replace(rules, agreement=replace(rules.agreement, releases=kept))


def _sound(rules: RuleSet, line: ReleaseLine, ways: list[tuple[Step, ...]], *, in_bounds: bool) -> ReleaseLine:
    if not line.form or any(not way or way[0] not in {"fields", "as"} for way in ways):
        return replace(line, fields=(), when=())
    lost = {way[1] for way in ways if way[0] == "fields"}
    fields = [path for number, path in enumerate(line.fields) if number not in lost and _has_form(rules, path, line.form)]
    if in_bounds:
        fields = [path for path in fields if _is_in_bounds(rules, rules.dataset.fields[path], line.form)]
    return replace(line, fields=tuple(fields))


def _has_form(rules: RuleSet, path: str, form: str) -> bool:
    field = rules.dataset.fields.get(path)
    return field is not None and form in field.chain


# -- what a line names


def _own_flaws(rules: RuleSet, line: ReleaseLine, place: int, doubts: Collection[str]) -> Iterator[Flaw]:
    agreement, dataset = rules.agreement, rules.dataset
    here: tuple[Step, ...] = ("releases", place)
    for number, path in enumerate(line.fields):
        yield from _field_flaws(rules, line, path, (*here, "fields", number), (*here, "as"), doubts)
    laws = [one.id for one in agreement.lawful]
    if line.under is not None and line.under not in laws and "" not in laws:
        yield Flaw((*here, "under"), f"no line of law is called {line.under}", did_you_mean(line.under, laws))
    if Atom.EMERGENCY in line.when and line.under is None:
        yield Flaw(here, "an emergency needs a line of law of its own", "Name it: `under: …`.")
    if line.of is not None and line.of not in dataset.people:
        yield Flaw((*here, "of"), f"no person of the record is called {line.of}", did_you_mean(line.of, dataset.people))
    kinds = {one.value for one in rules.recipient_kinds.values()}
    for number, name in enumerate(() if "recipients" in doubts else line.to):
        if name not in {*agreement.recipients, *kinds}:
            remedy = did_you_mean(name, [*agreement.recipients, *kinds])
            yield Flaw((*here, "to", number), f"{name} is neither a recipient of the agreement nor a kind of one", remedy)
    for number, role in enumerate(() if "roles" in doubts else line.roles):
        if agreement.roles and role not in agreement.roles:
            remedy = did_you_mean(role, agreement.roles)
            yield Flaw((*here, "roles", number), f"the agreement names no role {role}", remedy)
    yield from _condition_flaws(rules, line, (*here, "when"))


def _field_flaws(
    rules: RuleSet,
    line: ReleaseLine,
    path: str,
    at_field: tuple[Step, ...],
    at_form: tuple[Step, ...],
    doubts: Collection[str],
) -> Iterator[Flaw]:
    dataset = rules.dataset
    field = dataset.fields.get(path)
    if field is None:
        text = f"dataset {dataset.id}@{dataset.version} has no field {path}"
        yield Flaw(at_field, text, did_you_mean(path, dataset.fields))
        meant = nearest(path, dataset.fields)
        if meant is not None:
            yield from _form_flaws(line.form, dataset.fields[meant], at_form)
        return
    yield from _form_flaws(line.form, field, at_form)
    if line.of is not None and field.of not in {None, line.of}:
        yield Flaw(at_field, f"{path} is {field.of}'s own, not {line.of}'s", f"Write `of: {field.of}`.")
    group = path.partition(".")[0]
    if (
        "." in path
        and "releases" not in doubts
        and not any(group in one.fields and one.form in SHOWS_ROWS for one in rules.agreement.releases)
    ):
        yield Flaw(at_field, f"no line releases the rows of {group}", f"Release {group} as latest or all, too.")


def _form_flaws(form: str, field: Field, at_form: tuple[Step, ...]) -> Iterator[Flaw]:
    if form and form not in field.chain:
        yield Flaw(at_form, f"{field.path} has no form {form}", did_you_mean(form, field.chain))


def _condition_flaws(rules: RuleSet, line: ReleaseLine, here: tuple[str | int, ...]) -> Iterator[Flaw]:
    for condition in line.when:
        flaw = marker_flaw(condition, rules.dataset) if isinstance(condition, RecordTerm) else None
        if flaw is not None:
            yield Flaw(here, f"the line {flaw[0]}", flaw[1])
    if contradicts(frozenset(line.when)):
        yield Flaw(here, "these conditions can never hold together", "Take one of them out.")


def _row_flaws(rules: RuleSet) -> Iterator[Flaw]:
    """All rows show a field in one form: were it their markers' to choose, a hidden row would open the others."""
    forms: dict[str, set[str]] = {}
    for line in rules.agreement.releases:
        for path in line.fields:
            forms.setdefault(path, set()).add(line.form)
    for place, line in enumerate(rules.agreement.releases):
        by_row = any(isinstance(one, RecordTerm) and "." in one.marker for one in line.when)
        several = [path for path in line.fields if len(forms[path]) > 1]
        if by_row and several:
            text = f"{several[0]} has several forms, and this line rests on a marker of a row"
            yield Flaw(("releases", place, "when"), text, "Give all lines of the field one form.")


# -- ceiling and variations


def _ceiling_flaws(rules: RuleSet) -> Iterator[Flaw]:
    for place, line in enumerate(rules.agreement.releases):
        for path in line.fields:
            field = rules.dataset.fields[path]
            if _is_in_bounds(rules, field, line.form):
                continue
            allowed = rules.ceiling.get(path, "withheld")
            yield Flaw(
                ("releases", place, "as"),
                f"{path} as {line.form} is above the ceiling {allowed}",
                f"Write as: {allowed}, or add an approved variation." if path in rules.ceiling else "Take the field out.",
            )


def _is_in_bounds(rules: RuleSet, field: Field, form: str) -> bool:
    return field.rank(form) <= max(ceiling_rank(rules, field), _varied(rules, field))


def _varied(rules: RuleSet, field: Field) -> int:
    agreement = rules.agreement
    live = [one for one in agreement.variations if one.field == field.path and one.ends_on >= agreement.starts_on]
    return max((field.rank(one.form) for one in live if one.form in field.chain), default=0)


def variation_flaws(rules: RuleSet) -> Iterator[Flaw]:
    """Yield what keeps approved variations from standing."""
    seen = set()
    for place, one in enumerate(rules.agreement.variations):
        if not one.field:  # it can't be read, and was told of
            continue
        here = ("variations", place)
        field = rules.dataset.fields.get(one.field)
        if field is None:
            text = f"the dataset has no field {one.field}"
            yield Flaw((*here, "field"), text, did_you_mean(one.field, rules.dataset.fields))
        elif one.form not in field.chain:
            yield Flaw((*here, "as"), f"{one.field} has no form {one.form}", did_you_mean(one.form, field.chain))
        elif field.rank(one.form) <= ceiling_rank(rules, field):
            text = f"{one.field} as {one.form} is not above the ceiling {rules.ceiling[one.field]}"
            yield Flaw((*here, "as"), text, "Take the variation out.")
        if one.ends_on < rules.agreement.starts_on:
            yield Flaw((*here, "ends_on"), "the variation ends before the agreement starts", "Mend the day.")
        if (one.field, one.form) in seen:
            yield Flaw(here, f"{one.field} as {one.form} is varied twice", "Keep one of them.")
        seen.add((one.field, one.form))

"""What does not fit between a mapping and its dataset, and what does it leave out?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from gateway.sources.columns import Column
from gateway.sources.composite import ASKED_FOR
from gateway.sources.dates import format_flaw, tells_days_alone
from gateway.sources.export import Export
from gateway.sources.mapping import Mapping, mapped_paths, offered_keys
from gateway.sources.upstream import Upstream
from policies.reading.findings import Finding, did_you_mean, nearest
from policies.reading.places import Flaw, located
from schemas.dataset import Dataset, Field, Key
from schemas.forms import FieldType


def mapping_findings(mapping: Mapping, dataset: Dataset, broken: Collection[str] = ()) -> tuple[Finding, ...]:
    """Return what does not fit between a mapping and its dataset, and as warnings what it leaves out.

    `broken` are members that could not be read whole: of these it is not said what they lack.
    """
    errors = [
        *_unknown(mapping, dataset),
        *_missing(mapping, dataset, broken),
        *(_asked_by(mapping, dataset) if not {"csv", "http"} & set(broken) else ()),
        *_unfit(mapping, dataset),
    ]
    if mapping.dataset != f"{dataset.id}@{dataset.version}" and "dataset" not in broken:
        text = f"maps {mapping.dataset}, not {dataset.id}@{dataset.version}"
        errors.append(Flaw(("dataset",), text, "Name the version."))
    return (*located(mapping.text, errors), *located(mapping.text, _left_out(mapping, dataset), "warning"))


def _unknown(mapping: Mapping, dataset: Dataset) -> Iterator[Flaw]:
    plain = [path for path in dataset.fields if "." not in path and path not in dataset.groups]
    checks: list[tuple[tuple[str, ...], Iterable[str], Iterable[str]]] = [
        (("fields",), mapping.fields, plain),
        (("groups",), mapping.groups, dataset.groups),
        (("people",), mapping.people, dataset.people),
        (("keys",), [*mapping.keys, *mapping.asked_by], dataset.keys),
        (("confirm",), mapping.confirm, {one for key in dataset.keys.values() for one in key.confirm}),
    ]
    checks += [(("confirm", detail), roles, dataset.people) for detail, roles in mapping.confirm.items()]
    checks += [(("fields", path, "by_person"), one.by_person or {}, dataset.people) for path, one in mapping.fields.items()]
    checks += [
        (("groups", group, "fields"), rows.fields, [one.partition(".")[2] for one in dataset.groups[group].fields])
        for group, rows in mapping.groups.items()
        if group in dataset.groups
    ]
    if isinstance(mapping.system, Upstream):
        checks.append((("http", "search"), mapping.system.search, dataset.keys))
    for way, given, known in checks:
        for one in given:
            if one not in known:
                yield Flaw((*way, one), f"{'.'.join(way)}.{one} is not in dataset {dataset.id}", did_you_mean(one, known))


def _missing(mapping: Mapping, dataset: Dataset, broken: Collection[str]) -> Iterator[Flaw]:
    for role in dataset.people:
        if "people" not in broken and not _is_given(role, mapping.people, dataset.people):
            yield Flaw(("people",), f"people.{role} is not mapped", "Map the source's own reference of this person.")
    offered = offered_keys(mapping, dataset)
    if not {*mapping.keys, *mapping.asked_by} & dataset.keys.keys() and "keys" not in broken:
        yield Flaw(("keys",), "no key is mapped, so nobody can be found", f"Map one of: {', '.join(dataset.keys)}.")
    for key in dataset.keys.values():
        if key.name not in offered:
            continue  # where the source does not hold it, nobody can be asked about by it
        if isinstance(mapping.system, Upstream) and not _is_given(key.name, mapping.system.search, dataset.keys):
            yield Flaw(("http", "search"), f"http.search.{key.name} is not there", "Say how this key finds records.")
        for detail in key.confirm:
            for role in key.finds:
                if "confirm" not in broken and not _confirms(mapping, dataset, detail, role):
                    text = f"confirm.{detail} is not mapped for {role}"
                    yield Flaw(("confirm", detail), text, "Map it for each person the key finds.")


def _confirms(mapping: Mapping, dataset: Dataset, detail: str, role: str) -> bool:
    if detail in mapping.confirm:
        return _is_given(role, mapping.confirm[detail], dataset.people)
    return _is_given(detail, mapping.confirm, {one for key in dataset.keys.values() for one in key.confirm})


def _is_given(name: str, given: Collection[str], known: Collection[str]) -> bool:
    """Tell whether a name is given, be it misspelt: that is told already, and it does not lack besides."""
    return name in given or any(one not in known and nearest(one, known) == name for one in given)


def _asked_by(mapping: Mapping, dataset: Dataset) -> Iterator[Flaw]:
    """Find composite keys that the source can't be asked for as the mapping says, and such of one sort as of the other."""
    for key in dataset.keys.values():
        way = ("keys", key.name)
        if key.all_of and key.name in mapping.keys:
            text = f"{key.name} is a composite key, and lies at no one place"
            yield Flaw(way, text, f"List details by which the source is asked, of {', '.join(key.all_of)}.")
        elif not key.all_of and key.name in mapping.asked_by:
            yield Flaw(way, f"{key.name} is no composite key", "Write its place.")
        elif key.all_of and key.name in mapping.asked_by:
            yield from _details(key, mapping, dataset)


def _details(key: Key, mapping: Mapping, dataset: Dataset) -> Iterator[Flaw]:
    for place, detail in enumerate(mapping.asked_by[key.name]):
        way = ("keys", key.name, place)
        if detail not in key.all_of:
            yield Flaw(way, f"{detail} is no detail of the key {key.name}", did_you_mean(detail, key.all_of))
        elif not isinstance(mapping.system, Export):  # an export is read whole, and needs no spelling
            yield from _unasked(way, dataset.fields[detail], mapping.fields.get(detail, Column()))


def _unasked(way: tuple[str | int, ...], field: Field, column: Column) -> Iterator[Flaw]:
    """Find a detail that may be held in more spellings than a source can be asked for."""
    if field.type not in ASKED_FOR:
        text = f"{field.path} is a {field.type.value.replace('_', ' ')}, and can't be asked for in all its spellings"
        yield Flaw(way, text, "Ask by a date, a postcode or an identifier; the others are compared all the same.")
    for form in column.dates if field.type is FieldType.DATE else ():
        if not tells_days_alone(form):
            text = f"{field.path} is held with a time ({form}), and a day can't be asked for in all its spellings"
            yield Flaw(way, text, "Map an expression that gives the day alone, with a format to fit.")


def _unfit(mapping: Mapping, dataset: Dataset) -> Iterator[Flaw]:
    """Find columns whose options mean nothing for their field."""
    columns: list[tuple[tuple[str, ...], str, Column]] = [
        (("fields", path), path, one) for path, one in mapping.fields.items()
    ]
    columns += [
        (("groups", group, "fields", own), f"{group}.{own}", one)
        for group, rows in mapping.groups.items()
        for own, one in rows.fields.items()
    ]
    for way, path, one in columns:
        field = dataset.fields.get(path)
        if field is None:
            continue
        if field.derived_from is not None:
            yield Flaw(way, f"{path} is computed from {field.derived_from}", "Take it out.")
        if one.when_blank is not None and field.type is not FieldType.BOOLEAN:
            yield Flaw((*way, "blank"), f"{path} is no boolean", "List the codes that mean it is not held.")
        yield from _unread(way, path, one, field)
        if one.by_person is not None and ("." in path or field.protects):
            # Protection of anyone in the record counts, so it can't be looked up for the subject alone.
            yield Flaw((*way, "by_person"), f"{path} is the whole record's", "Write one place for it.")


def _unread(way: tuple[str, ...], path: str, one: Column, field: Field) -> Iterator[Flaw]:
    """Find what would not be read for certain. In a text that was published before, such values are invalid."""
    if one.rounding is not None and field.type not in {FieldType.MONEY, FieldType.NUMBER}:
        yield Flaw((*way, "rounding"), f"{path} is neither money nor a number", "Take it out.")
    if one.pivot is not None and not any("%y" in form for form in one.dates):
        yield Flaw((*way, "pivot"), f"no format of {path} reads two digits of a year", "Take it out.")
    for form in one.dates if field.type is FieldType.DATE else ():
        flaw = format_flaw(form, one.pivot)
        if flaw is not None:
            yield Flaw((*way, "dates"), *flaw)


def _left_out(mapping: Mapping, dataset: Dataset) -> Iterator[Flaw]:
    for path, field in dataset.fields.items():
        if path not in mapped_paths(mapping) and field.derived_from is None:
            yield Flaw(("fields",), f"{path} is not mapped: it will always be not_available", "Map it.")

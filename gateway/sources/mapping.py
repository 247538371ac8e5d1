"""How do a dataset's fields lie in a council's system? The mapping, as an administrator writes it in YAML.

Three kinds: an SQL database (`url`, `from`), an HTTP service (`http`), files of an export (`csv`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Named
from dataclasses import dataclass
from typing import Final

from gateway.sources.columns import PLACES, Codes, Column, Kind, codes_at, column, sql
from gateway.sources.dates import format_flaw
from gateway.sources.export import Export, export
from gateway.sources.groups import Rows, file_rows, joined_rows, nested_rows
from gateway.sources.upstream import Upstream, upstream
from policies.findings import Finding, did_you_mean
from policies.places import Flaw, located
from policies.reading import Read, Section, integer, listed, members, name, pinned, refused, slug, word
from policies.yaml_text import Node, read_document
from schemas.dataset import Dataset, Field, FieldType

USUAL_TIMEOUT: Final = 5.0  # seconds
LONGEST_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Database:
    """An SQL database; `from_` gives one row for each record. `url` may name a file beside the council's own by `{dir}`."""

    url: str
    from_: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping. Its places are SQL expressions, places in JSON or names of columns, as its system is.

    `row` names a record; `live` narrows a key that finds a place to those who live there now; `confirm` lists, by
    detail and person, every place that may fit: a former name finds, and is never read for release. `as_at` is when
    the data stood.
    """

    source: str
    version: int
    dataset: str
    system: Database | Upstream | Export
    row: str
    people: Named[str, str]
    keys: Named[str, str]
    confirm: Named[str, Named[str, tuple[str, ...]]]
    fields: Named[str, Column]
    groups: Named[str, Rows]
    live: str | Codes | None
    as_at: str | None
    timeout: float
    text: str


def parse_mapping(text: str) -> Mapping:
    """Return the mapping of a YAML text, or raise TextError with where and what to do."""
    section = Section(read_document(text), "the mapping")
    kind = _kind(section)
    place = PLACES[kind]
    found = Mapping(
        source=section.need("source", slug),
        version=section.need("version", integer(1, 999_999)),
        dataset=section.need("dataset", lambda node: "{}@{}".format(*pinned(node))),
        system=_system(section, kind),
        row=section.need("row", place),
        people=section.need("people", members(name, place)),
        keys=section.need("keys", members(name, place)),
        confirm=section.need("confirm", members(name, members(name, listed(place)))),
        fields=section.need("fields", members(name, column(kind))),
        groups=section.may("groups", members(name, _ROWS[kind]), {}),
        live=section.may("live", _live(kind), None),
        as_at=section.may("as_at", place, None),
        timeout=section.may("timeout", _timeout, USUAL_TIMEOUT),
        text=text,
    )
    section.close()
    return found


_ROWS: Final[Named[Kind, Read[Rows]]] = {"sql": joined_rows, "path": nested_rows, "column": file_rows}


def _live(kind: Kind) -> Read[str | Codes]:
    return sql if kind == "sql" else codes_at(kind)


def _kind(section: Section) -> Kind:
    """Return the kind that a mapping's members show; one that shows none is read as SQL, and so is told what it lacks."""
    if "http" in section.names():
        return "path"
    return "column" if "csv" in section.names() else "sql"


def _system(section: Section, kind: Kind) -> Database | Upstream | Export:
    if kind == "sql":
        return Database(section.need("url", word), section.need("from", sql))
    if kind == "path":
        return section.need("http", lambda node: upstream(node, _timeout))
    return section.need("csv", export)


def digest_of(text: str) -> str:
    """Return the digest that entries name a mapping by."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def mapping_findings(mapping: Mapping, dataset: Dataset) -> tuple[Finding, ...]:
    """Return what does not fit between a mapping and its dataset, and as warnings what it leaves out."""
    errors = [*_unknown(mapping, dataset), *_missing(mapping, dataset), *_unfit(mapping, dataset)]
    if mapping.dataset != f"{dataset.id}@{dataset.version}":
        text = f"maps {mapping.dataset}, not {dataset.id}@{dataset.version}"
        errors.append(Flaw(("dataset",), text, "Name the version."))
    return (*located(mapping.text, errors), *located(mapping.text, _left_out(mapping, dataset), "warning"))


def mapped_paths(mapping: Mapping) -> frozenset[str]:
    """Return the paths whose values the source can give."""
    inner = {f"{group}.{one}" for group, rows in mapping.groups.items() for one in rows.fields}
    return frozenset(mapping.fields) | frozenset(mapping.groups) | inner


def _unknown(mapping: Mapping, dataset: Dataset) -> Iterator[Flaw]:
    plain = [path for path in dataset.fields if "." not in path and path not in dataset.groups]
    checks: list[tuple[tuple[str, ...], Iterable[str], Iterable[str]]] = [
        (("fields",), mapping.fields, plain),
        (("groups",), mapping.groups, dataset.groups),
        (("people",), mapping.people, dataset.people),
        (("keys",), mapping.keys, dataset.keys),
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


def _missing(mapping: Mapping, dataset: Dataset) -> Iterator[Flaw]:
    for role in dataset.people:
        if role not in mapping.people:
            yield Flaw(("people",), f"people.{role} is not mapped", "Map the source's own reference of this person.")
    if not any(name in mapping.keys for name in dataset.keys):
        yield Flaw(("keys",), "no key is mapped, so nobody can be found", f"Map one of: {', '.join(dataset.keys)}.")
    for key in dataset.keys.values():
        if key.name not in mapping.keys:
            continue  # where the source does not hold it, nobody can be asked about by it
        if isinstance(mapping.system, Upstream) and key.name not in mapping.system.search:
            yield Flaw(("http", "search"), f"http.search.{key.name} is not there", "Say how this key finds records.")
        for detail in key.confirm:
            for role in key.finds:
                if role not in mapping.confirm.get(detail, {}):
                    text = f"confirm.{detail} is not mapped for {role}"
                    yield Flaw(("confirm", detail), text, "Map it for each person the key finds.")


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


def _timeout(node: Node) -> float:
    text = word(node)
    if not re.fullmatch(r"\d{1,2}(\.\d{1,3})?", text, re.ASCII) or not 0 < float(text) <= LONGEST_TIMEOUT:
        raise refused(node, "is not a number of seconds up to 60", "Write such a number, such as 2.5.")
    return float(text)

"""How do a dataset's fields lie in a council's system? The mapping, as an administrator writes it in YAML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Named
from dataclasses import dataclass
from typing import Final

from gateway.sources.columns import Column, Rows, column, rows, sql
from policies.findings import Finding, did_you_mean
from policies.places import Flaw, located
from policies.reading import Section, integer, listed, members, name, pinned, refused, slug, word
from policies.yaml_text import Node, read_document
from schemas.dataset import Dataset, FieldType

PROTECTED: Final = "protected_address"  # the marker that keeps a person from being found by a place
USUAL_TIMEOUT: Final = 5.0  # seconds
LONGEST_TIMEOUT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping. `url` may name a file beside the council's own directory by `{dir}`.

    `from_` and `row` give one row for each record; `live` narrows a key that finds a place to those who live there
    now; `confirm` lists, by detail and person, every column that may fit: a former name finds, and is never read
    for release. `as_at` is when the data stood.
    """

    source: str
    version: int
    dataset: str
    url: str
    from_: str
    row: str
    people: Named[str, str]
    keys: Named[str, str]
    confirm: Named[str, Named[str, tuple[str, ...]]]
    fields: Named[str, Column]
    groups: Named[str, Rows]
    live: str | None
    as_at: str | None
    timeout: float
    text: str


def parse_mapping(text: str) -> Mapping:
    """Return the mapping of a YAML text, or raise TextError with where and what to do."""
    section = Section(read_document(text), "the mapping")
    found = Mapping(
        source=section.need("source", slug),
        version=section.need("version", integer(1, 999_999)),
        dataset=section.need("dataset", lambda node: "{}@{}".format(*pinned(node))),
        url=section.need("url", word),
        from_=section.need("from", sql),
        row=section.need("row", sql),
        people=section.need("people", members(name, sql)),
        keys=section.need("keys", members(name, sql)),
        confirm=section.need("confirm", members(name, members(name, listed(sql)))),
        fields=section.need("fields", members(name, column)),
        groups=section.may("groups", members(name, rows), {}),
        live=section.may("live", sql, None),
        as_at=section.may("as_at", sql, None),
        timeout=section.may("timeout", _timeout, USUAL_TIMEOUT),
        text=text,
    )
    section.close()
    return found


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
    for way, given, known in checks:
        for one in given:
            if one not in known:
                yield Flaw((*way, one), f"{'.'.join(way)}.{one} is not in dataset {dataset.id}", did_you_mean(one, known))


def _missing(mapping: Mapping, dataset: Dataset) -> Iterator[Flaw]:
    for role in dataset.people:
        if role not in mapping.people:
            yield Flaw(("people",), f"people.{role} is not mapped", "Map the source's own reference of this person.")
    for key in dataset.keys.values():
        if key.name not in mapping.keys:
            yield Flaw(("keys",), f"keys.{key.name} is not mapped", "Map it to a column.")
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
        if one.by_person is not None and ("." in path or path == PROTECTED):
            # Protection of anyone in the record counts, so it can't be looked up for the subject alone.
            yield Flaw((*way, "by_person"), f"{path} is the whole record's", "Write one `sql` for it.")


def _left_out(mapping: Mapping, dataset: Dataset) -> Iterator[Flaw]:
    for path, field in dataset.fields.items():
        if path not in mapped_paths(mapping) and field.derived_from is None:
            yield Flaw(("fields",), f"{path} is not mapped: it will always be not_available", "Map it.")


def _timeout(node: Node) -> float:
    text = word(node)
    if not re.fullmatch(r"\d{1,2}(\.\d{1,3})?", text, re.ASCII) or not 0 < float(text) <= LONGEST_TIMEOUT:
        raise refused(node, "is not a number of seconds up to 60", "Write such a number, such as 2.5.")
    return float(text)

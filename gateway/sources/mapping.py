"""How do a dataset's fields lie in a council's system? The mapping, as an administrator writes it in YAML.

Three kinds: an SQL database (`url`, `from`), an HTTP service (`http`), files of an export (`csv`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping as Named
from dataclasses import dataclass
from typing import Final, cast

from gateway.sources.columns import PLACES, Codes, Column, Kind, codes_at, column, sql
from gateway.sources.export import Export, export
from gateway.sources.groups import Rows, file_rows, joined_rows, nested_rows
from gateway.sources.upstream import Upstream, upstream
from policies.reading.findings import Finding, TextError, nearest
from policies.reading.sections import Read, Section, integer, listed, members, name, pinned, refused, slug, word
from policies.reading.yaml_text import Items, Node, read_document
from schemas.dataset import Dataset

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

    `keys` has the place of each key that has a value; `asked_by` the details by which the source is asked for a composite
    one. `row` names a record; `live` narrows a key that finds a place to those who live there now; `confirm` lists, by
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
    asked_by: Named[str, tuple[str, ...]]
    confirm: Named[str, Named[str, tuple[str, ...]]]
    fields: Named[str, Column]
    groups: Named[str, Rows]
    live: str | Codes | None
    as_at: str | None
    timeout: float
    text: str


def parse_mapping(text: str) -> Mapping:
    """Return the mapping of a YAML text, or raise TextError with where and what to do."""
    mapping, findings, _ = read_mapping(text)
    if findings:
        raise TextError(findings)
    return mapping


def read_mapping(text: str) -> tuple[Mapping, tuple[Finding, ...], frozenset[str]]:
    """Return a mapping as far as it can be read, what is wrong, and which members are not whole."""
    section = Section(read_document(text), "the mapping", keeps=True)
    kind = _kind(section, text)
    place = PLACES[kind]
    keys = section.need("keys", members(name, _key(place))) or {}
    asked_by = {key: one for key, one in keys.items() if not isinstance(one, str)}
    found = Mapping(
        source=section.need("source", slug),
        version=section.need("version", integer(1, 999_999)),
        dataset=section.need("dataset", lambda node: "{}@{}".format(*pinned(node))) or "",
        system=_system(section, kind, asked_by),
        row=section.need("row", place),
        people=section.need("people", members(name, place)) or {},
        keys={key: one for key, one in keys.items() if isinstance(one, str)},
        asked_by=asked_by,
        confirm=section.need("confirm", members(name, members(name, listed(place)))) or {},
        fields=section.need("fields", members(name, column(kind))) or {},
        groups=section.may("groups", members(name, _ROWS[kind]), {}),
        live=section.may("live", _live(kind), None),
        as_at=section.may("as_at", place, None),
        timeout=section.may("timeout", _timeout, USUAL_TIMEOUT),
        text=text,
    )
    return found, section.told(), frozenset(section.broken)


_MEMBERS: Final = frozenset(
    {"source", "version", "dataset", "row", "people", "keys", "confirm", "fields", "groups", "live", "as_at", "timeout"}
)
_ROWS: Final[Named[Kind, Read[Rows]]] = {"sql": joined_rows, "path": nested_rows, "column": file_rows}


def _key(place: Read[str]) -> Read[str | tuple[str, ...]]:
    """Read where a key lies, or the details by which the source is asked for a composite one."""
    details = listed(name)
    return lambda node: details(node) if isinstance(node, Items) else place(node)


def _live(kind: Kind) -> Read[str | Codes]:
    return sql if kind == "sql" else codes_at(kind)


def _kind(section: Section, text: str) -> Kind:
    """Return the kind that a mapping's members show, be one misspelt; or else how most of its columns are written.

    Read as of another kind, each of its columns would be a mistake.
    """
    kinds: dict[str, Kind] = {"http": "path", "csv": "column", "url": "sql", "from": "sql"}
    names = [one for one in section.names() if one in kinds] or [
        near for one in section.names() if one not in _MEMBERS and (near := nearest(one, (*kinds, *_MEMBERS))) in kinds
    ]
    if names:
        return next(kinds[one] for one in kinds if one in names)
    counts: dict[Kind, int] = {kind: len(re.findall(rf"{{ *{kind}:", text)) for kind in ("sql", "path", "column")}
    return max(counts, key=lambda one: counts[one])


def _system(section: Section, kind: Kind, asked_by: Named[str, tuple[str, ...]]) -> Database | Upstream | Export:
    if kind == "sql":
        return Database(section.need("url", word), section.need("from", sql))
    if kind == "path" and "keys" in section.broken:  # then nobody can tell what a search is asked by
        section.broken.add("http")
        return section.need("http", lambda _: cast(Upstream, None))
    if kind == "path":
        return section.need("http", lambda node: upstream(node, _timeout, asked_by))
    return section.need("csv", export)


def digest_of(text: str) -> str:
    """Return the digest that entries name a mapping by."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def mapped_paths(mapping: Mapping) -> frozenset[str]:
    """Return the paths whose values the source can give."""
    inner = {f"{group}.{one}" for group, rows in mapping.groups.items() for one in rows.fields}
    return frozenset(mapping.fields) | frozenset(mapping.groups) | inner


def offered_keys(mapping: Mapping, dataset: Dataset) -> frozenset[str]:
    """Return the keys by which the source can be asked; one that is mapped as of the other sort is not."""
    return frozenset(
        name for name, key in dataset.keys.items() if name in (mapping.asked_by if key.all_of else mapping.keys)
    )


def _timeout(node: Node) -> float:
    text = word(node)
    if not re.fullmatch(r"\d{1,2}(\.\d{1,3})?", text, re.ASCII) or not 0 < float(text) <= LONGEST_TIMEOUT:
        raise refused(node, "is not a number of seconds up to 60", "Write such a number, such as 2.5.")
    return float(text)

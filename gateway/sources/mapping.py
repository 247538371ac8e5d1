"""How do a dataset's fields lie in a council's system? The mapping, as an administrator writes it in YAML."""

from __future__ import annotations

import hashlib
import re
from io import StringIO
from typing import Any, Final

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from policies.findings import Finding, TextError
from schemas.dataset import Dataset, FieldType

LARGEST: Final = 262_144
_UNSAFE: Final = re.compile(r";|--|/\*|\x00")


class Column(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where a value lies and how it is cleaned.

    `sql` is a column or expression; `by_person` gives one for each role instead, and the subject's is read.
    `clean` runs in order; `blank` lists codes that mean "not held"; `dates` are strptime formats;
    `yes`, `no` and `when_blank` say what a marker's codes mean ("unknown" unless it says otherwise).
    """

    sql: str | None = None
    by_person: dict[str, str] | None = None
    clean: tuple[str, ...] = ("trim",)
    blank: tuple[str, ...] = ("",)
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    yes: tuple[str, ...] = ("Y", "y", "1", "true", "True", "T")
    no: tuple[str, ...] = ("N", "n", "0", "false", "False", "F")
    when_blank: bool | None = None


class Rows(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"from_": "from"}):
    """Where the rows of a group lie; `where` finds those of one record by `:row`."""

    from_: str
    where: str
    fields: dict[str, Column]


class Mapping(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"from_": "from"}):
    """A whole mapping. `url` may name a file beside the council's own directory by `{dir}`."""

    source: str
    version: int
    dataset: str
    url: str
    from_: str
    row: str
    people: dict[str, str]
    keys: dict[str, str]
    confirm: dict[str, dict[str, tuple[str, ...]]]
    fields: dict[str, Column]
    groups: dict[str, Rows] = {}
    live: str | None = None
    as_at: str | None = None
    timeout: float = 5.0


CLEANERS: Final = ("trim", "collapse", "upper", "lower", "title")


def parse_mapping(text: str) -> Mapping:
    """Return the mapping of a YAML text, or raise TextError with where and what to do."""
    if len(text.encode()) > LARGEST:
        raise TextError((_finding(1, f"the mapping is over {LARGEST} bytes", "Split it by dataset."),))
    if re.search(r"(^|\s)[&*][A-Za-z0-9_]+", re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", text)):
        raise TextError((_finding(1, "anchors and aliases are not allowed", "Write each value out."),))
    yaml = YAML(typ="safe", pure=True)
    try:
        data = yaml.load(StringIO(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TextError((_finding(line, f"not YAML: {error.problem}", "Mend the text there."),)) from error
    except (YAMLError, RecursionError, ValueError) as error:
        raise TextError((_finding(1, "not YAML", "Mend the text."),)) from error
    try:
        mapping = msgspec.convert(data, Mapping)
    except msgspec.ValidationError as error:
        raise TextError((_located(text, str(error)),)) from error
    _check_sql(mapping)
    return mapping


def digest_of(text: str) -> str:
    """Return the digest that entries name a mapping by."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def mapping_findings(mapping: Mapping, dataset: Dataset) -> tuple[Finding, ...]:
    """Return what does not fit between a mapping and its dataset."""
    found = [*_unknown(mapping, dataset), *_missing(mapping, dataset)]
    if mapping.dataset != f"{dataset.id}@{dataset.version}":
        found.append(_finding(1, f"maps {mapping.dataset}, not {dataset.id}@{dataset.version}", "Name the version."))
    for path, column in mapping.fields.items():
        found += [
            _finding(1, f"fields.{path}: unknown cleaner {name}", f"Use one of {', '.join(CLEANERS)}.")
            for name in column.clean
            if name not in CLEANERS
        ]
        if (column.sql is None) == (column.by_person is None):
            found.append(_finding(1, f"fields.{path}: give sql or by_person", "Give exactly one of them."))
    return tuple(found)


def mapped_paths(mapping: Mapping) -> frozenset[str]:
    """Return the paths whose values the source can give."""
    inner = {f"{group}.{name}" for group, rows in mapping.groups.items() for name in rows.fields}
    return frozenset(mapping.fields) | inner


def _unknown(mapping: Mapping, dataset: Dataset) -> list[Finding]:
    names = [("fields", path, dataset.fields) for path in sorted(mapped_paths(mapping))]
    names += [("people", role, dataset.people) for role in mapping.people]
    names += [("keys", key, dataset.keys) for key in mapping.keys]
    return [
        _finding(1, f"{where}.{name} is not in dataset {dataset.id}", "Take it out, or mend its name.")
        for where, name, known in names
        if name not in known
    ]


def _missing(mapping: Mapping, dataset: Dataset) -> list[Finding]:
    found = [
        _finding(1, f"people.{role} is not mapped", "Map the source's own reference of this person.")
        for role in dataset.people
        if role not in mapping.people
    ]
    for key in dataset.keys.values():
        if key.name not in mapping.keys:
            found.append(_finding(1, f"keys.{key.name} is not mapped", "Map it to a column."))
        found += [
            _finding(1, f"confirm.{name} is not mapped for {role}", "Map it for each person the key finds.")
            for name in key.confirm
            for role in key.finds
            if role not in mapping.confirm.get(name, {})
        ]
    # Derived fields are computed; group names have no value of their own.
    return found + [
        _finding(1, f"fields.{path} is not mapped: it will always be not_available", "Map it.", severity="warning")
        for path, field in dataset.fields.items()
        if path not in mapped_paths(mapping) and field.derived_from is None and field.type is not FieldType.GROUP
    ]


def _check_sql(mapping: Mapping) -> None:
    texts: list[Any] = [mapping.from_, mapping.row, mapping.live, mapping.as_at, *mapping.people.values()]
    texts += mapping.keys.values()
    texts += [sql for people in mapping.confirm.values() for many in people.values() for sql in many]
    for column in mapping.fields.values():
        texts += [column.sql, *(column.by_person or {}).values()]
    for rows in mapping.groups.values():
        texts += [rows.from_, rows.where, *(column.sql for column in rows.fields.values())]
    for text in texts:
        if text is not None and (_UNSAFE.search(text) or not text.strip()):
            raise TextError((_finding(1, "an SQL text holds `;`, a comment or nothing", "Write one expression."),))


def _located(text: str, message: str) -> Finding:
    path = re.search(r"`\$\.([^`]*)`", message)
    names = [name for name in re.split(r"[.\[\]]+", path[1]) if name] if path else []
    for number, line in enumerate(text.splitlines(), start=1):
        if names and line.strip().startswith(names[-1] + ":"):
            return _finding(number, message, "See docs/sources.md for what a mapping holds.")
    return _finding(1, message, "See docs/sources.md for what a mapping holds.")


def _finding(line: int, message: str, remedy: str, *, severity: str = "error") -> Finding:
    return Finding(line=line, column=1, message=message, remedy=remedy, severity=severity)  # type: ignore[arg-type]  # a closed list of two words

"""What do the files of an export hold? An index of them all, made whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final

from gateway.sources.columns import Codes
from gateway.sources.comparing import one_key
from gateway.sources.composite import asked_by
from gateway.sources.contract import Cause
from gateway.sources.csv_reading import ExportFaultError, Stamp, fault_of, read_lines, stamp_of
from gateway.sources.export import Export, FileName
from gateway.sources.finding import in_one
from gateway.sources.groups import RowFile
from gateway.sources.mapping import Mapping as SourceMapping
from schemas.dataset import Dataset

ATTEMPTS: Final = 3  # at reading what is replaced while it is read
_SEPARATOR: Final = "\0"  # no file holds one, so it may stand between values


@dataclass(frozen=True, slots=True)
class Files:
    """The files that an index is made of, by their names in the mapping, with what changes when they do."""

    paths: dict[str, str]
    stamps: tuple[Stamp, ...]
    stands_at: datetime


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one file: the mapped columns alone, each row one text, for a hundred thousand lists would fill a machine."""

    columns: dict[str, int]
    rows: list[str]

    def values(self, number: int) -> list[str]:
        """Return the values of a row."""
        return self.rows[number].split(_SEPARATOR)


@dataclass(frozen=True, slots=True)
class Index:
    """An export in memory. `keys` leads from a key's value to rows of `records`, `groups` from a record to its rows."""

    files: Files
    records: Table
    row: dict[str, int]
    keys: dict[str, dict[str, list[int]]]
    groups: dict[str, tuple[Table, dict[str, list[int]]]]


class Indexing:
    """How one mapping's export is found and indexed. Holds no state; runs in a thread of the source's own."""

    def __init__(
        self, dataset: Dataset, mapping: SourceMapping, export: Export, *, folder: str, clock: Callable[[], datetime]
    ) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._export = export
        self._folder = folder
        self._clock = clock
        self._names = {export.file.text: export.file}
        for rows in mapping.groups.values():
            if isinstance(rows.lie, RowFile):
                self._names[rows.lie.file.text] = rows.lie.file

    def find(self) -> Files:
        """Return the files to read now: of names with a day, those of the newest day that all of them have."""
        return self._find(None)

    def find_before(self, instant: datetime) -> Files | None:
        """Return the files of the newest day before one, None where there are none, or names tell no days."""
        if not any(name.is_dated for name in self._names.values()):
            return None
        try:
            return self._find(instant)
        except ExportFaultError:
            return None

    def counts(self, index: Index) -> dict[str, int]:
        """Return how many rows each file has, by its name in the mapping."""
        lies = {group: rows.lie.file.text for group, rows in self._mapping.groups.items() if isinstance(rows.lie, RowFile)}
        of_groups = {text: len(index.groups[group][0].rows) for group, text in lies.items()}
        return {self._export.file.text: len(index.records.rows)} | of_groups

    def _find(self, before: datetime | None) -> Files:
        days = [self._days(name) for name in self._names.values() if name.is_dated]
        shared = set.intersection(*(set(one) for one in days)) if days else set()
        shared = {day for day in shared if before is None or day < before}
        if days and not shared:
            raise ExportFaultError(f"{' and '.join(self._names)}: no day for which every file is there", Cause.FILE)
        day = max(shared, default=None)
        dated = iter(days)
        paths = {
            text: os.path.join(self._folder, next(dated)[day] if name.is_dated and day else name.text)  # noqa: PTH118 -- names of a listing
            for text, name in self._names.items()
        }
        stamps = [self._stamp(path) for path in paths.values()]
        oldest = datetime.fromtimestamp(min(stamp[1] for stamp in stamps) / 1e9, UTC)
        return Files(paths, tuple(stamps), day or oldest)

    def build(self, wanted: Files | None = None) -> Index:
        """Return the index of what lies there now, or of some files, read again where it changed meanwhile."""
        for _ in range(ATTEMPTS):
            files = wanted or self.find()
            try:
                index = self._build(files)
            except ExportFaultError:
                if tuple(map(stamp_of, files.paths.values())) == files.stamps:
                    raise
                continue  # half of one file and half of another: no wonder
            if tuple(map(stamp_of, files.paths.values())) == files.stamps:
                return index
        raise ExportFaultError(
            f"{self._export.file.text}: changed again and again while it was read; write beside it, and rename"
        )

    def _days(self, name: FileName) -> dict[datetime, str]:
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 -- names are what is wanted
        except OSError as error:
            raise ExportFaultError(f"the folder of {name.text}: {error.strerror}", fault_of(error)) from None
        # A day to come is a slip of somebody's pen, and would count as the newest for years. Of zones, one day is enough.
        latest = self._clock() + timedelta(days=1)
        return {day: one for one in names if (day := name.day_in(one)) is not None and day <= latest}

    def _stamp(self, path: str) -> Stamp:
        found = stamp_of(path)
        if found is None:
            raise ExportFaultError(f"{os.path.basename(path)}: no such file", Cause.FILE)  # noqa: PTH119 -- as above
        return found

    # -- reading

    def _build(self, files: Files) -> Index:
        mapping = self._mapping
        records, row = self._records(files)
        keys = {key: self._by_key(records, key, column) for key, column in mapping.keys.items()}
        keys |= {key: self._by_details(records, key) for key in mapping.asked_by}
        groups = {
            group: self._group(files, rows.lie, [one for column in rows.fields.values() if (one := column.lies(None))])
            for group, rows in mapping.groups.items()
            if isinstance(rows.lie, RowFile)
        }
        return Index(files, records, row, keys, groups)

    def _records(self, files: Files) -> tuple[Table, dict[str, int]]:
        text = self._export.file.text
        columns = list(dict.fromkeys([self._mapping.row, *record_columns(self._mapping)]))
        table = Table({name: place for place, name in enumerate(columns)}, [])
        lines: list[int] = []
        row: dict[str, int] = {}
        name = os.path.basename(files.paths[text])  # noqa: PTH119 -- as above
        for line, values in read_lines(files.paths[text], name, self._export, columns):
            reference = self._reference(values[0], name, line, columns[0])
            if reference in row:
                raise ExportFaultError(f"{name}, lines {lines[row[reference]]} and {line}: one and the same {columns[0]}")
            row[reference] = len(table.rows)
            table.rows.append(_SEPARATOR.join(values))
            lines.append(line)
        return table, row

    def _group(self, files: Files, lie: RowFile, fields: list[str]) -> tuple[Table, dict[str, list[int]]]:
        columns = list(dict.fromkeys([lie.where, *fields]))
        table = Table({name: place for place, name in enumerate(columns)}, [])
        name = os.path.basename(files.paths[lie.file.text])  # noqa: PTH119 -- as above
        found: dict[str, list[int]] = {}
        for line, values in read_lines(files.paths[lie.file.text], name, self._export, columns):
            reference = self._reference(values[0], name, line, columns[0])
            found.setdefault(reference, []).append(len(table.rows))
            table.rows.append(_SEPARATOR.join(values))
        return table, found

    def _reference(self, raw: str, name: str, line: int, column: str) -> str:
        reference = raw.strip()
        if not reference:
            raise ExportFaultError(f"{name}, line {line}: {column} is blank")
        return reference

    def _by_key(self, table: Table, key: str, column: str) -> dict[str, list[int]]:
        field, place = self._dataset.fields[key], table.columns[column]
        found: dict[str, list[int]] = {}
        for number in range(len(table.rows)):
            value = one_key(field, table.values(number)[place])
            if value is not None:
                found.setdefault(value, []).append(number)
        return found

    def _by_details(self, table: Table, key: str) -> dict[str, list[int]]:
        """Return the rows by every combination of the details that a composite key asks by, whoever's each of them is."""
        asked = asked_by(self._dataset, self._mapping, key, self._clock)
        columns = [[table.columns[place] for place in one.places] for one in asked]
        found: dict[str, list[int]] = {}
        for number in range(len(table.rows)):
            values = table.values(number)
            held = [
                {form for place in places if (form := one.held_form(values[place])) is not None}
                for one, places in zip(asked, columns, strict=True)
            ]
            for forms in product(*held):
                found.setdefault(in_one(forms), []).append(number)
        return found


def record_columns(mapping: SourceMapping) -> Sequence[str]:
    """Return the columns of a record's own file that a mapping names."""
    confirming = [one for roles in mapping.confirm.values() for places in roles.values() for one in places]
    own = [place for column in mapping.fields.values() for place in (column.column, *(column.by_person or {}).values())]
    live = [mapping.live.place] if isinstance(mapping.live, Codes) else []
    named = [*mapping.people.values(), *mapping.keys.values(), *confirming, *own, *live, mapping.as_at]
    return [one for one in named if one]

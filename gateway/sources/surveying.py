"""What does a sample of a source hold, counted by field: values, blanks, what does not fit, what looks like a blank?

Codes of the closed lists below are told as they stand in the source; no other value ever is.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from gateway.sources.cleaning import Cleaner, is_of_binary, raw_text
from gateway.sources.columns import Column
from gateway.sources.dates import read_day
from gateway.sources.json_answer import steps
from gateway.sources.mapping import Mapping as SourceMapping
from schemas.dataset import Dataset
from schemas.decision import RawValue, Unusable
from schemas.forms import FieldType

SURVEY_SECONDS: Final = 60.0  # an administrator waits longer than a partner, and for hundreds of records
MOST_CODES: Final = 5  # told of one field
# Words that systems, spreadsheets and people write where there is nothing, without case, blanks and brackets.
_WRITTEN: Final = """
    null none nil nan na n/a n.a. n.a unknown unk notknown nk n/k notavailable notapplicable notrecorded notstated
    notgiven notprovided notheld nodata blank empty missing tbc tba tbd value! ref! name? div/0! num!
"""
_WORDS: Final = frozenset(_WRITTEN.split())
_AROUND: Final = re.compile(r"[\s()<>\[\]{}#*\"'_]")
_SIGNS: Final = re.compile(r"[-?.*_xX]{1,20}|-?9{3,12}(?:\.99)?|-1|0{3,20}", re.ASCII)
_NO_DAY: Final = re.compile(r"[0\W]{6,20}|[9\W]{6,20}", re.ASCII)
# The nought of an Excel, an OLE, a Unix or an SQL Server date, and the ends of time that systems write.
_DAYS: Final = frozenset(
    date(*day)
    for day in (
        *((1, 1, 1), (1753, 1, 1), (1800, 1, 1), (1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (1900, 1, 2)),
        *((1901, 1, 1), (1970, 1, 1), (1111, 11, 11), (2078, 12, 31), (2079, 6, 6), (2099, 12, 31), (2100, 1, 1)),
        *((2222, 2, 2), (2999, 1, 1), (2999, 12, 31), (3000, 1, 1), (9999, 1, 1), (9999, 12, 31)),
    )
)
_NO_PLACE: Final = re.compile(r"ZZ99 ?\d[A-Z]{2}|AA1 ?1AA|XX1 ?1XX", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Survey:
    """Counts of a sample, by path. `blanks` counts codes that look like blanks, `binary` decimals of binary arithmetic."""

    mapping: SourceMapping
    dataset: Dataset
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    blanks: dict[str, Counter[str]] = field(default_factory=dict)
    binary: Counter[str] = field(default_factory=Counter)
    reached: dict[str, bool] = field(default_factory=dict)  # places of several steps: whether the first was ever there
    unfound: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # by composite key and detail: values that find nobody
    remarks: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)  # what lies there, and does not serve

    def __post_init__(self) -> None:
        self.counts.update({path: Counter() for path in mapped_columns(self.mapping)})

    @property
    def paths(self) -> frozenset[str]:
        """Return every path that is counted."""
        return frozenset(self.counts)

    def watching(self, path: str, column: Column, clean: Cleaner) -> Cleaner:
        """Return a cleaner that counts what it cleans."""
        kind = self.dataset.fields[path].type

        def watched(raw: object) -> RawValue:
            value = clean(raw)
            self.counts[path][_kind(value)] += 1
            if value is not None and not isinstance(raw, (bytes, bytearray, memoryview)):
                self._look(path, column, kind, raw_text(raw).strip(), is_invalid=value is Unusable.INVALID)
            return value

        return watched

    def notice(self, places: Sequence[str], value: Any) -> None:
        """Note whether a value has the first step of each place."""
        members: Mapping[str, Any] = value if isinstance(value, dict) else {}
        for place in places:
            way = steps(place)
            if len(way) > 1 and not {'"', "'"} & set(place):
                self.reached[place] = self.reached.get(place, False) or way[0] in members

    def found(self, key: str, *, is_found: bool) -> None:
        """Note whether a search by a key found a record that the sample gave."""
        if not is_found:
            self.remark(f"http.search.{key} did not find a record that the sample gave: are its path and query right?")

    def asked(self, key: str, detail: str, *, is_found: bool) -> None:
        """Count whether what a record holds of a detail would find it, by a composite key that asks by the detail."""
        self.unfound[key, detail] += not is_found

    def hold(self, text: str) -> None:
        """Keep that a file does not serve."""
        self.held.append(text)

    def remark(self, text: str) -> None:
        """Keep what an administrator should look at, once."""
        if text not in self.remarks:
            self.remarks.append(text)

    def _look(self, path: str, column: Column, kind: FieldType, text: str, *, is_invalid: bool) -> None:
        code = _code(text, column, kind)
        if code is not None:
            self.blanks.setdefault(path, Counter())[code] += 1
        elif is_invalid and column.rounding is None and kind in {FieldType.MONEY, FieldType.NUMBER} and is_of_binary(text):
            self.binary[path] += 1


def mapped_columns(mapping: SourceMapping) -> dict[str, Column]:
    """Return every column of a mapping by the path of its field."""
    inner = {f"{group}.{name}": one for group, rows in mapping.groups.items() for name, one in rows.fields.items()}
    return {**mapping.fields, **inner}


def by_person(mapping: SourceMapping) -> frozenset[str]:
    """Return the paths that lie elsewhere for each person of a record, and so are counted for each."""
    return frozenset(path for path, column in mapping.fields.items() if column.by_person)


def told(survey: Survey) -> Iterator[str]:
    """Give the lines that an administrator reads: counts, and what to look at."""
    yield from survey.held
    for place in (place for place, was_there in survey.reached.items() if not was_there):
        first = steps(place)[0]
        yield f"  {place}: nothing that was answered has a member {first}. A name with a dot is quoted: '\"{place}\"'"
    yield from (f"  {remark}" for remark in survey.remarks)
    for (key, detail), count in sorted((one, count) for one, count in survey.unfound.items() if count):
        text = f"{count} of the sample are held in a spelling by which keys.{key} finds nobody"
        yield f"  confirm.{detail}: {text}: map an expression that makes one spelling of them, such as trim(…)"
    columns = mapped_columns(survey.mapping)
    for path, seen in sorted(survey.counts.items()):
        yield f"  {path:32} {_listed(seen)}"
        if survey.binary[path]:
            text = f"{survey.binary[path]} of them decimals that binary arithmetic made"
            yield f"  {path:32} {text}: write `rounding: 2`, say, to read them so"
        codes = survey.blanks.get(path)
        if codes:
            yield f"  {path:32} {_looking(codes, columns[path])}"


def _listed(seen: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(seen.items())) or "no record"


def _looking(codes: Counter[str], column: Column) -> str:
    most = codes.most_common(MOST_CODES)
    named = ", ".join(f"{count} {_shown(code, column)}" for code, count in most)
    declared = ", ".join(map(_in_yaml, [*column.blank, *(code for code, _ in most)]))
    return f"looks like a blank, and is not declared as one: {named}. If it is one, write blank: [{declared}]"


def _shown(code: str, column: Column) -> str:
    day = _day(code, column)
    return f"{code} ({day.isoformat()})" if day is not None and day.isoformat() != code else code


def _in_yaml(code: str) -> str:
    return code if re.fullmatch(r"[A-Za-z][A-Za-z0-9/.-]*", code, re.ASCII) else json.dumps(code)


def _kind(value: RawValue) -> str:
    if value is Unusable.INVALID:
        return "source_value_invalid"
    return "blank" if value is None else "held"


def _code(text: str, column: Column, kind: FieldType) -> str | None:
    """Return a text that looks like a blank, None for any other."""
    if kind is FieldType.DATE:
        looks = _NO_DAY.fullmatch(text) is not None or _day(text, column) in _DAYS
    else:
        looks = _SIGNS.fullmatch(text) is not None or (kind is FieldType.POSTCODE and _NO_PLACE.fullmatch(text) is not None)
    return text if looks or _AROUND.sub("", text.casefold()) in _WORDS else None


def _day(text: str, column: Column) -> date | None:
    for formats in (column.dates, _DRIVERS):
        try:
            return read_day(text, formats, column.pivot)
        except ValueError:
            continue
    return None


_DRIVERS: Final = ("%Y-%m-%d",)  # as a driver's own dates are written

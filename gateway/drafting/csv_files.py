"""Which columns does a CSV file have, and what do its first rows hold? Its header's names, if they are names."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Final

from gateway.drafting.sample import DraftError, SampledColumn, Table, listing, shown, table_of
from gateway.drafting.words import is_a_word_for_columns, is_understood, tokens

MOST_BYTES: Final = 8_000_000
LONGEST_NAME: Final = 128
DELIMITERS: Final = (",", ";", "|", "\t")
# A cell that is surely a value: all digits, a date, an address of mail, a postcode, what is not known, or nothing at all.
_A_VALUE: Final = re.compile(
    r"\s*|[\d\s.,:/+-]+|\S+@\S+|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]{2}\d{6}[A-D]"
    r"|\d{1,4}[-/ ][A-Za-z\d]{1,9}[-/ ]\d{1,4}.*|(?i:n/a|unknown|not known|none|tbc|male|female|mr|mrs|ms|miss|dr)",
    re.ASCII,
)
# A house's number and its street: `12 High Street`, and not `2nd name`.
_A_PLACE: Final = re.compile(r"\d+[A-Za-z]?[\s,]+[^\W\d].*")
_STREETS: Final = "street st road rd lane avenue ave close drive way court place crescent terrace grove gardens walk hill"
_NUMBERED: Final = 0.8  # of a column's values that hold a digit: then its name, which holds none, is no value of it


def read_files(path: Path, table: str | None, groups: tuple[str, ...], sample: int) -> tuple[list[Table], Path, str]:
    """Return the tables of a file, or of a folder's files, with the folder and the delimiter. Raises DraftError."""
    folder = path if path.is_dir() else path.parent
    files = {one.name: one for one in sorted(folder.glob("*.csv"))} if path.is_dir() else {path.name: path}
    files |= {one: folder / one for one in groups if _is_plain(one) and (folder / one).is_file()}
    wanted = [table if table is not None else next(iter(files), ""), *groups]
    if table is None and path.is_dir() and len(files) != 1:
        what = f"give --table, one of: {listing(list(files))}" if files else "it holds no .csv file"
        raise DraftError(f"which file of the folder? {what}")
    missing = [one for one in wanted if one not in files]
    if missing:
        raise DraftError(f"there is no file {shown(missing[0])}: there are {listing(list(files)) or 'none'}")
    read = [_read(files[one], sample) for one in wanted]
    return [one for one, _ in read], folder, read[0][1]


def _is_plain(name: str) -> bool:
    return name not in {"", ".", ".."} and "/" not in name and "\\" not in name and "\x00" not in name


def _read(file: Path, sample: int) -> tuple[Table, str]:
    text = _text(file)
    header = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(row)
            if len(rows) > sample:
                break
    except csv.Error:
        raise DraftError(f"{shown(file.name)} is no CSV: save it again as CSV, with one row a line") from None
    if not rows or not any(one.strip() for one in rows[0]):
        raise DraftError(f"{shown(file.name)} is empty: its first row must name its columns")
    names = [one.strip() for one in rows[0]]
    table = table_of(file.name, names, [list(row) for row in rows[1:]])
    if any(map(_is_a_value, names)) or not _are_names(table):
        # What stands there would be printed as a column's name, and so it must not be somebody's.
        text = f"the first row of {shown(file.name)} does not look like the names of its columns"
        raise DraftError(f"{text}: put a row of names on top, one for each, in words such as `surname` and `date_of_birth`")
    if len(set(names)) < len(names):
        raise DraftError(f"two columns of {shown(file.name)} have one name: rename one of them")
    if any(one.name in one.values for one in table.columns):
        raise DraftError(f"the first row of {shown(file.name)} holds what stands in its columns: put a row of names on top")
    return table, delimiter


def _is_a_value(cell: str) -> bool:
    if _A_VALUE.fullmatch(cell) or len(cell) > LONGEST_NAME:
        return True
    return _A_PLACE.fullmatch(cell) is not None and (not is_understood(cell) or tokens(cell)[-1] in _STREETS.split())


def _are_names(table: Table) -> bool:
    """Tell whether most of a first row are names: by a word, or because what stands beneath holds digits and they don't."""
    named = [is_a_word_for_columns(one.name) or _is_unlike(one) for one in table.columns]
    return sum(named) * 2 > len(named)


def _is_unlike(column: SampledColumn) -> bool:
    numbered = sum(any(map(str.isdigit, one)) for one in column.values)
    return numbered > 0 and numbered >= _NUMBERED * len(column.values) and not any(map(str.isdigit, column.name))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MOST_BYTES)
    except OSError as error:
        raise DraftError(f"{shown(file.name)} can't be read ({error.strerror})") from None
    if len(raw) == MOST_BYTES:
        raw = raw[: raw.rfind(b"\n") + 1]  # the last line may be cut in two
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("windows-1252", errors="replace")

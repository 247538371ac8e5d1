"""Which columns does a CSV file have, and what do its first rows hold? Its header's names, if they are names."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Final

from gateway.drafting.sample import DraftError, Table, listing, shown, table_of

MOST_BYTES: Final = 8_000_000
LONGEST_NAME: Final = 128
DELIMITERS: Final = (",", ";", "|", "\t")
# A cell that is surely a value: all digits, a date, an address of mail, a postcode, or nothing at all.
_A_VALUE: Final = re.compile(
    r"\s*|[\d\s.,:/+-]+|\S+@\S+|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]{2}\d{6}[A-D]"
    r"|\d{1,4}[-/ ][A-Za-z\d]{1,9}[-/ ]\d{1,4}.*",
    re.ASCII,
)


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
    if any(_A_VALUE.fullmatch(one) or len(one) > LONGEST_NAME for one in names):
        # What stands there would be printed as a column's name, and so it must not be somebody's.
        text = f"the first row of {shown(file.name)} does not look like the names of its columns"
        raise DraftError(f"{text}: put a row of names on top, one for each column")
    if len(set(names)) < len(names):
        raise DraftError(f"two columns of {shown(file.name)} have one name: rename one of them")
    table = table_of(file.name, names, [list(row) for row in rows[1:]])
    if any(one.name in one.values for one in table.columns):
        raise DraftError(f"the first row of {shown(file.name)} holds what stands in its columns: put a row of names on top")
    return table, delimiter


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

"""How is one file of an export read: line by line, and refused with its line where it is not what was declared?"""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from gateway.sources.contract import Cause
from gateway.sources.export import Export

Stamp = tuple[int, int, int]  # inode, mtime in nanoseconds, size


class ExportFaultError(Exception):
    """A file that can't be used. Names file, line and fault; never a value, and no name of a column but the mapping's."""

    def __init__(self, message: str, cause: Cause = Cause.EXPORT, column: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.column = column


def fault_of(error: OSError) -> Cause:
    """Return the cause of a file or folder that can't be read."""
    return Cause.PERMISSION if isinstance(error, PermissionError) else Cause.FILE


def stamp_of(path: str) -> Stamp | None:
    """Return what changes when a file does; None where there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 -- asked often, and Path's own takes twice as long
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_lines(path: str, name: str, export: Export, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Give the named columns of each row, with its line; the file is read as it goes, and never held whole."""
    with _opened(path, name, export.max_bytes) as file:
        reader = csv.reader(_texts(file, name, export), delimiter=export.delimiter, strict=True)
        try:
            yield from _rows(reader, name, export, columns)
        except csv.Error as error:  # its words hold no value
            raise ExportFaultError(f"{name}, line {reader.line_num}: {error}") from None


def _rows(reader: Any, name: str, export: Export, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    header = [one.strip() for one in next(_whole(reader, name, export), [])]
    places = _places(header, name, columns)
    width, rows = len(header), 0
    for row in _whole(reader, name, export):
        if not row:  # an empty line, as many a file ends with
            continue
        if len(row) != width:
            raise ExportFaultError(f"{name}, line {reader.line_num}: {len(row)} values under {width} columns")
        rows += 1
        if rows > export.max_rows:
            raise ExportFaultError(
                f"{name}, line {reader.line_num}: over {export.max_rows} rows; raise max_rows if that is right"
            )
        yield reader.line_num, [row[place] for place in places]


def _whole(reader: Any, name: str, export: Export) -> Iterator[list[str]]:
    """Give each row that stands on one line, or on several where the mapping says that it may.

    A quotation mark too many takes the next rows for a value, up to the next mark: one row has then another's columns,
    and can have the right width.
    """
    before = reader.line_num
    for row in reader:
        if not export.multiline and (reader.line_num > before + 1 or "\r" in "".join(row)):
            raise ExportFaultError(
                f"{name}, line {before + 1}: a line break inside a value; "
                "mend the quotation mark that is not closed there, or declare `multiline: true` if that is right"
            )
        before = reader.line_num
        yield row


def _places(header: list[str], name: str, columns: Sequence[str]) -> list[int]:
    """Return where the mapping's columns stand. A file without a header has values there: none is told."""
    first: dict[str, int] = {}
    for place, one in enumerate(header):
        if one in first:
            raise ExportFaultError(f"{name}, line 1: columns {first[one] + 1} and {place + 1} have one name")
        first[one] = place
    missing = [one for one in columns if one not in first]
    if missing:
        raise ExportFaultError(f"{name}, line 1: no column is called {missing[0]}", Cause.COLUMN, missing[0])
    return [first[one] for one in columns]


def _opened(path: str, name: str, most: int) -> BinaryIO:
    try:
        # A pipe would be waited for without end.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ExportFaultError(f"{name}: {error.strerror}", fault_of(error)) from None
    file = os.fdopen(handle, "rb")
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        file.close()
        what = f"over {most} bytes; raise max_bytes if that is right" if stat.S_ISREG(found.st_mode) else "not a file"
        raise ExportFaultError(f"{name}: {what}")
    return file


def _texts(file: BinaryIO, name: str, export: Export) -> Iterator[str]:
    """Give each line decoded. In every encoding that may be declared, a line ends with the same byte."""
    left, encoding = export.max_bytes, export.encoding
    number = 0
    while line := file.readline(left + 1):
        number += 1
        left -= len(line)
        if left < 0:  # it grew while it was read
            raise ExportFaultError(
                f"{name}, line {number}: over {export.max_bytes} bytes; raise max_bytes if that is right"
            )
        if b"\0" in line:
            raise ExportFaultError(f"{name}, line {number}: a NUL byte; export it as {export.encoding} text")
        try:
            yield line.decode(encoding)
        except UnicodeDecodeError:
            raise ExportFaultError(f"{name}, line {number}: not {export.encoding}; declare `encoding`") from None
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding  # a mark stands before the first line alone

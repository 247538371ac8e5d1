"""In which folder and files does an export lie? The `csv` section of a mapping."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from policies.reading.sections import Section, boolean, integer, one_of, refused, word
from policies.reading.yaml_text import Node, Scalar

# Encodings whose lines can be told apart before they are decoded, so that a fault has its line.
ENCODINGS: Final = ("utf-8-sig", "utf-8", "windows-1252", "iso-8859-1")
USUAL_BYTES: Final = 100_000_000
USUAL_ROWS: Final = 1_000_000
_DIRECTIVES: Final = {
    "Y": r"(?P<Y>\d{4})",
    "m": r"(?P<m>\d\d)",
    "d": r"(?P<d>\d\d)",
    "H": r"(?P<H>\d\d)",
    "M": r"(?P<M>\d\d)",
}


@dataclass(frozen=True, slots=True)
class FileName:
    """A file's name, as it is or with its day: `header-%Y-%m-%d.csv`."""

    text: str

    @property
    def is_dated(self) -> bool:
        """Tell whether the name holds a day."""
        return "%" in self.text

    def day_in(self, name: str) -> datetime | None:
        """Return the instant that a file's name states, or None where it is another file's."""
        found = self._pattern().fullmatch(name)
        if found is None:
            return None
        parts = found.groupdict()
        try:
            return datetime(*(int(parts.get(one) or 0) for one in "YmdHM"), tzinfo=UTC)  # type: ignore[misc, arg-type]  # five numbers
        except ValueError:  # 2026-02-30 is no day, and so it is no export of a day
            return None

    def _pattern(self) -> re.Pattern[str]:
        parts = re.split(r"%([YmdHM])", self.text)
        return re.compile(
            "".join(_DIRECTIVES[part] if odd % 2 else re.escape(part) for odd, part in enumerate(parts)), re.ASCII
        )


@dataclass(frozen=True, slots=True)
class Export:
    """Files of an export; `file` has one row for each record."""

    folder: str
    file: FileName
    encoding: str
    delimiter: str
    max_bytes: int
    max_rows: int
    multiline: bool = False  # whether a value may hold line breaks


def export(node: Node) -> Export:
    """Read the `csv` section."""
    section = Section(node, "csv")
    found = Export(
        folder=section.need("folder", _folder),
        file=section.need("file", file_name),
        encoding=section.may("encoding", one_of(*ENCODINGS), "utf-8-sig"),
        delimiter=section.may("delimiter", _delimiter, ","),
        max_bytes=section.may("max_bytes", integer(1, 2_000_000_000), USUAL_BYTES),
        max_rows=section.may("max_rows", integer(1, 20_000_000), USUAL_ROWS),
        multiline=section.may("multiline", boolean, False),
    )
    section.close()
    return found


def file_name(node: Node) -> FileName:
    """Read a file's name: no folder, and either no directive or a whole day."""
    text = word(node)
    directives = re.findall(r"%(.?)", text)
    if "/" in text or "\\" in text or text.startswith("."):
        raise refused(node, "is no file's name", "Write the name alone; `folder` says where.")
    if directives and sorted(directives) not in (sorted("Ymd"), sorted("YmdHM")):
        raise refused(node, "names no whole day", "Write %Y, %m and %d once each, or none; %H and %M may follow.")
    return FileName(text)


def _folder(node: Node) -> str:
    text = word(node)
    if not text.startswith(("/", "{dir}")):
        raise refused(node, "is no folder", "Write one from the root on, or one in {dir}, the council's directory.")
    return text


def _delimiter(node: Node) -> str:
    if not isinstance(node, Scalar) or node.text not in {",", ";", "|", "\t"}:
        raise refused(node, "is no delimiter", 'Write ",", ";", "|" or "\\t" in quotes.')
    return node.text

"""How many rows had each file of an export that was accepted last? What has lost more than half waits for a yes.

Kept in a file beside the log, for it must outlive the process; every worker reads it, and so does the command line.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.sources.csv_reading import ExportFaultError, Stamp, stamp_of


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A file that lost more than half of its rows, by its name in the mapping."""

    file: str
    rows: int
    before: int


class Accepted:
    """The counts of one mapping's files. Without a path they are remembered for as long as this lives."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._counts: dict[str, int] = {}

    def stamp(self) -> Stamp | None:
        """Return what changes when somebody confirms, in whatever process."""
        return stamp_of(str(self._path)) if self._path is not None else None

    def shrunk(self, counts: Mapping[str, int]) -> tuple[Shrunk, ...]:
        """Return the files that have less than half of the rows that they had; of a mapping's first files, none."""
        known = self._known()
        return tuple(
            Shrunk(file, rows, known[file]) for file, rows in counts.items() if file in known and 2 * rows < known[file]
        )

    def keep(self, counts: Mapping[str, int]) -> None:
        """Remember what was accepted, durably: a crash leaves the counts before, and so at worst a file that is held."""
        if self._known() == dict(counts):
            return
        self._counts = dict(counts)
        if self._path is None:
            return
        beside = self._path.with_name(
            f"{self._path.name}.{os.getpid()}.{threading.get_ident()}"
        )  # several workers may write
        with beside.open("w", encoding="utf-8") as file:
            json.dump(self._counts, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)

    def _known(self) -> dict[str, int]:
        if self._path is None:
            return self._counts
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:
            raise ExportFaultError(f"{self._path.name} does not hold what was written there: remove it") from None
        if not isinstance(found, dict) or not all(type(rows) is int for rows in found.values()):
            raise ExportFaultError(f"{self._path.name} does not hold what was written there: remove it")
        return found

"""What does a log lack of what somebody has seen of it? A receipt, a checkpoint, or what this host remembers, may tell.

Whoever goes on where something is missing signs a second history: then only a successor of the log is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from audit.checking.published import Published, UnreadableError, in_directory, open_file
from audit.checking.seen import place_of_seen, read_seen
from audit.stores.checked import LogCorruptError
from audit.stores.connection import Connection
from audit.stores.entries import head
from audit.stores.instants import from_micros
from audit.stores.nodes import loader
from audit.tree.checkpoint import LONGEST_NOTE, verify_checkpoint
from audit.tree.layout import CHECKPOINT
from audit.tree.merkle import Edge, ProofError, root_of
from gateway.backups.manifest import BackupError

LARGEST: Final = 268_435_456  # bytes of a file of answers
HOST: Final = "this host"


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint of the log, and who or what has seen it."""

    note: str
    by: str


@dataclass(frozen=True, slots=True)
class Missing:
    """How many entries a log lacks, at the least, since when, and what of them was seen."""

    entries: int
    since: datetime | None
    size: int
    seen: Seen

    @property
    def told(self) -> str:
        """Say it, and what is left to do."""
        since = f"since {self.since.isoformat(timespec='seconds')}" if self.since is not None else "since it began"
        return (
            f"the log holds {self.size} entries, and {self.seen.by} has seen {self.size + self.entries}: at the least "
            f"{self.entries} are missing, {since}. Going on would sign a second history"
        )


def what_is_missing(connection: Connection, seen: Iterable[Seen], *, vkey: str) -> Missing | None:
    """Return what the log lacks of the largest that was seen; None where it lacks nothing that is known.

    Raises LogCorruptError where what was seen is another history, BackupError for what is no checkpoint of this log.
    """
    found = head(connection)
    size, since = (found[0], from_micros(found[2])) if found is not None else (0, None)
    worst: Missing | None = None
    for one in seen:
        try:
            checkpoint = verify_checkpoint(one.note, vkey)
            root = root_of(0, checkpoint.size, loader(connection)) if 0 < checkpoint.size <= size else Edge(0, ()).root()
        except ProofError as error:
            raise BackupError(f"what {one.by} has seen is no checkpoint of this log: {error}") from error
        if checkpoint.size > size and (worst is None or checkpoint.size > size + worst.entries):
            worst = Missing(checkpoint.size - size, since, size, one)
        if checkpoint.size <= size and root != checkpoint.root:
            raise LogCorruptError(f"{one.by} has seen another history of the log's first {checkpoint.size} entries")
    return worst


def seen_at(what: str) -> list[Seen]:
    """Return the checkpoints of a receipt, an answer, a checkpoint, an export's folder, or a log's own address.

    Raises BackupError.
    """
    path = Path(what)
    try:
        if "://" in what:
            with Published(what) as fetch:
                return _fetched(fetch(CHECKPOINT, LONGEST_NOTE), what)
        if path.is_dir():
            return _fetched(in_directory(path)(CHECKPOINT, LONGEST_NOTE), what)
        with open_file(path) as stream:
            return _in_file(stream.read(LARGEST + 1), what)
    except OSError as error:
        raise BackupError(f"{what} can't be read: {error.strerror}") from error
    except (UnreadableError, ProofError) as error:
        raise BackupError(f"{what}: {error}") from error


def seen_here(vkey: str, environ: Mapping[str, str]) -> list[Seen]:
    """Return what this host remembers of the log: of backups, of restores, and of `stile verify`. Raises BackupError."""
    try:
        note = read_seen(place_of_seen(vkey, environ))
    except UnreadableError as error:
        raise BackupError(str(error)) from error
    return [Seen(note, HOST)] if note is not None else []


def _fetched(note: bytes | None, what: str) -> list[Seen]:
    if note is None:
        raise BackupError(f"{what} has no {CHECKPOINT}: give a receipt, a checkpoint, or the log's own address")
    return [Seen(note.decode(errors="replace"), what)]


def _in_file(content: bytes, what: str) -> list[Seen]:
    """Read a checkpoint, or the receipts of an answer: of one person, or a line each of many."""
    text = content.decode(errors="replace")
    if not text.lstrip().startswith("{"):
        return [Seen(text, what)]
    try:
        found = [json.loads(text)]
    except ValueError:
        found = _lines(text, what)
    notes = {note for one in found for note in _checkpoints(one)}
    if not notes:
        raise BackupError(f"{what} holds no receipt and no checkpoint")
    return [Seen(note, what) for note in sorted(notes)]


def _lines(text: str, what: str) -> list[Any]:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise BackupError(f"{what} is neither a receipt nor a checkpoint") from error


def _checkpoints(found: Any) -> Iterable[str]:
    """Yield each receipt's checkpoint: of an answer, of one of many lines, or of a receipt by itself."""
    if not isinstance(found, dict):
        return
    receipt = found.get("receipt")
    for one in (found, receipt if isinstance(receipt, dict) else {}):
        note = one.get("checkpoint")
        if isinstance(note, str):
            yield note
    lines = found.get("lines")
    for line in lines if isinstance(lines, list) else ():
        yield from _checkpoints(line)

"""How does a log get into files? C2SP tlog-tiles, from one snapshot of the database, beside a running gateway.

A file has its name only once it is whole and durable, and the checkpoint comes last: whatever it covers is there. So a
run that was killed leaves the log as it was exported before, and the next one goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Final

from audit.stores.connection import Connection
from audit.stores.entries import newest_checkpoint, numbered_between
from audit.stores.nodes import hashes, loader
from audit.tree.checkpoint import verify_checkpoint
from audit.tree.layout import CHECKPOINT, TILE_LEVELS, WIDTH, bundle_path, pack, tile_path
from audit.tree.merkle import ProofError, root_of

WRITING: Final = ".writing"  # what has no name of its own yet
WRITERS: Final = 16  # at a time: a disk makes several files durable in the time of one
_OURS: Final = {CHECKPOINT, "tile", WRITING}
Progress = Callable[[int, int], None]  # entries done, entries to do


class ExportError(Exception):
    """A directory that this log can't be exported to, or a log that lacks something. Says what to do."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The size before and after, and how many files were written."""

    before: int
    size: int
    files: int


def export_log(connection: Connection, directory: Path, *, vkey: str, progress: Progress) -> Exported:
    """Write what is new since the last export to this directory, or raise ExportError.

    `connection` reads the log's database. The directory then holds the entries: no personal data in clear, but times,
    kinds and counters. It is for auditors.
    """
    with _held(directory), connection.snapshot():
        found = newest_checkpoint(connection)
        before = _exported_before(connection, directory, vkey, found[0] if found else 0)
        if found is None or found[0] == before:
            return Exported(before, before, 0)
        size, note = found
        (directory / WRITING).mkdir(exist_ok=True)
        with ThreadPoolExecutor(WRITERS) as pool:
            files = _Files(directory, pool)
            for done in _write_entries(connection, files, before, size):
                progress(done - before, size - before)
            _write_tiles(connection, files, before, size)
            # Durable under their names first: a checkpoint must not outlive what it covers.
            files.settle()
        files.put_checkpoint(note)
        _drop_partials(directory, before, size)
        return Exported(before, size, files.written)


@contextlib.contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Hold a directory, made where it is not there yet, against a second export."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ExportError(f"{directory} can't be used: {error.strerror}; give a directory that you may write to") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
        shutil.rmtree(directory / WRITING, ignore_errors=True)
    except BlockingIOError as error:
        raise ExportError(f"another export is writing to {directory}: wait for it") from error
    finally:
        os.close(handle)


def _exported_before(connection: Connection, directory: Path, vkey: str, size: int) -> int:
    """Return how many entries the directory holds; ExportError where they are not this log's first ones."""
    file = directory / CHECKPOINT
    if not file.exists():
        if foreign := {one.name for one in directory.iterdir()} - _OURS:
            raise ExportError(f"{directory} is not empty, and no export ({min(foreign)}): give a new directory")
        return 0
    try:
        kept = verify_checkpoint(file.read_text(encoding="utf-8"), vkey)
    except (ProofError, UnicodeDecodeError) as error:
        raise ExportError(f"{directory} holds the export of another log, or a damaged one: {error}") from error
    if kept.size > size:
        raise ExportError(
            f"{directory} holds {kept.size} entries, and the log {size}: the database was put back from an older copy. "
            "Keep both, and restore the newest backup"
        )
    try:
        root = root_of(0, kept.size, loader(connection))
    except ProofError as error:
        raise ExportError(f"the log is damaged: {error}") from error
    if root != kept.root:
        raise ExportError(f"the log's first {kept.size} entries are not those that {directory} holds: keep both")
    return kept.size


def _write_entries(connection: Connection, files: _Files, before: int, size: int) -> Iterator[int]:
    """Write the bundles that are new, and say after each how many entries are done."""
    first = before // WIDTH
    rows = _in_turn(numbered_between(connection, begin=first * WIDTH, end=size), first * WIDTH)
    for index in range(first, -(-size // WIDTH)):
        entries = list(islice(rows, WIDTH))
        wanted = min(WIDTH, size - index * WIDTH)
        if len(entries) != wanted:
            raise _lacking(index * WIDTH + len(entries), size)
        files.put(bundle_path(index, wanted), pack(entries))
        yield index * WIDTH + wanted


def _in_turn(rows: Iterable[tuple[int, bytes]], place: int) -> Iterator[bytes]:
    """Give entries one after the other; ExportError where one is missing: else the next would take its place."""
    for found, entry in rows:
        if found != place:
            raise _lacking(place, found)
        yield entry
        place += 1


def _lacking(begin: int, end: int) -> ExportError:
    which = f"entry {begin} is" if end == begin + 1 else f"the entries from {begin} to {end - 1} are"
    return ExportError(f"the log is damaged: {which} missing")


def _write_tiles(connection: Connection, files: _Files, before: int, size: int) -> None:
    """Write the tiles of hashes that are new, level by level."""
    level = 0
    while size >> (level * TILE_LEVELS):
        had, has = before >> (level * TILE_LEVELS), size >> (level * TILE_LEVELS)
        first = had // WIDTH
        rows = hashes(connection, level=level * TILE_LEVELS, begin=first * WIDTH, end=has)
        for index in range(first, -(-has // WIDTH)):
            found = list(islice(rows, WIDTH))
            wanted = min(WIDTH, has - index * WIDTH)
            if len(found) != wanted:
                raise ExportError(f"the log is damaged: of level {level * TILE_LEVELS}, nodes are missing")
            if index * WIDTH + wanted > had:
                files.put(tile_path(level, index, wanted), b"".join(found))
        level += 1


class _Files:
    """Writes files whole and durably, several at a time. What it finds in their place must be the same."""

    def __init__(self, directory: Path, pool: ThreadPoolExecutor) -> None:
        self._directory = directory
        self._pool = pool
        self._waiting: deque[Future[bool]] = deque()
        self._touched: set[Path] = set()
        self._numbers = count()
        self.written = 0

    def put(self, path: str, content: bytes) -> None:
        """Have a file written; one that a killed run has left is kept. `settle` waits for all."""
        target = self._directory / path
        if target.parent not in self._touched:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._touched |= {target.parent, *target.parents} - {*self._directory.parents}
        if len(self._waiting) >= 4 * WRITERS:  # what waits is in memory
            self.written += self._waiting.popleft().result()
        beside = self._directory / WRITING / str(next(self._numbers))
        self._waiting.append(self._pool.submit(_write_new, target, beside, content))

    def settle(self) -> None:
        """Wait until all are durable under their names."""
        while self._waiting:
            self.written += self._waiting.popleft().result()
        for folder in self._touched:
            _sync(folder)

    def put_checkpoint(self, note: str) -> None:
        """Write the checkpoint, in the place of an older one."""
        beside = self._directory / WRITING / CHECKPOINT
        _write(beside, note.encode())
        beside.rename(self._directory / CHECKPOINT)
        _sync(self._directory)
        self.written += 1


def _write_new(target: Path, beside: Path, content: bytes) -> bool:
    """Write a file under its name; False where the same is there already."""
    if target.exists():
        if target.read_bytes() != content:
            raise ExportError(f"{target} is there already, and is another: give a new directory")
        return False
    _write(beside, content)
    beside.rename(target)
    return True


def _write(beside: Path, content: bytes) -> None:
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with os.fdopen(handle, "wb", buffering=0) as stream:
        stream.write(content)
        os.fsync(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _drop_partials(directory: Path, before: int, size: int) -> None:
    """Drop the partial files of the last export whose full ones are there now."""
    level, folders = 0, []
    if before // WIDTH < size // WIDTH:
        folders.append(bundle_path(before // WIDTH))
    while before >> (level * TILE_LEVELS):
        had, has = before >> (level * TILE_LEVELS), size >> (level * TILE_LEVELS)
        if had // WIDTH < has // WIDTH:
            folders.append(tile_path(level, had // WIDTH))
        level += 1
    for path in folders:
        shutil.rmtree(directory / f"{path}.p", ignore_errors=True)

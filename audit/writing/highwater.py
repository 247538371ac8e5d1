"""Has the log lost entries that it had signed? The newest checkpoint is kept in a file beside the database.

A database whose write-ahead log was lost, or that was put back from an older copy, holds together by itself; to go on
with it would sign a second tree of the same size. This file is what remembers. It may be a second old.
"""

from __future__ import annotations

from pathlib import Path

from audit.stores.checked import LogCorruptError
from audit.stores.connection import Connection
from audit.stores.entries import size_of
from audit.stores.nodes import loader
from audit.tree.checkpoint import parse_checkpoint, verify_checkpoint
from audit.tree.merkle import ProofError, root_of
from audit.writing.kept import keep_newer


def keep_high_water(note: str | None, file: Path) -> None:
    """Keep a checkpoint, whole or not at all; nothing is written where it, or a later one, is kept already."""
    if note is not None:
        keep_newer(note, file, is_newer=lambda: _is_later(note, file))


def _is_later(note: str, file: Path) -> bool:
    try:
        return parse_checkpoint(note).size > parse_checkpoint(file.read_text(encoding="utf-8")).size
    except (FileNotFoundError, ProofError, UnicodeDecodeError):
        return True


def check_high_water(connection: Connection, file: Path, vkey: str) -> None:
    """Raise LogCorruptError unless the log still holds, unchanged, what it held at the kept checkpoint."""
    if not file.exists():
        return
    try:
        kept = verify_checkpoint(file.read_text(encoding="utf-8"), vkey)
    except (ProofError, UnicodeDecodeError) as error:
        raise LogCorruptError(f"{file.name} is not a checkpoint of this log: restore it beside its database") from error
    size = size_of(connection)
    if size < kept.size:
        raise LogCorruptError(
            f"the log holds {size} entries, and had signed {kept.size}: its write-ahead log was lost, or an older copy was "
            "put back. Going on would sign a second history. Restore the newest backup of the whole directory; where none "
            "holds what is missing, a successor is the only way on: stile log succeed"
        )
    try:
        root = root_of(0, kept.size, loader(connection))
    except ProofError as error:
        raise LogCorruptError(f"the log lacks what it had signed at {kept.size} entries: {error}") from error
    if root != kept.root:
        raise LogCorruptError(f"the log's first {kept.size} entries are not those that it had signed")

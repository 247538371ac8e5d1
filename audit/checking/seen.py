"""Which checkpoint of a log was verified last? It is kept in a file, so that a log that goes back is noticed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from audit.checking.published import UnreadableError
from audit.tree.checkpoint import LONGEST_NOTE, parse_vkey


class NotRememberedError(Exception):
    """A log verifies, but its checkpoint could not be kept. Says what to do."""


def place_of_seen(vkey: str, environ: Mapping[str, str]) -> Path:
    """Return the file for a log that is read at its address: below XDG_STATE_HOME, by the log's name and key."""
    name, identity, _ = parse_vkey(vkey)
    base = environ.get("XDG_STATE_HOME") or ""
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state"
    return root / "stile" / "seen" / f"{re.sub(r'[^A-Za-z0-9.-]', '_', name)}+{identity.hex()}"


def read_seen(file: Path) -> str | None:
    """Return the note that was kept, or None where there is none yet."""
    try:
        with file.open(encoding="utf-8") as stream:
            return stream.read(LONGEST_NOTE + 1)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{file}, which remembers the last checkpoint, can't be read: {error}") from error


def keep_seen(note: str, file: Path) -> None:
    """Keep a checkpoint that was verified, whole or not at all, or raise NotRememberedError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(note)
                stream.flush()
                os.fsync(stream.fileno())
            Path(beside).replace(file)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise NotRememberedError(
            f"{file} can't be written ({error.strerror}), so a log that goes back would go unnoticed: give --since a file "
            "that you may write"
        ) from error

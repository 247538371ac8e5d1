"""Is there room to write? Asked where something failed, for SQLite tells of a full disk in other words, and at a start."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

from audit.stores.connection import DiskFullError

NEEDED: Final = 65_536  # bytes: what SQLite takes for the files beside a database before it writes anything
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def check_room(folder: Path) -> None:
    """Raise DiskFullError where a folder has no room for so much as a database's own side files."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * NEEDED)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in FULL:
            raise full(folder) from error
        # A folder that may not be written to is told by who writes there.


def full(folder: Path) -> DiskFullError:
    """Return what is told of a folder without room."""
    return DiskFullError(f"the disk of {folder} is full: make room. Nothing is damaged, and nothing half written")


def told_as_full(error: Exception, folder: Path) -> Exception:
    """Return a failure as it is, or as what it comes of where the disk is full: that is no damage."""
    if isinstance(error, DiskFullError):  # what was half written is taken back by now, and there is room again
        return full(folder)
    try:
        check_room(folder)
    except DiskFullError as found:
        return found
    return error

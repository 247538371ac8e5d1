"""How is a small file kept beside the log? Whole or not at all, by one process at a time, and never older than it is."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def keep_newer(content: str, file: Path, *, is_newer: Callable[[], bool]) -> None:
    """Put a content in the place of an older one, durably; `is_newer` is asked when nobody else writes there.

    Several processes may keep theirs: while one writes, the others leave it to their next time.
    """
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_newer():
            put_in_place(content.encode(), file)
    except BlockingIOError:
        return
    finally:
        os.close(folder)


def put_in_place(content: bytes, file: Path, *, mode: int = 0o600) -> None:
    """Put a content in a file's place, durably: whoever opens it finds the old one or the new one, whole."""
    beside = file.with_name(file.name + ".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as stream:
            own_as_before(stream.fileno(), file)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)  # a full disk, say: nothing half written is left on it
        raise
    sync(file.parent)


def own_as_before(handle: int, file: Path) -> None:
    """Where root writes, leave a file to whose it was, or whose its folder is: the gateway's user must read it."""
    if os.geteuid() == 0:
        before = file.stat() if file.exists() else file.parent.stat()
        os.fchown(handle, before.st_uid, before.st_gid)


def sync(place: Path) -> None:
    """Make durable what a file holds; or which files a folder has, by which names."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

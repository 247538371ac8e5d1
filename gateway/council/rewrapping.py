"""How does a council change its master key? Step by step, each durable before the next, and each taken up where it stopped.

1. The new key lies where the master key comes from, beside the old one. 2. The key file knows it as its newest generation.
3. Every key is wrapped by it. 4. That is an entry of the log. 5. The old one is destroyed where it is ours to destroy.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.writing.kept import own_as_before
from audit.writing.rewrapping import begin_generation, left_behind, new_key, newest_of, rewrap
from audit.writing.safe import Safe
from audit.writing.wrapping import mark_of
from gateway.council.directory import PID, Council, CouncilError
from gateway.council.master_key import Commanded, EnvironmentKeys, FileKeys

LOCK: Final = "keys.lock"
LOOKED: Final = 3.0  # seconds until every worker has looked for a new generation, and has asked a quick command for it
_WANTED: Final = (
    "{told} gives no new key: let it give the old one and then a new one of 32 bytes, in base64, a line each (the new one "
    "last), and run this again. Nothing was changed"
)


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What has come of it: the generation that wraps every key, how many were wrapped anew, and what is left to do."""

    generation: int
    mark: str
    count: int
    is_recorded: bool


def rewrap_council(council: Council, done: Callable[[int], None] = lambda _count: None) -> Rewrapped:
    """Take steps 1 to 3, or those of them that are left. Raises CouncilError and KeyringError."""
    safe = council.keyring.safe
    _check_source(council)
    if not _is_under_way(safe):
        begin_generation(safe, _made_key(safe))
        if isinstance(safe.wrapping.master, Commanded):
            # Each worker looks once a second: so none has to wait for a command with the log's lock in hand.
            time.sleep(LOOKED)
    count = rewrap(safe, done)
    newest = newest_of(safe)
    return Rewrapped(newest.number, newest.mark.hex(), count, newest.is_recorded)


def note_recorded(council: Council, rewrapped: Rewrapped) -> None:
    """Keep that step 4 is done. Raises KeyringError."""
    safe = council.keyring.safe
    with safe.lock:
        safe.write(lambda: safe.file.note_recorded(rewrapped.generation))


def destroy_older(council: Council) -> str:
    """Take step 5, and say what is left for others to destroy."""
    safe = council.keyring.safe
    master = safe.wrapping.master
    newest = newest_of(safe)
    if left_behind(safe):
        raise CouncilError("an older generation still wraps keys: run this again")
    if isinstance(master, FileKeys):
        key = next(one for one in master.read() if mark_of(one) == newest.mark)
        master.keep_only(key)
        return f"{master.file} holds generation {newest.number} alone: destroy the older ones in your backups of that file"
    return (
        f"{master.told} is not ours to change: let it give generation {newest.number} alone (mark {newest.mark.hex()}), "
        "and destroy the older ones there"
    )


@contextmanager
def only_one(directory: Path, *, shared: bool = False) -> Iterator[None]:
    """Keep others from changing the master key while the block runs; CouncilError where one does so already.

    Who only needs that it does not change takes it `shared`.
    """
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        own_as_before(handle, directory / LOCK)
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise CouncilError(f"the keys of {directory} are being wrapped anew, or backed up: try again after that") from error
    finally:
        os.close(handle)


def _is_under_way(safe: Safe) -> bool:
    """Tell whether an earlier run stopped in step 3, 4 or 5: then that is what is to be done, and no new generation."""
    newest = newest_of(safe)
    if not newest.is_recorded or left_behind(safe) > 0:
        return True
    return isinstance(safe.wrapping.master, FileKeys) and new_key(safe) is None and len(safe.wrapping.read_master()) > 1


def _made_key(safe: Safe) -> bytes:
    """Return the key that begins a generation: one that an earlier run left, or what the source brings, or a new one."""
    found = new_key(safe)
    if found is not None:
        return found
    master = safe.wrapping.master
    if isinstance(master, FileKeys):
        return master.add()
    raise CouncilError(_WANTED.format(told=master.told))


def _check_source(council: Council) -> None:
    """Raise CouncilError where a gateway runs on an environment that nobody can change: it would lack the new key."""
    if not isinstance(council.keyring.safe.wrapping.master, EnvironmentKeys):
        return
    file = council.directory / PID
    if not file.exists():
        return
    with file.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CouncilError(
                "a gateway serves this directory by the environment that it was started with: stop it, run this with the "
                "old and the new key in STILE_MASTER_KEY, and start it with the new one"
            ) from error

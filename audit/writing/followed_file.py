"""Where does a process go on that begins to follow the log? From what one before it knew, kept in a file under a MAC.

So a start of a long log opens no old entry again. What is cut, or not of this key file, is as if there were none: the log
is followed from its first entry on, which takes longer and tells the same.
"""

from __future__ import annotations

import fcntl
import hmac
import os
from pathlib import Path
from typing import Final

import orjson

from audit.writing.follower import Follower
from audit.writing.kept import put_in_place

WORTH: Final = 2_000  # entries to be followed anew before a file is written
_MAC_SIZE: Final = 32


def keep_followed(follower: Follower, file: Path, *, worth: int = WORTH) -> None:
    """Keep what is known, whole or not at all; nothing where so much is kept already, or another process keeps its own."""
    if follower.size - follower.resumed_at < worth:
        return
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        content = orjson.dumps(follower.known())
        put_in_place(follower.mac(content) + content, file)
        follower.resumed_at = follower.size
    except BlockingIOError:
        return
    finally:
        os.close(folder)


def resume_followed(follower: Follower, file: Path) -> None:
    """Have a follower that knows nothing yet go on from what was kept."""
    try:
        raw = file.read_bytes()
    except OSError:
        return
    mac, content = raw[:_MAC_SIZE], raw[_MAC_SIZE:]
    if hmac.compare_digest(mac, follower.mac(content)):
        follower.resume(orjson.loads(content))

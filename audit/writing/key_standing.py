"""Is a key file older than it was? It counts its own changes; the newest count is kept in a file beside the state.

An old copy put in the place of the newest would bring back destroyed keys, and lack those that were made since. The count
stands under a MAC of the key file's own, so that only who holds its keys can say another.
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import Final, Protocol

from audit.stores.connection import Connection
from audit.stores.entries import keys_between, size_of
from audit.stores.key_file import KeyFile, MacOf, Standing
from audit.stores.subject_keys import held_by_anybody
from audit.writing.kept import keep_newer
from audit.writing.wrapping import KeyringError

NEWEST: Final = 64  # entries whose keys are looked for at the start
OLDER: Final = (
    "an older copy was put in its place, which brings back keys that were destroyed and lacks those made since: put back "
    "the newest copy"
)


class Keys(Protocol):
    """What is asked of the keys: how they stand, and which of some are not there. Raises KeyringError."""

    @property
    def file(self) -> KeyFile:
        """Return the file, whose MAC is known."""
        ...

    def standing(self) -> Standing:
        """Return how often the key file has changed."""
        ...

    def missing(self, key_ids: set[bytes]) -> set[bytes]:
        """Return for which ids there is no key."""
        ...


def mac_under(index_key: bytes) -> MacOf:
    """Return what puts a key file's word of itself under a MAC: who has the file alone can't make it."""
    key = hmac.digest(index_key, b"stile key file", "sha256")

    def mac_of(standing: Standing) -> bytes:
        told = f"{standing.serial} {standing.generation} {standing.keys}"
        return hmac.digest(key, told.encode(), "sha256")

    return mac_of


def standing_of(file: KeyFile) -> Standing:
    """Return how a key file stands; KeyringError where it is not as it says itself."""
    standing, mac = file.standing()
    if not hmac.compare_digest(mac, file.mac_of(standing)):
        raise KeyringError("the key file was changed by hand: what it says of itself is not under its MAC. Restore it")
    return standing


def keep_key_mark(keys: Keys, file: Path) -> None:
    """Keep how the key file stands, whole or not at all; nothing is written where it stands so already."""
    standing = keys.standing()
    if _serial(file) >= standing.serial:
        return
    kept = {**_members(standing), "mac": keys.file.mac_of(standing).hex()}
    keep_newer(json.dumps(kept) + "\n", file, is_newer=lambda: standing.serial > _serial(file))


def check_key_file(keys: Keys, file: Path, connection: Connection) -> None:
    """Raise KeyringError for a key file that is older than the count that was kept, or than the log's newest entries."""
    standing = keys.standing()
    kept = _read(file)
    if kept is not None:
        before, mac = kept
        if not hmac.compare_digest(mac, keys.file.mac_of(before)):
            raise KeyringError(f"{file.name} is not of this key file, or was changed: restore both from one backup")
        if standing.serial < before.serial or standing.generation < before.generation:
            raise KeyringError(
                f"the key file has changed {standing.serial} times, and had {before.serial} times before: {OLDER}"
            )
    size = size_of(connection)
    used = {key_id for key_id, _ in keys_between(connection, begin=max(0, size - NEWEST), end=size)}
    missing = keys.missing(used)
    # What was destroyed, or never was a key, is missing too, and nobody's.
    lacking = held_by_anybody(connection, missing) if missing else set()
    if lacking:
        raise KeyringError(f"of the keys that the log's newest entries name the key file lacks {len(lacking)}: {OLDER}")


def _members(standing: Standing) -> dict[str, int]:
    return {"serial": standing.serial, "generation": standing.generation, "keys": standing.keys}


def _serial(file: Path) -> int:
    try:
        found = _read(file)
    except KeyringError:
        return -1
    return found[0].serial if found is not None else -1


def _read(file: Path) -> tuple[Standing, bytes] | None:
    try:
        found = json.loads(file.read_text(encoding="ascii"))
        return Standing(int(found["serial"]), int(found["generation"]), int(found["keys"])), bytes.fromhex(found["mac"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise KeyringError(
            f"{file.name} can't be read as how the key file stood: restore it beside its key file"
        ) from error

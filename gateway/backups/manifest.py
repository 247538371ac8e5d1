"""What does a backup hold? Each file by its digest, where log and keys stood, and a MAC by which an edited one is told."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import IO, Any, Final

from audit.format.entry import canonical
from audit.writing.keyring import Keyring

NAME: Final = "manifest.json"
FORMAT: Final = 1
LARGEST: Final = 1_048_576  # bytes of a manifest
_PART: Final = 1_048_576


class BackupError(Exception):
    """A backup can't be made, read or restored. Says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a backup."""

    sha256: str
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `checkpoint` is the log's newest one; `generations` how many keys each wraps."""

    made_at: str
    origin: str
    vkey: str
    schema: str
    database: str
    size: int
    checkpoint: str | None
    serial: int
    generations: Mapping[str, int]
    has_master_key: bool
    left_out: tuple[str, ...]
    files: Mapping[str, Kept]
    mac: str = ""

    def members(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {"format": FORMAT, **asdict(self), "left_out": list(self.left_out)}


def signed(manifest: Manifest, keyring: Keyring) -> bytes:
    """Return a manifest's text, under a MAC of the council's own keys."""
    members = {**manifest.members(), "mac": _mac(manifest, keyring)}
    return json.dumps(members, indent=1, ensure_ascii=True).encode() + b"\n"


def check_mac(manifest: Manifest, keyring: Keyring) -> None:
    """Raise BackupError unless these keys made the manifest."""
    if not hmac.compare_digest(manifest.mac, _mac(manifest, keyring)):
        raise BackupError(f"{NAME} is not as it was written, or is another council's: take another backup")


def _mac(manifest: Manifest, keyring: Keyring) -> str:
    key = hmac.digest(keyring.named("index"), b"stile backup", "sha256")
    members = {name: value for name, value in manifest.members().items() if name != "mac"}
    return hmac.digest(key, canonical(members), "sha256").hex()


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest, or raise BackupError. Nothing in it is believed yet."""
    try:
        found = json.loads(content)
        if found.pop("format") != FORMAT:
            raise BackupError(f"{NAME} is of another format than this build knows: restore with the build that made it")
        files = {name: Kept(**kept) for name, kept in found.pop("files").items()}
        manifest = Manifest(files=files, left_out=tuple(found.pop("left_out")), **found)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupError(f"{NAME} can't be read: the backup was cut off or edited. Take another one") from error
    if not _is_sound(manifest):
        raise BackupError(f"{NAME} names what no backup holds: it was edited. Take another one")
    return manifest


def _is_sound(manifest: Manifest) -> bool:
    """Tell whether it is of the right types, and nothing in it writes over a terminal's lines or leads elsewhere."""
    told = (manifest.made_at, manifest.origin, manifest.vkey, manifest.schema, manifest.database, manifest.mac)
    numbers = (
        manifest.size,
        manifest.serial,
        *(value for one in manifest.files.values() for value in (one.size, one.mode)),
    )
    return (
        all(type(one) is str and one.isprintable() for one in told)
        and type(manifest.checkpoint) in {str, type(None)}
        and all(type(one) is int and one >= 0 for one in numbers)
        and all(is_place(name) for name in manifest.files)
    )


def is_place(name: str) -> bool:
    """Tell whether a name leads to a place within a directory, and to no other."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and not {"..", "."} & set(parts) and name.isprintable()


def copied(source: IO[bytes], *, target: IO[bytes], most: int) -> tuple[str, int]:
    """Copy a stream up to a size, and one byte further where there is more; return its digest and how much it was."""
    digest, size = hashlib.sha256(), 0
    while part := source.read(min(_PART, most + 1 - size)):
        digest.update(part)
        target.write(part)
        size += len(part)
    return digest.hexdigest(), size

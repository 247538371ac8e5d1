"""Where is an answer kept, byte for byte as it came? One file each, whole or not at all, for its owner alone."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Takes a name (the disclosure's id with an ending) and the exact bytes; returns once they are safe, or raises OSError.
Keeper = Callable[[str, bytes], None]

_NAME: Final = re.compile(r"[a-z]{1,3}_[0-9A-Z]{26}\.(json|ndjson|end)", re.ASCII)


@dataclass(frozen=True, slots=True)
class DirectoryKeeper:
    """Keeps each answer as a file of a directory: written, flushed to the disk, then renamed into its place."""

    directory: Path

    def __call__(self, name: str, content: bytes) -> None:
        """Keep an answer durably. A name that no gateway gives is replaced by a digest: it is not ours to choose."""
        if not _NAME.fullmatch(name):
            name = f"{hashlib.sha256(content).hexdigest()}.answer"
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = self.directory / f".{name}.{secrets.token_hex(4)}"
        try:
            _write(making, content)
            making.replace(self.directory / name)
        finally:
            with contextlib.suppress(FileNotFoundError):
                making.unlink()
        _flush(self.directory)


def _write(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _flush(directory: Path) -> None:
    """Make the rename itself durable: it is an entry of the directory."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

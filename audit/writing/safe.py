"""Which secrets does a key file hold, and how are they wrapped, read and destroyed?

Methods may be called from several threads, and every one raises KeyringError. Several processes may have the file open.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self, TypeVar

from audit.format.commitment import CONTROLLER_ID
from audit.stores.connection import DiskFullError, StoreError
from audit.stores.key_file import KeyFile, Name, Standing
from audit.writing.key_standing import mac_under, standing_of
from audit.writing.wrapping import KeyringError, MasterKeys, Wrapping

NAMED: Final = ("controller", "index", "pseudonym")

T = TypeVar("T")


class Safe:
    """The secrets of one controller, by name or id. Open until `close`."""

    def __init__(self, file: KeyFile, master: MasterKeys) -> None:
        self.file: KeyFile = file
        self.wrapping = Wrapping(file, master)
        self.lock = threading.RLock()

    @classmethod
    def create(cls, path: Path, master: MasterKeys) -> Self:
        """Fill an existing empty file, whose permissions are the caller's, with the controller-wide secrets."""
        return cls._opened(path, master, cls._fill)

    @classmethod
    def open(cls, path: Path, master: MasterKeys) -> Self:
        """Open a key file; one of an earlier build learns of generations."""
        if not path.is_file():
            raise KeyringError(f"the key file {path.name} is missing: restore it")
        return cls._opened(path, master, cls._check)

    @classmethod
    def _opened(cls, path: Path, master: MasterKeys, first: Callable[[Self], object]) -> Self:
        """Open a key file for what is done first with it; closed again when that fails."""
        with contextlib.ExitStack() as undo:
            try:
                file = KeyFile.open(path)
                undo.callback(file.close)
                safe = cls(file, master)
                first(safe)
            except DiskFullError as error:
                raise KeyringError(f"the key file {path.name} can't be opened: {error}. Make room") from error
            except StoreError as error:
                raise KeyringError(f"the key file {path.name} is damaged, or no new one: restore it") from error
            undo.pop_all()
        return safe

    def _fill(self) -> None:
        mark = self.wrapping.begin()
        made = {name: secrets.token_bytes(32) for name in NAMED}
        self.file.mac_of = mac_under(made["index"])
        self.file.fill(
            mark, [(name, self.wrapping.wrap(secret, name=name.encode(), generation=1)) for name, secret in made.items()]
        )

    def _check(self) -> None:
        if not self.file.has_generations():
            self.file.take_up(self._learn)
        self.file.mac_of = mac_under(self.named("index"))
        self.named("controller")
        self.standing()
        if not self.read(self.file.holds_as_many):
            raise KeyringError(
                "the key file does not hold as many keys as it says: keys were put in or taken out by hand. Restore it"
            )

    def _learn(self) -> bytes:
        mark = self.wrapping.learn()
        self.file.mac_of = mac_under(self.named("index"))
        return mark

    def standing(self) -> Standing:
        """Return how often the file has changed, and what it holds."""
        with self.lock:
            return self.read(lambda: standing_of(self.file))

    def look_ahead(self) -> None:
        """Have the newest generation at hand before a key needs it; nobody waits meanwhile for its source."""
        with self.lock:
            newest = self.read(self.file.generations)[-1]
        if not self.wrapping.has(newest.mark):
            self.wrapping.read_master()

    def named(self, name: str) -> bytes:
        """Return a controller-wide secret."""
        with self.lock:
            wrapped = self.read(lambda: self.file.named(name))
            if wrapped is None:
                raise KeyringError(f"the key file has no key called {name}: restore it")
            return self.wrapping.unwrap(wrapped, name.encode())

    def has_named(self, name: str) -> bool:
        """Tell whether there is a controller-wide secret of a name."""
        with self.lock:
            return self.read(lambda: self.file.named(name)) is not None

    def random(self, key_id: bytes) -> bytes:
        """Return the secret of an id."""
        with self.lock:
            wrapped = self.read(lambda: self.file.random(key_id))
            if wrapped is None:
                raise KeyringError("a key that the log names was destroyed, or the key file is older than the log")
            return self.wrapping.unwrap(wrapped, key_id)

    def holds(self, key_id: bytes) -> bool:
        """Tell whether there is a secret of an id."""
        with self.lock:
            return self.read(lambda: self.file.random(key_id)) is not None

    def missing(self, key_ids: set[bytes]) -> set[bytes]:
        """Return for which ids there is no secret; the controller's own has a name."""
        return {one for one in key_ids - {CONTROLLER_ID} if not self.holds(one)}

    def keep(self, made: Mapping[Name, bytes]) -> None:
        """Keep new secrets under the newest generation, also where another process begins one at this moment."""
        is_kept = False
        with self.lock:
            while not is_kept:
                generation = self.read(self.wrapping.newest)
                rows = [
                    (name, self.wrapping.wrap(secret, name=as_bytes(name), generation=generation))
                    for name, secret in made.items()
                ]
                is_kept = self.write(lambda rows=rows: self.file.keep(rows))  # type: ignore[misc]  # bound at once

    def destroy(self, key_ids: Sequence[bytes]) -> None:
        """Destroy the secrets of ids; KeyringError where they are gone, but a copy stays until it is called again."""
        with self.lock:
            is_wiped = self.write(lambda: self.file.destroy(key_ids))
        if not is_wiped:
            raise KeyringError("the destroyed keys could not be wiped from the file: something reads it; destroy again")

    def close(self) -> None:
        """Let the file go."""
        with self.lock:
            self.file.close()

    def read(self, read: Callable[[], T]) -> T:
        """Return what is read of the file."""
        try:
            return read()
        except StoreError as error:
            raise KeyringError("the key file can't be read: restore it") from error

    def write(self, write: Callable[[], T]) -> T:
        """Return what changing the file gives."""
        try:
            return write()
        except DiskFullError as error:
            raise KeyringError("the key file can't be written: the disk is full") from error
        except StoreError as error:
            raise KeyringError("the key file can't be written") from error


def as_bytes(name: Name) -> bytes:
    """Return what a secret is wrapped with besides, so that none can take another's place."""
    return name.encode() if isinstance(name, str) else name

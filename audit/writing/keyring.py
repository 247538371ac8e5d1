"""Whose are the keys, and how are they made ahead, given out and destroyed?

They lie in a key file, each wrapped under a master key. Methods may be called from several threads.
"""

from __future__ import annotations

import secrets
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from audit.format.commitment import CONTROLLER_ID, Mac, SealingKey, forget_derived
from audit.stores.connection import Connection
from audit.stores.key_file import KeyFile
from audit.stores.subject_keys import Whose, claiming, held_key
from audit.writing.safe import NAMED, Safe
from audit.writing.wrapping import KeyringError, MasterKeys

BLOCK: Final = 64  # keys made ahead at once
KEPT: Final = 65_536  # keys remembered in memory

__all__ = ["BLOCK", "CONTROLLER_ID", "NAMED", "Keyring", "KeyringError", "reference"]


def reference(index_key: bytes, dataset: str, source_ref: str) -> bytes:
    """Return the log's reference of a person, or of an identifier that found nobody: 32 bytes."""
    return _under(index_key).of(f"{dataset}\x00{source_ref}")


@lru_cache(maxsize=16)
def _under(index_key: bytes) -> Mac:
    return Mac(index_key)


class Keyring:
    """The keys of one controller. Open until `close`."""

    def __init__(self, safe: Safe) -> None:
        self.safe = safe
        self._lock = safe.lock
        self._known: dict[Whose, SealingKey] = {}
        self._reserved: dict[Whose, SealingKey] = {}
        self._ahead: list[SealingKey] = []
        self._controller: SealingKey | None = None

    @classmethod
    def create(cls, path: Path, master: MasterKeys) -> Self:
        """Fill an existing empty file, whose permissions are the caller's, with the controller-wide keys."""
        return cls(Safe.create(path, master))

    @classmethod
    def open(cls, path: Path, master: MasterKeys) -> Self:
        """Open a key file, or raise KeyringError."""
        return cls(Safe.open(path, master))

    @property
    def _file(self) -> KeyFile:
        return self.safe.file

    def close(self) -> None:
        """Let the file go."""
        self.safe.close()

    def named(self, name: str) -> bytes:
        """Return a controller-wide secret."""
        return self.safe.named(name)

    def store_named(self, name: str, secret: bytes) -> None:
        """Keep a controller-wide secret of any length; an existing one of that name stays, and raises."""
        self.safe.keep({name: secret})

    def controller(self) -> SealingKey:
        """Return the controller's own key, that nobody's erasure destroys."""
        if self._controller is None:
            self._controller = SealingKey(CONTROLLER_ID, self.named("controller"))
        return self._controller

    def key_for(self, connection: Connection, reference: bytes, retention_class: str, year: int) -> tuple[SealingKey, bool]:
        """Return (key, is new) of a person for a retention class and year.

        A new one is taken from those made ahead, which are durable already, and counts once it is claimed in
        the append transaction. `connection` is to the log's database. Raises KeyringError.
        """
        known = (reference, retention_class, year)
        with self._lock:
            found = self._known.get(known) or self._reserved.get(known)
            if found is not None:
                return found, known not in self._known
            held = held_key(connection, known)
            if held is not None:
                return self._remember(known, self._load(held)), False
            if len(self._reserved) >= KEPT:
                # Calls that never came to their append. One that still does claims the key that it holds.
                self._reserved.clear()
            self._reserved[known] = self._take()
            return self._reserved[known], True

    def claim(
        self, connection: Connection, reference: bytes, retention_class: str, year: int, key: SealingKey
    ) -> SealingKey:
        """Write whose a key is inside the append transaction; return the key that holds.

        It is another where a second writer claimed first, or where the key was destroyed since it was given out: the
        caller seals again under it.
        """
        whose = (reference, retention_class, year)
        held_id = held_key(connection, whose)
        with self._lock:
            if held_id is None:
                held = key if self.safe.holds(key.key_id) else self._take()
                connection.run_all(claiming({whose: held.key_id}))
            else:
                held = key if held_id == key.key_id else self._load(held_id)
            return self._remember(whose, held)

    def key_held(self, whose: Whose, held_id: bytes | None) -> SealingKey:
        """Return the key that a person's row names; of who has no row the one that they are to have.

        That is the one that was given out before, unless it was destroyed since.
        """
        with self._lock:
            given = self._known.get(whose) or self._reserved.get(whose)
            if held_id is not None:
                found = given if given is not None and given.key_id == held_id else self._load(held_id)
                return self._remember(whose, found)
            if given is not None and self.safe.holds(given.key_id):
                return given
            self._known.pop(whose, None)
            self._reserved[whose] = self._take()
            return self._reserved[whose]

    def note_claimed(self, whose: Whose, key: SealingKey) -> None:
        """Take into memory whose a key is: its row is being written."""
        with self._lock:
            self._remember(whose, key)

    def load(self, key_id: bytes) -> SealingKey:
        """Return a key by its id; KeyringError once it was destroyed."""
        if key_id == CONTROLLER_ID:
            return self.controller()
        with self._lock:
            return self._load(key_id)

    def destroy(self, key_ids: list[bytes]) -> None:
        """Destroy keys: nothing sealed under them can be opened or guessed again, by anyone.

        Their rows of `subject_key` go before, in the erasure's own transaction; a person without a row gets a new
        key. KeyringError where another process is reading: the keys are gone, but call again, for a copy stays in
        the file until then.
        """
        with self._lock:
            self._known.clear()
            self._reserved.clear()
            forget_derived()
            self.safe.destroy(key_ids)

    def _remember(self, known: Whose, key: SealingKey) -> SealingKey:
        self._reserved.pop(known, None)
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[known] = key
        return key

    def _take(self) -> SealingKey:
        if not self._ahead:
            made = [SealingKey(secrets.token_bytes(16), secrets.token_bytes(32)) for _ in range(BLOCK)]
            # Durable before use: an entry sealed under a key that a crash takes away could never be opened.
            self.safe.keep({key.key_id: key.secret for key in made})
            self._ahead = made
        return self._ahead.pop()

    def _load(self, key_id: bytes) -> SealingKey:
        return SealingKey(key_id, self.safe.random(key_id))

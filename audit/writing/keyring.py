"""Which keys are there, and how are they made ahead, given out and destroyed?

Every key is wrapped (AES-256-GCM) under a 32-byte key that the caller holds. Methods may be called from several threads.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final, Self, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.format.commitment import CONTROLLER_ID, Mac, SealingKey, forget_derived
from audit.stores.connection import Connection, StoreError
from audit.stores.key_file import KeyFile
from audit.stores.subject_keys import Whose, claiming, held_key

BLOCK: Final = 64  # keys made ahead at once
KEPT: Final = 65_536  # keys remembered in memory
NAMED: Final = ("controller", "index", "pseudonym")


T = TypeVar("T")


class KeyringError(Exception):
    """The key file is missing, damaged, or wrapped under another key. Nothing can be sealed without it."""


def reference(index_key: bytes, dataset: str, source_ref: str) -> bytes:
    """Return the log's reference of a person, or of an identifier that found nobody: 32 bytes."""
    return _under(index_key).of(f"{dataset}\x00{source_ref}")


@lru_cache(maxsize=16)
def _under(index_key: bytes) -> Mac:
    return Mac(index_key)


class Keyring:
    """The keys of one controller. Open until `close`."""

    def __init__(self, file: KeyFile, wrapping_key: bytes) -> None:
        if len(wrapping_key) != 32:  # noqa: PLR2004 -- AES-256
            raise KeyringError("the master key is not 32 bytes long")
        self._file = file
        self._cipher = AESGCM(wrapping_key)
        self._lock = threading.RLock()
        self._known: dict[Whose, SealingKey] = {}
        self._reserved: dict[Whose, SealingKey] = {}
        self._ahead: list[SealingKey] = []
        self._controller: SealingKey | None = None

    @classmethod
    def create(cls, path: Path, wrapping_key: bytes) -> Self:
        """Fill an existing empty file, whose permissions are the caller's, with the controller-wide keys."""
        return cls._opened(path, wrapping_key, cls._fill)

    @classmethod
    def open(cls, path: Path, wrapping_key: bytes) -> Self:
        """Open a key file, or raise KeyringError."""
        if not path.is_file():
            raise KeyringError(f"the key file {path.name} is missing: restore it")
        return cls._opened(path, wrapping_key, cls.controller)

    @classmethod
    def _opened(cls, path: Path, wrapping_key: bytes, first: Callable[[Self], object]) -> Self:
        """Open a key file for what is done first with it; closed again when that fails."""
        try:
            file = KeyFile.open(path)
        except StoreError as error:
            raise KeyringError(f"the key file {path.name} is damaged, or no new one: restore it") from error
        try:
            ring = cls(file, wrapping_key)
            first(ring)
        except StoreError as error:
            file.close()
            raise KeyringError(f"the key file {path.name} is damaged, or no new one: restore it") from error
        except BaseException:
            file.close()
            raise
        return ring

    def _fill(self) -> None:
        self._file.fill()
        for name in NAMED:
            self.store_named(name, secrets.token_bytes(32))

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._file.close()

    def named(self, name: str) -> bytes:
        """Return a controller-wide secret."""
        with self._lock:
            wrapped = self._read(lambda: self._file.named(name))
        if wrapped is None:
            raise KeyringError(f"the key file has no key called {name}: restore it")
        return self._unwrap(wrapped, name.encode())

    def store_named(self, name: str, secret: bytes) -> None:
        """Keep a controller-wide secret of any length; an existing one of that name stays, and raises."""
        with self._lock:
            self._write(lambda: self._file.keep_named(name, self._wrap(secret, name.encode())))

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
                held = key if self._exists(key.key_id) else self._take()
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
            if given is not None and self._exists(given.key_id):
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
            is_wiped = self._write(lambda: self._file.destroy(key_ids))
        if not is_wiped:
            raise KeyringError("the destroyed keys could not be wiped from the file: something reads it; destroy again")

    def _remember(self, known: Whose, key: SealingKey) -> SealingKey:
        self._reserved.pop(known, None)
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[known] = key
        return key

    def _take(self) -> SealingKey:
        if not self._ahead:
            made = [SealingKey(secrets.token_bytes(16), secrets.token_bytes(32)) for _ in range(BLOCK)]
            rows = [(key.key_id, self._wrap(key.secret, key.key_id)) for key in made]
            # Durable before use: an entry sealed under a key that a crash takes away could never be opened.
            self._write(lambda: self._file.keep_random(rows))
            self._ahead = made
        return self._ahead.pop()

    def _exists(self, key_id: bytes) -> bool:
        return self._read(lambda: self._file.random(key_id)) is not None

    def _load(self, key_id: bytes) -> SealingKey:
        wrapped = self._read(lambda: self._file.random(key_id))
        if wrapped is None:
            raise KeyringError("a key that the log names was destroyed, or the key file is older than the log")
        return SealingKey(key_id, self._unwrap(wrapped, key_id))

    def _read(self, read: Callable[[], bytes | None]) -> bytes | None:
        try:
            return read()
        except StoreError as error:
            raise KeyringError("the key file can't be read: restore it") from error

    def _write(self, write: Callable[[], T]) -> T:
        try:
            return write()
        except StoreError as error:
            raise KeyringError("the key file can't be written") from error

    def _wrap(self, secret: bytes, name: bytes) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + self._cipher.encrypt(nonce, secret, name)

    def _unwrap(self, wrapped: bytes, name: bytes) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:12], wrapped[12:], name)
        except (InvalidTag, ValueError) as error:
            raise KeyringError("the key file is wrapped under another master key, or damaged") from error

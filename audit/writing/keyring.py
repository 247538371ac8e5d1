"""Which keys are there, and how are they made ahead, given out and destroyed?

A file of its own, with a backup rule of its own: restoring an old copy would bring back destroyed keys. Every key is
wrapped (AES-256-GCM) under a 32-byte key that the caller holds. Methods may be called from several threads.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

import pysqlite3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.format.commitment import Mac, SealingKey, forget_derived

BLOCK: Final = 64  # keys made ahead at once
KEPT: Final = 65_536  # keys remembered in memory
NAMED: Final = ("controller", "index", "pseudonym")
CONTROLLER_ID: Final = bytes(16)
_TABLES: Final = """
CREATE TABLE named_key (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL);
CREATE TABLE random_key (key_id BLOB PRIMARY KEY, wrapped BLOB NOT NULL);
"""
_HELD: Final = "(SELECT key_id FROM subject_key WHERE reference = ? AND class = ? AND year = ?)"
Known = tuple[bytes, str, int]  # reference, retention class, year


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

    def __init__(self, connection: Any, wrapping_key: bytes) -> None:
        if len(wrapping_key) != 32:  # noqa: PLR2004 -- AES-256
            raise KeyringError("the master key is not 32 bytes long")
        self._connection = connection
        self._cipher = AESGCM(wrapping_key)
        self._lock = threading.RLock()
        self._known: dict[Known, SealingKey] = {}
        self._reserved: dict[Known, SealingKey] = {}
        self._ahead: list[SealingKey] = []
        self._controller: SealingKey | None = None

    @classmethod
    def create(cls, path: Path, wrapping_key: bytes) -> Self:
        """Fill an existing empty file, whose permissions are the caller's, with the controller-wide keys."""
        with _opened(path) as connection:
            ring = cls(connection, wrapping_key)
            connection.executescript(_TABLES)
            for name in NAMED:
                ring.store_named(name, secrets.token_bytes(32))
        return ring

    @classmethod
    def open(cls, path: Path, wrapping_key: bytes) -> Self:
        """Open a key file, or raise KeyringError."""
        if not path.is_file():
            raise KeyringError(f"the key file {path.name} is missing: restore it")
        with _opened(path) as connection:
            ring = cls(connection, wrapping_key)
            ring.controller()
        return ring

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._connection.close()

    def named(self, name: str) -> bytes:
        """Return a controller-wide secret."""
        with self._lock:
            wrapped = self._read("SELECT wrapped FROM named_key WHERE name = ?", name)
        if wrapped is None:
            raise KeyringError(f"the key file has no key called {name}: restore it")
        return self._unwrap(wrapped, name.encode())

    def store_named(self, name: str, secret: bytes) -> None:
        """Keep a controller-wide secret of any length; an existing one of that name stays, and raises."""
        with self._lock:
            self._write("INSERT INTO named_key VALUES (?, ?)", [(name, self._wrap(secret, name.encode()))])

    def controller(self) -> SealingKey:
        """Return the controller's own key, that nobody's erasure destroys."""
        if self._controller is None:
            self._controller = SealingKey(CONTROLLER_ID, self.named("controller"))
        return self._controller

    def key_for(self, connection: Any, reference: bytes, retention_class: str, year: int) -> tuple[SealingKey, bool]:
        """Return (key, is new) of a person for a retention class and year.

        A new one is taken from those made ahead, which are durable already, and counts once it is claimed in
        the append transaction. `connection` is to the log's database. Raises KeyringError.
        """
        known = (reference, retention_class, year)
        with self._lock:
            found = self._known.get(known) or self._reserved.get(known)
            if found is not None:
                return found, known not in self._known
            row = connection.execute(
                "SELECT key_id FROM subject_key WHERE reference = ? AND class = ? AND year = ?", known
            ).fetchone()
            if row is not None:
                return self._remember(known, self._load(bytes(row[0]))), False
            if len(self._reserved) >= KEPT:
                # Calls that never came to their append. One that still does claims the key that it holds.
                self._reserved.clear()
            self._reserved[known] = self._take()
            return self._reserved[known], True

    def claim(self, connection: Any, reference: bytes, retention_class: str, year: int, key: SealingKey) -> SealingKey:
        """Claim one key: `claim_all`."""
        return self.claim_all(connection, (((reference, retention_class, year), key),))[0]

    def claim_all(self, connection: Any, claims: Sequence[tuple[Known, SealingKey]]) -> list[SealingKey]:
        """Write reference -> key id inside the append transaction; return the keys that hold.

        One is another than it was where a second writer claimed first, or where the key was destroyed since it was
        given out: the caller seals again under it.
        """
        # One statement for all: each lets the interpreter go, and waits to get it back.
        values = [value for known, _ in claims for value in known]
        row = connection.execute(f"SELECT {', '.join([_HELD] * len(claims))}", values).fetchone()
        with self._lock:
            return [self._claim(connection, known, key, held) for (known, key), held in zip(claims, row, strict=True)]

    def _claim(self, connection: Any, known: Known, key: SealingKey, held_id: bytes | None) -> SealingKey:
        self._reserved.pop(known, None)
        if held_id is None:
            held = key if self._exists(key.key_id) else self._take()
            connection.execute(
                "INSERT INTO subject_key (reference, class, year, key_id) VALUES (?, ?, ?, ?)", (*known, held.key_id)
            )
        else:
            held = key if held_id == key.key_id else self._load(bytes(held_id))
        return self._remember(known, held)

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
            self._write("DELETE FROM random_key WHERE key_id = ?", [(one,) for one in key_ids])
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise KeyringError("the destroyed keys could not be wiped from the file: something reads it; destroy again")

    def _remember(self, known: Known, key: SealingKey) -> SealingKey:
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[known] = key
        return key

    def _take(self) -> SealingKey:
        if not self._ahead:
            made = [SealingKey(secrets.token_bytes(16), secrets.token_bytes(32)) for _ in range(BLOCK)]
            rows = [(key.key_id, self._wrap(key.secret, key.key_id)) for key in made]
            # Durable before use: an entry sealed under a key that a crash takes away could never be opened.
            self._write("INSERT INTO random_key VALUES (?, ?)", rows)
            self._ahead = made
        return self._ahead.pop()

    def _exists(self, key_id: bytes) -> bool:
        return self._read("SELECT wrapped FROM random_key WHERE key_id = ?", key_id) is not None

    def _load(self, key_id: bytes) -> SealingKey:
        wrapped = self._read("SELECT wrapped FROM random_key WHERE key_id = ?", key_id)
        if wrapped is None:
            raise KeyringError("a key that the log names was destroyed, or the key file is older than the log")
        return SealingKey(key_id, self._unwrap(wrapped, key_id))

    def _read(self, statement: str, name: str | bytes) -> bytes | None:
        try:
            row = self._connection.execute(statement, (name,)).fetchone()
        except pysqlite3.Error as error:
            raise KeyringError("the key file can't be read: restore it") from error
        return bytes(row[0]) if row else None

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
        except pysqlite3.Error as error:
            with contextlib.suppress(pysqlite3.Error):  # there may be no transaction, nor even an open file
                self._connection.execute("ROLLBACK")
            raise KeyringError("the key file can't be written") from error

    def _wrap(self, secret: bytes, name: bytes) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + self._cipher.encrypt(nonce, secret, name)

    def _unwrap(self, wrapped: bytes, name: bytes) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:12], wrapped[12:], name)
        except (InvalidTag, ValueError) as error:
            raise KeyringError("the key file is wrapped under another master key, or damaged") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a key file for what is done first with it; closed again when that fails."""
    with contextlib.ExitStack() as undo:
        try:
            connection = pysqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
            )
            undo.callback(connection.close)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")
            yield connection
        except pysqlite3.Error as error:
            raise KeyringError(f"the key file {path.name} is damaged, or no new one: restore it") from error
        undo.pop_all()

"""Which keys are there, and how are they made ahead, given out and destroyed?

A file of its own, with a backup rule of its own: restoring an old copy would bring back destroyed keys. Every key is
wrapped (AES-256-GCM) under a 32-byte key that the caller holds. Methods may be called from several threads.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from pathlib import Path
from typing import Any, Final, Self

import pysqlite3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.commitment import SealingKey

BLOCK: Final = 64  # keys made ahead at once
KEPT: Final = 65_536  # keys remembered in memory
NAMED: Final = ("controller", "index", "pseudonym")
CONTROLLER_ID: Final = bytes(16)
_TABLES: Final = """
CREATE TABLE named_key (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL);
CREATE TABLE random_key (key_id BLOB PRIMARY KEY, wrapped BLOB NOT NULL);
"""
Known = tuple[bytes, str, int]


class KeyringError(Exception):
    """The key file is missing, damaged, or wrapped under another key. Nothing can be sealed without it."""


def reference(index_key: bytes, dataset: str, source_ref: str) -> bytes:
    """Return the log's reference of a person, or of an identifier that found nobody: 32 bytes."""
    return hmac.digest(index_key, f"{dataset}\x00{source_ref}".encode(), "sha256")


class Keyring:
    """The keys of one controller. Open until `close`."""

    def __init__(self, connection: Any, wrapping_key: bytes) -> None:
        self._connection = connection
        self._cipher = AESGCM(wrapping_key)
        self._lock = threading.RLock()
        self._known: dict[Known, SealingKey] = {}
        self._reserved: dict[Known, SealingKey] = {}
        self._ahead: list[SealingKey] = []
        self._controller: SealingKey | None = None

    @classmethod
    def create(cls, path: Path, wrapping_key: bytes) -> Self:
        """Make a key file with the controller-wide keys; an existing empty file is filled."""
        connection = _connect(path)
        connection.executescript(_TABLES)
        ring = cls(connection, wrapping_key)
        for name in NAMED:
            ring.store_named(name, secrets.token_bytes(32))
        return ring

    @classmethod
    def open(cls, path: Path, wrapping_key: bytes) -> Self:
        """Open a key file, or raise KeyringError."""
        if not path.is_file():
            raise KeyringError(f"the key file {path.name} is missing: restore it")
        try:
            ring = cls(_connect(path), wrapping_key)
            ring.controller()
        except pysqlite3.DatabaseError as error:
            raise KeyringError(f"the key file {path.name} is damaged: restore it") from error
        return ring

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._connection.close()

    def named(self, name: str) -> bytes:
        """Return a controller-wide secret."""
        with self._lock:
            row = self._connection.execute("SELECT wrapped FROM named_key WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise KeyringError(f"the key file has no key called {name}: restore it")
        return self._unwrap(bytes(row[0]), name.encode())

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
            self._reserved[known] = self._take()
            return self._reserved[known], True

    def claim(self, connection: Any, reference: bytes, retention_class: str, year: int, key: SealingKey) -> SealingKey:
        """Write reference -> key id inside the append transaction; return the key that holds.

        It is another one where a second writer claimed first: the caller seals again under it.
        """
        known = (reference, retention_class, year)
        connection.execute(
            "INSERT OR IGNORE INTO subject_key (reference, class, year, key_id) VALUES (?, ?, ?, ?)",
            (*known, key.key_id),
        )
        row = connection.execute(
            "SELECT key_id FROM subject_key WHERE reference = ? AND class = ? AND year = ?", known
        ).fetchone()
        held = bytes(row[0])
        with self._lock:
            self._reserved.pop(known, None)
            return self._remember(known, key if held == key.key_id else self._load(held))

    def load(self, key_id: bytes) -> SealingKey:
        """Return a key by its id; KeyringError once it was destroyed."""
        if key_id == CONTROLLER_ID:
            return self.controller()
        with self._lock:
            return self._load(key_id)

    def destroy(self, key_ids: list[bytes]) -> None:
        """Destroy keys: nothing sealed under them can be opened or guessed again, by anyone."""
        with self._lock:
            self._known.clear()
            self._reserved.clear()
            self._write("DELETE FROM random_key WHERE key_id = ?", [(one,) for one in key_ids])
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

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

    def _load(self, key_id: bytes) -> SealingKey:
        row = self._connection.execute("SELECT wrapped FROM random_key WHERE key_id = ?", (key_id,)).fetchone()
        if row is None:
            raise KeyringError("a key that the log names was destroyed, or the key file is older than the log")
        return SealingKey(key_id, self._unwrap(bytes(row[0]), key_id))

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
        except pysqlite3.Error as error:
            if self._connection.in_transaction:
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


def _connect(path: Path) -> Any:
    connection = pysqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    return connection

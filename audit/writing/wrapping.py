"""Which generation of the master key wraps a key, and does it open by what is at hand?

The master key (key-encryption key) is nobody's but the council's: it comes from a file, the environment or a command, each
time anew where a generation is not at hand. The key file knows each generation by a mark that tells nothing of its key.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.stores.key_file import KeyFile, Wrapped

KEY_SIZE: Final = 32  # AES-256
NONCE_SIZE: Final = 12
PAUSE: Final = 5.0  # seconds before a generation that was not at hand is looked for again
ANY_NAME: Final = b"controller"  # a key that every file has


class KeyringError(Exception):
    """A key can't be had: file or master key is missing, damaged, or not the other's. Nothing can be sealed without it."""


class MasterKeys(Protocol):
    """Where the master key comes from."""

    @property
    def told(self) -> str:
        """Say where, for operators; nothing of the key."""
        ...

    def read(self) -> Sequence[bytes]:
        """Return the keys at hand, of 32 bytes each, the newest last; raises KeyringError. May take seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """Master keys that are held in memory, for who has no source of them."""

    keys: tuple[bytes, ...]
    told: str = "memory"

    def read(self) -> Sequence[bytes]:
        """Return them."""
        return self.keys


def mark_of(key: bytes) -> bytes:
    """Return what tells a master key from others, and nothing of it."""
    if len(key) != KEY_SIZE:
        raise KeyringError("the master key is not 32 bytes long")
    return hmac.digest(key, b"stile master key", "sha256")[:8]


class Wrapping:
    """Wraps and unwraps the keys of one file. For one thread at a time, as the file is."""

    def __init__(self, file: KeyFile, master: MasterKeys) -> None:
        self._file = file
        self.master = master
        self._ciphers: dict[bytes, AESGCM] = {}  # by mark
        self._marks: dict[int, bytes] = {}  # by generation
        self._looked = -PAUSE
        self.read_master()

    def read_master(self) -> list[bytes]:
        """Read the master keys anew, and return them."""
        keys = list(self.master.read())
        self._ciphers = {mark_of(key): AESGCM(key) for key in keys}
        return keys

    def has(self, mark: bytes) -> bool:
        """Tell whether the key of a mark is at hand."""
        return mark in self._ciphers

    def newest(self) -> int:
        """Return the generation that wraps what is kept from now on, whose key is at hand. Raises KeyringError."""
        generation = self._file.generations()[-1]
        self._marks[generation.number] = generation.mark
        self._cipher(generation.number)
        return generation.number

    def begin(self) -> bytes:
        """Return the mark under which a new file begins: of the newest key at hand."""
        self._marks[1] = mark_of(self.read_master()[-1])
        return self._marks[1]

    def learn(self) -> bytes:
        """Return the mark of the key that opens a file which did not know of generations. Raises KeyringError."""
        wrapped = self._file.named(ANY_NAME.decode())
        for mark, cipher in self._ciphers.items():
            if wrapped is not None and _opened(cipher, wrapped.content, ANY_NAME) is not None:
                self._marks[1] = mark
                return mark
        raise KeyringError(
            f"the key file is wrapped under another master key than the one in {self.master.told}, or damaged"
        )

    def wrap(self, secret: bytes, *, name: bytes, generation: int) -> Wrapped:
        """Wrap a secret under its name. Raises KeyringError."""
        nonce = secrets.token_bytes(NONCE_SIZE)
        return Wrapped(nonce + self._cipher(generation).encrypt(nonce, secret, name), generation)

    def unwrap(self, wrapped: Wrapped, name: bytes) -> bytes:
        """Return the secret. Raises KeyringError."""
        found = _opened(self._cipher(wrapped.generation), wrapped.content, name)
        if found is None:
            raise KeyringError(
                f"the key file is damaged: a key does not open by generation {wrapped.generation}, which is its"
            )
        return found

    def _cipher(self, generation: int) -> AESGCM:
        if generation not in self._marks:
            self._marks = {one.number: one.mark for one in self._file.generations()}
        mark = self._marks.get(generation)
        if mark is None:
            raise KeyringError(
                f"the key file is damaged: it does not know of generation {generation}, which wraps its keys"
            )
        found = self._ciphers.get(mark)
        # Another process may have begun a generation. What is not to be had may cost a command's seconds: not each call's.
        if found is None and time.monotonic() - self._looked >= PAUSE:
            self.read_master()
            found = self._ciphers.get(mark)
            self._looked = time.monotonic() if found is None else self._looked
        if found is None:
            raise KeyringError(self._not_at_hand(generation))
        return found

    def _not_at_hand(self, wanted: int) -> str:
        """Say which generation of the master key is needed, and which another is at hand."""
        known = self._file.generations()
        others = [f"generation {one.number}" for one in known if one.mark in self._ciphers]
        mark = self._marks[wanted].hex()
        has = " and ".join(others) if others else "another master key, of no generation that the key file knows"
        return (
            f"keys are wrapped by generation {wanted} of the master key (mark {mark}), and {self.master.told} holds {has}: "
            f"put generation {wanted} there, from your backup of the master key"
        )


def _opened(cipher: AESGCM, content: bytes, name: bytes) -> bytes | None:
    try:
        return cipher.decrypt(content[:NONCE_SIZE], content[NONCE_SIZE:], name)
    except (InvalidTag, ValueError):
        return None

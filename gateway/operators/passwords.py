"""Is this the password? Argon2id, in a thread, a few at once: each takes 64 MiB and a good part of a second."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST: Final = 15  # characters
LONGEST: Final = 512
AT_ONCE: Final = 2
MOST_WAITING: Final = 16


class PasswordRefusedError(ValueError):
    """A password that can't be one; the message says why, and never holds it."""


class BusyError(Exception):
    """So many are being looked at that nobody should wait."""


class Passwords:
    """Looks at passwords. For one event loop; what can't be right costs as much as what can."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._doors = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobodys: str | None = None

    async def is_right(self, known: str | None, given: str) -> bool:
        """Tell whether a password is the known one; with none known, take as long and say no. BusyError for too many."""
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._doors:
                # At the first attempt of all, whoever's: so that it tells nothing.
                self._nobodys = self._nobodys or await asyncio.to_thread(self._hasher.hash, "nobody has this password")
                return await asyncio.to_thread(self._verify, known, given)
        finally:
            self._waiting -= 1

    def _verify(self, known: str | None, given: str) -> bool:
        try:
            self._hasher.verify(known or self._nobodys or "", plain(given[:LONGEST]))
        except (VerificationError, InvalidHashError):
            return False
        return known is not None


def plain(password: str) -> str:
    """Return a password in the one form that two keyboards may write differently."""
    return unicodedata.normalize("NFKC", password)


def digest_of(password: str) -> str:
    """Return what is kept of a new password, or raise PasswordRefusedError."""
    if not SHORTEST <= len(plain(password)) <= LONGEST:
        raise PasswordRefusedError(f"a password is {SHORTEST} to {LONGEST} characters long: several words will do")
    return PasswordHasher().hash(plain(password))

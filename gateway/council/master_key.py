"""Where does the master key come from? From a file, the environment, or a command that asks a KMS or an HSM.

It wraps every other key, and stands in no log and no message. A source may hold several generations of it, the newest last.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from audit.writing.kept import put_in_place
from audit.writing.wrapping import KEY_SIZE, KeyringError, MasterKeys, mark_of
from gateway.council.master_key_command import CommandKeys
from gateway.settings import Settings, SettingsError

MASTER: Final = "master.key"
MOST: Final = 8  # generations at hand
LARGEST: Final = 4_096  # bytes
VARIABLE: Final = "STILE_MASTER_KEY"


class MasterKeyError(KeyringError):
    """The master key can't be had. Says which setting, what is wrong and what to do; nothing of the key."""


@dataclass(frozen=True, slots=True)
class FileKeys:
    """A file that its owner alone may read: a key in base64 a line, the newest last."""

    file: Path

    @property
    def told(self) -> str:
        """Say which file."""
        return str(self.file)

    def read(self) -> Sequence[bytes]:
        """Return its keys."""
        content = self._content()
        # Who changes the master key writes over the file that was opened: another lies there by then.
        return keys_in(self._content() if b"\0" in content else content, told=self.told)

    def _content(self) -> bytes:
        try:
            with self.file.open("rb") as stream:
                self._check_rights(os.fstat(stream.fileno()))
                return stream.read(LARGEST + 1)
        except FileNotFoundError as error:
            raise MasterKeyError(
                f"the master key {self.file.name} is missing: restore it at {self.file}, for no key can be read without "
                "it, or let master_key_file name where it lies"
            ) from error
        except OSError as error:
            raise MasterKeyError(f"master_key_file: {self.file} can't be read: {error.strerror}") from error

    def _check_rights(self, found: os.stat_result) -> None:
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o077:
            raise MasterKeyError(
                f"master_key_file: {self.file} may be read by others than its owner (mode {mode:04o}): "
                f"chmod 600 {self.file}, and think of who has read it"
            )
        # Root works in the name of whoever the gateway's user is.
        if os.geteuid() != 0 and found.st_uid not in (0, os.geteuid()):
            raise MasterKeyError(
                f"master_key_file: {self.file} is user {found.st_uid}'s, who may read it: give it to the gateway's own user"
            )

    def add(self) -> bytes:
        """Make another key and put it behind the others, durably; return it."""
        made = secrets.token_bytes(KEY_SIZE)
        put_in_place(written([*self.read(), made]), self.file.resolve())
        return made

    def keep_only(self, key: bytes) -> None:
        """Leave one key alone. What stood there is written over first where the file system lets it be."""
        with self.file.open("rb+") as before:
            put_in_place(written([key]), self.file.resolve())
            size = before.seek(0, os.SEEK_END)
            before.seek(0)
            before.write(b"\0" * size)
            before.flush()
            os.fsync(before.fileno())


@dataclass(frozen=True, slots=True)
class EnvironmentKeys:
    """A variable of the environment that this process was started with: keys in base64, blanks between, the newest last."""

    value: str = field(repr=False)
    told: str = VARIABLE

    def read(self) -> Sequence[bytes]:
        """Return its keys."""
        return keys_in(self.value.encode(), told=self.told)


@dataclass(frozen=True, slots=True)
class Commanded:
    """What a command prints: keys in base64, a line each, the newest last."""

    command: CommandKeys

    @property
    def told(self) -> str:
        """Say which command."""
        return self.command.told

    def read(self) -> Sequence[bytes]:
        """Run it, and return the keys."""
        return keys_in(self.command.output(), told=self.told)


def master_keys_of(directory: Path, settings: Settings) -> MasterKeys:
    """Return where a council's master key comes from; SettingsError where two settings say so."""
    given = {
        "master_key_file": settings.master_key_file,
        "master_key": settings.master_key,
        "master_key_command": settings.master_key_command or None,
    }
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise SettingsError(f"{' and '.join(named)} are set: the master key comes from one of them")
    if settings.master_key is not None:
        return EnvironmentKeys(settings.master_key.get_secret_value())
    if settings.master_key_command:
        return Commanded(CommandKeys(settings.master_key_command))
    return FileKeys(settings.master_key_file or directory / MASTER)


def keys_in(content: bytes, *, told: str) -> list[bytes]:
    """Return the keys that stand in a text, or raise MasterKeyError."""
    words = content.split()
    if not 0 < len(words) <= MOST or len(content) > LARGEST:
        raise MasterKeyError(f"{told} does not hold one to {MOST} keys in base64, a line each: restore it")
    try:
        keys = [base64.b64decode(word, validate=True) for word in words]
    except ValueError as error:
        raise MasterKeyError(f"{told} is not the base64 of a key: restore it") from error
    if any(len(key) != KEY_SIZE for key in keys):
        raise MasterKeyError(f"{told} does not hold {KEY_SIZE} bytes: restore it")
    return keys


def written(keys: Sequence[bytes]) -> bytes:
    """Return keys as a file holds them, each once."""
    once = {mark_of(key): key for key in keys}
    return b"".join(base64.b64encode(key) + b"\n" for key in once.values())

"""What lies in a council's directory, and how is a new one made? `stile init` makes it, nothing else does."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from joserfc import jwk

from audit.stores.connection import StoreError
from audit.stores.contract import Store
from audit.stores.room import told_as_full
from audit.stores.sqlite import SqliteStore
from audit.tree.checkpoint import CheckpointSigner
from audit.writing.keyring import Keyring, KeyringError
from audit.writing.wrapping import KEY_SIZE
from gateway.council.database import LOCK, STATE, store_of
from gateway.council.master_key import FileKeys, MasterKeyError, master_keys_of, written
from gateway.council.master_key_command import CommandFailedError
from gateway.council.succession import FIRST, log_number, make_log_key, origin_of, signer_of
from gateway.oauth.access_token import IssuerKey
from gateway.oauth.jose import thumbprint
from gateway.settings import FILE, Settings, load_settings, write_settings
from gateway.store.schema import check_empty, check_version, create_tables

KEYS: Final = "keys.sqlite"
HIGH_WATER: Final = "state.head"
KEY_MARK: Final = "state.keys"
HEARTBEAT: Final = "state.clock"
FOLLOWED: Final = "state.followed"
CHECKED: Final = "state.checked"
FORKED: Final = "state.forked"
SUCCESSION: Final = "state.succession"
PID: Final = "serve.pid"
SEARCH: Final = "search.sqlite"


class CouncilError(Exception):
    """A directory that can't be made into a council, or isn't one. Says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Council:
    """An opened council: its settings, keys and places. Holds secrets: never log it."""

    directory: Path
    settings: Settings
    keyring: Keyring
    signer: CheckpointSigner
    issuer_key: IssuerKey

    @property
    def store(self) -> Store:
        """Return the database of state and log."""
        return store_of(self.directory, self.settings)

    @property
    def state(self) -> Path:
        """Return the file of state and log, where SQLite keeps them."""
        return self.directory / STATE

    @property
    def lock(self) -> Path:
        """Return the side file that writers lock."""
        return self.directory / LOCK

    @property
    def search(self) -> Path:
        """Return the index of the log that searches use; it may be missing, and is made anew from the log."""
        return self.directory / SEARCH

    @property
    def high_water(self) -> Path:
        """Return the file that keeps the newest checkpoint, by which a database put back from an older copy is noticed."""
        return self.directory / HIGH_WATER

    @property
    def followed(self) -> Path:
        """Return the file of what the log's entries say of the state, as far as they were followed; it may be missing."""
        return self.directory / FOLLOWED

    @property
    def forked(self) -> Path:
        """Return the file of both heads of a log that was found not to be the one that it was; missing where none was."""
        return self.directory / FORKED

    @property
    def checked(self) -> Path:
        """Return the file of the last check of the whole log: when it was, and what it found."""
        return self.directory / CHECKED

    @property
    def key_mark(self) -> Path:
        """Return the file that keeps how the key file stood, by which one put back from an older copy is noticed."""
        return self.directory / KEY_MARK

    @property
    def succession(self) -> Path:
        """Return the file of a succession under way: which log is succeeded, and what is known of what it lost."""
        return self.directory / SUCCESSION

    @property
    def heartbeat(self) -> Path:
        """Return the file that keeps where wall clock and boot clock stood, by which a clock that jumps is noticed."""
        return self.directory / HEARTBEAT


def create_council(directory: Path, values: dict[str, str | bool]) -> None:
    """Make an empty council, whole or not at all: it is put together beside its place. Refuses a directory in use."""
    directory = directory.resolve()
    if not is_vacant(directory):
        raise CouncilError(f"{directory} is not empty: give a new directory")
    filled: Store | None = None
    try:
        with put_together(directory) as making:
            filled = fill_council(making, values)
    except OSError as error:
        if filled is None or isinstance(filled, SqliteStore):
            raise
        left = f"{filled.name} has its tables by now: drop them, or give another database"
        raise CouncilError(f"{directory} can't be put in its place: {error.strerror}. {left}") from error


def is_vacant(directory: Path) -> bool:
    """Tell whether a council may be put there: nothing lies there, or only what a killed making has left."""
    left = _aside(directory, within=True).name
    return not directory.exists() or (directory.is_dir() and all(one.name == left for one in directory.iterdir()))


@contextmanager
def put_together(directory: Path) -> Iterator[Path]:
    """Give an empty directory that takes the place of another when the block ends, and vanishes when it fails."""
    # A mount point, or a directory made for us in a place that is not ours, can't be replaced: it is filled instead.
    kept = directory.exists() and (directory.is_mount() or not os.access(directory.parent, os.W_OK))
    with set_aside(directory, within=kept) as aside:
        making = aside / "whole"
        making.mkdir(mode=0o700)
        yield making
        if kept:
            for file in sorted(making.iterdir(), key=lambda one: one.name == FILE):  # what makes it a council comes last
                file.rename(directory / file.name)
            directory.chmod(0o700)
        else:
            making.rename(directory)


@contextmanager
def set_aside(place: Path, *, within: bool = False) -> Iterator[Path]:
    """Give an empty directory beside a place, or in it, that its owner alone may read. What is left there vanishes.

    It is locked, so that what is put together belongs into a directory of its own in there. One that a killed process has
    left is removed first; CouncilError where one is at work there now.
    """
    making = _aside(place, within=within)
    try:
        making.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(making)
        making.mkdir(mode=0o700)
    except OSError as error:
        raise CouncilError(f"{place} can't be made: {error.strerror}; give a place that you may write to") from error
    handle = os.open(making, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield making
    finally:
        shutil.rmtree(making, ignore_errors=True)
        os.close(handle)


def _aside(place: Path, *, within: bool) -> Path:
    return (place if within else place.parent) / f".{place.name}.making"


def _remove_left(making: Path) -> None:
    if not making.exists():
        return
    handle = os.open(making, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(making)
    except BlockingIOError as error:
        raise CouncilError(f"{making} is being put together by another process: wait until it is done") from error
    finally:
        os.close(handle)


def fill_council(directory: Path, values: dict[str, str | bool]) -> Store:
    """Write settings, wrapped keys, tables and an empty log into a directory; a wrong setting raises before all.

    Return the database that has the tables now: of a PostgreSQL they stay where the directory vanishes.
    """
    write_settings(directory, values)
    settings = load_settings(directory)
    store, master = store_of(directory, settings), master_keys_of(directory, settings)
    files = (STATE, LOCK) if isinstance(store, SqliteStore) else ()
    if isinstance(master, FileKeys) and not master.file.exists():
        write_secret(master.file, written([secrets.token_bytes(KEY_SIZE)]))
    for name in (*files, KEYS):
        write_secret(directory / name, b"")
    store.check()
    check_empty(store)
    keyring = Keyring.create(directory / KEYS, master)
    make_log_key(keyring, FIRST)
    issuer = jwk.generate_key("EC", "P-256", private=True)
    keyring.store_named("issuer", issuer.as_pem(private=True))
    keyring.close()
    create_tables(store)  # last: what fails until here leaves a database as it was
    return store


def open_council(directory: Path) -> Council:
    """Return the council of a directory, or raise CouncilError, SettingsError, KeyringError or SchemaError."""
    settings = load_settings(directory)
    store = store_of(directory, settings)
    for name in (STATE, KEYS, LOCK) if isinstance(store, SqliteStore) else (KEYS,):
        if not (directory / name).is_file():
            raise CouncilError(f"{directory} has a {FILE} but no {name}: restore it from your backup")
    try:
        check_version(store)
        keyring = open_keyring(directory, settings)
    except (StoreError, KeyringError) as error:
        raise told_as_full(error, directory) from error
    number = log_number(keyring)
    issuer = jwk.import_key(keyring.named("issuer"), "EC")
    return Council(
        directory=directory,
        # Whatever names the log names the one that counts.
        settings=settings.model_copy(update={"origin": origin_of(settings.origin, number)}),
        keyring=keyring,
        signer=signer_of(keyring, settings.origin, number),
        issuer_key=IssuerKey(kid=thumbprint(issuer), key=issuer),
    )


def open_keyring(directory: Path, settings: Settings) -> Keyring:
    """Return the keys of a directory; CouncilError where the master key can't be had, KeyringError for all else."""
    try:
        return Keyring.open(directory / KEYS, master_keys_of(directory, settings))
    except (MasterKeyError, CommandFailedError) as error:
        raise CouncilError(str(error)) from error


def write_secret(file: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, durably; CouncilError where one stands there already."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CouncilError(f"{file} can't be made: {error.strerror}; give a new file in a folder that exists") from error
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())

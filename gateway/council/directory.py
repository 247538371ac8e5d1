"""What lies in a council's directory, and how is a new one made? `stile init` makes it, nothing else does."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk

from audit.stores.contract import Store
from audit.stores.sqlite import SqliteStore
from audit.tree.checkpoint import CheckpointSigner
from audit.writing.keyring import Keyring
from gateway.council.database import LOCK, STATE, store_of
from gateway.oauth.access_token import IssuerKey
from gateway.oauth.jose import thumbprint
from gateway.settings import FILE, Settings, load_settings, write_settings
from gateway.store.schema import check_empty, check_version, create_tables

MASTER: Final = "master.key"
KEYS: Final = "keys.sqlite"
HIGH_WATER: Final = "state.head"
HEARTBEAT: Final = "state.clock"
FOLLOWED: Final = "state.followed"
FORKED: Final = "state.forked"
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
    def heartbeat(self) -> Path:
        """Return the file that keeps where wall clock and boot clock stood, by which a clock that jumps is noticed."""
        return self.directory / HEARTBEAT


def create_council(directory: Path, values: dict[str, str | bool]) -> None:
    """Make an empty council, whole or not at all: it is put together beside its place. Refuses a directory in use."""
    directory = directory.resolve()
    if directory.exists() and any(directory.iterdir()):
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


@contextmanager
def put_together(directory: Path) -> Iterator[Path]:
    """Give an empty directory that takes the place of another when the block ends, and vanishes when it fails."""
    # A mount point, or a directory made for us in a place that is not ours, can't be replaced: it is filled instead.
    kept = directory.exists() and (directory.is_mount() or not os.access(directory.parent, os.W_OK))
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory if kept else directory.parent))
    except OSError as error:
        raise CouncilError(f"{directory} can't be made: {error.strerror}; give a place that you may write to") from error
    try:
        yield making
        if kept:
            for file in sorted(making.iterdir(), key=lambda one: one.name == FILE):  # what makes it a council comes last
                file.rename(directory / file.name)
            directory.chmod(0o700)
        else:
            making.rename(directory)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def fill_council(directory: Path, values: dict[str, str | bool]) -> Store:
    """Write settings, wrapped keys, tables and an empty log into a directory; a wrong setting raises before all.

    Return the database that has the tables now: of a PostgreSQL they stay where the directory vanishes.
    """
    write_settings(directory, values)
    store = store_of(directory, load_settings(directory))
    files = (STATE, LOCK) if isinstance(store, SqliteStore) else ()
    master = secrets.token_bytes(32)
    write_secret(directory / MASTER, base64.b64encode(master) + b"\n")
    for name in (*files, KEYS):
        write_secret(directory / name, b"")
    store.check()
    check_empty(store)
    keyring = Keyring.create(directory / KEYS, master)
    log_key = Ed25519PrivateKey.generate()
    keyring.store_named("log", log_key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
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
    check_version(store)
    keyring = Keyring.open(directory / KEYS, _load_master(directory, settings))
    log_key = Ed25519PrivateKey.from_private_bytes(keyring.named("log"))
    issuer = jwk.import_key(keyring.named("issuer"), "EC")
    return Council(
        directory=directory,
        settings=settings,
        keyring=keyring,
        signer=CheckpointSigner(settings.origin, log_key),
        issuer_key=IssuerKey(kid=thumbprint(issuer), key=issuer),
    )


def _load_master(directory: Path, settings: Settings) -> bytes:
    file = settings.master_key_file or directory / MASTER
    if not file.is_file():
        raise CouncilError(f"the master key {file.name} is missing: restore it, for no key can be read without it")
    try:
        key = base64.b64decode(file.read_bytes().strip(), validate=True)
    except ValueError as error:
        raise CouncilError(f"{file.name} is not the base64 of a key: restore it") from error
    if len(key) != 32:  # noqa: PLR2004 -- AES-256
        raise CouncilError(f"{file.name} does not hold 32 bytes: restore it")
    return key


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

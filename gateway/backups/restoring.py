"""How does a backup become a council again? File by file, and nothing of it is believed unchecked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from audit.format.commitment import CONTROLLER_ID, open_bundle, value_of
from audit.format.entry import EntryError, Kind
from audit.stores.checked import LogCorruptError, check_whole_log
from audit.stores.connection import Connection
from audit.stores.entries import bundles, entries_of_kind, newest_checkpoint
from audit.stores.sqlite import SqliteStore
from audit.stores.subject_keys import all_keys
from audit.writing.keyring import Keyring
from gateway.backups.folder import Backup
from gateway.backups.manifest import BackupError, Kept, Manifest, check_mac, copied
from gateway.backups.missing import Missing, Seen, what_is_missing
from gateway.council.database import store_of
from gateway.council.directory import Council, open_keyring
from gateway.council.master_key import MASTER
from gateway.settings import FILE, Settings, load_settings
from gateway.store.schema import VERSION

SQLITE: Final = "sqlite"
COMMAND: Final = "STILE_MASTER_KEY_COMMAND"
ERASED: Final = "keys"  # the member of an erasure's `what` that lists the ids of the keys that it destroyed


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it: what is missing, and how many keys were destroyed again."""

    missing: Missing | None
    destroyed: int


def unpack(backup: Backup, manifest: Manifest, making: Path, *, owner: tuple[int, int]) -> None:
    """Write every file of a backup into an empty directory, each compared with its digest. Raises BackupError."""
    if os.geteuid() == 0:
        os.chown(making, *owner)
    for name, kept in manifest.files.items():
        target = making / name
        for folder in reversed([one for one in target.parents if one != making and one.is_relative_to(making)]):
            if not folder.exists():
                folder.mkdir(mode=0o700)
                _give(folder, owner)
        _unpack_one(backup, name, kept, target)
        _give(target, owner)


def _unpack_one(backup: Backup, name: str, kept: Kept, target: Path) -> None:
    with backup.opened(name) as source, target.open("xb") as stream:
        target.chmod(0o600)
        digest, size = copied(source, target=stream, most=kept.size)
        stream.flush()
        os.fsync(stream.fileno())
    if (digest, size) != (kept.sha256, kept.size):
        what = "was cut off" if size < kept.size else "was changed"
        raise BackupError(f"{name} {what} since it was backed up: nothing was restored. Take another backup")
    target.chmod(kept.mode & 0o777)


def _give(file: Path, owner: tuple[int, int]) -> None:
    if os.geteuid() == 0:
        os.chown(file, *owner)


def owner_of(directory: Path) -> tuple[int, int]:
    """Return who is to own what root restores: who owns the directory, or the nearest one above it that there is."""
    there = next(one for one in (directory, *directory.parents) if one.exists())
    found = there.stat()
    return found.st_uid, found.st_gid


def put_master_key(making: Path, *, file: Path, owner: tuple[int, int]) -> None:
    """Put the master key that was kept apart where the council looks for it."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BackupError(f"{file} can't be read: {error.strerror}") from error
    target = making / MASTER
    target.touch(mode=0o600)
    target.chmod(0o600)
    target.write_bytes(content)
    _give(target, owner)


def check_made_by_us(making: Path, manifest: Manifest, environ: Mapping[str, str]) -> None:
    """Raise BackupError unless the council's own keys made the manifest: before a database is reached by what it says.

    Raises SettingsError, CouncilError and KeyringError besides.
    """
    if manifest.schema != VERSION:
        raise BackupError(
            f"the backup has schema version {manifest.schema}, and this build knows {VERSION}: restore it with the build "
            "that made it, and then upgrade"
        )
    settings = load_settings(making)
    check_command(settings, environ)
    check_database(store_of(making, settings).dialect, manifest)
    with closing(open_keyring(making, settings)) as keyring:
        check_mac(manifest, keyring)


def check_command(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise BackupError where the master key would come from a command of the backup's own settings.

    Nobody has vouched for these yet, and who edited them would have it run.
    """
    if settings.master_key_command and COMMAND not in environ:
        raise BackupError(
            f"the backup's {FILE} names the command that gives the master key, and it is not run unread: look at it, and "
            f"give it as {COMMAND}, a JSON list of its words"
        )


def check_database(dialect: str, manifest: Manifest) -> None:
    """Raise BackupError where the settings name another sort of database than the one that was backed up."""
    if dialect == manifest.database:
        return
    if manifest.database == SQLITE:
        raise BackupError("state and log of the backup are in a file, and database_url names a PostgreSQL: take that out")
    raise BackupError(
        "state and log of the backup are in a PostgreSQL: restore your dump of it by its own tools first, and let "
        "STILE_DATABASE_URL name that database"
    )


def check_restored(council: Council, manifest: Manifest, connection: Connection, seen: Iterable[Seen]) -> Restored:
    """Compare it with what the backup says of itself, check the whole log, and destroy again the keys that were erased.

    Raises BackupError, LogCorruptError, KeyringError.
    """
    check_whole_log(connection, council.signer.vkey)
    found = newest_checkpoint(connection)
    if isinstance(council.store, SqliteStore) and (found[1] if found else None) != manifest.checkpoint:
        raise BackupError(f"{council.store.name} is not the one that was backed up: take another backup")
    check_keys(council.keyring, connection)
    own = [Seen(manifest.checkpoint, "the backup of its keys")] if manifest.checkpoint is not None else []
    missing = what_is_missing(connection, [*own, *seen], vkey=council.signer.vkey)
    erased = list(erased_keys(connection, council.keyring))
    standing = {key_id for key_id in erased if council.keyring.safe.holds(key_id)}
    if standing:
        council.keyring.destroy(sorted(standing))
    return Restored(missing, len(standing))


def check_keys(keyring: Keyring, connection: Connection) -> None:
    """Raise BackupError where the log names keys that the key file lacks: it is the older of the two."""
    lacking = keyring.safe.missing(all_keys(connection))
    if lacking:
        raise BackupError(
            f"the key file lacks {len(lacking)} keys that the log names, and is older than it: take a newer backup of it"
        )


def give_all(making: Path, owner: tuple[int, int]) -> None:
    """Where root restores, leave everything to whose the directory is."""
    for one in (making, *making.rglob("*")):
        _give(one, owner)


def erased_keys(connection: Connection, keyring: Keyring) -> Iterator[bytes]:
    """Yield the ids of the keys that the log's erasures list: an older key file would bring them back."""
    controller = keyring.controller()
    for index, entry in entries_of_kind(connection, Kind.ERASURE):
        kept = dict(bundles(connection, index))
        try:
            what = value_of(open_bundle(controller, orjson.loads(entry)["id"], kept[CONTROLLER_ID])["what"])
            yield from (bytes.fromhex(one) for one in what[ERASED])
        except (KeyError, EntryError, ValueError, TypeError) as error:
            raise LogCorruptError(f"entry {index} is an erasure, and does not tell which keys it destroyed") from error

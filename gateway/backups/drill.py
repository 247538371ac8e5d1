"""Would a backup serve in earnest? It is restored to be looked at, step by step; what can't be done is told, and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from audit.format.commitment import open_bundle
from audit.format.entry import EntryError
from audit.stores.checked import LogCorruptError, check_whole_log
from audit.stores.connection import Connection, StoreError
from audit.stores.contract import Store, UnsafeStoreError
from audit.stores.entries import bundles, entry_at, size_of
from audit.writing.keyring import Keyring, KeyringError
from audit.writing.rewrapping import every_key
from gateway.backups.folder import Backup
from gateway.backups.manifest import BackupError, Manifest, check_mac
from gateway.backups.missing import Seen, what_is_missing
from gateway.backups.restoring import (
    check_command,
    check_database,
    check_keys,
    erased_keys,
    owner_of,
    put_master_key,
    unpack,
)
from gateway.council.database import store_of
from gateway.council.directory import CouncilError, open_keyring
from gateway.settings import Settings, SettingsError, load_settings
from gateway.store.schema import SchemaError, check_version

NEWEST: Final = 100  # entries whose bundles are opened
FAILURES: Final = (
    BackupError,
    CouncilError,
    KeyringError,
    LogCorruptError,
    OSError,
    SchemaError,
    SettingsError,
    StoreError,
    UnsafeStoreError,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step of a drill has come to."""

    is_well: bool
    told: str


def run_drill(
    backup: Backup, manifest: Manifest, making: Path, *, master_key: Path | None, seen: Iterable[Seen]
) -> Iterator[Finding]:
    """Restore a backup into a directory and look at it. Writes nothing into any log; yields what each step came to."""
    owner = owner_of(making)
    yield _tried("files", lambda: _unpacked(backup, manifest, making, master_key, owner))
    try:
        settings = load_settings(making)
    except SettingsError as error:
        yield Finding(False, f"settings: {error}")
        return
    keyring = None
    try:
        check_command(settings, os.environ)
        keyring = open_keyring(making, settings)
    except FAILURES as error:
        yield Finding(False, f"keys: not opened: {error}")
    try:
        yield from _looked_at(making, manifest, settings, keyring, seen)
    finally:
        if keyring is not None:
            keyring.close()
    yield Finding(True, "not tried: to serve, to ask councils' systems, to sign an entry")


def _unpacked(backup: Backup, manifest: Manifest, making: Path, master_key: Path | None, owner: tuple[int, int]) -> str:
    unpack(backup, manifest, making, owner=owner)
    if master_key is not None:
        put_master_key(making, file=master_key, owner=owner)
    return f"{len(manifest.files)} of {manifest.origin}, made at {manifest.made_at}, as they were backed up"


def _looked_at(
    making: Path, manifest: Manifest, settings: Settings, keyring: Keyring | None, seen: Iterable[Seen]
) -> Iterator[Finding]:
    if keyring is not None:
        yield _tried("keys", lambda: _opened(keyring))
        yield _tried("manifest", lambda: _vouched_for(manifest, keyring))
    try:
        store = store_of(making, settings)
        check_database(store.dialect, manifest)
        check_version(store)
        log = store.open(read_only=True)
    except FAILURES as error:
        yield Finding(False, f"log: not opened: {error}")
        return
    with closing(log):
        yield _tried("log", lambda: _checked(log, store, manifest))
        if keyring is not None:
            yield _tried("people's keys", lambda: _held(log, keyring))
            yield _tried("erased keys", lambda: f"{len(list(erased_keys(log, keyring)))} would be destroyed again")
            yield _tried("entries", lambda: _read_back(log, keyring))
        yield _tried("what was seen", lambda: _compared(log, manifest, seen))


def _tried(what: str, step: Callable[[], str]) -> Finding:
    try:
        return Finding(True, f"{what}: {step()}")
    except FAILURES as error:
        return Finding(False, f"{what}: {error}")


def _opened(keyring: Keyring) -> str:
    count = sum(1 for _ in every_key(keyring.safe))
    generations = " and ".join(str(number) for number in sorted(keyring.safe.file.counts()))
    return f"all {count} open, by generation {generations} of the master key"


def _vouched_for(manifest: Manifest, keyring: Keyring) -> str:
    check_mac(manifest, keyring)
    return "it is under the MAC of these keys"


def _held(log: Connection, keyring: Keyring) -> str:
    check_keys(keyring, log)
    return "the key file has every key that the log names"


def _checked(log: Connection, store: Store, manifest: Manifest) -> str:
    check_whole_log(log, manifest.vkey)
    return f"{size_of(log)} entries of {store.name}: every one, every hash and the checkpoint agree"


def _read_back(log: Connection, keyring: Keyring) -> str:
    """Open what is kept beside the newest entries; what an erasure closed stays closed, and is no failure."""
    size, opened, closed = size_of(log), 0, 0
    for index in range(max(0, size - NEWEST), size):
        entry_id = orjson.loads(entry_at(log, index))["id"]
        for key_id, ciphertext in bundles(log, index):
            try:
                open_bundle(keyring.load(key_id), entry_id, ciphertext)
                opened += 1
            except EntryError as error:
                raise LogCorruptError(f"entry {index} does not open by the key that it was sealed under") from error
            except KeyringError:
                closed += 1
    return f"of the newest {min(size, NEWEST)}, {opened} bundles open, and {closed} under no key: destroyed, or never there"


def _compared(log: Connection, manifest: Manifest, seen: Iterable[Seen]) -> str:
    own = [Seen(manifest.checkpoint, "the backup of its keys")] if manifest.checkpoint is not None else []
    missing = what_is_missing(log, [*own, *seen], vkey=manifest.vkey)
    if missing is not None:
        raise BackupError(f"{missing.told}: `stile log succeed` would be the only way on")
    return "nothing is missing that is known of"

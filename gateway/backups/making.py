"""How is a council copied while it serves? State and log first, then its keys, so that these are never the older.

All of it is put together beside its place, and has its name only once it is whole and durable.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from audit.checking.published import open_file
from audit.format.entry import as_text
from audit.stores.checked import check_at_start
from audit.stores.connection import Connection, StoreError
from audit.stores.copying import copy_database
from audit.stores.entries import newest_checkpoint
from audit.stores.room import told_as_full
from audit.stores.sqlite import SqliteStore
from audit.tree.checkpoint import parse_checkpoint
from audit.writing.highwater import keep_high_water
from audit.writing.kept import sync
from audit.writing.key_standing import keep_key_mark
from audit.writing.keyring import Keyring, KeyringError
from gateway.backups.manifest import NAME, BackupError, Kept, Manifest, copied, is_place, signed
from gateway.council.database import LOCK, STATE
from gateway.council.directory import HIGH_WATER, KEY_MARK, KEYS, Council, set_aside, write_secret
from gateway.council.master_key import MASTER, FileKeys
from gateway.council.rewrapping import only_one
from gateway.settings import FILE
from gateway.sources.upstream import Upstream
from gateway.store.schema import VERSION
from gateway.store.state import Reader

ONE_FILE: Final = ".tar"
IN_DIRECTORY: Final = "{dir}/"
LARGEST_SMALL: Final = 67_108_864  # bytes of what is no database: settings, counts, keys of sources


def make_backup(council: Council, to: Path, *, at: datetime, with_master_key: bool) -> Manifest:
    """Back a council up into a new folder, or into one new file where the name ends in .tar.

    Raises BackupError, CouncilError, StoreError and KeyringError; nothing is left where it fails.
    """
    if to.is_symlink() or (to.exists() and not (to.is_dir() and not any(to.iterdir()))):
        raise BackupError(f"{to} is there already: give a new place, so that no backup takes the place of another")
    place = to.resolve()
    with only_one(council.directory, shared=True), set_aside(place) as aside:
        whole = aside / "whole"
        whole.mkdir(mode=0o700)
        try:
            _copy(council, whole, with_master_key=with_master_key)
            manifest = _manifest(council, whole, at=at, has_master_key=with_master_key)
            made = _packed(whole) if place.suffix == ONE_FILE else whole
            _make_durable(made)
        except (OSError, StoreError, KeyringError) as error:
            raise told_as_full(error, aside) from error
        try:
            made.rename(place)
        except OSError as error:  # a mounted disk's own folder, say
            raise BackupError(f"{to} can't become the backup: {error.strerror}. Give a new folder in it") from error
    sync(place.parent)
    return manifest


def _copy(council: Council, whole: Path, *, with_master_key: bool) -> None:
    """Copy state and log, then what lies in files, then the keys."""
    _new(whole / FILE, source=council.directory / FILE)
    if isinstance(council.store, SqliteStore):
        _copy_database(council.state, whole / STATE)
        _new(whole / LOCK, source=council.lock)
        _check_log(council, whole)
    with closing(council.store.open(read_only=True)) as connection:
        if not isinstance(council.store, SqliteStore):
            # What PostgreSQL's own dump is compared with. Read before the keys are copied.
            keep_high_water(_note(connection), whole / HIGH_WATER)
        for name in _besides(council, connection):
            if is_place(name) and (council.directory / name).is_file():
                _new(whole / name, source=council.directory / name)
    _copy_database(council.directory / KEYS, whole / KEYS)
    with closing(Keyring.open(whole / KEYS, council.keyring.safe.wrapping.master)) as keyring:
        keep_key_mark(keyring.safe, whole / KEY_MARK)
    if with_master_key:
        _new(whole / MASTER, source=_master_file(council))


def _check_log(council: Council, whole: Path) -> None:
    """Let the copy say how far it goes, once it holds together: a later checkpoint beside it would be taken for a loss."""
    with closing(SqliteStore(whole / STATE, whole / LOCK).open(read_only=False)) as connection:
        check_at_start(connection, council.signer.vkey)
        keep_high_water(_note(connection), whole / HIGH_WATER)


def _note(connection: Connection) -> str | None:
    found = newest_checkpoint(connection)
    return found[1] if found else None


def _besides(council: Council, connection: Connection) -> Iterator[str]:
    """Name what lies there besides, and is the council's own: counts of exports, secrets of sources and provider."""
    yield from sorted(one.name for one in council.directory.glob("exports-*.json"))
    secret = council.settings.oidc_client_secret_file
    if secret is not None and secret.resolve().is_relative_to(council.directory.resolve()):
        yield secret.resolve().relative_to(council.directory.resolve()).as_posix()
    reader = Reader(connection, environment=council.settings.environment)
    files = set()
    for dataset in {name for name, *_ in reader.texts("mapping")}:
        found = reader.find_mapping(dataset)
        system = found[0].system if found is not None else None
        if isinstance(system, Upstream) and system.credentials is not None:
            files.add(system.credentials.file)
    yield from sorted(one.removeprefix(IN_DIRECTORY) for one in files if one.startswith(IN_DIRECTORY))


def _master_file(council: Council) -> Path:
    master = council.keyring.safe.wrapping.master
    if isinstance(master, FileKeys):
        return master.file
    raise BackupError(f"the master key comes from {master.told}: it is backed up there, and not by this command")


def _copy_database(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    copy_database(source, target=target)
    target.chmod(stat.S_IMODE(source.stat().st_mode))


def _new(target: Path, *, source: Path) -> None:
    """Copy a small file with its mode."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_file(source) as stream:
        content = stream.read(LARGEST_SMALL + 1)
        mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
    if len(content) > LARGEST_SMALL:
        raise BackupError(f"{source} is over {LARGEST_SMALL} bytes: it is none of a council's own files")
    write_secret(target, content)
    target.chmod(mode)


def _manifest(council: Council, whole: Path, *, at: datetime, has_master_key: bool) -> Manifest:
    """Write down what the backup holds, last of all."""
    files = {one.relative_to(whole).as_posix(): _kept(one) for one in sorted(whole.rglob("*")) if one.is_file()}
    note = (whole / HIGH_WATER).read_text(encoding="utf-8") if (whole / HIGH_WATER).exists() else None
    with closing(Keyring.open(whole / KEYS, council.keyring.safe.wrapping.master)) as keyring:
        generations = keyring.safe.file.counts()
        manifest = Manifest(
            made_at=as_text(at),
            origin=council.settings.origin,
            vkey=council.signer.vkey,
            schema=VERSION,
            database=council.store.dialect,
            size=parse_checkpoint(note).size if note is not None else 0,
            checkpoint=note,
            serial=keyring.safe.standing().serial,
            generations={str(number): count for number, count in generations.items()},
            has_master_key=has_master_key,
            left_out=tuple(_left_out(council.directory, set(files))),
            files=files,
        )
        content = signed(manifest, keyring)
    (whole / NAME).touch(mode=0o600)
    (whole / NAME).write_bytes(content)
    return manifest


def _left_out(directory: Path, files: set[str]) -> Iterator[str]:
    """Name what lies in the directory and not in the backup: what is derived or this host's own, and councils' systems."""
    for one in sorted(directory.iterdir()):
        is_held = one.name in files or any(name.startswith(f"{one.name}/") for name in files)
        if not is_held and not one.name.startswith(".") and not one.name.endswith(("-wal", "-shm")):
            yield one.name


def _kept(file: Path) -> Kept:
    with file.open("rb") as stream, Path(os.devnull).open("wb") as nowhere:
        digest, size = copied(stream, target=nowhere, most=file.stat().st_size)
    return Kept(digest, size, stat.S_IMODE(file.stat().st_mode))


def _packed(whole: Path) -> Path:
    """Make one file of the folder, the manifest first, and name nobody of this machine in it."""
    made = whole.with_suffix(ONE_FILE)
    made.touch(mode=0o600)
    names = sorted(
        (one.relative_to(whole).as_posix() for one in whole.rglob("*") if one.is_file()), key=lambda one: one != NAME
    )
    with tarfile.open(made, "w") as archive:
        for name in names:
            member = archive.gettarinfo(whole / name, arcname=name)
            member.uid = member.gid = member.mtime = 0
            member.uname = member.gname = ""
            with (whole / name).open("rb") as stream:
                archive.addfile(member, stream)
    return made


def _make_durable(made: Path) -> None:
    for one in [made, *made.rglob("*")] if made.is_dir() else [made]:
        sync(one)

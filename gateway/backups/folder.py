"""How is a backup read, be it a folder or one file? File by file, and nothing is believed of its names."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from audit.checking.published import UnreadableError, open_file
from gateway.backups.manifest import LARGEST, NAME, BackupError, Manifest, read_manifest


class Backup(Protocol):
    """A backup's files. Every method raises BackupError."""

    def names(self) -> set[str]:
        """Return the name of every file."""
        ...

    def opened(self, name: str, /) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Open a file."""
        ...


@dataclass(frozen=True, slots=True)
class InFolder:
    """A backup that is a folder."""

    folder: Path

    def names(self) -> set[str]:
        """Return the name of everything that lies there but folders: of links too."""
        found = (one for one in self.folder.rglob("*") if one.is_symlink() or not one.is_dir())
        return {one.relative_to(self.folder).as_posix() for one in found}

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """Open a regular file, and nothing else."""
        file = self.folder / name
        if any(one.is_symlink() for one in (file, *file.parents) if one.is_relative_to(self.folder) and one != self.folder):
            raise BackupError(f"{name} is a link, which no backup holds")
        try:
            stream = open_file(file)
        except FileNotFoundError as error:
            raise BackupError(f"{name} is missing: the backup was cut off. Take another one") from error
        except UnreadableError as error:
            raise BackupError(str(error)) from error
        with stream:
            yield stream


@dataclass(frozen=True, slots=True)
class InFile:
    """A backup that is one file, a tar."""

    archive: tarfile.TarFile

    def names(self) -> set[str]:
        """Return the name of every member."""
        try:
            found = self.archive.getmembers()
        except (tarfile.TarError, EOFError, OSError) as error:
            raise BackupError("the file is no whole tar: the backup was cut off. Take another one") from error
        if any(not one.isreg() for one in found):
            raise BackupError("the file holds what is no regular file, which no backup does")
        return {one.name for one in found}

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """Open a member."""
        try:
            stream = self.archive.extractfile(name)
        except (KeyError, tarfile.TarError, OSError) as error:
            raise BackupError(f"{name} is missing: the backup was cut off. Take another one") from error
        if stream is None:
            raise BackupError(f"{name} is no regular file, which no backup holds")
        with stream:
            yield stream


@contextlib.contextmanager
def opened_backup(place: Path) -> Iterator[tuple[Backup, Manifest]]:
    """Give a backup with what it says of itself. Raises BackupError."""
    with contextlib.ExitStack() as closing:
        if place.is_dir():
            backup: Backup = InFolder(place)
        elif place.is_file():
            try:
                backup = InFile(closing.enter_context(tarfile.open(place, "r:")))
            except (tarfile.TarError, EOFError) as error:
                raise BackupError(f"{place} is no backup: give what `stile backup` made") from error
        else:
            raise BackupError(f"{place} is not there: give the folder or file that `stile backup` made")
        names = backup.names()
        if NAME not in names:
            raise BackupError(f"{place} holds no {NAME}: it is no backup, or its making was cut off")
        with backup.opened(NAME) as stream:
            manifest = read_manifest(stream.read(LARGEST + 1))
        more = names - manifest.files.keys() - {NAME}
        if more:
            raise BackupError(f"{place} holds {min(more)}, which its {NAME} does not name: it was edited. Take another one")
        yield backup, manifest

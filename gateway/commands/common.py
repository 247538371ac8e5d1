"""How does a command reach a council's directory, and how does it fail?

A command works beside a running gateway: it takes the same lock, and its change counts at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from audit.stores.checked import LogCorruptError
from audit.stores.connection import Connection, StoreError
from audit.stores.contract import UnsafeStoreError
from audit.writing.item import Appended, Draft, Moment, Within
from audit.writing.key_standing import keep_key_mark
from audit.writing.keyring import KeyringError
from audit.writing.sequencer import LogUnavailableError, NotDurableError, Sequencer
from gateway.app import keep_known, make_changes, start_log, utc_now
from gateway.backups.manifest import BackupError
from gateway.council.directory import Council, CouncilError, open_council
from gateway.settings import SettingsError
from gateway.store.changes import ChangeRefusedError, Changes
from gateway.store.followed import Followed
from gateway.store.schema import SchemaError
from gateway.store.state import Reader
from policies.reading.findings import TextError
from policies.reading.yaml_text import without_mark

Directory = Annotated[
    Path, typer.Option("--dir", envvar="STILE_DIR", help="The council's directory, as `stile init` made it.")
]
Id = Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens.")]
LONGEST_NAME: Final = 64  # of a user, in an entry
EXPECTED = (
    BackupError,
    CouncilError,
    SettingsError,
    KeyringError,
    SchemaError,
    LogCorruptError,
    StoreError,
    UnsafeStoreError,
    LogUnavailableError,
    NotDurableError,
    ChangeRefusedError,
    TextError,
)


@dataclass(frozen=True, slots=True)
class Office:
    """An opened council with a writer to its log, for one command."""

    council: Council
    changes: Changes
    reader: Reader
    sequencer: Sequencer

    def append(self, within: Within, *, rests_on: Collection[str] = ()) -> Appended | None:
        """Make a change durable, or raise what it raises. The rows of `rests_on` must be what the log says of them."""
        followed = Followed(self.sequencer.follower, self.sequencer.said_within).in_transaction()

        def held(connection: Connection, moment: Moment) -> Draft | None:
            for key in rests_on:
                followed.check(connection, key)
            return within(connection, moment)

        return self.sequencer.append(held)


@contextlib.contextmanager
def office(directory: Path) -> Iterator[Office]:
    """Open a council for one command; what can go wrong is told in one line, with exit status 1."""
    with telling():
        council = open_council(directory)
        sequencer = start_log(council, utc_now, lambda results: [done(result) for done, result in results])
        connection = council.store.open(read_only=True)
        try:
            yield Office(council, make_changes(council), Reader(connection), sequencer)
            if sequencer.heartbeat is not None:
                sequencer.heartbeat.beat()
            keep_key_mark(council.keyring.safe, council.key_mark)
        finally:
            connection.close()
            sequencer.close()
            keep_known(council, sequencer)
            council.keyring.close()


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """Turn what is expected to go wrong into a line on standard error."""
    try:
        yield
    except EXPECTED as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(1) from error
    except BrokenPipeError:  # whoever read the output has gone: nobody is left to be told
        raise
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)
        typer.secho(what, err=True, fg="red")
        raise typer.Exit(1) from error


def read_text(file: Path) -> str:
    """Return a text file, standard input for `-`, or by its id a text that ships with Stile; else say what is wrong."""
    shipped = shipped_texts().get(str(file)) if not file.exists() else None
    if shipped is not None:
        return shipped
    try:
        return without_mark(sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        typer.secho(f"{file}: {type(error).__name__}: give a UTF-8 text file", err=True, fg="red")
        raise typer.Exit(1) from error


def shipped_texts() -> dict[str, str]:
    """Return the datasets and cores that ship with Stile, by id."""
    return {
        one.name.removesuffix(".yaml"): one.read_text(encoding="utf-8")
        for folder in (files("schemas.catalogue"), files("policies.core"))
        for one in folder.iterdir()
        if one.name.endswith(".yaml")
    }


def slug(value: str) -> str:
    """Return an id that may be registered, or raise ChangeRefusedError."""
    if not (value[:1].isalpha() and value.replace("-", "").isalnum() and value.islower() and value.isascii()):
        raise ChangeRefusedError("an id is lower-case letters, digits and hyphens, and begins with a letter")
    return value


def operator() -> str:
    """Return who makes a change from this command line, as the entry names them: by the system's own user id.

    Nothing of the environment has a say: an entry that anybody can sign with another's name is no evidence.
    """
    return operator_of(os.getuid(), _system_name)


def operator_of(uid: int, name_of: Callable[[int], str | None]) -> str:
    """Return how entries name a user id: with its name where the system knows one that reads as one word."""
    name = name_of(uid)
    is_one_word = name is not None and 0 < len(name) <= LONGEST_NAME and name.isprintable() and not set(name) & set(" ()")
    return f"operator:{name} (uid {uid})" if is_one_word else f"operator:uid {uid}"


def _system_name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # in a container, a user id need not have a name
        return None


def show(content: Any) -> None:
    """Print JSON that a person can read."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))


def said(what: str, appended: Appended | None) -> None:
    """Say what counts now, and at which place of the log."""
    where = f" (entry {appended.index})" if appended else ""
    typer.echo(f"{what}{where}")

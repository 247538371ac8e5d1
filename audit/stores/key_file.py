"""How are wrapped keys kept? In a SQLite file of their own, from which what is deleted is gone.

A file of its own because its backups have their own rule: restoring an old copy would bring back destroyed keys. It counts
its own changes, under a MAC of who holds its keys, so that an old copy can be told from the newest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import pysqlite3

from audit.stores.connection import StoreError
from audit.stores.key_file_tables import GENERATIONS, KEYS, STANDING, TAKEN_UP
from audit.stores.sqlite import SqliteConnection, driver_error

_TABLES: Final[dict[type, tuple[str, str]]] = {str: ("named_key", "name"), bytes: ("random_key", "key_id")}
Name = str | bytes  # a controller-wide key has a name, every other an id


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A key as it is kept, and the generation of the master key that wraps it."""

    content: bytes
    generation: int


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation of the master key: what tells its key from others; whether what replaced it is an entry of the log."""

    number: int
    mark: bytes
    is_recorded: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How often the file has changed, under which generation, and how many keys made at random it holds."""

    serial: int
    generation: int
    keys: int


MacOf = Callable[[Standing], bytes]
Rows = Sequence[tuple[Name, Wrapped]]


class KeyFile:
    """Wrapped keys by name and by id. What was kept is durable when a method returns. For one thread at a time.

    `mac_of` is set by who holds the keys, before anything is changed. Every method raises StoreError.
    """

    def __init__(self, connection: SqliteConnection) -> None:
        self.connection = connection
        self.mac_of: MacOf = lambda _standing: b""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file that is there; one that is no database is found out by the first reading."""
        with contextlib.ExitStack() as undo:
            try:
                connection = pysqlite3.connect(
                    f"{path.absolute().as_uri()}?mode=rw",
                    uri=True,
                    isolation_level=None,
                    check_same_thread=False,
                    factory=SqliteConnection,
                )
            except pysqlite3.Error as error:
                raise driver_error(error) from error
            undo.callback(connection.close)
            for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                connection.run(f"PRAGMA {setting}")
            undo.pop_all()
        return cls(connection)

    def fill(self, mark: bytes, named: Rows) -> None:
        """Make the tables of a new file with its first keys, whole or not at all; StoreError where they are there."""
        with self._writing():
            for statement in (*KEYS, *GENERATIONS, *STANDING):
                self.connection.run(statement)
            self.connection.run("INSERT INTO generation (number, mark, is_recorded) VALUES (1, ?, 1)", (mark,))
            self._insert(named)

    def has_generations(self) -> bool:
        """Tell whether the file knows of generations; one that an earlier build made does not."""
        return self.connection.one("SELECT 1 FROM sqlite_master WHERE name = 'generation'") is not None

    def take_up(self, learn: Callable[[], bytes]) -> None:
        """Let a file of an earlier build know of generations; all that it holds is of the first.

        `learn` returns the mark of that: it is called once the keys can be read. What it raises leaves the file as it was.
        """
        with self._writing() as made:
            if self.has_generations():  # another process was quicker
                return
            for statement in (*TAKEN_UP, *GENERATIONS, *STANDING):
                self.connection.run(statement)
            self.connection.run("INSERT INTO generation (number, mark, is_recorded) VALUES (1, ?, 1)", (learn(),))
            made.append(self.count())

    def generations(self) -> list[Generation]:
        """Return every generation that there ever was, in order: the last one wraps what is kept."""
        rows = self.connection.all("SELECT number, mark, is_recorded FROM generation ORDER BY number")
        return [Generation(number, bytes(mark), bool(is_recorded)) for number, mark, is_recorded in rows]

    def begin_generation(self, mark: bytes) -> None:
        """Wrap what is kept from now on under another key; nothing changes where it is the newest already."""
        with self._writing():
            newest = self.generations()[-1]
            if newest.mark != mark:
                values = (newest.number + 1, mark)
                self.connection.run("INSERT INTO generation (number, mark, is_recorded) VALUES (?, ?, 0)", values)

    def note_recorded(self, number: int) -> None:
        """Keep that a generation stands in the log."""
        self.connection.run("UPDATE generation SET is_recorded = 1 WHERE number = ?", (number,))

    def standing(self) -> tuple[Standing, bytes]:
        """Return how the file stands as it says itself, and the MAC under which it says so."""
        serial, keys, mac, generation = self._standing_row()
        return Standing(serial, generation, keys), bytes(mac)

    def count(self) -> int:
        """Count the keys made at random, one by one."""
        return int(self.connection.value("SELECT count(*) FROM random_key"))

    def holds_as_many(self) -> bool:
        """Tell whether there are as many keys made at random as the file says, counting them one by one."""
        return bool(self.connection.value("SELECT keys = (SELECT count(*) FROM random_key) FROM standing"))

    def named(self, name: str) -> Wrapped | None:
        """Return a wrapped key by its name."""
        return self._wrapped(name)

    def random(self, key_id: bytes) -> Wrapped | None:
        """Return a wrapped key by its id."""
        return self._wrapped(key_id)

    def older_than(self, generation: int, *, kind: type, after: int, most: int) -> list[tuple[int, Name, Wrapped]]:
        """Return keys that an older generation wraps, by places that only grow, behind one of them: `kind` of their names.

        In the order in which they lie in the file, so that what changes together lies together.
        """
        table, column = _TABLES[kind]
        rows = self.connection.all(
            f"SELECT rowid, {column}, wrapped, generation FROM {table} WHERE rowid > ? AND generation < ? "
            "ORDER BY rowid LIMIT ?",
            (after, generation, most),
        )
        return [(place, name, Wrapped(bytes(wrapped), number)) for place, name, wrapped, number in rows]

    def counts(self) -> dict[int, int]:
        """Return how many keys each generation wraps."""
        rows = self.connection.all(
            "SELECT generation, count(*) FROM "
            "(SELECT generation FROM named_key UNION ALL SELECT generation FROM random_key) GROUP BY generation"
        )
        return {int(generation): int(count) for generation, count in rows}

    def keep(self, rows: Rows) -> bool:
        """Keep new keys, each under a name or id that is not in use; False where there is a newer generation by now."""
        with self._writing() as made:
            if any(one.generation != self._newest() for _, one in rows):
                return False
            self._insert(rows)
            made.append(sum(isinstance(name, bytes) for name, _ in rows))
        return True

    def replace(self, rows: Rows) -> None:
        """Put other wrappings in the place of older ones; what was destroyed meanwhile stays destroyed."""
        with self._writing():
            for name, one in rows:
                table, column = _TABLES[type(name)]
                values = (one.content, one.generation, name, one.generation)
                self.connection.run(
                    f"UPDATE {table} SET wrapped = ?, generation = ? WHERE {column} = ? AND generation < ?", values
                )

    def destroy(self, key_ids: Sequence[bytes]) -> bool:
        """Delete keys. False where a copy stays in the write-ahead log, because another process is reading."""
        with self._writing() as made:
            before = self.connection.total_changes
            self.connection.run_many("DELETE FROM random_key WHERE key_id = ?", [(one,) for one in key_ids])
            made.append(before - self.connection.total_changes)
        return self.wipe()

    def wipe(self) -> bool:
        """Take out of the write-ahead log what was replaced or deleted. False where another process is reading."""
        return not self.connection.value("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let the file go."""
        self.connection.close()

    def _wrapped(self, name: Name) -> Wrapped | None:
        table, column = _TABLES[type(name)]
        row = self.connection.one(f"SELECT wrapped, generation FROM {table} WHERE {column} = ?", (name,))
        return Wrapped(bytes(row[0]), int(row[1])) if row else None

    def _insert(self, rows: Rows) -> None:
        for kind, (table, column) in _TABLES.items():
            some = [(name, one.content, one.generation) for name, one in rows if kind is type(name)]
            self.connection.run_many(f"INSERT INTO {table} ({column}, wrapped, generation) VALUES (?, ?, ?)", some)

    def _newest(self) -> int:
        return int(self.connection.value("SELECT max(number) FROM generation"))

    def _standing_row(self) -> tuple[Any, ...]:
        row = self.connection.one("SELECT serial, keys, mac, (SELECT max(number) FROM generation) FROM standing")
        if row is None:
            raise StoreError("the key file does not say how it stands")
        return row

    @contextlib.contextmanager
    def _writing(self) -> Iterator[list[int]]:
        """Change the file in one transaction, with which it counts on and says anew how it stands.

        Gives where to put how many keys made at random there are more.
        """
        made: list[int] = []
        try:
            self.connection.run("BEGIN IMMEDIATE")
            before = self.connection.total_changes
            yield made
            if self.connection.total_changes != before:
                self._count_on(sum(made))
            self.connection.run("COMMIT")
        except BaseException:
            with contextlib.suppress(StoreError):  # there may be no transaction, nor even an open file
                self.connection.run("ROLLBACK")
            raise

    def _count_on(self, made: int) -> None:
        serial, keys, _, generation = self._standing_row()
        standing = Standing(serial + 1, generation, keys + made)
        self.connection.run(
            "UPDATE standing SET serial = ?, keys = ?, mac = ?", (standing.serial, standing.keys, self.mac_of(standing))
        )

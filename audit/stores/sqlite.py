"""How is the log kept in SQLite, opened safely, checked, and read back?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson
import pysqlite3

from audit.format.entry import as_text
from audit.stores.connection import Connection, Row, RuleBrokenError, StoreError, Values
from audit.tree.checkpoint import verify_checkpoint
from audit.tree.merkle import HASH_SIZE, ProofError, consistency_from, inclusion_from, leaf_hash, node_hash, root_of

Head = tuple[int, bytes, int, int]  # size, root, microseconds of the last entry, state index
SCHEMA: Final = ("0001.sql", "0002.sql", "0003.sql")
CHECKED_AT_START: Final = 10_000  # entries


# SQLite's primary result codes that are the statement's own fault. Every other is the store's, and so everybody's.
_OWN_FAULTS: Final = frozenset(
    {
        1,  # ERROR
        18,  # TOOBIG
        19,  # CONSTRAINT
        20,  # MISMATCH
        21,  # MISUSE
        23,  # AUTH
        25,  # RANGE
    }
)


class SqliteConnection(pysqlite3.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection to a SQLite file. Keeps the contract of `audit.stores.connection.Connection`."""

    def all(self, statement: str, values: Values = (), /) -> list[Row]:
        """Return every row."""
        try:
            return self.execute(statement, values).fetchall()  # type: ignore[no-any-return]
        except pysqlite3.Error as error:
            _tell(error)

    def one(self, statement: str, values: Values = (), /) -> Row | None:
        """Return the first row, or None."""
        try:
            return self.execute(statement, values).fetchone()  # type: ignore[no-any-return]
        except pysqlite3.Error as error:
            _tell(error)

    def value(self, statement: str, values: Values = (), /) -> Any:
        """Return the first column of the row that a statement always has."""
        row = self.one(statement, values)
        if row is None:
            raise StoreError("a row that must be there is not")
        return row[0]

    def each(self, statement: str, values: Values = (), /) -> Iterator[Row]:
        """Give row by row."""
        try:
            for row in self.execute(statement, values):  # noqa: UP028 -- `yield from` would close the cursor after its connection
                yield row
        except pysqlite3.Error as error:
            _tell(error)

    def run(self, statement: str, values: Values = (), /) -> int:
        """Run a statement; return how many rows it has changed."""
        try:
            return self.execute(statement, values).rowcount  # type: ignore[no-any-return]
        except pysqlite3.Error as error:
            _tell(error)

    def run_many(self, statement: str, rows: Sequence[Values], /) -> None:
        """Run a statement once for each row of values."""
        try:
            self.executemany(statement, rows)
        except pysqlite3.Error as error:
            _tell(error)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read as of one moment."""
        self.run("BEGIN")
        try:
            yield
        finally:
            self.run("ROLLBACK")


def _tell(error: pysqlite3.Error) -> NoReturn:
    """Raise what the driver has raised, as the house knows it."""
    if isinstance(error, pysqlite3.IntegrityError):
        raise RuleBrokenError(str(error)) from error
    code = getattr(error, "sqlite_errorcode", None)
    raise StoreError(str(error), is_own=code is None or code & 0xFF in _OWN_FAULTS) from error


class LogCorruptError(Exception):
    """The log does not hold together: refuses to start. Says what differs, and where."""


class UnsafeSqliteError(Exception):
    """The driver's SQLite can corrupt a WAL that two connections share."""


def check_sqlite_version(version: tuple[int, ...] = pysqlite3.sqlite_version_info) -> None:
    """Raise UnsafeSqliteError for 3.7.0 to 3.51.2, but for the mended 3.50.7 and 3.44.6."""
    mended = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    if not mended:
        raise UnsafeSqliteError(f"SQLite {'.'.join(map(str, version))} has the WAL-reset bug: install 3.51.3 or newer")


def open_connection(path: Path, *, read_only: bool) -> SqliteConnection:
    """Open the database of state and log: WAL, synchronous FULL, no waiting on SQLite's own busy polling.

    Raises StoreError.
    """
    mode = "ro" if read_only else "rw"
    try:
        connection: SqliteConnection = pysqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=10,
            factory=SqliteConnection,
        )
    except pysqlite3.Error as error:
        _tell(error)
    settings = () if read_only else ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
    for setting in (*settings, "cache_size=-65536"):
        connection.run(f"PRAGMA {setting}")
    return connection


def create(path: Path) -> None:
    """Make the log's own tables in a new file: for tests, and for a log without a gateway."""
    connection = pysqlite3.connect(str(path))
    for name in SCHEMA:
        connection.executescript(files("audit.stores").joinpath("schema", name).read_text(encoding="utf-8"))
    connection.close()


def loader(connection: Connection) -> Callable[[int, int], bytes]:
    """Return how a full subtree's hash is read; ProofError where it is missing."""

    def load(level: int, index: int) -> bytes:
        row = connection.one("SELECT hash FROM log_node WHERE level = ? AND idx = ?", (level, index))
        if row is None:
            raise ProofError(f"node {index} of level {level} is missing")
        found: bytes = row[0]
        return found

    return load


def head(connection: Connection) -> Head | None:
    """Return (size, root, microseconds of the last entry, state index), or None for an empty log."""
    row = connection.one("SELECT size, root, at, state_index FROM log_head")
    return (row[0], row[1], row[2], row[3]) if row else None


def check_at_start(connection: Connection, vkey: str, *, last: int = CHECKED_AT_START) -> None:
    """Raise LogCorruptError unless the last entries, their nodes, the head and its signature agree.

    Takes as long for a large log as for a small one: `check_whole_log` and a scrubber look at the rest.
    """
    try:
        _check_log(connection, vkey, last)
    except StoreError as error:
        raise LogCorruptError(f"the database file is damaged: {error}") from error


def check_whole_log(connection: Connection, vkey: str) -> None:
    """Check the file's pages and recompute everything from the first entry on; raises LogCorruptError."""
    try:
        problem = connection.value("PRAGMA quick_check(1)")
        if problem != "ok":
            raise LogCorruptError(f"the database file is damaged: {problem}")
        _check_log(connection, vkey, None)
    except StoreError as error:
        raise LogCorruptError(f"the database file is damaged: {error}") from error


def _check_log(connection: Connection, vkey: str, last: int | None) -> None:
    # One snapshot, so that what a running gateway appends meanwhile can't look like damage.
    with connection.snapshot():
        _check_entries(connection, last)
        _check_head(connection, vkey)


def _check_entries(connection: Connection, last: int | None) -> None:
    found = head(connection)
    size = found[0] if found else 0
    newest = connection.value("SELECT coalesce(max(idx), -1) FROM log_entry")
    if newest != size - 1:
        raise LogCorruptError(f"the head counts {size} entries, but the last one stands at {newest}")
    begin = 0 if last is None else max(0, size - last)
    rows = connection.each(
        "SELECT e.idx, e.entry, n.hash FROM log_entry e LEFT JOIN log_node n ON n.level = 0 AND n.idx = e.idx "
        "WHERE e.idx >= ? ORDER BY e.idx",
        (begin,),
    )
    seen = 0
    for index, entry, kept in rows:
        seen += 1
        if kept is None:
            raise LogCorruptError(f"entry {index} has no leaf: node {index} of level 0 is missing")
        if not isinstance(entry, bytes) or leaf_hash(entry) != kept:
            raise LogCorruptError(f"entry {index} is not the one that was appended: its hash differs from its leaf")
    if seen != size - begin:
        raise LogCorruptError(f"of the entries from {begin} on, {size - begin - seen} are missing")
    _check_nodes(connection, begin, size)


def _check_nodes(connection: Connection, begin: int, size: int) -> None:
    """Compare each inner node over the checked range with its two children; none may be missing or besides."""
    for level in range(size.bit_length() + 1):
        wanted = (size >> level) - (begin >> level)
        kept = connection.value("SELECT count(*) FROM log_node WHERE level = ? AND idx >= ?", (level, begin >> level))
        if kept != wanted:
            raise LogCorruptError(f"of level {level} there should be {wanted} nodes, the log holds {kept}")
        rows = connection.each(
            "SELECT p.idx, p.hash, l.hash, r.hash FROM log_node p "
            "LEFT JOIN log_node l ON l.level = p.level - 1 AND l.idx = p.idx * 2 "
            "LEFT JOIN log_node r ON r.level = p.level - 1 AND r.idx = p.idx * 2 + 1 "
            "WHERE p.level = ? AND p.idx >= ?",
            (level, begin >> level),
        )
        for index, hashed, left, right in rows if level else ():
            if left is None or right is None or node_hash(left, right) != hashed:
                raise LogCorruptError(f"node {index} of level {level} does not follow from its children")


def _check_head(connection: Connection, vkey: str) -> None:
    found = head(connection)
    signed = newest_checkpoint(connection)
    if (signed[0] if signed else 0) != (found[0] if found else 0):
        raise LogCorruptError(f"the last checkpoint is of {signed[0] if signed else 0} entries, the head of another size")
    if found is None or signed is None:
        return
    size, root, at, state_index = found
    try:
        computed = root_of(0, size, loader(connection))
    except ProofError as error:
        raise LogCorruptError(str(error)) from error
    if computed != root:
        raise LogCorruptError(f"the nodes give another root than the head of {size} entries")
    newest = connection.value("SELECT coalesce(max(idx), -1) FROM state_key")
    if newest != state_index:
        raise LogCorruptError(f"the newest state key names entry {newest}, the head's state index is {state_index}")
    last = connection.value("SELECT entry FROM log_entry WHERE idx = ?", (size - 1,))
    if orjson.loads(last)["at"] != as_text(from_micros(at)):
        raise LogCorruptError("the head's time is not its last entry's")
    try:
        checkpoint = verify_checkpoint(signed[1], vkey)
    except ProofError as error:
        raise LogCorruptError(f"the last checkpoint: {error}") from error
    if (checkpoint.size, checkpoint.root) != (size, root):
        raise LogCorruptError("the last checkpoint is of another tree than the head")


def find_entry(connection: Connection, entry_id: str) -> tuple[int, bytes] | None:
    """Return (index, exact bytes) of an entry."""
    row = connection.one("SELECT idx, entry FROM log_entry WHERE entry_id = ?", (entry_id,))
    return (row[0], bytes(row[1])) if row else None


def newest_checkpoint(connection: Connection) -> tuple[int, str] | None:
    """Return (size, note) of the newest checkpoint."""
    row = connection.one("SELECT size, note FROM log_checkpoint ORDER BY size DESC LIMIT 1")
    return (row[0], row[1]) if row else None


def inclusion(connection: Connection, index: int, size: int) -> tuple[bytes, ...]:
    """Return the inclusion proof of an entry in a tree of this size."""
    return inclusion_from(index, size, loader(connection))


def consistency(connection: Connection, old: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that a tree of one size is a beginning of a larger one."""
    return consistency_from(old, size, loader(connection))


def bundles(connection: Connection, index: int) -> list[tuple[bytes, bytes]]:
    """Return (key id, ciphertext) of what is kept beside an entry."""
    rows = connection.all("SELECT key_id, ciphertext FROM log_bundle WHERE idx = ?", (index,))
    return [(bytes(key_id), bytes(ciphertext)) for key_id, ciphertext in rows]


def leaves_of(connection: Connection, index: int) -> tuple[list[bytes], list[int]]:
    """Return the hashes of the leaves of an entry about several people, and the places where answers begin."""
    row = connection.one("SELECT hashes, begins FROM log_leaf WHERE idx = ?", (index,))
    hashes, begins = (bytes(row[0]), bytes(row[1])) if row else (b"", b"")
    found = [hashes[place : place + HASH_SIZE] for place in range(0, len(hashes), HASH_SIZE)]
    return found, [place for place, is_first in enumerate(begins) if is_first]


def to_micros(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970."""
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def from_micros(value: int) -> datetime:
    """Return the instant of a row."""
    return datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)

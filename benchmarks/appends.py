"""How fast is the log beside plain SQLite inserts of the same bytes and durability, at 1, 16 and 256 submitters?"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pysqlite3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.format.commitment import SealingKey, seal
from audit.format.entry import Kind
from audit.stores.recipients import COUNTERS
from audit.stores.sqlite import SqliteStore, create
from audit.stores.subject_keys import claiming, holding
from audit.tree.checkpoint import CheckpointSigner
from audit.writing.item import Draft, Known, Moment, Verdict
from audit.writing.sequencer import Sequencer
from gateway.store.counts import COUNTS, CountShelf

SUBMITTERS: Final = (1, 16, 256)
ENTRY: Final = 700  # bytes of an entry; what is sealed beside it is written too, so the baseline writes as much
EXTRA: Final = """
CREATE TABLE usage (name TEXT, "window" TEXT, count INTEGER, PRIMARY KEY (name, "window")) WITHOUT ROWID;
"""


def measure(directory: Path, *, seconds: float = 1.5) -> dict[str, Any]:
    """Return, per number of submitters, rates and ratios to plain inserts."""
    found = {}
    for submitters in SUBMITTERS:
        plain = _plain(directory / f"plain-{submitters}.sqlite", submitters, seconds)
        bare = _log(directory / f"bare-{submitters}.sqlite", submitters, seconds, with_rows=False)
        full = _log(directory / f"full-{submitters}.sqlite", submitters, seconds, with_rows=True)
        found[str(submitters)] = {
            "plain": plain,
            "bare": bare,
            "with a disclosure's rows": full,
            "ratios": {"bare": bare / plain, "with a disclosure's rows": full / plain},
        }
    return {"by submitters": found}


class _Plain:
    """The baseline: one writer thread, one INSERT of the same bytes for each item, one COMMIT for what is queued."""

    def __init__(self, path: Path) -> None:
        self.connection = pysqlite3.connect(str(path), isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, entry BLOB NOT NULL)")
        draft = drafts()()
        self.row = b"x" * (ENTRY + sum(len(ciphertext) for _, ciphertext in draft.sealed.bundles))
        self.queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def submit(self, done: Callable[[], None]) -> None:
        self.queue.put(done)

    def _run(self) -> None:
        while (first := self.queue.get()) is not None:
            batch = [first]
            while len(batch) < 512 and not self.queue.empty():
                item = self.queue.get()
                if item is None:
                    self.queue.put(None)
                    break
                batch.append(item)
            self.connection.execute("BEGIN IMMEDIATE")
            for _ in batch:
                self.connection.execute("INSERT INTO entry (entry) VALUES (?)", (self.row,))
            self.connection.execute("COMMIT")
            for done in batch:
                done()


def drive(submit: Callable[[Callable[..., None]], None], submitters: int, seconds: float) -> float:
    """Keep that many items in flight, each submitted again when it is durable; return items a second."""
    answered = 0
    until = time.perf_counter() + seconds
    running = threading.Semaphore(0)

    def done(*_: object) -> None:
        nonlocal answered
        answered += 1
        if time.perf_counter() < until:
            submit(done)
        else:
            running.release()

    begun = time.perf_counter()
    for _ in range(submitters):
        submit(done)
    for _ in range(submitters):
        running.acquire()
    return answered / (time.perf_counter() - begun)


def _plain(path: Path, submitters: int, seconds: float) -> float:
    writer = _Plain(path)
    rate = drive(writer.submit, submitters, seconds)
    writer.queue.put(None)
    writer.thread.join()
    writer.connection.close()
    return rate


def _log(path: Path, submitters: int, seconds: float, *, with_rows: bool) -> float:
    create(path)
    connection = pysqlite3.connect(str(path))
    connection.executescript(EXTRA)
    connection.close()
    lock = path.with_suffix(".lock")
    lock.touch()
    signer = CheckpointSigner("bench.example/log", Ed25519PrivateKey.generate())
    shelves = {COUNTS: CountShelf(), "subject_key": _People()}
    sequencer = Sequencer(
        SqliteStore(path, lock), signer, clock=lambda: datetime.now(UTC), deliver=deliver, shelves=shelves
    )
    sequencer.start()
    draft = drafts()
    rate = drive(lambda done: sequencer.submit_judging(_Item(draft, with_rows), done), submitters, seconds)
    sequencer.close()
    return rate


def deliver(results: Any) -> None:
    for done, result in results:
        assert not isinstance(result, BaseException), result
        done(result)


def drafts() -> Callable[[], Draft]:
    """Return drafts with an entry of a disclosure's size; sealed once, for the leaf is measured by itself."""
    key = SealingKey(secrets.token_bytes(16), secrets.token_bytes(32))
    sealed = seal("d_0", {f"name_{number}": (key, {"ref": "x" * 20}) for number in range(9)}, [], key)
    return lambda: Draft(
        kind=Kind.DISCLOSURE,
        entry_id="d_" + secrets.token_hex(13),
        sealed=sealed,
        outcome="full",
        recipient="harbour-housing",
    )


class _People:
    """Whose key is whose, by ids alone: what the key file has is measured elsewhere."""

    def asked(self, keys: Collection[Any]) -> Any:
        return holding([key[1:] for key in keys])

    def found(self, _keys: Any, answers: Any, _connection: Any) -> dict[Any, Any]:
        return {("subject_key", *row[:3]): row[3] for rows in answers for row in rows}

    def written(self, rows: Any) -> Any:
        return claiming({key[1:]: key_id for key, key_id in rows.items()})


@dataclass(frozen=True)
class _Item:
    """An item that judges as a disclosure does: a name that counts once, two counts, a person's key."""

    draft: Callable[[], Draft]
    with_rows: bool
    jti: str = field(default_factory=lambda: secrets.token_hex(12))
    subject: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def keys(self, _state_index: int) -> Collection[Any]:
        if not self.with_rows:
            return ()
        counts = [(COUNTS, name, "day") for name in ("calls", self.jti)]
        return [(COUNTERS, "harbour-housing"), *counts, ("subject_key", self.subject, "P6Y", 2026)]

    def judge(self, known: Known, moment: Moment) -> Verdict[None]:
        rows: dict[Any, Any] = {}
        if self.with_rows:
            assert moment.once.use([(f"dpop/x\n{self.jti}", 4_000_000_000)], moment.at)
            found = known.all(self.keys(0))
            rows = {key: (found[key] or 0) + 1 for key in found if key[0] == COUNTS}
            rows["subject_key", self.subject, "P6Y", 2026] = self.subject[:16]
        return Verdict(None, self.draft(), rows)

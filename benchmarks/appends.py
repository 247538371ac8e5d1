"""How fast is the log beside plain SQLite inserts of the same bytes and durability, at 1, 16 and 256 submitters?"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pysqlite3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.format.commitment import SealingKey, seal
from audit.format.entry import Kind
from audit.stores.sqlite import SqliteStore, create
from audit.tree.checkpoint import CheckpointSigner
from audit.writing.item import Draft
from audit.writing.sequencer import Sequencer

SUBMITTERS: Final = (1, 16, 256)
ENTRY: Final = 700  # bytes of an entry; what is sealed beside it is written too, so the baseline writes as much
GOALS: Final = {"bare": 0.8, "with a disclosure's rows": 0.45}
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
    return {"by submitters": found, "goals": GOALS}


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
    sequencer = Sequencer(SqliteStore(path, lock), signer, clock=lambda: datetime.now(UTC), deliver=deliver)
    sequencer.start()
    draft = drafts()
    rate = drive(lambda done: sequencer.submit(_item(draft, with_rows=with_rows), done), submitters, seconds)
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


def _item(draft: Callable[[], Draft], *, with_rows: bool) -> Any:
    jti, subject = secrets.token_hex(12), secrets.token_bytes(32)

    def within(connection: Any, moment: Any) -> Draft:
        if with_rows:
            assert moment.once.use([(f"dpop/x\n{jti}", 4_000_000_000)], moment.at)
            for name in ("calls", jti):
                connection.execute(
                    "INSERT INTO usage VALUES (?, 'day', 1) ON CONFLICT (name, \"window\") DO UPDATE SET count = count + 1",
                    (name,),
                )
            connection.execute("INSERT OR IGNORE INTO subject_key VALUES (?, 'P6Y', 2026, ?)", (subject, subject[:16]))
        return draft()

    return within

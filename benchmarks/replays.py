"""What do 100,000 live ids cost an append? A row a batch and a set in memory, beside a row a name, and beside none."""

from __future__ import annotations

import contextlib
import gc
import secrets
import statistics
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pysqlite3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.stores.sqlite import SqliteStore, create
from audit.tree.checkpoint import CheckpointSigner
from audit.writing.item import Draft
from audit.writing.once import SIZE
from audit.writing.sequencer import Sequencer
from benchmarks.appends import deliver, drafts, drive

LIVE: Final = 100_000
UNTIL: Final = 4_000_000_000
SUBMITTERS: Final = 64
ROUNDS: Final = 5
GOAL: Final = 0.10  # of an append, at most
Use = Callable[[Any, Any, str], None]


def measure(directory: Path, *, seconds: float = 1.0) -> dict[str, Any]:
    """Return what share of an append each way costs: the median of rounds by turns, for the machine's speed moves."""
    ways: dict[str, Use | None] = {"none": None, "a row a batch": _use, "a row a name": _insert}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    with contextlib.ExitStack() as closing:
        logs = {name: closing.enter_context(_log(directory / f"{name.replace(' ', '-')}.sqlite")) for name in ways}
        for number in range(ROUNDS + 1):
            for name, use in ways.items():
                gc.collect()
                rate = drive(lambda done, name=name, use=use: _submit(logs[name], use, done), SUBMITTERS, seconds)
                if number:  # the first round warms caches
                    rates[name].append(rate)
    cost = {
        name: statistics.median(1 - one / bare for one, bare in zip(rates[name], rates["none"], strict=True))
        for name in ("a row a batch", "a row a name")
    }
    return {"rates": rates, "cost": cost, "live": LIVE, "goal": GOAL}


@contextlib.contextmanager
def _log(path: Path) -> Iterator[Sequencer]:
    """Serve a log whose tables hold the live names already, in both ways: one that is not used costs nothing."""
    create(path)
    connection = pysqlite3.connect(str(path))
    connection.execute("CREATE TABLE seen (scope TEXT, jti TEXT, expires INTEGER, PRIMARY KEY (scope, jti)) WITHOUT ROWID")
    connection.execute("CREATE INDEX ix_seen_expires ON seen (expires)")
    names = [("dpop/harbour-case-system", secrets.token_urlsafe(16), UNTIL) for _ in range(LIVE)]
    connection.executemany("INSERT INTO seen VALUES (?, ?, ?)", names)
    rows = [(UNTIL, secrets.token_bytes(50 * SIZE)) for _ in range(LIVE // 50)]
    connection.executemany("INSERT INTO used_once (until, names) VALUES (?, ?)", rows)
    connection.commit()
    connection.close()
    lock = path.with_suffix(".lock")
    lock.touch()
    signer = CheckpointSigner("bench.example/log", Ed25519PrivateKey.generate())
    sequencer = Sequencer(SqliteStore(path, lock), signer, clock=lambda: datetime.now(UTC), deliver=deliver)
    sequencer.start()
    try:
        yield sequencer
    finally:
        sequencer.close()


DRAFT: Final = drafts()


def _submit(sequencer: Sequencer, use: Use | None, done: Callable[..., None]) -> None:
    def within(connection: Any, moment: Any) -> Draft:
        if use is not None:
            use(connection, moment, secrets.token_urlsafe(16))
        return DRAFT()

    sequencer.submit(within, done)


def _use(_connection: Any, moment: Any, jti: str) -> None:
    assert moment.once.use([(f"dpop/harbour-case-system\n{jti}", UNTIL)], moment.at)


def _insert(connection: Any, _moment: Any, jti: str) -> None:
    row = ("dpop/harbour-case-system", jti, UNTIL)
    assert connection.execute("INSERT OR IGNORE INTO seen (scope, jti, expires) VALUES (?, ?, ?)", row).rowcount

"""How fast is a whole log exported and verified, beside bare SHA-256 over the same bytes? `python -m benchmarks.rehash`."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pysqlite3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from audit.checking.published import in_directory
from audit.checking.whole import verify_log
from audit.exporting.export import export_log
from audit.stores.sqlite import create, open_connection
from audit.tree.checkpoint import CheckpointSigner
from audit.tree.merkle import Edge, leaf_hash

ENTRIES = 327_937  # so that every level has a partial tile
GOALS = {"export": 300_000, "verify": 300_000}  # entries a second
SIGNER = CheckpointSigner("bench.example/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))


def make_log(database: Path, count: int) -> int:
    """Fill a database with entries of 600 to 1,000 bytes, and their tree; return the bytes of all entries."""
    create(database)
    chance, edge, total = random.Random(7), Edge(0, ()), 0  # noqa: S311 -- generated entries, no secret
    pool = chance.randbytes(1_000_000)
    connection = pysqlite3.connect(str(database), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN")
    for begin in range(0, count, 4_096):
        entries, nodes = [], []
        for index in range(begin, min(count, begin + 4_096)):
            place, length = chance.randrange(900_000), chance.randint(600, 1_000)
            entry = index.to_bytes(8, "big") + pool[place : place + length - 8]
            total += length
            entries.append((index, f"e_{index}", "search", entry))
            nodes += edge.append(leaf_hash(entry))
        connection.executemany("INSERT INTO log_entry VALUES (?, ?, ?, ?)", entries)
        connection.executemany("INSERT INTO log_node VALUES (?, ?, ?)", nodes)
    connection.execute("INSERT INTO log_checkpoint VALUES (?, ?)", (count, SIGNER.sign(count, edge.root())))
    connection.execute("INSERT INTO log_head VALUES (1, ?, ?, 0, -1)", (count, edge.root()))
    connection.execute("COMMIT")
    connection.close()
    return total


def measure(directory: Path, *, entries: int = ENTRIES) -> dict[str, Any]:
    """Export a generated log, verify what was written, and hash the same entries with nothing besides."""
    total = make_log(directory / "log.sqlite", entries)
    exported = directory / "exported"
    connection = open_connection(directory / "log.sqlite", read_only=True)
    export = _seconds(lambda: export_log(connection, exported, vkey=SIGNER.vkey, progress=lambda _done, _all: None))
    again = _seconds(lambda: export_log(connection, exported, vkey=SIGNER.vkey, progress=lambda _done, _all: None))
    contents = [row[0] for row in connection.execute("SELECT entry FROM log_entry ORDER BY idx")]
    connection.close()
    bare = min(_seconds(lambda: [hashlib.sha256(one).digest() for one in contents]) for _ in range(3))
    verify = min(
        _seconds(
            lambda: verify_log(
                in_directory(exported),
                vkey=SIGNER.vkey,
                seen=None,
                with_entries=True,
                begun=lambda _size: None,
                progress=lambda _done: None,
            )
        )
        for _ in range(3)
    )
    return {
        "entries": entries,
        "bytes": total,
        "export": entries / export,
        "export again, seconds": again,
        "verify": entries / verify,
        "bare": entries / bare,
        "ratio": bare / verify,
        "goals": GOALS,
    }


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Measure, and print."""
    directory = Path(tempfile.mkdtemp(prefix="stile-rehash-"))
    try:
        found = measure(directory, entries=int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES)
    finally:
        shutil.rmtree(directory)
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "rehash.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    table = Table("what", "measured", "goal", box=None, header_style="dim")
    for name in ("export", "verify"):
        table.add_row(f"{name}, entries a second", f"{found[name]:,.0f}", f"at least {GOALS[name]:,}")
    table.add_row("bare SHA-256 of the same entries, a second", f"{found['bare']:,.0f}", "")
    table.add_row("verify to bare SHA-256", f"{found['ratio']:.2f}", "")
    Console().print(table)


if __name__ == "__main__":
    main()

"""Does a disclosure cost the same once a council has grown: 1,000 agreements, 3,000,000 entries, 100,000 answers?"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from audit.format.commitment import encode
from audit.format.entry import Kind, entry_bytes
from audit.stores.entries import head
from audit.stores.instants import to_micros
from audit.stores.nodes import loader
from audit.tree.merkle import Edge, leaf_hash, subtrees
from benchmarks import disclosures, load
from gateway.app import make_changes, make_new_id, make_sequencer, utc_now
from gateway.council.directory import open_council
from gateway.demo.making import HARBOUR
from gateway.store.state import Reader

WITHIN: Final = 0.1  # of the same
AGREEMENTS: Final = (10, 1_000)
ENTRIES: Final = (10_000, 3_000_000)
ANSWERS: Final = 100_000
PORTION: Final = 20_000
ROUNDS: Final = 4


def measure(directory: Path, *, entries: tuple[int, int] = ENTRIES, answers: int = ANSWERS) -> dict[str, Any]:
    """Measure all three. Needs some 4 GB of disk for the entries, and half an hour."""
    return {
        "agreements": by_agreements(directory / "agreements"),
        "entries": by_entries(directory / "entries", entries),
        "memory": by_answers(directory / "memory", answers),
    }


def by_agreements(directory: Path, counts: tuple[int, int] = AGREEMENTS) -> dict[str, Any]:
    """Compare two councils that differ in the number of live agreements, each the caller's own."""
    few, many = directory / "few", directory / "many"
    disclosures.make_council(few)
    add_agreements(few, counts[0])
    shutil.copytree(few, many)
    add_agreements(many, counts[1] - counts[0])
    return {"counts": counts, **compare(few, many)}


def by_entries(directory: Path, counts: tuple[int, int] = ENTRIES) -> dict[str, Any]:
    """Compare two councils that differ in the number of entries, and of people who have keys."""
    few, many = directory / "few", directory / "many"
    disclosures.make_council(few)
    fill(few, counts[0])
    shutil.copytree(few, many)
    fill(many, counts[1] - counts[0])
    return {"counts": counts, **compare(few, many)}


def compare(few: Path, many: Path) -> dict[str, Any]:
    """Measure both by turns: the machine moves, and so only neighbours in time are compared."""
    pairs = []
    for _ in range(ROUNDS):
        first, second = (disclosures.governed(one, connections=16, seconds=3.0) for one in (few, many))
        assert first["wrong"] == second["wrong"] == 0
        pairs.append((first["rate"], second["rate"]))
    ratios = [second / first for first, second in pairs]
    return {"rates": pairs, "ratio": statistics.median(ratios), "goal": 1 - WITHIN}


def by_answers(directory: Path, answers: int = ANSWERS) -> dict[str, Any]:
    """Watch a worker's memory over many answers: what it holds after a fifth of them it may hold at the end."""
    disclosures.make_council(directory)
    kept = []
    with disclosures.served("governed", directory) as port:
        pid = disclosures.serving_pid(port)
        for _ in range(5):
            done = 0
            while done < answers // 5:
                found = load.run(port, disclosures.governed_requests(directory, port, 4_000), connections=16, seconds=60.0)
                assert found.wrong == 0
                done += found.answers
            kept.append(resident(pid))
    return {"answers": answers, "megabytes": kept, "ratio": kept[-1] / kept[0], "goal": 1 + WITHIN}


def resident(pid: int) -> float:
    """Return a process's resident memory in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


# -- a council that has grown


def add_agreements(directory: Path, count: int) -> None:
    """Publish more agreements of the same partner, through the log's own writer."""
    council = open_council(directory)
    sequencer = make_sequencer(council, utc_now, lambda results: [done(result) for done, result in results])
    sequencer.start()
    connection = council.store.open(read_only=True)
    found = Reader(connection).find_text("agreement", HARBOUR.agreement)
    have = connection.execute("SELECT count(DISTINCT id) FROM text WHERE kind = 'agreement'").fetchone()[0]
    connection.close()
    assert found is not None
    texts = make_changes(council).texts
    for number in range(have, have + count):
        text = found[1].replace(f"agreement: {HARBOUR.agreement}\n", f"agreement: {HARBOUR.agreement}-{number}\n")
        sequencer.append(texts.publish_agreement(text, by="operator:bench"))
    sequencer.close()
    council.keyring.close()


def fill(directory: Path, count: int) -> None:
    """Append entries without the writer, a portion at a time, and sign the head; each is of a person of their own."""
    council = open_council(directory)
    connection = council.store.open(read_only=False)
    connection.execute("PRAGMA synchronous=OFF")
    new_id = make_new_id()
    size, _, micros, state_index = head(connection)  # type: ignore[misc]
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
    load_node = loader(connection)
    edge = Edge(size, [(level, load_node(level, index)) for level, index in subtrees(0, size)])
    for begin in range(0, count, PORTION):
        made = [_entry(new_id("d", at), at, number) for number in range(begin, min(begin + PORTION, count))]
        connection.execute("BEGIN IMMEDIATE")
        _insert(connection, edge, made)
        note = council.signer.sign(edge.size, edge.root())
        connection.execute("INSERT INTO log_checkpoint (size, note) VALUES (?, ?)", (edge.size, note))
        connection.execute(
            "UPDATE log_head SET size = ?, root = ?, at = ?, state_index = ?",
            (edge.size, edge.root(), to_micros(at), state_index),
        )
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    council.keyring.close()


def _entry(entry_id: str, at: datetime, number: int) -> tuple[str, bytes]:
    noise = hashlib.shake_128(number.to_bytes(8)).digest(320)
    sd = tuple(sorted(encode(noise[place : place + 32]) for place in range(0, 320, 32)))
    return entry_id, entry_bytes(kind=Kind.REFUSAL, entry_id=entry_id, at=at, sd=sd, outcome="none", counter=number)


def _insert(connection: Any, edge: Edge, made: list[tuple[str, bytes]]) -> None:
    first = edge.size
    nodes = [node for _, entry in made for node in edge.append(leaf_hash(entry))]
    rows = [(first + number, entry_id, "refusal", entry) for number, (entry_id, entry) in enumerate(made)]
    connection.executemany("INSERT INTO log_entry (idx, entry_id, kind, entry) VALUES (?, ?, ?, ?)", rows)
    connection.executemany("INSERT INTO log_node (level, idx, hash) VALUES (?, ?, ?)", nodes)
    keys = [(hashlib.sha256(entry).digest(), "P6Y", 2026, hashlib.sha256(entry).digest()[:16]) for _, entry in made]
    connection.executemany("INSERT INTO subject_key (reference, class, year, key_id) VALUES (?, ?, ?, ?)", keys)

"""A log of any size in a database, grown as a test likes, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pysqlite3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checking.published import in_directory
from audit.checking.whole import WholeLog, verify_log
from audit.exporting.export import Exported, export_log
from audit.stores.sqlite import create, open_connection
from audit.tree.checkpoint import CheckpointSigner
from audit.tree.merkle import Edge, leaf_hash

ORIGIN = "gateway.northmoor.gov.uk/log/northmoor"
SIGNER = CheckpointSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


class GrowingLog:
    """Writes the rows that the sequencer would, many at once, and keeps the entries to compare with."""

    def __init__(self, database: Path, signer: CheckpointSigner = SIGNER) -> None:
        create(database)
        self.database, self.signer = database, signer
        self.entries: list[bytes] = []
        self.notes: dict[int, str] = {}
        self._edge = Edge(0, ())

    def grow(self, entries: Sequence[bytes]) -> None:
        connection = pysqlite3.connect(str(self.database))
        begin = len(self.entries)
        connection.executemany(
            "INSERT INTO log_entry VALUES (?, ?, 'search', ?)",
            [(begin + n, f"e_{begin + n}", entry) for n, entry in enumerate(entries)],
        )
        nodes = [node for entry in entries for node in self._edge.append(leaf_hash(entry))]
        connection.executemany("INSERT INTO log_node VALUES (?, ?, ?)", nodes)
        self.entries += entries
        size, root = self._edge.size, self._edge.root()
        self.notes[size] = self.signer.sign(size, root)
        connection.execute("INSERT INTO log_checkpoint VALUES (?, ?)", (size, self.notes[size]))
        connection.execute(
            "INSERT INTO log_head VALUES (1, ?, ?, 0, -1) ON CONFLICT (one) DO UPDATE SET size = excluded.size, "
            "root = excluded.root",
            (size, root),
        )
        connection.commit()
        connection.close()

    def grow_to(self, size: int) -> None:
        self.grow([f"entry {n}".encode() for n in range(len(self.entries), size)])

    def export(self, to: Path) -> Exported:
        connection = open_connection(self.database, read_only=True)
        try:
            return export_log(connection, to, vkey=self.signer.vkey, progress=lambda _done, _total: None)
        finally:
            connection.close()


def verify(directory: Path, *, seen: str | None = None, with_entries: bool = True) -> WholeLog:
    return verify_log(
        in_directory(directory),
        vkey=SIGNER.vkey,
        seen=seen,
        with_entries=with_entries,
        begun=lambda _size: None,
        progress=lambda _done: None,
    )


def files_of(directory: Path) -> dict[str, bytes]:
    return {
        one.relative_to(directory).as_posix(): one.read_bytes() for one in sorted(directory.rglob("*")) if one.is_file()
    }

"""Does a log hold together? Entries, nodes, head and signature, compared as one moment has them."""

from __future__ import annotations

from typing import Final

import orjson

from audit.format.entry import as_text
from audit.stores.connection import Connection, StoreError
from audit.stores.entries import head, newest_checkpoint
from audit.stores.instants import from_micros
from audit.stores.nodes import loader
from audit.tree.checkpoint import verify_checkpoint
from audit.tree.merkle import ProofError, leaf_hash, node_hash, root_of

CHECKED_AT_START: Final = 10_000  # entries


class LogCorruptError(Exception):
    """The log does not hold together: refuses to start. Says what differs, and where."""


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
        problem = connection.damage()
        if problem is not None:
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

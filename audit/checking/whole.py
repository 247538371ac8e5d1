"""Is this the whole log that the council signed? Every entry and every hash of it is computed again.

Needs neither gateway nor database: the log's files in the layout of C2SP tlog-tiles, and a key that was known before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audit.tree.checkpoint import LONGEST_NOTE, Checkpoint, verify_checkpoint
from audit.tree.layout import CHECKPOINT, TILE_LEVELS, WIDTH, Fetch, Files, subtree_root, tile_path
from audit.tree.merkle import HASH_SIZE, ProofError, root_of

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class WholeLog:
    """What was verified: the checkpoint with its note, and the size that was seen before, if any."""

    checkpoint: Checkpoint
    note: str
    seen_size: int | None


def read_checkpoint(fetch: Fetch, vkey: str) -> tuple[Checkpoint, str]:
    """Return a log's checkpoint, verified, and its note; raises ProofError."""
    raw = fetch(CHECKPOINT, LONGEST_NOTE)
    if raw is None:
        raise ProofError("there is no checkpoint: this is no log, or one without an entry")
    try:
        note = raw.decode()
    except UnicodeDecodeError as error:
        raise ProofError("the checkpoint is not UTF-8") from error
    return verify_checkpoint(note, vkey), note


def verify_log(
    fetch: Fetch, *, vkey: str, seen: str | None, with_entries: bool, begun: Progress, progress: Progress
) -> WholeLog:
    """Verify a whole log, or raise ProofError with what is wrong and where.

    `seen` is the note of the checkpoint that was verified last: the log must be a continuation of that one. Without
    entries the tree is verified from its leaf hashes on. `begun` is told the size, `progress` how many leaves are done.
    """
    checkpoint, note = read_checkpoint(fetch, vkey)
    before = _check_growth(seen, checkpoint, vkey)
    begun(checkpoint.size)
    files = Files(fetch, checkpoint.size, sizes=[checkpoint.size, *([before.size] if before else [])])
    _verify_tree(files, checkpoint.size, with_entries=with_entries, progress=progress)
    # Only now are the tiles known to follow from their entries, and so every root that is computed from them.
    if before is not None and root_of(0, before.size, files.load) != before.root:
        raise ProofError(
            f"the first {before.size} entries are not those that you verified before: the log was rewritten or forked "
            f"before entry {before.size}"
        )
    if root_of(0, checkpoint.size, files.load) != checkpoint.root:
        begin = before.size if before else 0
        raise ProofError(
            f"the entries from {begin} to {checkpoint.size - 1} give another root than the checkpoint signs: entries were "
            "changed together with the hashes over them"
        )
    return WholeLog(checkpoint, note, before.size if before else None)


def _check_growth(seen: str | None, checkpoint: Checkpoint, vkey: str) -> Checkpoint | None:
    """Return the checkpoint that was verified last; ProofError where this one is no later one at first sight."""
    if seen is None:
        return None
    try:
        before = verify_checkpoint(seen, vkey)
    except ProofError as error:
        raise ProofError(f"the checkpoint that was remembered: {error}") from error
    if checkpoint.size < before.size:
        raise ProofError(
            f"the log is rolled back or cut off: it ends before entry {checkpoint.size}, and you have verified "
            f"{before.size} entries of it before"
        )
    if checkpoint.size == before.size and checkpoint.root != before.root:
        raise ProofError(f"the log is forked: two different trees of {checkpoint.size} entries are signed")
    return before


def _verify_tree(files: Files, size: int, *, with_entries: bool, progress: Progress) -> None:
    """Compute every hash of the tree from what is beneath it, and compare it with the tiles."""
    roots: list[bytes] = []
    for index in range(-(-size // WIDTH)):
        tile = files.tile(0, index)
        if with_entries:
            _check_leaves(files.leaves(index), tile, index)
        if len(tile) == WIDTH * HASH_SIZE:
            roots.append(subtree_root(tile))
        progress(min(size, (index + 1) * WIDTH))
    level = 0
    while roots:
        level += 1
        roots = _check_level(files, level, roots)


def _check_leaves(leaves: list[bytes], tile: bytes, index: int) -> None:
    if b"".join(leaves) == tile:
        return
    place = next(n for n, leaf in enumerate(leaves) if leaf != tile[n * HASH_SIZE : (n + 1) * HASH_SIZE])
    raise ProofError(
        f"entry {index * WIDTH + place} is not the one that {tile_path(0, index, len(leaves))} holds the hash of: "
        "the entry or the hash was changed"
    )


def _check_level(files: Files, level: int, roots: list[bytes]) -> list[bytes]:
    """Compare one level's tiles with the roots of the tiles beneath; return the roots of the full ones."""
    above = []
    for begin in range(0, len(roots), WIDTH):
        computed = roots[begin : begin + WIDTH]
        index = begin // WIDTH
        tile = files.tile(level, index)
        for place, root in enumerate(computed):
            if root != tile[place * HASH_SIZE : (place + 1) * HASH_SIZE]:
                span = WIDTH << (TILE_LEVELS * (level - 1))
                first = (begin + place) * span
                raise ProofError(
                    f"hash {place} of {tile_path(level, index, len(computed))} does not follow from entries {first} to "
                    f"{first + span - 1}: one of their leaf hashes, or this hash, was changed"
                )
        if len(computed) == WIDTH:
            above.append(subtree_root(tile))
    return above

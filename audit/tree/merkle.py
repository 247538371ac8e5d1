"""How do entries become one root, and how is a place in it, or its growth, proved? RFC 6962, section 2.1.

The recursive forms are written to be read beside the RFC. The log itself keeps its full subtrees and proves from
them (`subtrees`, `inclusion_from`, `consistency_from`), and is tested against these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
HASH_SIZE: Final = 32
Load = Callable[[int, int], bytes]  # (level, index) -> hash of a full subtree of 2**level leaves


class ProofError(Exception):
    """A proof that does not hold. Says at which step and what was found instead."""


def leaf_hash(entry: bytes) -> bytes:
    """Return MTH({d}): section 2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees: section 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """Return the largest power of two smaller than the size."""
    return 1 << (size - 1).bit_length() - 1


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Return MTH(D[n]) of leaf hashes: section 2.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return node_hash(root_hash(leaves[:k]), root_hash(leaves[k:]))


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return PATH(m, D[n]), the sibling hashes from leaf to root: section 2.1.1."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"index {index} is not in a tree of {len(leaves)} entries")
    if len(leaves) == 1:
        return ()
    k = _split(len(leaves))
    if index < k:
        return (*inclusion_proof(index, leaves[:k]), root_hash(leaves[k:]))
    return (*inclusion_proof(index - k, leaves[k:]), root_hash(leaves[:k]))


def consistency_proof(old: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return PROOF(m, D[n]): section 2.1.2."""
    if not 0 <= old <= len(leaves):
        raise ValueError(f"a tree of {len(leaves)} entries never had {old}")
    return _subproof(old, leaves, complete=True) if 0 < old < len(leaves) else ()


def _subproof(old: int, leaves: Sequence[bytes], *, complete: bool) -> tuple[bytes, ...]:
    if old == len(leaves):
        return () if complete else (root_hash(leaves),)
    k = _split(len(leaves))
    if old <= k:
        return (*_subproof(old, leaves[:k], complete=complete), root_hash(leaves[k:]))
    return (*_subproof(old - k, leaves[k:], complete=False), root_hash(leaves[:k]))


def verify_inclusion(leaf: bytes, *, index: int, tree_size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofError unless the tree with this root has this leaf at this index."""
    _check_hashes(leaf, root, *proof)
    if not 0 <= index < tree_size < 2**63:
        raise ProofError(f"index {index} is not in a tree of {tree_size} entries")
    found = _root_from_path(leaf, index, tree_size, tuple(proof))
    if found != root:
        raise ProofError(f"the proof leads to {found.hex()}, not to the root {root.hex()}")


def _root_from_path(leaf: bytes, index: int, size: int, path: tuple[bytes, ...]) -> bytes:
    """Run `inclusion_proof` backwards: same k, same branch."""
    if size == 1:
        if path:
            raise ProofError(f"the proof is {len(path)} hashes too long")
        return leaf
    if not path:
        raise ProofError("the proof is too short")
    *below, sibling = path
    k = _split(size)
    if index < k:
        return node_hash(_root_from_path(leaf, index, k, tuple(below)), sibling)
    return node_hash(sibling, _root_from_path(leaf, index - k, size - k, tuple(below)))


def verify_consistency(*, old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofError unless the older tree is a beginning of the newer one."""
    _check_hashes(root)
    if old_size == size == 0 and root != EMPTY_ROOT:
        raise ProofError("the root is not that of an empty tree")
    verify_subtree(begin=0, end=old_size, part_root=old_root, size=size, root=root, proof=proof)


def verify_subtree(*, begin: int, end: int, part_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofError unless [begin, end) of the tree has this root: section 2.1.2, for any subtree.

    From the start of the log that is an older tree; further right, the entries of a batch or chunk.
    """
    _check_hashes(part_root, *proof)
    check_subtree(begin, end, size)
    if begin == end:
        # A proof about nothing says nothing of the root.
        if proof or part_root != EMPTY_ROOT:
            raise ProofError("the proof of an empty range is not empty")
        return
    _check_hashes(root)
    found_part, found = _roots_from_subproof(begin, end, size, tuple(proof), part_root, complete=True)
    if found_part != part_root:
        raise ProofError(f"the proof leads to the root {found_part.hex()} of the part, not to {part_root.hex()}")
    if found != root:
        raise ProofError(f"the proof leads to the root {found.hex()}, not to {root.hex()}")


def check_subtree(begin: int, end: int, size: int) -> None:
    """Raise ProofError unless [begin, end) begins at a multiple of the power of two that it fits in."""
    if not 0 <= begin <= end <= size < 2**63:
        raise ProofError(f"a tree of {size} entries has no [{begin}, {end})")
    if begin < end and begin % (1 << (end - begin - 1).bit_length()):
        raise ProofError(f"[{begin}, {end}) is not a subtree")


def _roots_from_subproof(
    begin: int, end: int, size: int, path: tuple[bytes, ...], part_root: bytes, *, complete: bool
) -> tuple[bytes, bytes]:
    """Run `_subproof` backwards: returns the roots of the part and of the whole."""
    if begin == 0 and end == size:
        if len(path) != (0 if complete else 1):
            raise ProofError("the proof has the wrong length")
        same = part_root if complete else path[0]
        return same, same
    if not path:
        raise ProofError("the proof is too short")
    *below, sibling = path
    k = _split(size)
    if end <= k:
        part, whole = _roots_from_subproof(begin, end, k, tuple(below), part_root, complete=complete)
        return part, node_hash(whole, sibling)
    if begin >= k:
        part, whole = _roots_from_subproof(begin - k, end - k, size - k, tuple(below), part_root, complete=complete)
        return part, node_hash(sibling, whole)
    part, whole = _roots_from_subproof(0, end - k, size - k, tuple(below), part_root, complete=False)
    return node_hash(sibling, part), node_hash(sibling, whole)


def _check_hashes(*hashes: bytes) -> None:
    if any(len(one) != HASH_SIZE for one in hashes):
        raise ProofError(f"a hash is not {HASH_SIZE} bytes long")


def subtrees(begin: int, end: int) -> list[tuple[int, int]]:
    """Return the full subtrees, left to right, that a whole aligned range [begin, end) is made of, as (level, index).

    `begin` must be a multiple of the range's largest subtree, as in RFC 6962's own splits.
    """
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def root_of(begin: int, end: int, load: Load) -> bytes:
    """Return the hash of a range that RFC 6962 splits off, from full subtrees."""
    if begin == end:
        return EMPTY_ROOT
    level = (end - begin).bit_length() - 1
    if end - begin == 1 << level:
        return load(level, begin >> level)
    parts = [load(level, index) for level, index in subtrees(begin, end)]
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def inclusion_from(index: int, size: int, load: Load) -> tuple[bytes, ...]:
    """Return PATH(m, D[n]) from full subtrees: at most two loads a level."""
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not in a tree of {size} entries")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(root_of(middle, end, load))
            end = middle
        else:
            path.append(root_of(begin, middle, load))
            begin = middle
    return tuple(reversed(path))


def consistency_from(old: int, size: int, load: Load) -> tuple[bytes, ...]:
    """Return PROOF(m, D[n]) from full subtrees."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} entries never had {old}")
    if old in (0, size):
        return ()
    path: list[bytes] = []
    begin, end, complete = 0, size, True
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(root_of(middle, end, load))
            end = middle
        else:
            path.append(root_of(begin, middle, load))
            begin, complete = middle, False
    if not complete:
        path.append(root_of(begin, end, load))
    return tuple(reversed(path))


class Edge:
    """The right edge of a growing tree: the full subtrees not yet joined to a larger one, largest first.

    `append` returns the nodes that the new leaf completes; they never change afterwards.
    """

    def __init__(self, size: int, hashes: Sequence[tuple[int, bytes]]) -> None:
        self.size = size
        self._open = list(hashes)  # (level, hash)

    def copy(self) -> Edge:
        """Return another that grows by itself."""
        return Edge(self.size, self._open)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; return (level, index, hash) of every node it completes, the leaf first."""
        made = [(0, self.size, leaf)]
        self._open.append((0, leaf))
        self.size += 1
        while len(self._open) > 1 and self._open[-1][0] == self._open[-2][0]:
            level, right = self._open.pop()
            _, left = self._open.pop()
            joined = node_hash(left, right)
            self._open.append((level + 1, joined))
            made.append((level + 1, (self.size >> (level + 1)) - 1, joined))
        return made

    def parts(self) -> list[tuple[int, bytes]]:
        """Return level and hash of the full subtrees, the largest first."""
        return list(self._open)

    def nodes(self) -> dict[tuple[int, int], bytes]:
        """Return the full subtrees that the edge is made of, by (level, index)."""
        return {(level, (self.size >> level) - 1): hashed for level, hashed in self._open}

    def root(self) -> bytes:
        """Return the root of everything appended so far."""
        if not self._open:
            return EMPTY_ROOT
        root = self._open[-1][1]
        for _, left in reversed(self._open[:-1]):
            root = node_hash(left, root)
        return root

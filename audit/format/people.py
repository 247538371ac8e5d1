"""How does one entry commit to several people? By a tree of leaves, each salted under its own person's key.

The leaves form an RFC 6962 tree (section 2.1) of their own, whose size and root the entry holds in `people`: so the log
proves every leaf, and one leaf opens without any other.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from audit.format.commitment import Committed, Sealed, SealingKey, commit, sealed_of
from audit.format.entry import VERSION, JsonValue, canonical
from audit.tree.merkle import leaf_hash, node_hash

SHARED_NAMES: Final = ("parties", "caseworker", "basis")  # what the entry itself commits to, for all of its people
LEAF_NAMES: Final = ("subject", "matter", "request", "answer", "fields", "facts", "values")
LEAF_OPENINGS: Final = ("matter", "request", "answer", "fields", "values")  # those of a partner
MOST_LEAVES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Leaf:
    """One person's leaf: its bytes, what opens it, and the keys that it is salted under."""

    raw: bytes
    hashed: bytes
    committed: Committed = field(repr=False)


def leaf_id(entry_id: str, place: int) -> str:
    """Return the name that a leaf's salts are made of: no two leaves share one, also where both are of one person."""
    return f"{entry_id}.{place}"


def make_leaf(
    entry_id: str,
    place: int,
    names: Mapping[str, tuple[SealingKey, JsonValue]],
    values: Sequence[tuple[str, JsonValue]],
    key: SealingKey,
) -> Leaf:
    """Commit to one person's names and released values. Raises EntryError for what can't stand in an entry."""
    committed = commit(leaf_id(entry_id, place), names, values, key)
    raw = leaf_bytes(committed.sd)
    return Leaf(raw, leaf_hash(raw), committed)


def leaf_bytes(sd: Sequence[str]) -> bytes:
    """Return the canonical bytes of a leaf, from its sorted digests."""
    return canonical({"v": VERSION, "_sd_alg": "sha-256", "_sd": sd})


def seal_people(
    entry_id: str, shared: Mapping[str, tuple[SealingKey, JsonValue]], leaves: Sequence[Leaf]
) -> tuple[Sealed, dict[str, JsonValue]]:
    """Return an entry's own commitments, with everybody's bundles, and its member `people`.

    In a bundle, a name of the leaf at place n stands as `n/name`: so a key has one bundle, however often it is used.
    """
    committed = commit(entry_id, shared, (), None)
    parts = [("", committed), *((f"{place}/", leaf.committed) for place, leaf in enumerate(leaves))]
    return sealed_of(entry_id, committed, parts), people_of([leaf.hashed for leaf in leaves])


def people_of(hashes: Sequence[bytes]) -> dict[str, JsonValue]:
    """Return the member `people` of an entry over these leaves."""
    root, _ = _tree(hashes)
    return {"size": len(hashes), "root": base64.b64encode(root).decode()}


def paths_of(hashes: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Return each leaf's path to the root (section 2.1.1), all of them by one walk."""
    return _tree(hashes)[1]


def _tree(hashes: Sequence[bytes]) -> tuple[bytes, list[tuple[bytes, ...]]]:
    if len(hashes) == 1:
        return hashes[0], [()]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    left, left_paths = _tree(hashes[:split])
    right, right_paths = _tree(hashes[split:])
    paths = [(*path, right) for path in left_paths] + [(*path, left) for path in right_paths]
    return node_hash(left, right), paths


def shown_leaf(leaf: Leaf, place: int, path: Sequence[bytes]) -> dict[str, JsonValue]:
    """Return what a partner is given of a leaf, JSON-ready."""
    seed = leaf.committed.seed if leaf.committed.releases else None
    return leaf_shown(leaf.raw, place, path, leaf.committed.openings, seed)


def leaf_shown(
    raw: bytes, place: int, path: Sequence[bytes], openings: Mapping[str, str], seed: bytes | None
) -> dict[str, JsonValue]:
    """Return the same from its parts. Where nothing was released there is no seed, for it would open nothing."""
    return {
        "place": place,
        "leaf": base64.b64encode(raw).decode(),
        "path": [base64.b64encode(one).decode() for one in path],
        "openings": {name: openings[name] for name in LEAF_OPENINGS},
        "seed": None if seed is None else base64.urlsafe_b64encode(seed).rstrip(b"=").decode(),
    }


def parts_of(openings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Return the openings of bundles apart: the entry's own, and each leaf's by its place."""
    own = {name: one for name, one in openings.items() if "/" not in name}
    leaves: dict[int, dict[str, Any]] = {}
    for name, one in openings.items():
        place, slash, inner = name.partition("/")
        if slash:
            leaves.setdefault(int(place), {})[inner] = one
    return own, leaves

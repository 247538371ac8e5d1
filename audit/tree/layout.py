"""Where does a log lie in files, and what is in them? C2SP tlog-tiles: paths, tiles of hashes, bundles of entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from audit.tree.merkle import HASH_SIZE, ProofError, subtrees

WIDTH: Final = 256  # hashes of a full tile, entries of a full bundle
TILE_LEVELS: Final = 8  # tree levels that one tile spans
CHECKPOINT: Final = "checkpoint"
LARGEST_TILE: Final = WIDTH * HASH_SIZE
LARGEST_BUNDLE: Final = WIDTH * (2 + 65_535)
# Reads a file of the log by its path: at most so many bytes, or None where there is no such file. It raises ProofError
# for a larger one.
Fetch = Callable[[str, int], bytes | None]


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Return the path of a tile of hashes."""
    return f"tile/{level}/{_place(index, width)}"


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Return the path of a bundle of entries."""
    return f"tile/entries/{_place(index, width)}"


def _place(index: int, width: int) -> str:
    digits = f"{index:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[begin : begin + 3] for begin in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if width == WIDTH else f"{path}.p/{width}"


def width_of(index: int, size: int) -> int:
    """Return how many of so many hashes or entries stand in the tile or bundle of this index."""
    return max(0, min(WIDTH, size - index * WIDTH))


def pack(entries: Sequence[bytes]) -> bytes:
    """Return a bundle: each entry behind its length, as an unsigned 16-bit big-endian integer."""
    return b"".join([part for entry in entries for part in (len(entry).to_bytes(2, "big"), entry)])


def leaf_hashes(bundle: bytes) -> list[bytes]:
    """Return the leaf hash of every entry of a bundle, or raise ProofError where it does not end with an entry."""
    found, place, size = [], 0, len(bundle)
    while place + 2 <= size:
        begin = place + 2
        place = begin + (bundle[begin - 2] << 8 | bundle[begin - 1])
        found.append(sha256(b"\x00" + bundle[begin:place]).digest())
    if place != size:
        raise ProofError(f"its last entry is cut off after {size} bytes")
    return found


def subtree_root(hashes: bytes) -> bytes:
    """Return the root of a full subtree from the hashes of one of its levels, put together."""
    while len(hashes) > HASH_SIZE:
        pairs = range(0, len(hashes), 2 * HASH_SIZE)
        hashes = b"".join([sha256(b"\x01" + hashes[begin : begin + 2 * HASH_SIZE]).digest() for begin in pairs])
    return hashes


class Files:
    """The files of a log of one size, as somebody else wrote them. What they say is not verified here."""

    def __init__(self, fetch: Fetch, size: int, *, sizes: Iterable[int]) -> None:
        """`sizes`: of the trees whose roots will be asked for, this one's and older ones."""
        self._fetch = fetch
        self._size = size
        self._wanted = {_tile_of(level, index)[0] for one in sizes for level, index in subtrees(0, one)}
        self._kept: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, index: int) -> bytes:
        """Return a tile's hashes, put together, or raise ProofError."""
        width = width_of(index, self._size >> (level * TILE_LEVELS))
        path = tile_path(level, index, width)
        found, held = self._read(path, tile_path(level, index), LARGEST_TILE, width)
        if len(found) != held * HASH_SIZE:
            raise ProofError(f"{path} should hold {held} hashes of {HASH_SIZE} bytes, and has {len(found)} bytes")
        found = found[: width * HASH_SIZE]
        if (level, index) in self._wanted:
            self._kept[level, index] = found
        return found

    def leaves(self, index: int) -> list[bytes]:
        """Return the leaf hashes of a bundle's entries, or raise ProofError."""
        width = width_of(index, self._size)
        path = bundle_path(index, width)
        try:
            content, held = self._read(path, bundle_path(index), LARGEST_BUNDLE, width)
            found = leaf_hashes(content)
        except ProofError as error:
            raise ProofError(f"entries from {index * WIDTH} on: {path}: {error}") from error
        if len(found) != held:
            raise ProofError(f"entries from {index * WIDTH} on: {path} should hold {held} entries, and holds {len(found)}")
        return found[:width]

    def load(self, level: int, index: int) -> bytes:
        """Return the hash of a full subtree from the tile that was read before: a second reading might say otherwise."""
        tile, place = _tile_of(level, index)
        return subtree_root(self._kept[tile][place * HASH_SIZE : (place + (1 << level % TILE_LEVELS)) * HASH_SIZE])

    def _read(self, path: str, full: str, most: int, width: int) -> tuple[bytes, int]:
        """Return a file and how many it holds: one that was partial may have been filled since, and go by its full name."""
        found = self._fetch(path, most)
        if found is not None:
            return found, width
        found = self._fetch(full, most) if path != full else None
        if found is None:
            raise ProofError(f"{path} is missing")
        return found, WIDTH


def _tile_of(level: int, index: int) -> tuple[tuple[int, int], int]:
    """Return the tile, by level and index, that holds the hashes of a full subtree, and the place of the first."""
    tile, place = divmod(index << level % TILE_LEVELS, WIDTH)
    return (level // TILE_LEVELS, tile), place

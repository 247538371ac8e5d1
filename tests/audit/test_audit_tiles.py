"""The tree as outsiders fetch it: C2SP tlog-tiles."""

import re

import pytest

from audit.exporting import tiles
from audit.stores.sqlite import open_connection
from audit.tree.merkle import leaf_hash, root_hash

SIZE = 70_000  # the size of the specification's own example
EXAMPLE = {  # width of the rightmost tile, and how many full ones stand before it, by level
    0: (112, 273),
    1: (17, 1),
    2: (1, 0),
}


class Rows:
    """Holds the nodes of a large log as `log_node` would, without hashing 70,000 entries."""

    def __init__(self, size: int) -> None:
        self.size = size

    def all(self, _statement: str, _values=()):
        return [(self.size, b"", 0, -1)] if self.size else []

    def each(self, _statement: str, values=()):
        level, begin, end = values
        return ((f"{level}/{index}".encode().rjust(32),) for index in range(begin, min(end, self.size >> level)))


def path_of(level: int, index: int, width: int = 256) -> str:
    """Encode as the specification says: elements of three digits, all but the last with an x."""
    digits = str(index).rjust(-(-len(str(index)) // 3) * 3, "0")
    *first, last = re.findall("...", digits)
    return f"tile/{level}/" + "".join(f"x{one}/" for one in first) + last + ("" if width == 256 else f".p/{width}")


def test_the_encoding_is_the_specifications() -> None:
    assert path_of(0, 1234067) == "tile/0/x001/x234/067"


@pytest.mark.parametrize("level", EXAMPLE)
def test_every_tile_of_the_specifications_example_is_served(level: int) -> None:
    width, full = EXAMPLE[level]
    rows = Rows(SIZE)
    for index in range(full):
        found = tiles.find_tile(rows, path_of(level, index))
        assert found is not None
        assert len(found) == 8192
        assert found.startswith(f"{8 * level}/{256 * index}".encode().rjust(32))
    assert len(tiles.find_tile(rows, path_of(level, full, width)) or b"") == 32 * width


@pytest.mark.parametrize("level", EXAMPLE)
def test_no_tile_past_the_tree_is_served(level: int) -> None:
    width, full = EXAMPLE[level]
    rows = Rows(SIZE)
    assert tiles.find_tile(rows, path_of(level, full, width + 1)) is None
    assert tiles.find_tile(rows, path_of(level, full)) is None
    assert tiles.find_tile(rows, path_of(level, full + 1, 1)) is None
    assert tiles.find_tile(rows, path_of(3, 0, 1)) is None
    assert tiles.find_tile(rows, path_of(63, 0, 1)) is None


def test_an_index_of_a_million_is_found() -> None:
    found = tiles.find_tile(Rows((1234067 + 1) * 256), "tile/0/x001/x234/067")
    assert (found or b"").startswith(f"0/{1234067 * 256}".encode().rjust(32))


def test_an_older_trees_partial_tile_is_served_still() -> None:
    assert len(tiles.find_tile(Rows(SIZE), "tile/0/000.p/7") or b"") == 7 * 32


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/01/000",
        "tile/-1/000",
        "tile/64/000",
        "tile/100/000",
        "tile/0/x000/001",
        "tile/0/000/001",
        "tile/0/x001",
        "tile/0/x01/001",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p/257",
        "tile/0/001.p/",
        "tile/0/001.p",
        "tile/0/001/",
        "tile/0/001\n",
        "/tile/0/001",
        "tile/0/\u0660\u0660\u0661",
        "tile/0/x999/x999/x999/x999/x999/999",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/entries/000",
        "checkpoint",
        "",
    ],
)
def test_a_path_of_another_form_or_past_the_tree_finds_nothing(path: str) -> None:
    assert tiles.find_tile(Rows(SIZE), path) is None


def test_an_empty_log_has_no_tiles_or_checkpoint(place) -> None:
    connection = place.connect()
    assert tiles.find_tile(connection, "tile/0/000.p/1") is None
    assert tiles.checkpoint(connection) is None


def test_the_tiles_of_a_real_log_hold_its_hashes(place, writer, draft) -> None:
    """tlog-tiles: a tree of 256 is a full tile of level 0, and of level 1 a partial one of width 1."""
    ids = [place.next_id() for _ in range(256)]
    results = place.submit_together(writer, [lambda _c, _m, one=one: draft(one) for one in ids])
    leaves = [leaf_hash(one.entry) for one in results]
    reader = open_connection(place.database, read_only=True)

    assert tiles.find_tile(reader, "tile/0/000") == b"".join(leaves)
    assert tiles.find_tile(reader, "tile/0/000.p/255") == b"".join(leaves[:255])
    assert tiles.find_tile(reader, "tile/1/000.p/1") == root_hash(leaves)
    assert tiles.checkpoint(reader) == results[-1].checkpoint
    reader.close()

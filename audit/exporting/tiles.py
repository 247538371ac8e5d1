"""How is the tree served? C2SP tlog-tiles: hash tiles of 256, from rows."""

from __future__ import annotations

import re
from typing import Final

from audit.stores.connection import Connection
from audit.stores.entries import newest_checkpoint, size_of
from audit.stores.nodes import hashes
from audit.tree.layout import TILE_LEVELS, WIDTH

# One spelling for each tile: no additional zeros in level, index or width.
_PATH: Final = re.compile(r"tile/(0|[1-9]\d?)/((?!x000/)(?:x\d{3}/){0,5}\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


def checkpoint(connection: Connection) -> str | None:
    """Return the newest signed checkpoint."""
    found = newest_checkpoint(connection)
    return found[1] if found else None


def find_tile(connection: Connection, path: str) -> bytes | None:
    """Return a tile's hashes by its path, or None where the path is malformed or the tile is not there yet."""
    parsed = _PATH.fullmatch(path)
    if parsed is None:
        return None
    level, index = int(parsed[1]), int(parsed[2].replace("x", "").replace("/", ""))
    width = int(parsed[3]) if parsed[3] else WIDTH
    if parsed[3] and width >= WIDTH:
        return None
    size = size_of(connection)
    begin = index * WIDTH
    # Any narrower tile is served too: a checkpoint of that size may be held by somebody.
    if begin + width > size >> (level * TILE_LEVELS):
        return None
    return b"".join(hashes(connection, level=level * TILE_LEVELS, begin=begin, end=begin + width))

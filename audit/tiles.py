"""How is the tree served? C2SP tlog-tiles: hash tiles of 256, from rows."""

from __future__ import annotations

import re
from typing import Any, Final

from audit.sqlite import head, newest_checkpoint

WIDTH: Final = 256
TILE_LEVELS: Final = 8  # tree levels that one tile spans
_PATH: Final = re.compile(r"tile/(\d{1,2})/((?:x\d{3}/){0,5}\d{3})(?:\.p/(\d{1,3}))?", re.ASCII)


def checkpoint(connection: Any) -> str | None:
    """Return the newest signed checkpoint."""
    found = newest_checkpoint(connection)
    return found[1] if found else None


def find_tile(connection: Any, path: str) -> bytes | None:
    """Return a tile's hashes by its path, or None where the path is malformed or the tile is not there yet."""
    parsed = _PATH.fullmatch(path)
    if parsed is None:
        return None
    level, index = int(parsed[1]), int(parsed[2].replace("x", "").replace("/", ""))
    width = int(parsed[3]) if parsed[3] else WIDTH
    found = head(connection)
    size = found[0] if found else 0
    if not 0 < width <= WIDTH or (parsed[3] and width == WIDTH) or level * TILE_LEVELS > 62:  # noqa: PLR2004 -- below 2**63
        return None
    begin = index * WIDTH
    if begin + width > size >> (level * TILE_LEVELS):
        return None
    rows = connection.execute(
        "SELECT hash FROM log_node WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx",
        (level * TILE_LEVELS, begin, begin + width),
    ).fetchall()
    return b"".join(row[0] for row in rows)

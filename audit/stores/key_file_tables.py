"""Which tables does a key file have, and what does one of an earlier build lack?"""

from __future__ import annotations

from typing import Final

_GENERATION: Final = "generation INTEGER NOT NULL DEFAULT 1"
KEYS: Final = (
    f"CREATE TABLE named_key (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL, {_GENERATION})",
    f"CREATE TABLE random_key (key_id BLOB PRIMARY KEY, wrapped BLOB NOT NULL, {_GENERATION})",
)
TAKEN_UP: Final = (
    f"ALTER TABLE named_key ADD COLUMN {_GENERATION}",
    f"ALTER TABLE random_key ADD COLUMN {_GENERATION}",
)
GENERATIONS: Final = (
    "CREATE TABLE generation (number INTEGER PRIMARY KEY, mark BLOB NOT NULL, is_recorded INTEGER NOT NULL)",
)
STANDING: Final = (
    "CREATE TABLE standing (one INTEGER PRIMARY KEY CHECK (one = 1), serial INTEGER NOT NULL, keys INTEGER, mac BLOB)",
    "INSERT INTO standing (one, serial, keys, mac) VALUES (1, 0, 0, x'')",
)

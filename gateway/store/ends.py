"""Who ended an agreement, when and why? As the log's entry says: the row only tells the instant."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from audit.format.commitment import open_bundle, value_of
from audit.format.entry import Kind, as_text
from audit.stores.connection import Connection
from audit.stores.entries import bundles, entry_at, size_of
from audit.writing.keyring import Keyring


@dataclass(frozen=True, slots=True)
class End:
    """The end of an agreement. `by` is None where no entry supports it, `reason` also where none was asked for then."""

    at: datetime
    by: str | None = None
    reason: str | None = None


def find_end(connection: Connection, keyring: Keyring, name: str, at: datetime) -> End:
    """Return the end of an agreement at an instant. An entry's time is the instant of the change that it enters."""
    for index, entry in _entries_at(connection, as_text(at)):
        if entry["kind"] != Kind.AGREEMENT_ENDED:
            continue
        told = _opened(connection, keyring, index, entry["id"])
        what = told.get("what", {})
        if what.get("agreement") == name:
            return End(at, told.get("who", {}).get("by"), what.get("reason"))
    return End(at)


def _entries_at(connection: Connection, at: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the entries of one instant. Times never go back from entry to entry, so a search by halves finds them."""
    size = size_of(connection)
    place = bisect_left(range(size), at, key=lambda index: _entry(connection, index)["at"])
    found = []
    while place < size and (entry := _entry(connection, place))["at"] == at:
        found.append((place, entry))
        place += 1
    return found


def _entry(connection: Connection, index: int) -> dict[str, Any]:
    entry: dict[str, Any] = orjson.loads(entry_at(connection, index))
    return entry


def _opened(connection: Connection, keyring: Keyring, index: int, entry_id: str) -> dict[str, Any]:
    """Return what an entry about nobody says: its one bundle is the controller's."""
    controller = keyring.controller()
    sealed = dict(bundles(connection, index))
    openings = open_bundle(controller, entry_id, sealed[controller.key_id]) if controller.key_id in sealed else {}
    return {name: value_of(opening) for name, opening in openings.items()}

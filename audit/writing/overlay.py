"""What do a batch's items judge over? The rows as they were read, and as the items so far leave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from audit.stores.shelf import Key
from audit.writing.item import NeedsError


class Overlay:
    """Rows of one transaction. Lives until a change writes by itself: what was read before may be otherwise then."""

    def __init__(self) -> None:
        self._rows: dict[Key, Any] = {}
        self._changed: set[Key] = set()

    def all(self, keys: Iterable[Key]) -> dict[Key, Any]:
        """Return what stands by each key, None where nothing does. Raises NeedsError for what was not read."""
        wanted, rows = tuple(keys), self._rows
        try:
            return {key: rows[key] for key in wanted}
        except KeyError:
            raise NeedsError(self.missing(wanted)) from None

    def one(self, key: Key) -> Any:
        """Return what stands by one key, or None. Raises NeedsError."""
        try:
            return self._rows[key]
        except KeyError:
            raise NeedsError((key,)) from None

    def missing(self, keys: Iterable[Key]) -> set[Key]:
        """Return those keys that were not read."""
        return {key for key in keys if key not in self._rows}

    def read(self, rows: Mapping[Key, Any]) -> None:
        """Take what the database holds."""
        self._rows.update(rows)

    def change(self, rows: Mapping[Key, Any]) -> None:
        """Take what an item comes to."""
        self._rows.update(rows)
        self._changed.update(rows)

    def changed(self) -> dict[Key, Any]:
        """Return what is to be written."""
        return {key: self._rows[key] for key in self._changed}

    def clear(self) -> None:
        """Forget everything: what was changed has been written."""
        self._rows.clear()
        self._changed.clear()

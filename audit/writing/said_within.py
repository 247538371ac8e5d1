"""What do the entries say, those of the transaction under way included?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from audit.format.entry import EntryError
from audit.stores.connection import Connection
from audit.writing.follower import Follower
from audit.writing.said import Said


class SaidWithin:
    """What the log says of state keys. For the writer's thread."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._pending: dict[str, Said] = {}

    @property
    def follower(self) -> Follower:
        """Return what follows the log."""
        return self._follower

    def begin(self) -> None:
        """Forget what a transaction before this one would have said."""
        self._pending.clear()

    @property
    def says_something(self) -> bool:
        """Tell whether an entry of the transaction under way has said what rows are."""
        return bool(self._pending)

    def add(self, index: int, sets: Mapping[str, bytes]) -> None:
        """Take what an entry of this transaction says."""
        for key, digest in sets.items():
            self._pending[key] = Said(index, digest)

    def said(self, key: str) -> Said | None:
        """Return what the newest entry of a state key says."""
        return self._pending.get(key) or self._follower.said(key)

    def check_before(self, connection: Connection, keys: Iterable[str], *, adopting: bool) -> None:
        """Raise RowsDifferError where rows that an entry is to say anew were not what the log said of them.

        `connection` sees what was committed before the transaction: what an earlier entry of it has said is its own work.
        Where rows are adopted, nothing was said yet of most.
        """
        if adopting and (before := self._follower.adopted_at) is not None:
            raise EntryError(f"entry {before} has adopted the state: once is all")
        for key in keys:
            if key not in self._pending and not (adopting and self._follower.said(key) is None):
                self._follower.check(connection, key)

    def check(self, connection: Connection, key: str) -> None:
        """Raise RowsDifferError unless the rows of a state key, read in the transaction, are what the log says."""
        self._follower.check(connection, key, self.said(key))

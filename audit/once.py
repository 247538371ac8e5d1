"""Which names were used that count but once? A row a batch, and a set in memory that every transaction catches up.

A row a name costs a third of an append: its place in the tree is by chance, so that each is a page of its own to write.
So the names that a batch uses go into one row together; each writer holds all that still count as a set, and reads under
the lock what others have written since. Nothing is decided from memory alone: what another has committed is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

SIZE: Final = 16  # bytes of a name's digest: a second name of the same would take 2 to the 128 tries
Mark = int


def digest_of(name: str) -> bytes:
    """Return what stands for a name."""
    return hashlib.sha256(name.encode()).digest()[:SIZE]


class UsedOnce:
    """The names in use, as of the last `catch_up`, and those of the transaction under way. For the writer's thread.

    `begin` in each transaction, before the first `use`; `write` before its COMMIT; then `keep`, or `drop` where nothing
    was committed. A name is forgotten some time after its `until`, in memory and, by who sweeps, in the table.
    """

    def __init__(self) -> None:
        self._used: set[bytes] = set()
        self._ending: dict[int, list[bytes]] = {}  # names by the second at which they may be forgotten
        self._number = 0  # of the newest row that is in memory
        self._forgotten = 0  # epoch seconds: up to here names are not known any more
        self._new: dict[bytes, int] = {}  # of this transaction, with the second until which each counts
        self._written: int | None = None

    def __len__(self) -> int:
        return len(self._used)

    def begin(self, connection: Any) -> None:
        """Catch up with what other writers have committed."""
        self.drop()
        rows = connection.execute(
            "SELECT number, until, names FROM used_once WHERE number > ? ORDER BY number", (self._number,)
        ).fetchall()
        for number, until, names in rows:
            self._take([names[place : place + SIZE] for place in range(0, len(names), SIZE)], until, number)

    def use(self, names: Sequence[tuple[str, int]], at: datetime) -> bool:
        """Use names, each with the epoch second until which it counts; False, and none is used, where one can't be.

        That is one used before, and one that is over: whether that was used may be forgotten.
        """
        found = {digest_of(name): until for name, until in names}
        over = max(at.timestamp(), self._forgotten)
        if len(found) < len(names) or any(until <= over for until in found.values()):
            return False
        if not (self._used.isdisjoint(found) and self._new.keys().isdisjoint(found)):
            return False
        self._new |= found
        return True

    def forget(self, at: datetime) -> None:
        """Forget what is over at an instant: nothing of it can be used any more, whatever a clock says later."""
        now = int(at.timestamp())
        if now <= self._forgotten:
            return
        for second in [one for one in self._ending if one <= now]:
            self._used.difference_update(self._ending.pop(second))
        self._forgotten = now

    def mark(self) -> Mark:
        """Return what `undo` goes back to."""
        return len(self._new)

    def undo(self, mark: Mark) -> None:
        """Take back what was used since a mark."""
        while len(self._new) > mark:
            self._new.popitem()

    def write(self, connection: Any) -> None:
        """Write what this transaction has used, as one row."""
        if self._new:
            row = (max(self._new.values()), b"".join(self._new))
            self._written = connection.execute("INSERT INTO used_once (until, names) VALUES (?, ?)", row).lastrowid

    def keep(self) -> None:
        """Take what this transaction has used into memory: it was committed."""
        if self._written is not None:
            self._take(list(self._new), max(self._new.values()), self._written)
        self.drop()

    def drop(self) -> None:
        """Leave this transaction behind. Were it committed all the same, the next `begin` reads its row."""
        self._new, self._written = {}, None

    def _take(self, names: list[bytes], until: int, number: int) -> None:
        self._used.update(names)
        self._ending.setdefault(until, []).extend(names)
        self._number = number

"""Which names were used that count but once? A row a batch, and a set in memory that every transaction catches up.

A row a name costs a third of an append: its place in the tree is by chance, so that each is a page of its own to write.
So the names that a batch uses go into one row together; each writer holds all that still count as a set, and reads under
the lock what others have written since. Nothing is decided from memory alone: what another has committed is in it.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from audit.stores.connection import Connection, Row, Statement
from audit.stores.used_once import used_since, writing_used

LIFE: Final = 360.0  # seconds of the boot clock: longer than any name counts from its use on
SIZE: Final = 16  # bytes of a name's digest: a second name of the same would take 2 to the 128 tries
Mark = int


class UsedRow(NamedTuple):
    """The names of one batch, and when this process learned of them by the boot clock."""

    number: int
    until: int
    learned: float
    names: list[bytes]


def digest_of(name: str) -> bytes:
    """Return what stands for a name."""
    return hashlib.sha256(name.encode()).digest()[:SIZE]


class UsedOnce:
    """The names in use, as of the last `catch_up`, and those of the transaction under way. For the writer's thread.

    `begin` in each transaction, before the first `use`; `written` before its COMMIT; then `keep`, or `drop` where nothing
    was committed. A name ends by this machine's clock, and is forgotten only when its life has passed by the boot clock
    too: so that no clock that runs ahead, and is put right, makes it good again.
    """

    def __init__(self) -> None:
        self._used: set[bytes] = set()
        self._rows: deque[UsedRow] = deque()  # in the order of their numbers
        self._late: list[UsedRow] = []  # whose life has passed by the boot clock alone
        self._number = 0  # of the newest row that is in memory
        self._boot = 0.0  # seconds of the boot clock, in this transaction
        self._new: dict[bytes, int] = {}  # of this transaction, with the second until which each counts
        self._written: int | None = None

    def __len__(self) -> int:
        return len(self._used)

    @property
    def forgotten(self) -> int:
        """Return the number up to which every row may go: this process has forgotten them all."""
        kept = [self._rows[0].number] if self._rows else [self._number + 1]
        return min([*kept, *(row.number for row in self._late)]) - 1

    def begin(self, connection: Connection, *, boot: float = 0.0) -> None:
        """Catch up with what other writers have committed: `catch_up`, with what is read for it."""
        self.catch_up(connection.all(*self.asked()), boot=boot)

    def asked(self) -> Statement:
        """Return the statement that reads what other writers have committed."""
        return used_since(self._number)

    def catch_up(self, rows: Sequence[Row], *, boot: float) -> None:
        """Begin a transaction with what others have committed. `boot`: seconds of the boot clock."""
        self.drop()
        self._boot = boot
        for number, until, read in rows:
            names = bytes(read)
            self._take([names[place : place + SIZE] for place in range(0, len(names), SIZE)], until, number)

    def use(self, names: Sequence[tuple[str, int]], at: datetime) -> bool:
        """Use names, each with the epoch second until which it counts; False, and none is used, where one can't be.

        That is one used before, and one that is over by this machine's clock: whether that was used may be forgotten.
        """
        found = {digest_of(name): until for name, until in names}
        now = at.timestamp()
        if len(found) < len(names) or any(until <= now for until in found.values()):
            return False
        if not (self._used.isdisjoint(found) and self._new.keys().isdisjoint(found)):
            return False
        self._new |= found
        return True

    def forget(self, at: datetime, *, ahead: float = 0.0) -> None:
        """Forget what is over by both clocks. `ahead`: seconds by which this machine's may yet be put back."""
        now, begun = int(at.timestamp()), self._boot - LIFE - ahead
        while self._rows and self._rows[0].learned <= begun:
            self._late.append(self._rows.popleft())
        if any(row.until <= now for row in self._late):
            self._used.difference_update(name for row in self._late if row.until <= now for name in row.names)
            self._late = [row for row in self._late if row.until > now]

    def mark(self) -> Mark:
        """Return what `undo` goes back to."""
        return len(self._new)

    def undo(self, mark: Mark) -> None:
        """Take back what was used since a mark."""
        while len(self._new) > mark:
            self._new.popitem()

    def written(self) -> list[Statement]:
        """Return the statement that writes what this transaction has used, as one row; none where it is nothing."""
        if not self._new:
            return []
        self._written = self._number + 1
        return [writing_used(number=self._written, until=max(self._new.values()), names=b"".join(self._new))]

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
        self._rows.append(UsedRow(number, until, self._boot, names))
        self._number = number

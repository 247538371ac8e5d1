"""Is what was read what the log says? Every row that a decision rests on, and every absence, is compared with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from audit.format.state_rows import StateRows
from audit.stores.checked import LogCorruptError
from audit.stores.connection import Connection
from audit.writing.follower import Follower
from audit.writing.item import LogUnavailableError
from audit.writing.said import RowsDifferError, Said
from audit.writing.said_within import SaidWithin
from gateway.store.state_rows import TEXTS, all_rows, rows_of

PERSONAL: Final = ("consent/", "restriction/")  # state keys of what a person has said
TOKEN: Final = "token/"  # noqa: S105 -- a state key's prefix: of a token there is one once it was revoked
_HEAD: Final = "SELECT size, state_index FROM log_head"


class Alarm(Protocol):
    """Who is told what is wrong: `rows`, of which state key; or the `log`."""

    def __call__(self, what: str, *, state_key: str = "") -> None: ...


def _nobody(what: str, *, state_key: str = "") -> None:
    """Tell nobody."""


class Followed:
    """What the log says of the state, for who reads it over one connection. For one thread.

    Raises RowsDifferError, which is a LogUnavailableError, for rows that are not what the log says; `alarm` is told before.
    """

    def __init__(self, follower: Follower, within: SaidWithin, alarm: Alarm = _nobody) -> None:
        self._follower, self._within, self._alarm = follower, within, alarm
        self._in_transaction = False
        self._damaged: set[str] = set()
        self._whole: dict[str, int] = {}  # sorts of texts that were compared whole, and as of which shared index

    def in_transaction(self) -> Followed:
        """Return the same inside the append transaction: by its own entries too, and without following."""
        other = Followed(self._follower, self._within, self._alarm)
        other._in_transaction, other._damaged, other._whole = True, self._damaged, self._whole
        return other

    def refresh(self, connection: Connection) -> tuple[int, int]:
        """Follow to where the state has moved; return S, and the index of what has moved it for more than one person.

        The head's word that it has not moved is believed here: the transaction, which is the judge, believes no row.
        """
        row = connection.one(_HEAD)
        if row is not None and (row[1] > self._follower.state_index or row[0] < self._follower.size):
            self._follow(connection)
        return self._follower.state_index, self._follower.shared_index

    def said(self, key: str) -> Said | None:
        """Return what the newest entry of a state key says; None where none names it."""
        if self._in_transaction:
            return self._within.said(key)
        return self._follower.said(key)

    def agrees(self, key: str, rows: StateRows) -> bool:
        """Tell whether these are the rows of a state key. What others have just changed may not be known yet: `check`."""
        return self._follower.agrees(key, rows, self.said(key))

    def check(self, connection: Connection, key: str) -> None:
        """Raise RowsDifferError unless the rows of a state key are what the log says."""
        if self.agrees(key, rows_of(connection, key)):
            return
        if not self._in_transaction and self._agrees_at_head(connection, key):
            return
        self._damaged.add(key)
        self._alarm("rows", state_key=key)
        raise RowsDifferError(key)

    def note_damaged(self, keys: Iterable[str]) -> None:
        """Take over of which state keys a check has found that the rows are others."""
        self._damaged.update(keys)

    def still_damaged(self, connection: Connection) -> list[str]:
        """Return of which state keys the rows were found to be others, and still are."""
        self._damaged -= {key for key in self._damaged if self.agrees(key, rows_of(connection, key))}
        return sorted(self._damaged)

    def check_all(self, connection: Connection, sorts: Iterable[str]) -> None:
        """Raise RowsDifferError unless all rows of whole sorts of state keys are what the log says.

        Texts once until an entry moves the state for more than one person; each single row whenever it is read.
        """
        as_of = self._follower.shared_index
        is_moving = self._in_transaction and self._within.says_something
        wanted = tuple(one for one in sorts if is_moving or self._whole.get(one) != as_of)
        if not wanted:
            return
        found = all_rows(connection, wanted)
        known = {key for key in tuple(self._follower.names()) if key.partition("/")[0] in wanted}
        for key in sorted(known | found.keys()):
            if not self.agrees(key, found.get(key, [])):
                self.check(connection, key)
        if not is_moving:
            self._whole.update({one: as_of for one in wanted if one in TEXTS})

    def _agrees_at_head(self, connection: Connection, key: str) -> bool:
        """Compare in one snapshot, so that what another process has just changed is no false alarm."""
        with self._telling(), self._follower.following(connection):
            return self.agrees(key, rows_of(connection, key))

    def _follow(self, connection: Connection) -> None:
        with self._telling():
            self._follower.follow(connection)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except LogCorruptError as error:
            self._alarm("log")
            raise LogUnavailableError(str(error)) from error

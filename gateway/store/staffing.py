"""Do two people decide here what matters, or is the council too small? It says so by an entry of the log.

What says nothing asks for two. A council that was made before anybody was asked counts as one-person, by an entry at its
upgrade. Once two people have decided something, or were said to be asked, it takes two to go back to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment, Within
from gateway.store.entries import ChangeRefusedError, Entries

STATE_KEY: Final = "staffing"
OWED: Final = -1  # the place of a row whose entry an upgrade has still to write
MADE_BEFORE: Final = "made before a second person was asked for"
TWO: Final = 2


def how_many_decide(connection: Connection) -> int:
    """Return how many people decide here what matters: 1 or 2."""
    row = connection.one("SELECT people FROM staffing WHERE idx > ? ORDER BY idx DESC LIMIT 1", (OWED,))
    return TWO if row is None else int(row[0])


def is_owed(connection: Connection) -> bool:
    """Tell whether an upgrade was interrupted before it entered that this council counts as one-person."""
    return connection.one("SELECT 1 FROM staffing WHERE idx = ?", (OWED,)) is not None


@dataclass(frozen=True, slots=True)
class Staffing:
    """Changes of how many people decide."""

    entries: Entries

    def say_two(self, *, reason: str, by: str) -> Within:
        """Ask for a second person from now on."""

        def within(connection: Connection, moment: Moment) -> Draft:
            if not _is_said(connection, 1):
                raise ChangeRefusedError("two people decide here already")
            return self._said(connection, moment, TWO, reason, by)

        return within

    def say_one(self, *, reason: str, by: str) -> Within:
        """Say of a council that is being set up that one person decides there. Later it takes two to say so."""

        def within(connection: Connection, moment: Moment) -> Draft:
            if _is_said(connection, 1):
                raise ChangeRefusedError("one person decides here already")
            if _have_begun(connection):
                raise ChangeRefusedError(
                    "two people decide here: that one shall do, one proposes and another approves: "
                    "`stile change propose one-person`"
                )
            return self._said(connection, moment, 1, reason, by)

        return within

    def approved_one(self, *, reason: str, by: str) -> Within:
        """Let one person decide again, as two have decided."""

        def within(connection: Connection, moment: Moment) -> Draft:
            if _is_said(connection, 1):
                raise ChangeRefusedError("one person decides here already")
            return self._said(connection, moment, 1, reason, by)

        return within

    def adopt(self, *, by: str) -> Within:
        """Enter that a council of before counts as one-person until it says otherwise."""

        def within(connection: Connection, moment: Moment) -> Draft:
            if connection.run("DELETE FROM staffing WHERE idx = ?", (OWED,)) < 1:
                raise ChangeRefusedError("no upgrade owes an entry on how many people decide")
            return self._said(connection, moment, 1, MADE_BEFORE, by)

        return within

    def _said(self, connection: Connection, moment: Moment, people: int, reason: str, by: str) -> Draft:
        connection.run(
            "INSERT INTO staffing (idx, people, reason, said_by) VALUES (?, ?, ?, ?)", (moment.index, people, reason, by)
        )
        what: dict[str, Any] = {"kind": STATE_KEY, "people": people, "reason": reason}
        return self.entries.plain(Kind.CHANGE_APPROVED, connection, moment, (STATE_KEY,), {"what": what, "who": {"by": by}})


def _is_said(connection: Connection, people: int) -> bool:
    return how_many_decide(connection) == people


def _have_begun(connection: Connection) -> bool:
    said = connection.one("SELECT 1 FROM staffing WHERE people = ? LIMIT 1", (TWO,))
    done = connection.one("SELECT 1 FROM proposal WHERE people = ? LIMIT 1", (TWO,))
    return said is not None or done is not None

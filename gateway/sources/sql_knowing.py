"""Does a database know the person whom a reference names? Asked by the columns of people's references, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.sources.comparing import person_form
from gateway.sources.contract import Known
from gateway.sources.database import read
from gateway.sources.knowing import ALIKE, DROPPED, known_of, likeness
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.statements import Statement, is_like, is_value, select

MOST: Final = 64  # spellings that are looked at


class Knowing:
    """The look-up of one source. Holds statements only; safe for several threads."""

    def __init__(self, mapping: SourceMapping, from_: str) -> None:
        places = tuple(dict.fromkeys(mapping.people.values()))
        self._same = [Statement(select([one], from_, is_value(one, "person"), MOST).distinct()) for one in places]
        self._like = [
            Statement(select([one], from_, is_like(one, "person", dropped=DROPPED, alike=ALIKE), MOST).distinct())
            for one in places
        ]

    def known(self, connection: Any, reference: str) -> Known:
        """Return what the database takes for the reference; else look through all for it, and for what is near."""
        same = self._held(connection, self._same, person_form(reference))
        if same:
            return known_of(reference, same, taken=True)
        # Its blanks, or its type, may keep an equal from being found; and a slip of the pen has an answer here.
        return known_of(reference, self._held(connection, self._like, likeness(reference)))

    def _held(self, connection: Any, statements: Sequence[Statement], value: str) -> list[Any]:
        found: list[Any] = []
        for statement in statements:
            try:
                found += [raw for (raw,) in read(connection, statement, value, "person")]
            except sa.exc.DataError:  # a column of numbers holds no such reference
                connection.rollback()  # PostgreSQL runs nothing more in a transaction that has failed
        return found

"""What does the journey ask of a council's system, and what does it get?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from schemas.decision import Record
from schemas.request import SubjectQuery
from schemas.terms import Match


class SourceFailedError(Exception):
    """The system could not be asked, or answered nonsense. Nothing was disclosed."""


class SourceSlowError(SourceFailedError):
    """The system did not answer within its time."""


@dataclass(frozen=True, slots=True)
class Found:
    """The search for one person. `people` are the source's own references by role in the record.

    Only where `match` is `confirmed` are `subject` (a role) and `row` (the record's place) set.
    """

    match: Match
    subject: str | None = None
    people: Mapping[str, str] | None = None
    row: object = None


class Source(Protocol):
    """A council's system of record. Both calls may run concurrently; neither writes.

    `identify` reads the columns of the key, of the confirming details and of the marker that protects an
    address, and no others. `fetch` reads those of the named paths and no others. Both raise
    SourceFailedError or SourceSlowError. Values come cleaned and typed: `Unusable.INVALID` stands for
    what does not fit its type, None or absence for what is not held.
    """

    async def identify(self, query: SubjectQuery) -> Found: ...

    async def fetch(self, found: Found, paths: frozenset[str]) -> Record: ...

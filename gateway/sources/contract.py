"""What does the journey ask of a council's system, and what does it get?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


Wanted = tuple[Found, frozenset[str]]  # a confirmed person, and the paths to read of their record


class Source(Protocol):
    """A council's system of record. Both calls may run concurrently; neither writes.

    Each takes as many people as one chunk of a call holds (at most 100), asks the system once for all of them where it
    can, and answers in their order. `identify` reads the columns of the key, of the confirming details and of the markers
    that protect what these reveal, and no others. `fetch` reads, of each confirmed person, those of the named paths and no
    others. Both raise SourceFailedError or SourceSlowError, for all of them. Values come cleaned and typed:
    `Unusable.INVALID` stands for what does not fit its type, None or absence for what is not held.
    """

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]: ...

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]: ...

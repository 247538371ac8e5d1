"""What does the journey ask of a council's system, and what does it get?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from schemas.decision import Record
from schemas.request import SubjectQuery
from schemas.terms import Match


class Cause(StrEnum):
    """Why a system could not be asked, as operators are told and the entry keeps it."""

    PERMISSION = "permission"
    COLUMN = "missing column"
    TABLE = "missing table"
    FILE = "missing file"  # or one that can't be opened
    HOST = "host"  # not found, not reached, not trusted
    TIMEOUT = "timeout"
    DRIVER = "driver"
    CREDENTIALS = "credentials"
    STATUS = "status"  # of HTTP
    NOT_JSON = "not JSON"
    PAGES = "pages"  # that can't be followed
    EXPORT = "export"  # a file that can't be used
    ANSWER = "answer"  # other than what was asked for
    SETTING = "setting"  # the council's own: no mapping, a host that is not listed
    STATEMENT = "statement"  # that the database refuses for another reason
    OTHER = "other"


class SourceFailedError(Exception):
    """The system could not be asked, or answered nonsense. Nothing was disclosed.

    Neither message nor `detail` may hold a value, an address that was asked for, or a password: both reach operators.
    """

    def __init__(self, message: str, cause: Cause = Cause.ANSWER, detail: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.detail = detail

    @property
    def why(self) -> str:
        """Return the cause in words, with its detail."""
        return self.cause.value if self.detail is None else f"{self.cause.value}: {self.detail}"


class SourceSlowError(SourceFailedError):
    """The system did not answer within its time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Cause.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Found:
    """The search for one person. `people` are the source's own references by role in the record.

    Only where `match` is `confirmed` are `subject` (a role) and `row` (the record's place) set. `near` are the source's
    references of everybody whom the key leads to, whatever details came with it: a miss counts for them. A key that finds a
    place leads to nobody: else a guess at where somebody lives would show in whether they are found by another key.
    """

    match: Match
    subject: str | None = None
    people: Mapping[str, str] | None = None
    row: object = None
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """Whether some record names a person by a reference: `form` is what that record yields, None where none does.

    `near` are references that are held, and are the same in all but case, blanks, dashes and letters that look like digits.
    """

    form: str | None
    near: tuple[str, ...] = ()


Wanted = tuple[Found, frozenset[str]]  # a confirmed person, and the paths to read of their record


class Source(Protocol):
    """A council's system of record. Calls may run concurrently; none writes.

    Each takes as many people as one chunk of a call holds (at most 100), asks the system once for all of them where it
    can, and answers in their order. `identify` reads the columns of the key, of the confirming details and of the markers
    that protect what these reveal, and no others. `fetch` reads, of each confirmed person, those of the named paths and no
    others. `knows` reads the columns of people's references alone; a system that has no look-up by them fails. All raise
    SourceFailedError or SourceSlowError, for all of them. Values come cleaned and typed: `Unusable.INVALID` stands for what
    does not fit its type, None or absence for what is not held.
    """

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]: ...

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]: ...

    async def knows(self, reference: str) -> Known: ...

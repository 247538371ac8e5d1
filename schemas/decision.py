"""What was decided of each field, and what left?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from schemas.agreement import Condition, Resting
from schemas.reasons import Reason, TrueReason


class Unusable(Enum):
    """What stands in a record in place of a value that cannot be used."""

    INVALID = "invalid"  # does not fit its type


# A record's raw values, cleaned and typed by the source's mapping:
# str, bool, int (number), Decimal (money, number), date. None or absent: not held.
RawValue = object
Rows = tuple[Mapping[str, RawValue], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What a council's system returned: fields by path, rows by group name (their paths inside).

    `as_at` is when the source says that the data stood; `stale` when older than the dataset allows.
    """

    values: Mapping[str, RawValue]
    groups: Mapping[str, Rows]
    as_at: datetime
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One way a field may leave: a form, by a line, if the record's conditions hold."""

    form: str
    line: str  # ReleaseLine.id
    lawful: str  # LegalBasis.id
    record: tuple[Resting, ...]
    own_consent: bool = False  # everybody whom the field belongs to has said yes themselves


@dataclass(frozen=True, slots=True)
class RecordCap:
    """Withholds the field unless one of its conditions is known to be false; the lines it excepts, it spares."""

    id: str
    record: tuple[Condition, ...]
    spares: frozenset[str] = frozenset()  # ReleaseLine.id
    spares_own_consent: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """A field may leave: the first option whose conditions hold, unless a cap withholds it.

    `held` are the options that nothing but another's word holds back.
    """

    options: tuple[Option, ...]  # most revealing first
    caps: tuple[RecordCap, ...]
    held: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Withhold:
    """A field stays. `nearest` is the line that would have released it, for the DPO only.

    Where nothing but another's word holds it back, `options` are how it would have left: what is told beside it, such as
    the law, must be as if it were not held.
    """

    reason: Reason
    nearest: str | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The judgement on request-time facts.

    `permits` is False where they alone permit nothing. `read` is every path to fetch, bases of derived fields
    and markers included. `holds_until` is the first instant at which time alone would change it. `carriers` are
    groups that nobody asked for, in whose rows asked fields stand. `unnamed` are the key and details by which the
    agreement lets nobody be named: then nobody is looked for. `nets` are the places of the guardrails that
    count on request-time facts; None stands for all.
    """

    fields: Mapping[str, Release | Withhold]
    permits: bool
    read: frozenset[str]
    lawful: str | None  # the LegalBasis of what may leave (the first; an emergency's own where it opened lines)
    holds_until: datetime | None
    carriers: frozenset[str] = frozenset()
    nets: tuple[int, ...] | None = None
    unnamed: tuple[str, ...] = ()
    subject: str | None = None  # the role of the person asked about


@dataclass(frozen=True, slots=True)
class Shaped:
    """What leaves, and why the rest stays.

    `fields`: path -> {"value": …, "form": …}, JSON-ready. `lines`: path -> (form, release line).
    `withheld`: path -> public reason. `true_reasons`: path -> what only the log may hold.
    `markers`: what was looked at in the record to decide, and what it said (True, False, None unknown): a boolean
    marker by its name and value, a code as `name=code`, an age as `adult` or `child`, of whom after a colon.
    """

    fields: Mapping[str, Mapping[str, object]]
    lines: Mapping[str, tuple[str, str]]
    withheld: Mapping[str, Reason]
    true_reasons: Mapping[str, TrueReason]
    markers: Mapping[str, bool | None]
    tripped: tuple[str, ...] = ()  # guardrails whose net changed something: a bug, and an alarm

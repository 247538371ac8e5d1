"""Which keys, people, caseworkers and clients are locked today by misses, and how is a lock lifted?

Counts of misses are rows of `usage`, named here. What they name of a person or caseworker is a keyed reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment, Within
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.state import Reader
from schemas.instants import as_text, instant_after, london_day

MOST_MISSES: Final = 5  # a day, of one partner, for one key's value; and for all keys of one person
MOST_OF_CASEWORKER: Final = 20  # a day
EMERGENCY_TRIES: Final = 5  # more, at finding somebody in an emergency
# What counts are named by, before whose they are.
KEY: Final = "miss/"  # {partner}/{key}
PERSON: Final = "person-miss/"  # {partner}/{person}
LEADS: Final = "leads/"  # {partner}/{key}/{person}: how many of a key's misses count for a person
WORKER: Final = "worker-miss/"  # {partner}/{caseworker}
CLIENT: Final = "client-miss/"  # {agreement}/{client}


class LockKind(StrEnum):
    """What is locked: one value of a key, all keys of a person, a caseworker, a client under its agreement."""

    KEY = "key"
    PERSON = "person"
    CASEWORKER = "caseworker"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Lock:
    """What misses have locked until a London day ends. `ref` is the keyed reference of a key, person or caseworker."""

    kind: LockKind
    name: str
    day: str
    misses: int
    partner: str | None = None
    ref: str | None = None
    agreement: str | None = None
    client: str | None = None

    @property
    def id(self) -> str:
        """Return what an operator names the lock by: it is of this day alone, and tells nothing of a person."""
        return hashlib.sha256(f"{self.name}\n{self.day}".encode()).hexdigest()[:12]

    def told(self, at: datetime) -> dict[str, Any]:
        """Return what operators are shown of it."""
        whose = {"partner": self.partner, "agreement": self.agreement, "client": self.client}
        until = as_text(instant_after(london_day(at)))
        known = {name: value for name, value in whose.items() if value is not None}
        return {"lock": self.id, "kind": self.kind.value, **known, "misses": self.misses, "until": until}


def locks(connection: Connection, at: datetime) -> list[Lock]:
    """Return what is locked now. A client is where its agreement has a limit of misses a day."""
    return sorted(_locks(connection, london_day(at)), key=lambda one: (one.kind.value, one.partner or "", one.id))


def _locks(connection: Connection, on: date) -> Iterator[Lock]:
    day = on.isoformat()
    for kind, prefix, most in (
        (LockKind.KEY, KEY, MOST_MISSES),
        (LockKind.PERSON, PERSON, MOST_MISSES),
        (LockKind.CASEWORKER, WORKER, MOST_OF_CASEWORKER),
    ):
        for name, count in _counts(connection, prefix, day):
            if count >= most:
                partner, _, ref = name.removeprefix(prefix).partition("/")
                yield Lock(kind, name, day, count, partner=partner, ref=ref)
    for name, count in _counts(connection, CLIENT, day):
        agreement, _, client = name.removeprefix(CLIENT).partition("/")
        live = Reader(connection).find_agreement(agreement, on)
        bound = live.agreement.limits.misses_per_day if live is not None else None
        if bound is not None and count >= bound:
            yield Lock(LockKind.CLIENT, name, day, count, agreement=agreement, client=client)


def _counts(connection: Connection, prefix: str, day: str) -> list[tuple[str, int]]:
    """Return the counts of a day whose names begin so: by their range, which the table's key finds."""
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    rows = connection.all('SELECT name, count FROM usage WHERE name >= ? AND name < ? AND "window" = ?', (prefix, end, day))
    return [(name, count) for name, count in rows]


@dataclass(frozen=True, slots=True)
class LockChanges:
    """Changes of what is locked. No state of decisions: the counts that they take back are of today."""

    entries: Entries

    def lift(self, lock_id: str, *, reason: str | None, by: str) -> Within:
        """Take back the misses that lock something; of a key, what they count for its person too."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = next((one for one in locks(connection, moment.at) if one.id == lock_id), None)
            if found is None:
                raise ChangeRefusedError(f"nothing is locked now by the name {lock_id[:20]}: see stile misses show")
            _lift(connection, found)
            what = {**found.told(moment.at), "reason": reason}
            return self.entries.plain(Kind.MISSES_LIFTED, connection, moment, (), {"what": what, "who": {"by": by}})

        return within


def _lift(connection: Connection, lock: Lock) -> None:
    match lock.kind:
        case LockKind.KEY:
            _take_back(connection, lock.name, lock.day)
        case LockKind.PERSON:
            prefix = f"{LEADS}{lock.partner}/"
            led = [name for name, _ in _counts(connection, prefix, lock.day) if name.endswith(f"/{lock.ref}")]
            for name in led:
                _take_back(connection, KEY + name.removeprefix(LEADS).rpartition("/")[0], lock.day)
            _drop(connection, lock.name, lock.day)
        case LockKind.CASEWORKER | LockKind.CLIENT:
            _drop(connection, lock.name, lock.day)


def _take_back(connection: Connection, key: str, day: str) -> None:
    """Take back a key's misses, for everybody whom they count for."""
    whose = key.removeprefix(KEY)
    for name, count in _counts(connection, f"{LEADS}{whose}/", day):
        person = f"{PERSON}{whose.partition('/')[0]}/{name.rpartition('/')[2]}"
        connection.run(
            'UPDATE usage SET count = CASE WHEN count > ? THEN count - ? ELSE 0 END WHERE name = ? AND "window" = ?',
            (count, count, person, day),
        )
        _drop(connection, name, day)
    _drop(connection, key, day)


def _drop(connection: Connection, name: str, day: str) -> None:
    connection.run('DELETE FROM usage WHERE name = ? AND "window" = ?', (name, day))

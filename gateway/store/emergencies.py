"""Which emergencies were declared by whom, which incidents are open, and who has looked at them since?

Every call in an emergency that opened something is a row, written in the transaction of its own entry. A row names its
caseworker by a keyed reference, and nobody whom the call was about. The calls of a declared incident are reviewed with it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.stores.instants import from_micros, to_micros
from audit.writing.item import Draft, Moment, Within
from gateway.store.account_persons import require_person
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.named import has_asked, is_one_of
from gateway.store.staffing import TWO, how_many_decide
from gateway.store.state import Reader
from policies.reading.findings import did_you_mean
from schemas.incident import Incident
from schemas.instants import as_text, london_day
from schemas.terms import EmergencyKind

MOST_HOURS: Final = 24  # of an incident
MOST_PEOPLE: Final = 100_000  # of an incident
MOST_RAISED: Final = 10_000  # people more, of one client on one day
WORKING_DAYS: Final = 2  # for a review
RAISED: Final = "emergency-raised/"  # {agreement}/{client}: by how many people a day's bound was raised
_SATURDAY: Final = 5


class Outcome(StrEnum):
    """What a review found."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"
    TO_BE_FOLLOWED_UP = "to_be_followed_up"


@dataclass(frozen=True, slots=True)
class Item:
    """What waits for a second person, or was reviewed: one call, or a whole incident with its calls."""

    item_id: str
    at: datetime
    due: date
    partners: tuple[str, ...]
    kinds: tuple[str, ...]
    people: int
    agreement: str | None = None
    caseworker_ref: str | None = None
    declared_by: str | None = None
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None
    outcome: str | None = None

    def told(self, today: date) -> dict[str, Any]:
        """Return what operators are shown of it: nothing of the people."""
        known = {
            "agreement": self.agreement,
            "declared_by": self.declared_by,
            "reviewed_by": self.reviewed_by,
            "outcome": self.outcome,
            "reviewed_at": as_text(self.reviewed_at) if self.reviewed_at else None,
        }
        return {
            "id": self.item_id,
            "at": as_text(self.at),
            "partners": list(self.partners),
            "kinds": list(self.kinds),
            "people": self.people,
            "due": self.due.isoformat(),
            "overdue": self.reviewed_at is None and self.due < today,
            **{name: value for name, value in known.items() if value is not None},
        }


def incident_of(connection: Connection, partner: str, kind: EmergencyKind, at: datetime) -> Incident | None:
    """Return the open incident that covers a partner's emergency of a kind; of several the one that ends last."""
    rows = connection.all(
        "SELECT incident_id, what, partners, kinds, most_people, begins, ends, declared_by FROM incident "
        "WHERE closed_at IS NULL AND begins <= ? AND ends > ? ORDER BY ends DESC, incident_id",
        (to_micros(at), to_micros(at)),
    )
    found = (_incident(row) for row in rows)
    return next((one for one in found if partner in one.partners and kind in one.kinds), None)


def open_incidents(connection: Connection, at: datetime) -> list[Incident]:
    """Return the incidents that are open at an instant, the newest first."""
    rows = connection.all(
        "SELECT incident_id, what, partners, kinds, most_people, begins, ends, declared_by FROM incident "
        "WHERE closed_at IS NULL AND ends > ? ORDER BY begins DESC, incident_id",
        (to_micros(at),),
    )
    return [_incident(row) for row in rows]


def items(connection: Connection, at: datetime, *, is_open: bool = True) -> list[Item]:
    """Return what waits for a review, past its day first and then the oldest; else what was reviewed, newest first."""
    found = [*_calls(connection, is_open=is_open), *_incidents(connection, is_open=is_open)]
    if not is_open:
        return sorted(found, key=lambda one: one.reviewed_at or one.at, reverse=True)
    today = london_day(at)
    return sorted(found, key=lambda one: (one.due >= today, one.at, one.item_id))


def due_on(at: datetime) -> date:
    """Return the last day for a review: two working days after its own. Bank holidays are not taken off."""
    day, left = london_day(at), WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY
    return day


def _calls(connection: Connection, *, is_open: bool) -> list[Item]:
    rows = connection.all(
        "SELECT entry_id, at, partner_id, kind, people, agreement_id, caseworker_ref, reviewed_at, reviewed_by, outcome "
        f"FROM emergency WHERE incident_id IS NULL AND reviewed_at IS {'' if is_open else 'NOT '}NULL"
    )
    return [
        Item(row[0], at, due_on(at), (row[2],), (row[3],), row[4], row[5], row[6], None, *_review(row[7:]))
        for row in rows
        for at in (from_micros(row[1]),)
    ]


def _incidents(connection: Connection, *, is_open: bool) -> list[Item]:
    rows = connection.all(
        "SELECT i.incident_id, i.begins, i.partners, i.kinds, "
        "(SELECT CAST(coalesce(sum(people), 0) AS BIGINT) FROM emergency e WHERE e.incident_id = i.incident_id), "
        "i.declared_by, i.reviewed_at, i.reviewed_by, i.outcome, coalesce(i.closed_at, i.ends) "
        f"FROM incident i WHERE i.reviewed_at IS {'' if is_open else 'NOT '}NULL"
    )
    return [
        Item(
            row[0],
            from_micros(row[1]),
            due_on(from_micros(row[9])),
            tuple(json.loads(row[2])),
            tuple(json.loads(row[3])),
            row[4],
            None,
            None,
            row[5],
            *_review(row[6:9]),
        )
        for row in rows
    ]


def _review(row: Collection[Any]) -> tuple[datetime | None, str | None, str | None]:
    at, by, outcome = row
    return (None if at is None else from_micros(at), by, outcome)


def _incident(row: Any) -> Incident:
    return Incident(
        incident_id=row[0],
        what=row[1],
        partners=frozenset(json.loads(row[2])),
        kinds=frozenset(EmergencyKind(one) for one in json.loads(row[3])),
        most_people=row[4],
        begins=from_micros(row[5]),
        ends=from_micros(row[6]),
        declared_by=row[7],
    )


@dataclass(frozen=True, slots=True)
class Emergencies:
    """Changes of what is open in an emergency, and what a second person says of it afterwards."""

    entries: Entries
    index_secret: bytes

    def declare(
        self,
        what: str,
        *,
        partners: Collection[str],
        kinds: Collection[EmergencyKind],
        most_people: int,
        hours: int,
        by: str,
        incident_id: str | None = None,
    ) -> Within:
        """Declare an incident, from its entry on: its partners may ask about many people in a call, and find by place."""

        def within(connection: Connection, moment: Moment) -> Draft:
            known = Reader(connection).partner_kinds()
            unknown = next((one for one in sorted(partners) if one not in known), None)
            if unknown is not None:
                raise ChangeRefusedError(f"no partner is registered as {unknown}. {did_you_mean(unknown, known)}")
            if not (partners and kinds and what.strip()):
                raise ChangeRefusedError("an incident says what it is, and names its partners and kinds of emergency")
            if not (1 <= hours <= MOST_HOURS and 1 <= most_people <= MOST_PEOPLE):
                raise ChangeRefusedError(f"an incident lasts 1 to {MOST_HOURS} hours, for 1 to {MOST_PEOPLE} people")
            name = incident_id or new_incident_id()
            ends = moment.at + timedelta(hours=hours)
            connection.run(
                "INSERT INTO incident (incident_id, what, partners, kinds, most_people, begins, ends, declared_by) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    name,
                    what,
                    json.dumps(sorted(partners)),
                    json.dumps(sorted(one.value for one in kinds)),
                    most_people,
                    to_micros(moment.at),
                    to_micros(ends),
                    by,
                ),
            )
            told = {
                "incident": name,
                "what": what,
                "partners": sorted(partners),
                "kinds": sorted(one.value for one in kinds),
                "most_people": most_people,
                "until": as_text(ends),
            }
            keys = tuple(f"incident/{one}" for one in sorted(partners))
            whole = {"what": told, "who": {"by": by}}
            return self.entries.plain(Kind.EMERGENCY_INCIDENT_OPENED, connection, moment, keys, whole)

        return within

    def close(self, incident_id: str, *, by: str) -> Within:
        """Close an incident before its time; nothing rests on it from the entry on."""

        def within(connection: Connection, moment: Moment) -> Draft:
            row = connection.one(
                "UPDATE incident SET closed_at = ?, closed_by = ? WHERE incident_id = ? AND closed_at IS NULL AND ends > ? "
                "RETURNING partners",
                (to_micros(moment.at), by, incident_id, to_micros(moment.at)),
            )
            if row is None:
                raise ChangeRefusedError("no incident is open under this id: see stile incident list")
            keys = tuple(f"incident/{one}" for one in json.loads(row[0]))
            whole = {"what": {"incident": incident_id}, "who": {"by": by}}
            return self.entries.plain(Kind.EMERGENCY_INCIDENT_CLOSED, connection, moment, keys, whole)

        return within

    def raise_bound(self, agreement: str, client: str, *, people: int, reason: str, by: str) -> Within:
        """Let a client ask about more people in emergencies today than its agreement's `people_per_day`."""

        def within(connection: Connection, moment: Moment) -> Draft:
            live = Reader(connection).find_agreement(agreement, london_day(moment.at))
            if live is None or live.agreement.emergency_people_per_day is None:
                raise ChangeRefusedError(f"{agreement[:100]}: no agreement in force by this name bounds emergencies")
            if Reader(connection).find_client(client) is None:
                raise ChangeRefusedError("no client is registered by this id: see stile client list")
            if not 1 <= people <= MOST_RAISED:
                raise ChangeRefusedError(f"raise it by 1 to {MOST_RAISED} people")
            connection.run(
                'INSERT INTO usage (name, "window", count) VALUES (?, ?, ?) '
                'ON CONFLICT (name, "window") DO UPDATE SET count = usage.count + excluded.count',
                (f"{RAISED}{agreement}/{client}", london_day(moment.at).isoformat(), people),
            )
            told = {"agreement": agreement, "client": client, "people": people, "reason": reason}
            day = london_day(moment.at).isoformat()
            return self.entries.plain(
                Kind.EMERGENCY_RAISED, connection, moment, (), {"what": {**told, "day": day}, "who": {"by": by}}
            )

        return within

    def review(self, item_id: str, *, outcome: Outcome, note: str, by: str) -> Within:
        """Close an open item: somebody else than who is named in it says what they found."""

        def within(connection: Connection, moment: Moment) -> Draft:
            item = next((one for one in items(connection, moment.at) if one.item_id == item_id), None)
            if item is None:
                raise ChangeRefusedError("nothing waits for a review under this id: see stile emergency list")
            table, key = ("incident", "incident_id") if item.declared_by is not None else ("emergency", "entry_id")
            if table == "incident" and any(one.incident_id == item_id for one in open_incidents(connection, moment.at)):
                raise ChangeRefusedError("this incident is still open: close it before it is reviewed")
            if how_many_decide(connection) == TWO:
                require_person(connection, by)
            if self._is_named(connection, item, by):
                raise ChangeRefusedError("you are named in it: somebody else reviews it")
            connection.run(
                f"UPDATE {table} SET reviewed_at = ?, reviewed_by = ?, outcome = ? WHERE {key} = ?",
                (to_micros(moment.at), by, outcome.value, item_id),
            )
            told = {"item": item_id, "outcome": outcome.value, "note": note}
            return self.entries.plain(Kind.EMERGENCY_REVIEWED, connection, moment, (), {"what": told, "who": {"by": by}})

        return within

    def _is_named(self, connection: Connection, item: Item, by: str) -> bool:
        """Tell whether who reviews is the caseworker of a call, or of one of an incident's, or opened or closed that."""
        calls = [(item.partners[0], item.caseworker_ref or "")]
        if item.declared_by is not None:
            closed_by = connection.value("SELECT closed_by FROM incident WHERE incident_id = ?", (item.item_id,))
            if is_one_of(connection, by, (item.declared_by, closed_by)):
                return True
            rows = connection.all(
                "SELECT DISTINCT partner_id, caseworker_ref FROM emergency WHERE incident_id = ?", (item.item_id,)
            )
            calls = [(row[0], row[1]) for row in rows]
        return has_asked(connection, self.index_secret, by, calls)


def new_incident_id() -> str:
    """Return a name that no incident has."""
    return "i_" + secrets.token_hex(6)

"""Has this partner asked too often? Judged in the append transaction, by the rows that it also writes.

`per_minute` slides: the last minute's count is weighted by what is left of it. Days are London's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit.stores.connection import Connection
from gateway.limits.reached import Left, Reached, day_reached, until_midnight
from gateway.limits.usage import USAGE, Usage
from gateway.store import locks
from gateway.store.emergencies import RAISED
from schemas.agreement import Limits
from schemas.incident import Incident
from schemas.instants import london_day

MOST_WRONG: Final = (
    5  # a day, of one partner, by one key, and about one person: calls in which a claim was answered with no
)
MOST_REPEATS: Final = 10  # a day, of one call by its Idempotency-Key
MISSES: Final = "misses_per_day"  # for one key
WORKER_MISSES: Final = "caseworker_misses_per_day"
CLIENT_MISSES: Final = "client_misses_per_day"
OF_MISSES: Final = frozenset({MISSES, WORKER_MISSES, CLIENT_MISSES})
FIRST_ALARM: Final = 20  # misses of one client on one day; and then each time that they are twice as many
WRONG: Final = "wrong_claims_per_day"
EMERGENCY_PEOPLE: Final = "emergency_people_per_day"  # of one client, beyond which the duty officer is asked
INCIDENT_PEOPLE: Final = "incident_people"  # of one declared incident
MANY_IN_EMERGENCY: Final = 10  # people a day of one caseworker, past which it is an alarm; and then each time twice as many
REPEATS: Final = "repeats_per_day"
WITHOUT_AGREEMENT: Final = Limits(per_minute=60)  # of calls that no agreement's limits hold
# What counts are named by, before whose they are.
CALLS: Final = "calls/"
SUBJECTS: Final = "subjects/"
SUBJECT: Final = "subject/"
URGENT: Final = "emergency/"  # whose people of a day's emergencies; and each of them
MISS: Final = locks.KEY
WRONG_CLAIM: Final = "wrong/"  # {partner}/{person}
WRONG_BY: Final = "wrong-by/"  # {partner}/{key}
EARLY: Final = "per_minute"  # the one limit that is known before a body is read


@dataclass(frozen=True, slots=True)
class Use:
    """Whose use is counted: one agreement's, by one partner. `counts` is False for a repeat of a call.

    Misses count for the client and, by reference, for the caseworker too. `urgent_people` is how many people a day the
    agreement lets a client ask about in emergencies; those of a declared incident count for that alone.
    """

    agreement: str
    partner: str
    at: datetime
    in_emergency: bool
    counts: bool
    client: str = ""
    caseworker: str | None = None
    urgent_people: int | None = None
    incident: Incident | None = None

    @property
    def tries(self) -> int:
        """Return how many tries at finding somebody an emergency gives beyond the usual."""
        return locks.EMERGENCY_TRIES if self.in_emergency else 0


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a call is about, by reference, the key that they were looked for by, and what a miss by it counts for.

    `counts` is False for one whom a repeat is about, and the call that it repeats was counted for. `claimed` are the
    references of everybody of whose fields something is claimed.
    """

    subject_ref: str
    key_ref: str
    guess_refs: tuple[str, ...]
    counts: bool = True
    claimed: tuple[str, ...] = ()


class Counting:
    """The counts that one item of the log needs: read by one statement, judged, added to, written by one.

    Lives inside a transaction. What was added counts for the next person of the same item.
    """

    def __init__(
        self, connection: Connection, limits: Limits, use: Use, people: Iterable[Person], usage: Usage = USAGE
    ) -> None:
        self._connection = connection
        self._usage = usage
        self._limits = limits
        self._use = use
        self._day = london_day(use.at).isoformat()
        self._minute = int(use.at.timestamp()) // 60
        self._added: Counter[tuple[str, str]] = Counter()
        windows = {self._day, self._window, str(self._minute), str(self._minute - 1)}
        self._counts = usage.read(connection, self._names(people), tuple(windows))

    def call_reached(self) -> Reached | None:
        """Tell whether one more call would pass the limit a minute."""
        if self._limits.per_minute is None or not self._use.counts or self._calls() + 1 <= self._limits.per_minute:
            return None
        return Reached(EARLY, str(self._minute), 60 - self._use.at.second)

    def person_reached(self, person: Person) -> Reached | None:
        """Tell which limit of a day asking for one more person would pass."""
        if self._use.in_emergency:
            return self._urgent_reached(person) or self._misses_reached(person)
        if person.counts:
            same = self._count(self._same(person))
            asked = same + self._count(self._urgent(person))
            if self._limits.same_subject_per_day is not None and asked >= self._limits.same_subject_per_day:
                return day_reached("same_subject_per_day", self._use.at)
            most = self._limits.subjects_per_day
            # An emergency opens nobody for the rest of the day: who was asked about in one alone is new all the same.
            if most is not None and same == 0 and self._count(self._subjects()) >= most:
                return day_reached("subjects_per_day", self._use.at)
        return self._misses_reached(person)

    def _urgent_reached(self, person: Person) -> Reached | None:
        """Tell whether one more person is past what an incident, or else the agreement's emergencies, may be about.

        Of a repeat too: its first call may have been no emergency, or under another bound.
        """
        for whose, most, limit in self._bounds():
            if self._count(self._one_of(whose, person)) == 0 and self._count((whose, self._window)) >= most:
                return day_reached(limit, self._use.at)
        return None

    def _bounds(self) -> list[tuple[str, int, str]]:
        use = self._use
        if use.incident is not None:
            return [(f"{URGENT}{use.incident.incident_id}", use.incident.most_people, INCIDENT_PEOPLE)]
        if use.urgent_people is None:
            return []
        raised = self._count((f"{RAISED}{use.agreement}/{use.client}", self._day))
        return [(self._urgent_client(), use.urgent_people + raised, EMERGENCY_PEOPLE)]

    def _misses_reached(self, person: Person) -> Reached | None:
        """Tell whose misses of the day are too many: the key's, the caseworker's, the client's."""
        most, worker, tries = self._limits.misses_per_day, self._worker(), self._use.tries
        if max(map(self._count, self._misses(person))) >= locks.MOST_MISSES + tries:
            return day_reached(MISSES, self._use.at)
        if worker is not None and self._count(worker) >= locks.MOST_OF_CASEWORKER + tries:
            return day_reached(WORKER_MISSES, self._use.at)
        if most is not None and self._count(self._client()) >= most + tries:
            return day_reached(CLIENT_MISSES, self._use.at)
        return None

    def is_locked(self, person_ref: str) -> bool:
        """Tell whether misses by any key have locked a person, who is then not confirmed: a 429 would join two keys."""
        return self._count(self._of_person(person_ref)) >= locks.MOST_MISSES + self._use.tries

    def wrong_reached(self, person: Person) -> Reached | None:
        """Tell whether this partner's claims by one key were wrong too often today: its own answers have told it so."""
        return day_reached(WRONG, self._use.at) if self._count(self._wrong_by(person)) >= MOST_WRONG else None

    def guessed_at(self, person: Person) -> frozenset[str]:
        """Return of whom this partner's claims were wrong too often today, by whatever key and in whosever record.

        Claims about them are left without an answer, as if nothing were held: a 429 would join two records.
        """
        return frozenset(ref for ref in person.claimed if self._count(self._wrong(ref)) >= MOST_WRONG)

    def count_call(self) -> None:
        """Count a call; only what a limit asks for is written."""
        if self._limits.per_minute is not None and self._use.counts:
            self._add((self._calls_name(), str(self._minute)))

    def count_person(self, person: Person) -> None:
        """Count a person, and as one more of the day where they are new to it: in an emergency too."""
        if self._use.in_emergency:
            self._count_urgent(person)
        elif not person.counts or (self._limits.same_subject_per_day is None and self._limits.subjects_per_day is None):
            return
        else:
            self._add(self._same(person))
            if self._count(self._same(person)) == 1 and self._count(self._urgent(person)) == 0:
                self._add(self._subjects())

    def is_new_to_emergencies(self, person: Person) -> bool:
        """Tell whether a person was not counted yet for whom this emergency counts: incident, client, caseworker."""
        return self._use.in_emergency and any(self._count(self._one_of(one, person)) == 0 for one in self._urgent_of())

    def _count_urgent(self, person: Person) -> None:
        """Count a person; one whom a repeat is about only where they were not counted for this very bound."""
        if person.counts or self._count(self._urgent(person)) == 0:
            self._add(self._urgent(person))
            if self._count(self._urgent(person)) == 1 and self._count(self._same(person)) == 0:
                self._add(self._subjects())
        for whose in self._urgent_of():
            if person.counts or self._count(self._one_of(whose, person)) == 0:
                self._add(self._one_of(whose, person))
                if self._count(self._one_of(whose, person)) == 1:
                    self._add((whose, self._window))

    def many_urgent(self) -> int | None:
        """Return how many people a caseworker has asked about in emergencies today, where that is worth an alarm."""
        worker = self._use.caseworker
        if worker is None or not self._use.in_emergency or self._use.incident is not None:
            return None
        name = (self._urgent_worker(worker), self._day)
        before, now = self._counts.get(name, 0), self._count(name)
        return now if any(before <= MANY_IN_EMERGENCY << power < now for power in range(16)) else None

    def count_miss(self, person: Person, near: Iterable[str] = ()) -> None:
        """Count a search that confirmed nobody: for key, caseworker and client, and for whom the key leads to."""
        for name in self._misses(person):
            self._add(name)
        self._add(self._client())
        worker = self._worker()
        if worker is not None:
            self._add(worker)
        for ref in near:
            self._add(self._of_person(ref))
            self._add((f"{locks.LEADS}{self._use.partner}/{person.key_ref}/{ref}", self._day))

    def alarming(self) -> int | None:
        """Return how many misses the client has today, where what was added makes that worth an alarm."""
        name = self._client()
        before, now = self._counts.get(name, 0), self._count(name)
        marks = [FIRST_ALARM << power for power in range(32)]
        own = self._limits.misses_per_day
        return now if any(before < mark <= now for mark in (*marks, *([own] if own is not None else []))) else None

    def count_wrong(self, person: Person, refs: Collection[str]) -> None:
        """Count a call in which claims about these people were answered with no: for each of them, and for its key."""
        for ref in refs:
            self._add(self._wrong(ref))
        if refs:
            self._add(self._wrong_by(person))

    def left(self) -> Left:
        """Return what is left of the limits, as counted so far."""
        if not self._use.counts:
            return Left(())
        left: list[tuple[str, int, int]] = []
        if self._limits.per_minute is not None:
            left.append((EARLY, max(0, int(self._limits.per_minute - self._calls())), 60 - self._use.at.second))
        if self._limits.subjects_per_day is not None and not self._use.in_emergency:
            most = self._limits.subjects_per_day
            left.append(("subjects_per_day", max(0, most - self._count(self._subjects())), until_midnight(self._use.at)))
        return Left(tuple(left))

    def write(self) -> None:
        """Write what was added."""
        self._usage.write(self._connection, self._added)

    # -- what is counted, and where

    def _names(self, people: Iterable[Person]) -> set[str]:
        worker = self._worker()
        names = {self._calls_name(), self._subjects()[0], self._client()[0], *(worker[:1] if worker else ())}
        if self._use.in_emergency:
            names |= {*self._urgent_of(), f"{RAISED}{self._use.agreement}/{self._use.client}"}
        for person in people:
            names |= {self._same(person)[0], self._urgent(person)[0], self._of_person(person.subject_ref)[0]}
            names |= {name for name, _ in self._misses(person)}
            if self._use.in_emergency:
                names |= {self._one_of(whose, person)[0] for whose in self._urgent_of()}
            if person.claimed:
                names |= {self._wrong_by(person)[0], *(self._wrong(ref)[0] for ref in person.claimed)}
        return names

    def _count(self, what: tuple[str, str]) -> int:
        return self._counts.get(what, 0) + self._added[what]

    def _add(self, what: tuple[str, str]) -> None:
        self._added[what] += 1

    def _calls(self) -> float:
        name, minute = self._calls_name(), self._minute
        before = self._count((name, str(minute - 1)))
        return self._count((name, str(minute))) + before * (60 - self._use.at.second) / 60

    def _calls_name(self) -> str:
        return f"{CALLS}{self._use.agreement}/{self._use.partner}"

    def _subjects(self) -> tuple[str, str]:
        return f"{SUBJECTS}{self._use.agreement}/{self._use.partner}", self._day

    def _same(self, person: Person) -> tuple[str, str]:
        return f"{SUBJECT}{self._use.agreement}/{self._use.partner}/{person.subject_ref}", self._day

    def _urgent(self, person: Person) -> tuple[str, str]:
        return f"{URGENT}{self._use.agreement}/{self._use.partner}/{person.subject_ref}", self._day

    @property
    def _window(self) -> str:
        """Return the window of people in emergencies: the day, or all of a declared incident, named by its last day."""
        incident = self._use.incident
        return self._day if incident is None else london_day(incident.ends).isoformat()

    def _urgent_of(self) -> list[str]:
        """Return whose people in emergencies are counted: the incident's, or else the client's and the caseworker's."""
        use = self._use
        if use.incident is not None:
            return [f"{URGENT}{use.incident.incident_id}"]
        return [self._urgent_client(), *([] if use.caseworker is None else [self._urgent_worker(use.caseworker)])]

    def _urgent_client(self) -> str:
        return f"{URGENT}{self._use.agreement}//{self._use.client}"

    def _urgent_worker(self, worker: str) -> str:
        return f"{URGENT}{self._use.partner}//{worker}"

    def _one_of(self, whose: str, person: Person) -> tuple[str, str]:
        return f"{whose}/{person.subject_ref}", self._window

    def _misses(self, person: Person) -> list[tuple[str, str]]:
        return [(f"{MISS}{self._use.partner}/{ref}", self._day) for ref in person.guess_refs]

    def _of_person(self, ref: str) -> tuple[str, str]:
        return f"{locks.PERSON}{self._use.partner}/{ref}", self._day

    def _worker(self) -> tuple[str, str] | None:
        worker = self._use.caseworker
        return None if worker is None else (f"{locks.WORKER}{self._use.partner}/{worker}", self._day)

    def _client(self) -> tuple[str, str]:
        return f"{locks.CLIENT}{self._use.agreement}/{self._use.client}", self._day

    def _wrong(self, ref: str) -> tuple[str, str]:
        return f"{WRONG_CLAIM}{self._use.partner}/{ref}", self._day

    def _wrong_by(self, person: Person) -> tuple[str, str]:
        return f"{WRONG_BY}{self._use.partner}/{person.key_ref}", self._day

"""Has this partner asked too often? Judged over counts that were read, and what each call adds to them.

`per_minute` slides: the last minute's count is weighted by what is left of it. Days are London's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, Self

from gateway.limits.count_names import CountNames, Person, Use
from gateway.limits.reached import Left, Reached, day_reached, until_midnight
from gateway.store import locks
from gateway.store.counts import COUNTS, CountKey
from schemas.agreement import Limits

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
CountOf = Callable[[CountKey], int | None]
EARLY: Final = "per_minute"  # the one limit that is known before a body is read


def _not_read(_key: CountKey) -> int | None:
    raise LookupError("no counts were read")


class Counting:
    """The counts of one call: judged, and added to. What was added counts for the next person of the same call.

    `count_of` gives those that `keys` names, None for what nobody has counted yet.
    """

    def __init__(self, limits: Limits, use: Use) -> None:
        self._limits = limits
        self._use = use
        self.names = CountNames(use)
        self._count_of: CountOf = _not_read
        self._added: dict[CountKey, int] = {}

    def over(self, count_of: CountOf) -> Self:
        """Return itself, over counts that were read; nothing is added yet."""
        self._count_of = count_of
        self._added.clear()
        return self

    def call_reached(self) -> Reached | None:
        """Tell whether one more call would pass the limit a minute."""
        if self._limits.per_minute is None or not self._use.counts or self._calls() + 1 <= self._limits.per_minute:
            return None
        return Reached(EARLY, str(self.names.minute), 60 - self._use.at.second)

    def person_reached(self, person: Person) -> Reached | None:
        """Tell which limit of a day asking for one more person would pass."""
        if self._use.in_emergency:
            return self._urgent_reached(person) or self._misses_reached(person)
        if person.counts:
            same = self._count(self.names.same(person))
            asked = same + self._count(self.names.urgent(person))
            if self._limits.same_subject_per_day is not None and asked >= self._limits.same_subject_per_day:
                return day_reached("same_subject_per_day", self._use.at)
            most = self._limits.subjects_per_day
            # An emergency opens nobody for the rest of the day: who was asked about in one alone is new all the same.
            if most is not None and same == 0 and self._count(self.names.subjects()) >= most:
                return day_reached("subjects_per_day", self._use.at)
        return self._misses_reached(person)

    def _urgent_reached(self, person: Person) -> Reached | None:
        """Tell whether one more person is past what an incident, or else the agreement's emergencies, may be about.

        Of a repeat too: its first call may have been no emergency, or under another bound.
        """
        for whose, most, limit in self._bounds():
            if (
                self._count(self.names.one_of(whose, person)) == 0
                and self._count((COUNTS, whose, self.names.window)) >= most
            ):
                return day_reached(limit, self._use.at)
        return None

    def _bounds(self) -> list[tuple[str, int, str]]:
        use = self._use
        if use.incident is not None:
            return [(self.names.urgent_incident(use.incident), use.incident.most_people, INCIDENT_PEOPLE)]
        if use.urgent_people is None:
            return []
        raised = self._count(self.names.raised())
        return [(self.names.urgent_client(), use.urgent_people + raised, EMERGENCY_PEOPLE)]

    def _misses_reached(self, person: Person) -> Reached | None:
        """Tell whose misses of the day are too many: the key's, the caseworker's, the client's."""
        most, worker, tries = self._limits.misses_per_day, self.names.worker(), self._use.tries
        if max(map(self._count, self.names.misses(person))) >= locks.MOST_MISSES + tries:
            return day_reached(MISSES, self._use.at)
        if worker is not None and self._count(worker) >= locks.MOST_OF_CASEWORKER + tries:
            return day_reached(WORKER_MISSES, self._use.at)
        if most is not None and self._count(self.names.client()) >= most + tries:
            return day_reached(CLIENT_MISSES, self._use.at)
        return None

    def is_locked(self, person_ref: str, *, more: int = 0) -> bool:
        """Tell whether misses by any key have locked a person, who is then not confirmed: a 429 would join two keys.

        Or whether so many `more` would.
        """
        return self._count(self.names.of_misses(person_ref)) + more >= locks.MOST_MISSES + self._use.tries

    def wrong_reached(self, person: Person) -> Reached | None:
        """Tell whether this partner's claims by one key were wrong too often today: its own answers have told it so."""
        return day_reached(WRONG, self._use.at) if self._count(self.names.wrong_by(person)) >= MOST_WRONG else None

    def guessed_at(self, person: Person) -> frozenset[str]:
        """Return of whom this partner's claims were wrong too often today, by whatever key and in whosever record.

        Claims about them are left without an answer, as if nothing were held: a 429 would join two records.
        """
        return frozenset(ref for ref in person.claimed if self._count(self.names.wrong(ref)) >= MOST_WRONG)

    def count_call(self) -> None:
        """Count a call; only what a limit asks for is written."""
        if self._limits.per_minute is not None and self._use.counts:
            self._add(self.names.calls_at(self.names.minute))

    def count_person(self, person: Person) -> None:
        """Count a person, and as one more of the day where they are new to it: in an emergency too."""
        if self._use.in_emergency:
            self._count_urgent(person)
        elif not person.counts or (self._limits.same_subject_per_day is None and self._limits.subjects_per_day is None):
            return
        else:
            self._add(self.names.same(person))
            if self._count(self.names.same(person)) == 1 and self._count(self.names.urgent(person)) == 0:
                self._add(self.names.subjects())

    def is_new_to_emergencies(self, person: Person) -> bool:
        """Tell whether a person was not counted yet for whom this emergency counts: incident, client, caseworker."""
        return self._use.in_emergency and any(
            self._count(self.names.one_of(one, person)) == 0 for one in self.names.urgent_of()
        )

    def _count_urgent(self, person: Person) -> None:
        """Count a person; one whom a repeat is about only where they were not counted for this very bound."""
        if person.counts or self._count(self.names.urgent(person)) == 0:
            self._add(self.names.urgent(person))
            if self._count(self.names.urgent(person)) == 1 and self._count(self.names.same(person)) == 0:
                self._add(self.names.subjects())
        for whose in self.names.urgent_of():
            if person.counts or self._count(self.names.one_of(whose, person)) == 0:
                self._add(self.names.one_of(whose, person))
                if self._count(self.names.one_of(whose, person)) == 1:
                    self._add((COUNTS, whose, self.names.window))

    def many_urgent(self) -> int | None:
        """Return how many people a caseworker has asked about in emergencies today, where that is worth an alarm."""
        worker = self._use.caseworker
        if worker is None or not self._use.in_emergency or self._use.incident is not None:
            return None
        name = (COUNTS, self.names.urgent_worker(worker), self.names.day)
        before, now = self._count_of(name) or 0, self._count(name)
        return now if _reaches(before - 1, now - 1, MANY_IN_EMERGENCY) else None

    def count_miss(self, person: Person) -> None:
        """Count a search that confirmed nobody: for key, caseworker and client, and for whom the key leads to."""
        for name in self.names.misses(person):
            self._add(name)
        self._add(self.names.client())
        worker = self.names.worker()
        if worker is not None:
            self._add(worker)
        for ref in person.near:
            self._add(self.names.of_misses(ref))
            self._add(self.names.leads(person, ref))

    def alarming(self) -> int | None:
        """Return how many misses the client has today, where what was added makes that worth an alarm."""
        name = self.names.client()
        before, now = self._count_of(name) or 0, self._count(name)
        own = self._limits.misses_per_day
        is_own = own is not None and before < own <= now
        return now if is_own or _reaches(before, now, FIRST_ALARM) else None

    def count_wrong(self, person: Person, refs: Collection[str]) -> None:
        """Count a call in which claims about these people were answered with no: for each of them, and for its key."""
        for ref in refs:
            self._add(self.names.wrong(ref))
        if refs:
            self._add(self.names.wrong_by(person))

    def left(self) -> Left:
        """Return what is left of the limits, as counted so far."""
        if not self._use.counts:
            return Left(())
        left: list[tuple[str, int, int]] = []
        if self._limits.per_minute is not None:
            left.append((EARLY, max(0, int(self._limits.per_minute - self._calls())), 60 - self._use.at.second))
        if self._limits.subjects_per_day is not None and not self._use.in_emergency:
            most = self._limits.subjects_per_day
            left.append(
                ("subjects_per_day", max(0, most - self._count(self.names.subjects())), until_midnight(self._use.at))
            )
        return Left(tuple(left))

    def rows(self) -> dict[CountKey, int]:
        """Return what the counts are with what was added."""
        return {key: self._count(key) for key in self._added}

    def _count(self, what: CountKey) -> int:
        return (self._count_of(what) or 0) + self._added.get(what, 0)

    def _add(self, what: CountKey) -> None:
        self._added[what] = self._added.get(what, 0) + 1

    def _calls(self) -> float:
        before = self._count(self.names.calls_at(self.names.minute - 1))
        return self._count(self.names.calls_at(self.names.minute)) + before * (60 - self._use.at.second) / 60


def _reaches(before: int, now: int, first: int) -> bool:
    """Tell whether counting on from `before` to `now` has reached a mark: the first, or one each time twice as high."""
    mark = first
    while mark <= before:
        mark *= 2
    return mark <= now

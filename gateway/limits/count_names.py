"""By which names is a call counted, and in which windows? Days are London's; a minute goes by its number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.store import locks
from gateway.store.counts import COUNTS, CountKey
from gateway.store.emergencies import RAISED
from schemas.incident import Incident
from schemas.instants import london_day

# What counts are named by, before whose they are.
CALLS: Final = "calls/"
SUBJECTS: Final = "subjects/"
SUBJECT: Final = "subject/"
URGENT: Final = "emergency/"  # whose people of a day's emergencies; and each of them
MISS: Final = locks.KEY
WRONG_CLAIM: Final = "wrong/"  # {partner}/{person}
WRONG_BY: Final = "wrong-by/"  # {partner}/{key}


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
    references of everybody of whose fields something is claimed; `near` of those whom a key leads to that confirmed nobody.
    """

    subject_ref: str
    key_ref: str
    guess_refs: tuple[str, ...]
    counts: bool = True
    claimed: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CountNames:
    """The names that one call's counts have."""

    use: Use
    day: str = field(init=False)
    minute: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "day", london_day(self.use.at).isoformat())
        object.__setattr__(self, "minute", int(self.use.at.timestamp()) // 60)

    def of_misses(self, ref: str) -> CountKey:
        """Name the misses by any key that lead to a person."""
        return COUNTS, f"{locks.PERSON}{self.use.partner}/{ref}", self.day

    def keys(self, people: Iterable[Person]) -> set[CountKey]:
        """Return which counts a call about these people reads."""
        worker = self.worker()
        keys = {self.calls_at(self.minute), self.calls_at(self.minute - 1), self.subjects(), self.client()}
        keys |= {worker} if worker is not None else set()
        if self.use.in_emergency:
            keys |= {(COUNTS, whose, self.window) for whose in self.urgent_of()} | {self.raised()}
        for person in people:
            keys |= self.keys_of(person)
        return keys

    def keys_of(self, person: Person) -> set[CountKey]:
        """Return which counts one of them reads."""
        keys = {self.same(person), self.urgent(person), self.of_misses(person.subject_ref), *self.misses(person)}
        keys |= {key for ref in person.near for key in (self.of_misses(ref), self.leads(person, ref))}
        if self.use.in_emergency:
            keys |= {self.one_of(whose, person) for whose in self.urgent_of()}
        if person.claimed:
            keys |= {self.wrong_by(person), *(self.wrong(ref) for ref in person.claimed)}
        return keys

    def calls_at(self, minute: int) -> CountKey:
        """Name the calls of a minute."""
        return COUNTS, f"{CALLS}{self.use.agreement}/{self.use.partner}", str(minute)

    def subjects(self) -> CountKey:
        """Name the people of the day."""
        return COUNTS, f"{SUBJECTS}{self.use.agreement}/{self.use.partner}", self.day

    def same(self, person: Person) -> CountKey:
        """Name one person's calls of the day."""
        return COUNTS, f"{SUBJECT}{self.use.agreement}/{self.use.partner}/{person.subject_ref}", self.day

    def urgent(self, person: Person) -> CountKey:
        """Name one person's emergencies of the day."""
        return COUNTS, f"{URGENT}{self.use.agreement}/{self.use.partner}/{person.subject_ref}", self.day

    @property
    def window(self) -> str:
        """Return the window of people in emergencies: the day, or all of a declared incident, named by its last day."""
        incident = self.use.incident
        return self.day if incident is None else london_day(incident.ends).isoformat()

    def urgent_of(self) -> list[str]:
        """Return whose people in emergencies are counted: the incident's, or else the client's and the caseworker's."""
        use = self.use
        if use.incident is not None:
            return [self.urgent_incident(use.incident)]
        return [self.urgent_client(), *([] if use.caseworker is None else [self.urgent_worker(use.caseworker)])]

    def urgent_incident(self, incident: Incident) -> str:
        """Name the people of a declared incident."""
        return f"{URGENT}{incident.incident_id}"

    def urgent_client(self) -> str:
        """Name a client's emergencies."""
        return f"{URGENT}{self.use.agreement}//{self.use.client}"

    def urgent_worker(self, worker: str) -> str:
        """Name a caseworker's emergencies."""
        return f"{URGENT}{self.use.partner}//{worker}"

    def one_of(self, whose: str, person: Person) -> CountKey:
        """Name one person among those whose emergencies are counted."""
        return COUNTS, f"{whose}/{person.subject_ref}", self.window

    def misses(self, person: Person) -> list[CountKey]:
        """Name the misses of the day by what a person was looked for by."""
        return [(COUNTS, f"{MISS}{self.use.partner}/{ref}", self.day) for ref in person.guess_refs]

    def leads(self, person: Person, ref: str) -> CountKey:
        """Name how many of a key's misses count for a person."""
        return COUNTS, f"{locks.LEADS}{self.use.partner}/{person.key_ref}/{ref}", self.day

    def raised(self) -> CountKey:
        """Name by how many people a day's bound was raised."""
        return COUNTS, f"{RAISED}{self.use.agreement}/{self.use.client}", self.day

    def worker(self) -> CountKey | None:
        """Name the caseworker's misses of the day, where the call names one."""
        worker = self.use.caseworker
        return None if worker is None else (COUNTS, f"{locks.WORKER}{self.use.partner}/{worker}", self.day)

    def client(self) -> CountKey:
        """Name the client's misses of the day."""
        return COUNTS, f"{locks.CLIENT}{self.use.agreement}/{self.use.client}", self.day

    def wrong(self, ref: str) -> CountKey:
        """Name the wrong claims of the day about a person."""
        return COUNTS, f"{WRONG_CLAIM}{self.use.partner}/{ref}", self.day

    def wrong_by(self, person: Person) -> CountKey:
        """Name the wrong claims of the day by a key."""
        return COUNTS, f"{WRONG_BY}{self.use.partner}/{person.key_ref}", self.day

"""What has a person allowed, refused or objected to, by whatever spelling it was recorded? And is it really theirs?

What was recorded while the source could not be asked is looked at again here, whenever somebody lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.stores.connection import Connection
from audit.writing.item import Within
from gateway.desk.knowing import PersonUnknownError, SourceOf, look_up
from gateway.desk.standing import consent_told, restriction_told
from gateway.store.entries import ChangeRefusedError
from gateway.store.people import People
from gateway.store.persons import read_consents, read_restrictions
from gateway.store.state import Reader
from policies.reading.findings import did_you_mean
from schemas.consent import ConsentRecord, Restriction

Record = ConsentRecord | Restriction
Tell = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Listed:
    """What is told of each record of a person, and what should be known besides.

    `checked` is to be appended: the source has been found to know somebody of whom that was not certain.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: list[Within] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Listing:
    """Lists what is recorded of persons; `by` is who asks for it."""

    people: People
    reader: Reader
    source_of: SourceOf
    by: str

    async def consents(self, person: str, dataset: str | None, now: datetime) -> Listed:
        """Return every consent that a person gave, refused or withdrew."""
        return await self._listed(person, dataset, read_consents, lambda one: consent_told(one, self.reader, now))

    async def restrictions(self, person: str, dataset: str | None, now: datetime) -> Listed:
        """Return every restriction of a person that was not lifted."""
        return await self._listed(person, dataset, read_restrictions, lambda one: restriction_told(one, now))

    async def _listed(
        self, person: str, dataset: str | None, read: Callable[[Connection, str], Sequence[Record]], tell: Tell
    ) -> Listed:
        listed, quiet, is_known = Listed(), list[str](), False
        for name in self._datasets(dataset):
            ref = self.people.subject_ref(name, person)
            kept = list(read(self.reader.connection, ref))
            own = None
            if not kept or any(one.unchecked for one in kept):
                own = await self._look(name, person, quiet if not kept and dataset is None else listed.notes)
            is_known = is_known or own is not None
            if own is not None and own != ref:
                kept += read(self.reader.connection, own)
            self._add(listed, kept, own, tell)
        listed.notes.extend([] if listed.records or is_known else quiet)
        return listed

    def _datasets(self, dataset: str | None) -> list[str]:
        known = {one.id for one in self.reader.datasets()}
        if dataset is not None and dataset not in known:
            raise ChangeRefusedError(f"no dataset called {dataset} is published. {did_you_mean(dataset, known)}")
        return sorted(known) if dataset is None else [dataset]

    async def _look(self, name: str, person: str, notes: list[str]) -> str | None:
        """Return the reference of whom the source knows; None, with a note, where it knows nobody or can't be asked."""
        try:
            looked = await look_up(name, person, reader=self.reader, source_of=self.source_of)
        except PersonUnknownError as error:
            note = str(error)
        else:
            if not looked.unchecked:
                return self.people.subject_ref(name, looked.person)
            note = f"{name} could not be asked whether it knows this person: {looked.why_not}"
        notes.append(note)
        return None

    def _add(self, listed: Listed, kept: Sequence[Record], own: str | None, tell: Tell) -> None:
        """Add what was kept; what is the own person's of whom the source knows is unchecked no more."""
        mended = [one for one in kept if one.unchecked and one.subject_ref == own]
        if own is not None and mended:
            listed.checked.append(self.people.mark_checked(own, by=self.by))
        listed.records.extend(tell(one) | {"unchecked": one.unchecked and one not in mended} for one in kept)
        if own is not None and any(one.unchecked and one.subject_ref != own for one in kept):
            listed.notes.append(
                "the source spells this person otherwise: what is unchecked is for nobody. Take it back, and record it anew"
            )

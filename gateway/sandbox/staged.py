"""What does the journey hold in its hands under a scenario? The parts that it always has, with a fact of theirs changed.

Each asks the real part and changes what that says. None decides, and none writes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from typing_extensions import override

from audit.stores.connection import Connection
from audit.writing.item import Appended, Draft, Moment, Within
from gateway.journey.equipment import Log
from gateway.limits.usage import Counts, Usage
from gateway.oauth.access_token import Token
from gateway.oauth.clients import Client, Clients
from gateway.sandbox.facts import Scene
from gateway.sources.contract import Found, Known, Source, Wanted
from gateway.store.key_rows import PartnerRecord
from gateway.store.live import LiveAgreement
from gateway.store.state import Reader
from schemas.consent import ConsentRecord, Restriction
from schemas.dataset import Dataset
from schemas.decision import Record
from schemas.request import SubjectQuery

MORE_THAN_ANY: Final = 10**9  # no agreement allows as many


class StagedReader(Reader):
    """The state, for one call. It inherits, so that whatever no scenario changes is read as ever."""

    def __init__(self, of: Reader, scene: Scene, *, in_transaction: bool = False) -> None:
        super().__init__(of.connection, of.readings)
        self._of = of
        self._scene = scene
        self._in_transaction = in_transaction

    @override
    def over(self, connection: Connection) -> StagedReader:
        # What is judged again in the transaction is judged by the same facts.
        return StagedReader(self._of.over(connection), self._scene, in_transaction=True)

    @override
    def refresh(self) -> int:
        self._kept.clear()
        return self._of.refresh()

    @override
    def touched_since(self, keys: tuple[str, ...], index: int) -> bool:
        return self._scene.facts.meanwhile is not None or self._of.touched_since(keys, index)

    @override
    def still_counts(self, token: Token) -> bool:
        meanwhile = self._scene.facts.meanwhile
        if self._in_transaction and meanwhile is not None and meanwhile.is_revoked:
            self._scene.was_read = True
            return False
        return self._of.still_counts(token)

    @override
    def find_partner(self, partner_id: str) -> PartnerRecord | None:
        found, change = self._of.find_partner(partner_id), self._scene.facts.partner
        if found is None or change is None:
            return found
        self._scene.was_read = True
        return change(found)

    @override
    def find_agreement(self, name: str, on: date) -> LiveAgreement | None:
        return self._scene.agreement(self._of.find_agreement(name, on), on, in_transaction=self._in_transaction)

    @override
    def answers_of(
        self, refs: Mapping[str, str], known: frozenset[str]
    ) -> tuple[dict[str, tuple[ConsentRecord, ...]], dict[str, tuple[Restriction, ...]]]:
        return self._scene.people(refs, *self._of.answers_of(refs, known))


@dataclass(frozen=True, slots=True)
class StagedClients:
    """The register of clients, for one call."""

    of: Clients
    scene: Scene

    def find_client(self, client_id: str) -> Client | None:
        """Return a client as it stands under the scenario."""
        found, change = self.of.find_client(client_id), self.scene.facts.client
        if found is None or change is None:
            return found
        self.scene.was_read = True
        return change(found)

    def is_token_revoked(self, jti: str) -> bool:
        """Tell whether a token was revoked."""
        if self.scene.facts.token_is_revoked:
            self.scene.was_read = True
            return True
        return self.of.is_token_revoked(jti)


@dataclass(frozen=True, slots=True)
class StagedSource:
    """A council's system, for one call. Keeps the contract of `gateway.sources.contract.Source`."""

    of: Source
    scene: Scene
    dataset: Dataset

    async def identify(self, queries: Sequence[SubjectQuery]) -> list[Found]:
        """Look for people, or fail as the scenario says."""
        facts = self.scene.facts
        if facts.source_fails is not None:
            self.scene.was_read = True
            raise facts.source_fails()
        found = await self.of.identify(queries)
        if facts.match is None:
            return found
        self.scene.was_read = True
        return [Found(facts.match) for _ in found]

    async def knows(self, reference: str) -> Known:
        """Look for a reference: no scenario is about what operators record."""
        return await self.of.knows(reference)

    async def fetch(self, wanted: Sequence[Wanted]) -> list[Record]:
        """Read records, and say of each what the scenario says."""
        records, change = await self.of.fetch(wanted), self.scene.facts.record
        if change is None:
            return records
        changed = [change(record, paths, self.dataset) for record, (_, paths) in zip(records, wanted, strict=True)]
        # What nobody asked the source for was not read, and the answer is as without the scenario.
        self.scene.was_read = self.scene.was_read or changed != records
        return changed


@dataclass(frozen=True, slots=True)
class StagedLog:
    """The log, for one call: the same log, another instant or state index in what an item is told. Its entries are real."""

    of: Log
    scene: Scene

    async def append(self, within: Within) -> Appended | None:
        """Append an item, or fail as the scenario says: then nothing was written."""
        facts = self.scene.facts
        if facts.log_fails is not None:
            self.scene.was_read = True
            raise facts.log_fails()
        return await self.of.append(self._told(within))

    def _told(self, within: Within) -> Within:
        change, moved = self.scene.facts.moment, self.scene.facts.meanwhile is not None
        if change is None and not moved:
            return within

        def told(connection: Connection, moment: Moment) -> Draft | None:
            if change is not None:
                self.scene.was_read = True
                moment = change(moment)
            return within(connection, replace(moment, state_index=moment.state_index + 1) if moved else moment)

        return told


def staged_usage(scene: Scene) -> Usage:
    """Return counts that are at nothing but for those that the scenario fills, and to which nothing is added.

    So a scenario comes out the same whatever was asked before, and what is asked afterwards is not counted with it.
    """

    def read(_connection: Connection, names: Collection[str], windows: tuple[str, ...]) -> Counts:
        full = [name for name in names if scene.facts.full and name.startswith(scene.facts.full)]
        scene.was_read = scene.was_read or bool(full)
        return {(name, window): MORE_THAN_ANY for name in full for window in windows}

    return Usage(read=read, write=lambda _connection, _added: None, add_one=lambda _connection, _name, _window: 1)


def staged_clock(clock: Callable[[], datetime], scene: Scene) -> Callable[[], datetime]:
    """Return a clock that goes otherwise, where the scenario says so."""
    if not scene.facts.ahead:
        return clock

    def now() -> datetime:
        scene.was_read = True
        return clock() + scene.facts.ahead

    return now

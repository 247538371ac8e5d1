"""What does the journey hold in its hands under a scenario? The parts that it always has, with a fact of theirs changed.

Each asks the real part and changes what that says. None decides, and none writes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Generic, TypeVar

from typing_extensions import override

from audit.stores.connection import Connection
from audit.stores.shelf import Key
from audit.stores.state_keys import STATE_KEYS
from audit.writing.item import Appended, Judging, Known, Moment, Settled, Verdict, Within
from gateway.log.waiting import Log
from gateway.oauth.access_token import Token
from gateway.oauth.clients import Client, Clients
from gateway.sandbox.facts import Scene
from gateway.sources.contract import Found, Source, Wanted
from gateway.sources.contract import Known as KnownPerson
from gateway.store.counts import COUNTS, CountKey
from gateway.store.key_rows import PartnerRecord
from gateway.store.live import LiveAgreement
from gateway.store.state import Reader
from schemas.consent import ConsentRecord, Restriction
from schemas.dataset import Dataset
from schemas.decision import Record
from schemas.request import SubjectQuery

MORE_THAN_ANY: Final = 10**9  # no agreement allows as many
LATER_THAN_ANY: Final = 2**62  # no log is as long
T = TypeVar("T")


class StagedReader(Reader):
    """The state, for one call. It inherits, so that whatever no scenario changes is read as ever."""

    def __init__(self, of: Reader, scene: Scene, *, in_transaction: bool = False) -> None:
        super().__init__(of.connection, of.readings, followed=of.followed)
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

    async def knows(self, reference: str) -> KnownPerson:
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
        """Write a change, or fail as the scenario says: then nothing was written."""
        self._fail()
        return await self.of.append(within)

    async def settle(self, judging: Judging[T]) -> Settled[T]:
        """Write what an item comes to, or fail as the scenario says: then nothing was written."""
        self._fail()
        return await self.of.settle(StagedJudging(judging, self.scene))

    def _fail(self) -> None:
        facts = self.scene.facts
        if facts.log_fails is not None:
            self.scene.was_read = True
            raise facts.log_fails()


@dataclass(frozen=True, slots=True)
class StagedJudging(Generic[T]):
    """An item of the log, for one call: told another instant or state index, and counts that the scenario fills."""

    of: Judging[T]
    scene: Scene

    def keys(self, state_index: int) -> Collection[Key]:
        """Return what it reads."""
        return self.of.keys(state_index)

    def judge(self, known: Known, moment: Moment) -> Verdict[T]:
        """Judge under the scenario. Nothing is counted: what is asked afterwards comes out the same."""
        change, moved = self.scene.facts.moment, self.scene.facts.meanwhile is not None
        if change is not None:
            self.scene.was_read = True
            moment = change(moment)
        moment = replace(moment, state_index=moment.state_index + 1) if moved else moment
        verdict = self.of.judge(StagedKnown(known, self.scene), moment)
        return replace(verdict, rows={key: row for key, row in verdict.rows.items() if key[0] != COUNTS})


@dataclass(frozen=True, slots=True)
class StagedKnown:
    """The rows that an item judges over, for one call: counts are at nothing but for those that the scenario fills."""

    of: Known
    scene: Scene

    def all(self, keys: Iterable[Key]) -> dict[Key, Any]:
        """Return what stands by each key."""
        wanted = list(keys)
        found = self.of.all(key for key in wanted if key[0] != COUNTS)
        moved = self.scene.facts.meanwhile is not None
        if moved:
            found = {key: LATER_THAN_ANY if key[0] == STATE_KEYS else row for key, row in found.items()}
        return found | staged_counts(self.scene, [key for key in wanted if key[0] == COUNTS])

    def one(self, key: Key) -> Any:
        """Return what stands by one key."""
        return self.all((key,))[key]


def staged_counts(scene: Scene, keys: Collection[CountKey]) -> dict[CountKey, int | None]:
    """Return counts that are at nothing but for those that the scenario fills."""
    full = {key for key in keys if scene.facts.full and key[1].startswith(scene.facts.full)}
    scene.was_read = scene.was_read or bool(full)
    return {key: MORE_THAN_ANY if key in full else None for key in keys}


def staged_clock(clock: Callable[[], datetime], scene: Scene) -> Callable[[], datetime]:
    """Return a clock that goes otherwise, where the scenario says so."""
    if not scene.facts.ahead:
        return clock

    def now() -> datetime:
        scene.was_read = True
        return clock() + scene.facts.ahead

    return now

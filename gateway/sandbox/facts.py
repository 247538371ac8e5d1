"""What is otherwise than it is, for one call? Facts that the journey reads, and never what it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from audit.writing.item import Moment
from gateway.oauth.clients import Client
from gateway.store.key_rows import PartnerRecord
from gateway.store.live import LiveAgreement
from schemas.consent import ConsentRecord, Restriction
from schemas.dataset import Dataset
from schemas.decision import Record
from schemas.terms import Match

Paths = frozenset[str]
REAL_TIME: Final = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Changes of facts. What is None, False or empty stays as the gateway finds it.

    `agreement` is given the version that counts and the London day; `consents` and `restrictions` the agreement and one
    person's reference; `record` what the source returned, the paths that it was asked for and its dataset. `full` is
    what the names of counts begin with that have reached any limit. `meanwhile` tells that the state moved between the
    decision and the transaction.
    """

    agreement: Callable[[LiveAgreement, date], LiveAgreement | None] | None = None
    consents: Callable[[LiveAgreement, str], tuple[ConsentRecord, ...]] | None = None
    restrictions: Callable[[LiveAgreement, str], tuple[Restriction, ...]] | None = None
    match: Match | None = None
    record: Callable[[Record, Paths, Dataset], Record] | None = None
    source_fails: Callable[[], Exception] | None = None
    full: str = ""
    client: Callable[[Client], Client] | None = None
    partner: Callable[[PartnerRecord], PartnerRecord] | None = None
    token_is_revoked: bool = False
    ahead: timedelta = REAL_TIME
    log_fails: Callable[[], Exception] | None = None
    moment: Callable[[Moment], Moment] | None = None
    meanwhile: Meanwhile | None = None


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What became of the state while a call was under way: a mapping published anew each time, a client revoked."""

    is_mapped_anew: bool = False
    is_revoked: bool = False


@dataclass(slots=True)
class Scene:
    """One call under changed facts. `was_read` tells whether the journey came to read one of them."""

    facts: Facts
    was_read: bool = False
    live: LiveAgreement | None = None
    mapped: int = 0
    _changed: dict[int, tuple[LiveAgreement, LiveAgreement | None]] = field(default_factory=dict)

    def agreement(self, found: LiveAgreement | None, on: date, *, in_transaction: bool) -> LiveAgreement | None:
        """Return an agreement as it stands under the scenario."""
        changed = self._as_changed(found, on) if found is not None else None
        if changed is None:
            return None
        self.live = self._moved(changed) if in_transaction else changed
        return self.live

    def _as_changed(self, found: LiveAgreement, on: date) -> LiveAgreement | None:
        change = self.facts.agreement
        if change is None:
            return found
        self.was_read = True
        # Worked out once: the same agreement is looked at several times in a call. Kept with it, so that its id is its own.
        if id(found) not in self._changed:
            self._changed[id(found)] = (found, change(found, on))
        return self._changed[id(found)][1]

    def _moved(self, live: LiveAgreement) -> LiveAgreement:
        meanwhile = self.facts.meanwhile
        if meanwhile is None or not meanwhile.is_mapped_anew:
            return live
        self.was_read = True
        self.mapped += 1
        return mapped_anew(live, self.mapped)

    def people(
        self, refs: Mapping[str, str], consents: Mapping[str, Any], restrictions: Mapping[str, Any]
    ) -> tuple[dict[str, tuple[ConsentRecord, ...]], dict[str, tuple[Restriction, ...]]]:
        """Return consents and restrictions by role as they stand under the scenario."""
        facts, live = self.facts, self.live
        found, held = dict(consents), dict(restrictions)
        if live is None or not refs:
            return found, held
        if facts.consents is not None:
            self.was_read = True
            found = {role: facts.consents(live, ref) for role, ref in refs.items()}
        if facts.restrictions is not None:
            self.was_read = True
            held = {role: facts.restrictions(live, ref) for role, ref in refs.items()}
        return found, held


def mapped_anew(live: LiveAgreement, number: int) -> LiveAgreement:
    """Return an agreement whose dataset was mapped anew in this call, for the first time or again."""
    return replace(live, mapping_digest=f"{live.mapping_digest} {number}")

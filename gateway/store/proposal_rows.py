"""What was proposed, and what became of it? Reads the rows of proposals and of the advice on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from audit.format.entry import canonical
from audit.stores.connection import Connection, StoreError
from audit.stores.instants import from_micros

COLUMNS: Final = (
    "change_id, kind, about, content, rests_on, digest, reason, proposed_by, person, proposed_at, status, "
    "decided_by, decided_at, decided_why, decided_role, people, followed"
)


class ProposalStatus(StrEnum):
    """What became of a proposal."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Advised(StrEnum):
    """What the data protection officer advises."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Advice:
    """What the data protection officer said of a proposal, and why."""

    advised: Advised
    words: str
    given_by: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that somebody proposed. `rests_on`: what stood beside it then. `people`: how many it took to decide."""

    change_id: str
    kind: str
    about: str
    content: Mapping[str, Any]
    rests_on: Mapping[str, str]
    digest: str
    reason: str
    proposed_by: str
    person: str | None
    proposed_at: datetime
    status: ProposalStatus
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str | None
    decided_role: str | None
    people: int | None
    followed: bool | None

    @property
    def state_key(self) -> str:
        """Return under which key its rows stand: the proposal's own, and the advice on it."""
        return change_key(self.change_id)

    @property
    def is_intact(self) -> bool:
        """Tell whether the row still holds what its digest was made of."""
        return self.digest == digest_of_change(self.kind, self.content, reason=self.reason, rests_on=self.rests_on)


def change_key(change_id: str) -> str:
    """Return under which key the rows of a proposal stand."""
    return f"change/{change_id}"


def digest_of_change(kind: str, content: Mapping[str, Any], *, reason: str, rests_on: Mapping[str, str]) -> str:
    """Return what names exactly what is proposed: the change, its reason, and what it was proposed beside."""
    whole = {"kind": kind, "content": dict(content), "reason": reason, "rests_on": dict(rests_on)}
    return "sha256:" + hashlib.sha256(canonical(whole)).hexdigest()


def sealed_content(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content as entries hold it: a text by its digest."""
    if "text" not in content:
        return dict(content)
    return {**content, "text": "sha256:" + hashlib.sha256(content["text"].encode()).hexdigest()}


def find_proposal(connection: Connection, change_id: str) -> Proposal | None:
    """Return a proposal, decided ones too."""
    row = connection.one(f"SELECT {COLUMNS} FROM proposal WHERE change_id = ?", (change_id,))
    return _proposal(row) if row else None


def load_proposal(connection: Connection, change_id: str) -> Proposal:
    """Return a proposal that was written in this transaction, or raise StoreError."""
    found = find_proposal(connection, change_id)
    if found is None:
        raise StoreError("a proposal that was just written is not there")
    return found


def read_proposals(connection: Connection, *, is_pending: bool, most: int) -> list[Proposal]:
    """Return those that wait, the oldest first; or those that were decided, the newest first."""
    where, order = ("=", "proposed_at, change_id") if is_pending else ("<>", "decided_at DESC, change_id")
    rows = connection.all(
        f"SELECT {COLUMNS} FROM proposal WHERE status {where} ? ORDER BY {order} LIMIT ?",
        (ProposalStatus.PENDING.value, most),
    )
    return [_proposal(row) for row in rows]


def count_waiting(connection: Connection) -> int:
    """Return how many wait for a second person."""
    return int(connection.value("SELECT count(*) FROM proposal WHERE status = ?", (ProposalStatus.PENDING.value,)))


def find_same(connection: Connection, digest: str, *, proposed_by: str) -> Proposal | None:
    """Return what waits already of the same proposer, word for word."""
    row = connection.one(
        f"SELECT {COLUMNS} FROM proposal WHERE digest = ? AND proposed_by = ? AND status = ?",
        (digest, proposed_by, ProposalStatus.PENDING.value),
    )
    return _proposal(row) if row else None


def advice_on(connection: Connection, change_id: str) -> list[Advice]:
    """Return what was advised on a proposal, the newest last: that one counts."""
    rows = connection.all(
        "SELECT advice, words, given_by, given_at FROM advice WHERE change_id = ? ORDER BY idx", (change_id,)
    )
    return [Advice(Advised(one), words, by, from_micros(at)) for one, words, by, at in rows]


def _proposal(row: tuple[Any, ...]) -> Proposal:
    change_id, kind, about, content, rests_on, digest, reason, proposed_by, person, proposed_at, status, *decided = row
    decided_by, decided_at, decided_why, decided_role, people, followed = decided
    return Proposal(
        change_id=change_id,
        kind=kind,
        about=about,
        content=json.loads(content),
        rests_on=json.loads(rests_on),
        digest=digest,
        reason=reason,
        proposed_by=proposed_by,
        person=person,
        proposed_at=from_micros(proposed_at),
        status=ProposalStatus(status),
        decided_by=decided_by,
        decided_at=from_micros(decided_at) if decided_at is not None else None,
        decided_why=decided_why,
        decided_role=decided_role,
        people=people,
        followed=bool(followed) if followed is not None else None,
    )

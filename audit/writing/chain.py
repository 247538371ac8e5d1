"""How does an entry follow the last one? The tree and its head as one transaction grows them, before they are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from audit.format.entry import STATE_KINDS, EntryError, entry_bytes
from audit.stores.connection import Statement
from audit.stores.entries import Head
from audit.stores.entry_rows import EntryRow, head_statements
from audit.stores.instants import from_micros
from audit.tree.checkpoint import CheckpointSigner
from audit.tree.merkle import Edge, inclusions_from, leaf_hash
from audit.writing.follower import Follower
from audit.writing.heartbeat import JUMP
from audit.writing.item import Appended, Draft, Moment
from audit.writing.once import UsedOnce
from audit.writing.said import Change
from audit.writing.said_within import SaidWithin

_CORRECTION: Final = timedelta(seconds=JUMP)
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def _not_before(now: datetime, known: datetime) -> datetime | None:
    """Return the later of two instants where a correction of the clock explains that they differ, else None."""
    return max(now, known) if abs(known - now) <= _CORRECTION else None


@dataclass(frozen=True, slots=True)
class Made:
    """An entry that has its place, but no head over it yet."""

    draft: Draft
    entry: bytes
    index: int
    at: datetime
    state_index: int
    counter: int | None

    @property
    def row(self) -> EntryRow:
        """Return it as it is kept."""
        draft = self.draft
        leaves = draft.leaf_row if draft.leaves else None
        return EntryRow(self.index, draft.entry_id, draft.kind.value, self.entry, draft.sealed.bundles, leaves)


@dataclass(slots=True)
class Chain:
    """What grows with each entry of one transaction. `head` and `edge` are as the transaction found them.

    `reached` is the instant that this writer has judged by last; `ahead` by how many seconds this machine's clock may
    yet be put back; `within` takes what its entries say of the state.
    """

    head: Head | None
    edge: Edge
    clock: Callable[[], datetime]
    once: UsedOnce
    ahead: float = 0.0
    reached: datetime = LONG_AGO
    within: SaidWithin = field(default_factory=lambda: SaidWithin(Follower()))
    state_index: int = field(init=False)
    changes: list[Change] = field(init=False, default_factory=list)
    _last: datetime = field(init=False)
    _old: dict[tuple[int, int], bytes] = field(init=False)
    _nodes: list[tuple[int, int, bytes]] = field(init=False, default_factory=list)
    _ids: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self._last = from_micros(self.head[2]) if self.head else datetime.fromtimestamp(0, UTC)
        self.state_index = self.head[3] if self.head else -1
        self._old = self.edge.nodes()

    @property
    def has_grown(self) -> bool:
        """Tell whether any entry was linked."""
        return bool(self._nodes)

    def moment(self) -> tuple[Moment, datetime]:
        """Return what an item is told now, and the instant of its entry."""
        now = self.clock()
        self.reached = _not_before(now, self._last) or _not_before(now, self.reached) or now
        self.once.forget(now, ahead=self.ahead)
        return Moment(self.reached, self.state_index, self.edge.size, self.once, now), max(now, self._last)

    def make(self, draft: Draft, at: datetime, counter: int | None) -> Made:
        """Make an entry of a draft; nothing is kept of it yet. Raises EntryError."""
        if bool(draft.state_keys) != (draft.kind in STATE_KINDS):
            raise EntryError(f"an entry of kind {draft.kind} names state keys when it is a state kind, and only then")
        if draft.entry_id in self._ids:
            raise EntryError("there is an entry of this id already")
        entry = entry_bytes(
            kind=draft.kind,
            entry_id=draft.entry_id,
            at=at,
            sd=draft.sealed.sd,
            outcome=draft.outcome,
            counter=counter,
            people=draft.people,
        )
        index = self.edge.size
        return Made(draft, entry, index, at, index if draft.state_keys else self.state_index, counter)

    def link(self, made: Made) -> None:
        """Let an entry follow the last one. Nothing can fail here: what is only in memory knows no savepoint."""
        self._ids.add(made.draft.entry_id)
        self._nodes += self.edge.append(leaf_hash(made.entry))
        self._last, self.state_index = made.at, made.state_index
        self.within.add(made.index, made.draft.sets)
        self.changes.append((made.index, made.draft.kind.value, made.draft.sets))

    def sign(self, signer: CheckpointSigner) -> str:
        """Return the signed note of the tree as it has grown."""
        return signer.sign(self.edge.size, self.edge.root())

    def head_statements(self, note: str) -> list[Statement]:
        """Return the statements that write nodes, note and head."""
        grown = (self.edge.size, self.edge.root())
        return head_statements(self._nodes, grown, note, at=self._last, state_index=self.state_index)

    def appended(self, made: list[Made], note: str) -> list[Appended]:
        """Return entries as they stand under their head, each with its proof."""
        if not made:
            return []
        # A new entry's path leads over new nodes and the old right edge alone: nothing has to be read.
        known = self._old | {(level, index): hashed for level, index, hashed in self._nodes}
        proofs = inclusions_from(first=made[0].index, size=self.edge.size, load=lambda level, index: known[level, index])
        return [
            Appended(
                entry=one.entry,
                entry_id=one.draft.entry_id,
                index=one.index,
                size=self.edge.size,
                proof=proof,
                checkpoint=note,
                at=one.at,
                state_index=one.state_index,
                draft=one.draft,
            )
            for one, proof in zip(made, proofs, strict=True)
        ]

"""What does one transaction of the log write? Every item's rows, the entries, the nodes, the signed head.

Items that judge go together: what they read is read at once, each judges over it and over what its neighbours come to, and
what they come to is written at once. A change reads and writes by itself, under a savepoint: what comes after it is read
anew. An item that fails leaves none of its rows, and its neighbours are written all the same: where a write fails, and
whose row it was can't be told, the batch begins again, item by item.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, takewhile
from typing import Any, Final

from audit.format.entry import EntryError, Kind
from audit.stores.checked import LogCorruptError
from audit.stores.connection import Connection, Row, RuleBrokenError, Statement, StoreError
from audit.stores.entry_rows import entry_statements, holds_entry
from audit.stores.recipients import COUNTERS
from audit.stores.savepoints import release_savepoint, set_savepoint, take_back_to_savepoint
from audit.stores.shelf import Key, Reading, Shelves, read_rows, statements_for
from audit.stores.state_keys import moved
from audit.tree.checkpoint import CheckpointSigner
from audit.tree.merkle import ProofError
from audit.writing.chain import Chain, Made
from audit.writing.item import Appended, Draft, Item, Judging, NeedsError, NeedsTooMuchError, Settled, Verdict
from audit.writing.overlay import Overlay

MOST_READINGS: Final = 3  # of one item, beyond the batch's own


class ItemFailedError(Exception):
    """Something failed that may be one item's own: begin again, carefully."""


class TransactionEndedError(Exception):
    """A change has ended the transaction, which none may: what it wrote can't be taken back any more."""


class _CantFollowError(Exception):
    """An entry's row is against the rules of its table."""


# Failures that are no single item's, whoever meets them.
_NOBODYS_OWN: Final = (LogCorruptError, ProofError, TransactionEndedError, ItemFailedError)


@dataclass(slots=True)
class Batch:
    """One transaction's writes. Lives inside it; the caller begins, commits and rolls back.

    Raises ItemFailedError unless `careful`: the caller rolls back, and writes the same items in a careful one.
    """

    connection: Connection
    signer: CheckpointSigner
    chain: Chain
    shelves: Shelves
    careful: bool
    before: Callable[[], Connection]  # that sees what was committed before this transaction
    note: str = field(init=False, default="")  # the checkpoint that it signs
    _known: Overlay = field(init=False, default_factory=Overlay)
    _unwritten: list[Made] = field(init=False, default_factory=list)

    def write(self, items: Sequence[Item]) -> None:
        """Run every item, then write rows, entries, nodes and the signed head. Raises what is no item's own failure."""
        made = [self._under_savepoint(item) for item in items] if self.careful else self._together(items)
        rows = (one.row for one in self._unwritten)
        statements = [*statements_for(self.shelves, self._known.changed()), *entry_statements(rows)]
        if self.chain.has_grown:
            self.note = self.chain.sign(self.signer)
            statements += self.chain.head_statements(self.note)
        self._run_all([*statements, *self.chain.once.written()])
        entered = [(item, one) for item, one in zip(items, made, strict=True) if one is not None]
        for (item, _), appended in zip(entered, self.chain.appended([one for _, one in entered], self.note), strict=True):
            _settle(item, appended)

    def learn(self, reading: Reading, answers: Sequence[Sequence[Row]]) -> None:
        """Take the rows that were read before the batch began."""
        try:
            self._known.read(reading.found(answers, self.connection))
        except Exception as error:
            raise ItemFailedError from error  # one item's key may be what can't be read

    # -- together: items that judge, between those that change

    def _together(self, items: Sequence[Item]) -> list[Made | None]:
        made: list[Made | None] = []
        for judges, some in groupby(items, key=lambda item: item.judging is not None):
            if judges:
                made += self._judge_all(list(some))
                continue
            for item in some:
                self._flush()  # a change reads what those before it came to
                made.append(self._under_savepoint(item))
            self._flush()
        return made

    def _judge_all(self, items: Sequence[Item]) -> list[Made | None]:
        self._read(self._known.missing(first_keys(items, self.chain.state_index)))
        return [self._judged(item) for item in items]

    def _judged(self, item: Item) -> Made | None:
        """Judge an item; a failure becomes its result."""
        mark = self.chain.once.mark()
        try:
            made, verdict = self._verdict(item, mark)
        except _NOBODYS_OWN:
            raise
        except BaseException as error:  # noqa: BLE001 -- an item's failure is told to its caller, whatever it is
            self.chain.once.undo(mark)
            item.result = error
            return None
        self._known.change(verdict.rows)
        item.result = Settled(verdict.told, None)
        return self._link(made)

    def _verdict(self, item: Item, mark: int) -> tuple[Made | None, Verdict[Any]]:
        """Judge an item, and read what it finds that it needs; return its entry, and what it comes to."""
        moment, at = self.chain.moment()
        for _ in range(MOST_READINGS + 1):
            try:
                verdict = _judging(item).judge(self._known, moment)
                return (self._make(verdict.draft, at) if verdict.draft is not None else None), verdict
            except NeedsError as needs:
                self.chain.once.undo(mark)
                self._read(needs.keys)
        raise NeedsTooMuchError

    def _read(self, keys: Collection[Key]) -> None:
        if not keys:
            return
        try:
            self._known.read(read_rows(self.connection, self.shelves, keys))
        except Exception as error:
            if self.careful:
                raise
            raise ItemFailedError from error  # one item's key may be what can't be read

    def _flush(self) -> None:
        """Write what the items so far come to: who comes next reads and writes by itself, and what was read is old then."""
        self._run_all(statements_for(self.shelves, self._known.changed()))
        self._known.clear()

    def _run_all(self, statements: Sequence[Statement]) -> None:
        try:
            self.connection.run_all(statements)
        except StoreError as error:
            if self.careful:
                raise
            # Whose row it was, and whether it was its own fault, comes out when each is written by itself.
            raise ItemFailedError from error

    # -- one by one: a change, and in a careful batch every item

    def _under_savepoint(self, item: Item) -> Made | None:
        """Run one item under its savepoint; a failure of its own becomes its result."""
        item.result = None
        mark = self.chain.once.mark()
        set_savepoint(self.connection)
        try:
            made = self._change(item) if item.judging is None else self._judged_alone(item, mark)
        except _NOBODYS_OWN:
            raise
        except BaseException as error:  # noqa: BLE001 -- an item's failure is told to its caller, whatever it is
            self._take_back(item, error, mark)
            made = None
        release_savepoint(self.connection)
        return self._link(made)

    def _take_back(self, item: Item, error: BaseException, mark: int) -> None:
        if isinstance(error, StoreError) and not error.is_own:
            if self.careful:
                raise error
            raise ItemFailedError from error
        self.chain.once.undo(mark)
        self._known.clear()
        take_back_to_savepoint(self.connection)
        item.result = error
        if isinstance(error, _CantFollowError):
            if not holds_entry(self.connection, str(error)):
                told = f"entry {self.chain.edge.size} can't follow what the log holds: {error.__cause__}"
                raise LogCorruptError(told) from error
            item.result = EntryError("there is an entry of this id already")

    def _change(self, item: Item) -> Made | None:
        moment, at = self.chain.moment()
        draft = item.within(self.connection, moment) if item.within is not None else None
        if not self.connection.in_transaction:
            raise TransactionEndedError
        if draft is None:
            return None
        if draft.sets:
            # Else a change would have the log say what somebody has written by hand.
            adopting = draft.kind is Kind.STATE_ADOPTED
            self.chain.within.check_before(self.before(), draft.sets, adopting=adopting)
        made = self._make(draft, at)
        if draft.state_keys:
            # At once, not with the head: the next item of this batch must see them.
            self.connection.run_all(moved(draft.state_keys, made.index))
        if self.careful:
            self._insert(made)
        return made

    def _judged_alone(self, item: Item, mark: int) -> Made | None:
        """Judge an item over what really stands, and write what it comes to."""
        self._known.clear()
        self._read(_judging(item).keys(self.chain.state_index))
        made, verdict = self._verdict(item, mark)
        self.connection.run_all(statements_for(self.shelves, verdict.rows))
        if made is not None:
            self._insert(made)
        item.result = Settled(verdict.told, None)
        self._known.clear()
        return made

    def _insert(self, made: Made) -> None:
        entry, *beside = entry_statements([made.row])
        try:
            self.connection.run(*entry)
        except RuleBrokenError as error:
            raise _CantFollowError(made.draft.entry_id) from error
        self.connection.run_all([*beside, *statements_for(self.shelves, _counted(made))])

    # -- entries

    def _make(self, draft: Draft, at: datetime) -> Made:
        if draft.recipient is None:
            return self.chain.make(draft, at, None)
        key = (COUNTERS, draft.recipient)
        self._read(self._known.missing((key,)))
        return self.chain.make(draft, at, (self._known.one(key) or 0) + 1)

    def _link(self, made: Made | None) -> Made | None:
        if made is not None:
            self.chain.link(made)
            if not self.careful:
                self._known.change(_counted(made))
                self._unwritten.append(made)
        return made


def first_keys(items: Sequence[Item], state_index: int) -> set[Key]:
    """Return what the items read that judge before any change does; `state_index` is the head's, as far as is known.

    Raises ItemFailedError.
    """
    first = takewhile(lambda item: item.judging is not None, items)
    try:
        return {key for item in first for key in _judging(item).keys(state_index)}
    except Exception as error:
        raise ItemFailedError from error


def _judging(item: Item) -> Judging[Any]:
    if item.judging is None:
        raise TypeError("a change does not judge")
    return item.judging


def _settle(item: Item, appended: Appended) -> None:
    item.result = Settled(item.result.told, appended) if isinstance(item.result, Settled) else appended


def _counted(made: Made) -> dict[Key, Any]:
    """Return the row of the recipient's counter, as an entry leaves it."""
    return {} if made.draft.recipient is None else {(COUNTERS, made.draft.recipient): made.counter}

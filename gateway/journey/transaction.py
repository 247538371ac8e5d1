"""What happens inside the append transaction? The transaction is the judge: of replays, limits and the state.

Everything here writes rows only through the given connection, so that what the log does not keep leaves no trace, and
leaves what it found in plain attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import orjson

from audit.format.entry import canonical
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment
from gateway.journey.entry_names import claim_keys, digest
from gateway.journey.equipment import Ask, Services
from gateway.journey.judge import NOBODY, Judgement, judge_all, no_person_could_change
from gateway.journey.locking import counting, locked, near_refs
from gateway.journey.person import Line, Prepared, refs_of
from gateway.journey.prepare import prepare, prepare_again
from gateway.journey.refusal_entry import refuse_at_limit
from gateway.journey.urgency import untold, write_urgent
from gateway.limits import counting as limits
from gateway.limits.reached import Left, Reached, count_repeat, day_reached, mark_reached
from gateway.oauth.server import Seen
from gateway.telemetry import Urgent
from schemas.decision import Record
from schemas.terms import Assurance, Match

KEPT_FOR: Final = timedelta(hours=24)  # an Idempotency-Key


class Stopped(Enum):
    """Why a call was not answered as prepared."""

    REPLAYED = "replayed"
    REVOKED = "revoked"
    KEY_REUSED = "key_reused"
    EXPIRED = "expired"
    FETCH_AGAIN = "fetch_again"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The people of one call that go into one entry: the one it is about, or some of the many.

    `number` counts a call's chunks from 0. `refs` are the caller's own labels of many; a call about one has none.
    """

    asks: tuple[Ask, ...]
    number: int = 0
    refs: tuple[str, ...] = ()

    @property
    def idempotency_key(self) -> str | None:
        """Return the name that this chunk's first use is kept under: a call may break off between its chunks."""
        key = self.asks[0].idempotency_key
        return f"{key} {self.number}" if key is not None and self.number else key


class Attempt:
    """One attempt to record the prepared answers of one chunk. Lives for one round of the journey."""

    def __init__(
        self,
        chunk: Chunk,
        judged: Sequence[Judgement],
        records: Sequence[Record | None],
        services: Services,
        *,
        is_first: bool = True,
    ) -> None:
        # A later round of one call finds its own `jti` used already, and so does a later chunk.
        self._is_first = is_first and chunk.number == 0
        self.chunk = chunk
        self.ask = chunk.asks[0]
        self.services = services
        refs = chunk.refs or (None,) * len(chunk.asks)
        self.lines = [Line(*one) for one in zip(chunk.asks, judged, records, refs, strict=True)]
        self.prepared: Prepared | None = None
        self._prepared_early: Prepared | None = None
        self.decided_again_at = judged[0].at
        self.stopped: Stopped | None = None
        self.reached: Reached | None = None  # of the whole call
        self.left = Left(())
        self.misses: int | None = None  # of this client today, where they are so many that it is an alarm
        self.urgent: Urgent | None = None  # what operators are told of an emergency
        self.retry_of: str | None = None
        self._uncounted: frozenset[int] = frozenset()  # of a repeat: whom the first call was not counted for
        self._newly_urgent: set[int] = set()  # who was not counted yet for whom the emergency counts

    @property
    def judged(self) -> Judgement:
        """Return what stands of the first person: agreement and instant are the same for all."""
        return self.lines[0].judged

    @property
    def refuses_everybody(self) -> bool:
        """Tell whether everything was refused for what no person could change."""
        return all(no_person_could_change(line.judged.decision) for line in self.lines)

    def prepare(self) -> None:
        """Build answers and entry before the transaction, which then only has to check that they still hold."""
        self._prepare(self.services.reader.connection)
        self._prepared_early = self.prepared

    def _prepare(self, connection: Connection) -> None:
        self.prepared = prepare(self.lines, self.services, connection=connection, retry_of=self.retry_of)

    def within(self, connection: Connection, moment: Moment) -> Draft | None:
        """Judge and write, inside the transaction."""
        self._begin()
        if self._is_first and not remember(moment, (self.ask.caller.seen,)):
            self.stopped = Stopped.REPLAYED
            return None
        if self._is_reused_key(connection, moment.at):
            self.stopped = Stopped.KEY_REUSED
            return None
        if self._must_judge_again(connection, moment) and not self._judge_again(connection, moment):
            return None
        if self.retry_of:
            self._prepare(connection)
        counts = self._counting(connection, moment)
        if not self._is_within_limits(counts, connection, moment):
            return self._refusal(connection)
        return self._write(counts, connection, moment)

    def _begin(self) -> None:
        """Stand where the round stood before its transaction: it may run twice."""
        self.stopped = self.reached = self.retry_of = self.misses = self.urgent = None
        self._uncounted, self._newly_urgent = frozenset(), set()
        self.prepared = self._prepared_early
        for line in self.lines:
            line.begin()

    # -- does what was judged still hold?

    def _must_judge_again(self, connection: Connection, moment: Moment) -> bool:
        early = [line.early for line in self.lines]
        if moment.at >= min(one.holds_until for one in early):
            return True
        if moment.state_index == early[0].state_index:
            return False
        basis = tuple(dict.fromkeys(key for one in early for key in one.basis))
        return self.services.reader.over(connection).touched_since(basis, early[0].state_index)

    def _judge_again(self, connection: Connection, moment: Moment) -> bool:
        """Decide again on the records in hand; False where the call can't be answered from them, or asks by a new text."""
        reader = self.services.reader.over(connection)
        if not reader.still_counts(self.ask.caller.token):
            self.stopped = Stopped.REVOKED
            return False
        if moment.at.timestamp() >= self.ask.caller.token.expires:
            self.stopped = Stopped.EXPIRED
            return False
        found = [line.early.found for line in self.lines]
        asks = self.chunk.asks
        judged = judge_all(reader, asks, self.services, found=found, at=moment.at, state_index=moment.state_index)
        if any(self._must_ask_again(line, now) for line, now in zip(self.lines, judged, strict=True)):
            self.stopped, self.decided_again_at = Stopped.FETCH_AGAIN, moment.at
            return False
        for line, now in zip(self.lines, judged, strict=True):
            line.judged = now
            line.record = line.fetched if now.decision.permits else None
        self._prepare(connection)
        return True

    def _must_ask_again(self, line: Line, now: Judgement) -> bool:
        """Tell whether the new decision wants what the source was not asked, or asked in another way."""
        early = line.early
        if early.found is NOBODY:
            return now.live is not None and not now.live.ended and not no_person_could_change(now.decision)
        if now.decision.unnamed:
            return True  # by what names nobody any more, it is not told either whether somebody was found
        if (now.incident is None) != (early.incident is None):
            return True  # what an incident alone allows was allowed, or asked of nobody
        if now.asked_by != early.asked_by or (self.chunk.refs and _text_of(now) != _text_of(early)):
            return True  # of many people, what one call may ask is the text's too
        fetched = early.read if line.fetched is not None else frozenset()
        is_confirmed = early.found.match is Match.CONFIRMED
        return is_confirmed and now.decision.permits and bool(now.read - fetched)

    # -- idempotency and limits

    def _is_reused_key(self, connection: Connection, at: datetime) -> bool:
        key = self.chunk.idempotency_key
        if key is None:
            return False
        row = connection.one(
            "SELECT body_digest, disclosure_id, limited FROM idempotency WHERE client_id = ? AND key = ? AND expires > ?",
            (self.ask.caller.client.client_id, key, int(at.timestamp())),
        )
        if row is None:
            return False
        self.retry_of, self._uncounted = row[1], frozenset(orjson.loads(row[2]))
        return bool(row[0] != self._digest)

    @property
    def _digest(self) -> str:
        """Return what a repeat must share: the body, and the agreement and grant that it is under without naming them.

        And who asks, in which role, where a signed context says so beside the body.
        """
        agreement, caseworker = self.judged.agreement_id or "", self.ask.request.caseworker
        under = [self.ask.body_digest, agreement, dict(self.ask.caller.token.details.get(agreement, {}))]
        if caseworker is not None and caseworker.assurance is Assurance.VOUCHED:
            under.append([caseworker.id, caseworker.role])
        return digest(canonical(under))

    def _counting(self, connection: Connection, moment: Moment) -> limits.Counting:
        people = [self._person(number) for number in range(len(self.lines))]
        judged = [line.judged for line in self.lines]
        is_repeat = self.retry_of is not None
        return counting(judged, people, self.ask, self.services, connection=connection, at=moment.at, is_repeat=is_repeat)

    def _person(self, number: int) -> limits.Person:
        """Return whom a line is about; in a repeat, whom the first call was counted for is not counted again."""
        line = self.lines[number]
        counts = self.retry_of is None or number in self._uncounted
        claimed = tuple(refs_of(line.judged, line.ask.request.claims or ()))
        judged = line.judged
        return limits.Person(judged.subject_ref, judged.key_ref, judged.guess_refs, counts, claimed)

    def _is_within_limits(self, counts: limits.Counting, connection: Connection, moment: Moment) -> bool:
        """Judge the call, then each person, and count those who are within; False where the whole call is refused.

        A limit that one of many people exceeds withholds that person alone.
        """
        if self.chunk.number == 0:
            self.reached = counts.call_reached()
            if self.reached is None and self._repeats_too_often(connection, moment):
                self.reached = day_reached(limits.REPEATS, moment.at)
            if self.reached is not None:
                return False
            counts.count_call()
        changed = [number for number, line in enumerate(self.lines) if not self._counts(counts, number, line, connection)]
        if not self.chunk.refs and self.lines[0].reached is not None:
            self.reached = self.lines[0].reached
            return False
        if changed and self.chunk.refs and self.prepared is not None:
            whose = (self.prepared, self.lines, changed, self.services)
            self.prepared = prepare_again(*whose, connection=connection, retry_of=self.retry_of)
        elif changed:
            self._prepare(connection)
        self.misses = counts.alarming()
        return True

    def _counts(self, counts: limits.Counting, number: int, line: Line, connection: Connection) -> bool:
        """Count one person; False where their part changes: a limit withholds them, and then nothing of theirs is counted,
        or misses have locked them since they were looked for.
        """
        person = self._person(number)
        is_locked = line.judged.found.match is Match.CONFIRMED and counts.is_locked(person.subject_ref)
        if is_locked:
            line.judged = locked(line.judged, line.ask, self.services, self.services.reader.over(connection))
            line.record = None
            person = self._person(number)
        line.reached = counts.person_reached(person)
        if line.reached is None and line.ask.request.claims is not None:
            line.reached = counts.wrong_reached(person)
        if line.reached is not None:
            return False
        if counts.is_new_to_emergencies(person):
            self._newly_urgent.add(number)
        line.guessed_at = counts.guessed_at(person)
        counts.count_person(person)
        # Also where nothing may leave: `not_confirmed` tells a guesser as much.
        if line.judged.found is not NOBODY and line.judged.found.match is not Match.CONFIRMED:
            counts.count_miss(person, near_refs(line.judged, self.services))
        if not is_locked:
            told_wrong = self.prepared.parts[number].wrong if self.prepared is not None else frozenset()
            counts.count_wrong(person, told_wrong - line.guessed_at)
        return not (is_locked or line.guessed_at)

    def _refusal(self, connection: Connection) -> Draft | None:
        """Return the one refusal entry of a limit's window; None where the call was refused in it before."""
        reached = self.reached
        if reached is None or not mark_reached(connection, self.ask.caller.client.client_id, reached, self.services.usage):
            return None
        return refuse_at_limit(self.judged, reached, self.ask, self.services, connection=connection, retry_of=self.retry_of)

    def _repeats_too_often(self, connection: Connection, moment: Moment) -> bool:
        if self.retry_of is None:
            return False
        client, key = self.ask.caller.client.client_id, self.ask.idempotency_key or ""
        return count_repeat(connection, client, key, moment.at, self.services.usage) > limits.MOST_REPEATS

    # -- write

    def _write(self, counts: limits.Counting, connection: Connection, moment: Moment) -> Draft | None:
        if self.prepared is None:
            return None
        if not self._claim(connection):
            self._prepare(connection)
            self._claim(connection)
        counts.write()
        self._write_urgent(counts, connection, moment.at)
        self.left = counts.left() if self.judged.live is not None else Left(())
        self._keep_key(connection, moment.at)
        return self.prepared.draft

    def _write_urgent(self, counts: limits.Counting, connection: Connection, at: datetime) -> None:
        """Write the row of an emergency that opened something: a second person looks at it."""
        if self.prepared is None:
            return
        within = [number for number, line in enumerate(self.lines) if line.reached is None]
        people = untold(connection, within, self._uncounted | self._newly_urgent, self.retry_of)
        entry_id = self.prepared.draft.entry_id
        call = write_urgent(connection, self.lines[0], entry_id, people=people, services=self.services, at=at)
        if call is not None:
            self.urgent = Urgent(call.client, call.kind, call.people, counts.many_urgent())

    def _claim(self, connection: Connection) -> bool:
        parts = self.prepared.parts if self.prepared is not None else ()
        return claim_keys([part.keys for part in parts], self.services, connection)

    def _keep_key(self, connection: Connection, at: datetime) -> None:
        """Keep the first use of an Idempotency-Key, and whom it was not counted for; one whose day is over is used anew."""
        key = self.chunk.idempotency_key
        if key is None or self.prepared is None:
            return
        client = self.ask.caller.client.client_id
        limited = orjson.dumps([number for number, line in enumerate(self.lines) if line.reached is not None]).decode()
        if self.retry_of is not None:
            connection.run("UPDATE idempotency SET limited = ? WHERE client_id = ? AND key = ?", (limited, client, key))
            return
        expires = int((at + KEPT_FOR).timestamp())
        connection.run(
            "INSERT OR REPLACE INTO idempotency (client_id, key, body_digest, disclosure_id, expires, limited) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (client, key, self._digest, self.prepared.draft.entry_id, expires, limited),
        )


def _text_of(judged: Judgement) -> str | None:
    return judged.live.agreement.digest if judged.live is not None else None


def remember(moment: Moment, seen: tuple[Seen | None, ...]) -> bool:
    """Use each `jti` that there is; False when one of them was used before: the call must then have no other effect.

    Also False for one whose time is over: that it was used may be forgotten by then.
    """
    # A scope holds no line break, so that no two pairs give one name.
    return moment.once.use([(f"{one.scope}\n{one.jti}", one.expires) for one in seen if one is not None], moment.now)

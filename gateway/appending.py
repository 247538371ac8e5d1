"""What happens inside the append transaction? The transaction is the judge: of replays, limits and the state.

Everything here writes rows only through the given connection, so that what the log does not keep leaves no trace, and
leaves what it found in plain attributes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from audit.sequencer import Draft, Moment
from gateway import limits
from gateway.answer import Prepared, claim_keys, prepare
from gateway.judgement import NOBODY, Judgement, judge, no_person_could_change
from gateway.oauth.server import Seen
from gateway.refusing import refuse_at_limit
from gateway.services import Ask, Services
from gateway.store.state import Reader
from policies.decide import waives_in_emergency
from schemas.decision import Record
from schemas.terms import Match

KEPT_FOR: Final = timedelta(hours=24)  # an Idempotency-Key


class Stopped(Enum):
    """Why a call was not answered as prepared."""

    REPLAYED = "replayed"
    REVOKED = "revoked"
    KEY_REUSED = "key_reused"
    EXPIRED = "expired"
    FETCH_AGAIN = "fetch_again"


class Attempt:
    """One attempt to record one prepared answer. Lives for one call of the journey."""

    def __init__(
        self, ask: Ask, judged: Judgement, record: Record | None, services: Services, *, is_first: bool = True
    ) -> None:
        self._is_first = is_first  # a later round of one call finds its own `jti` used already
        self.ask = ask
        self.services = services
        self.record = record
        self.judged = judged
        self.prepared: Prepared | None = None
        self.decided_again_at = judged.at
        self.stopped: Stopped | None = None
        self.reached: limits.Reached | None = None
        self.left = limits.Left(())
        self.retry_of: str | None = None
        self._early = judged

    def prepare(self) -> None:
        """Build answer and entry before the transaction, which then only has to check that they still hold."""
        self.prepared = prepare(
            self.judged, self.record, self.ask, self.services, connection=self.services.reader.connection
        )

    def within(self, connection: Any, moment: Moment) -> Draft | None:
        """Judge and write, inside the transaction."""
        self.stopped = self.reached = self.retry_of = None
        if self._is_first and not remember(connection, (self.ask.caller.seen,), moment.at):
            self.stopped = Stopped.REPLAYED
            return None
        if self._is_reused_key(connection, moment.at):
            self.stopped = Stopped.KEY_REUSED
            return None
        if self._must_judge_again(connection, moment) and not self._judge_again(connection, moment):
            return None
        if (refusal := self._limit(connection, moment)) is not None or self.reached is not None:
            return refusal
        return self._write(connection, moment)

    # -- does what was judged still hold?

    def _must_judge_again(self, connection: Any, moment: Moment) -> bool:
        early = self._early
        if moment.at >= early.holds_until:
            return True
        if moment.state_index == early.state_index:
            return False
        return Reader(connection, self.services.reader.readings).touched_since(early.basis, early.state_index)

    def _judge_again(self, connection: Any, moment: Moment) -> bool:
        """Decide again on the record in hand; False where the call can't be answered from it."""
        reader = Reader(connection, self.services.reader.readings)
        client = reader.find_client(self.ask.caller.client.client_id)
        if client is None or not client.is_active:
            self.stopped = Stopped.REVOKED
            return False
        if moment.at.timestamp() >= self.ask.caller.token.expires:
            self.stopped = Stopped.EXPIRED
            return False
        judged = judge(
            reader, self.ask, self.services, found=self._early.found, at=moment.at, state_index=moment.state_index
        )
        if self._must_ask_again(judged):
            self.stopped, self.decided_again_at = Stopped.FETCH_AGAIN, moment.at
            return False
        self.judged = judged
        record = self.record if judged.decision.permits else None
        self.prepared = prepare(judged, record, self.ask, self.services, connection=connection)
        return True

    def _must_ask_again(self, judged: Judgement) -> bool:
        """Tell whether the new decision wants what the source was not asked, or asked in another way."""
        early = self._early
        if early.found is NOBODY:
            return judged.live is not None and not judged.live.ended and not no_person_could_change(judged.decision)
        if judged.asked_by != early.asked_by:
            return True
        fetched = early.decision.read if self.record is not None else frozenset()
        is_confirmed = early.found.match is Match.CONFIRMED
        return is_confirmed and judged.decision.permits and bool(judged.decision.read - fetched)

    # -- idempotency and limits

    def _is_reused_key(self, connection: Any, at: datetime) -> bool:
        if self.ask.idempotency_key is None:
            return False
        row = connection.execute(
            "SELECT body_digest, disclosure_id FROM idempotency WHERE client_id = ? AND key = ? AND expires > ?",
            (self.ask.caller.client.client_id, self.ask.idempotency_key, int(at.timestamp())),
        ).fetchone()
        if row is None:
            return False
        self.retry_of = row[1]
        return bool(row[0] != self.ask.body_digest)

    def _limit(self, connection: Any, moment: Moment) -> Draft | None:
        """Return the one refusal entry of a limit's window; None where the call is within, or was refused before."""
        use = self._use(moment)
        if use is None:
            return None
        live = self.judged.live
        result = limits.judge(connection, live.agreement.limits, use) if live else limits.Left(())
        if isinstance(result, limits.Reached):
            self.reached = result
        elif self._misses_too_often(connection, moment):
            self.reached = limits.day_reached(limits.MISSES, moment.at)
        elif self._repeats_too_often(connection, moment):
            self.reached = limits.day_reached(limits.REPEATS, moment.at)
        if self.reached is None:
            self.left = result if isinstance(result, limits.Left) else self.left
            return None
        if not limits.mark_reached(connection, self.ask.caller.client.client_id, self.reached):
            return None
        return refuse_at_limit(
            self.judged, self.reached, self.ask, self.services, connection=connection, retry_of=self.retry_of
        )

    def _misses_too_often(self, connection: Any, moment: Moment) -> bool:
        partner = self.ask.caller.client.partner_id or ""
        return limits.misses(connection, partner, self.judged.key_ref, moment.at) >= limits.MOST_MISSES

    def _repeats_too_often(self, connection: Any, moment: Moment) -> bool:
        if self.retry_of is None:
            return False
        client, key = self.ask.caller.client.client_id, self.ask.idempotency_key or ""
        return limits.count_repeat(connection, client, key, moment.at) > limits.MOST_REPEATS

    def _use(self, moment: Moment) -> limits.Use | None:
        if self.judged.live is None:
            return None
        circumstances = self.judged.circumstances
        return limits.Use(
            agreement=self.judged.live.agreement.id,
            partner=self.ask.caller.client.partner_id or "",
            subject_ref=self.judged.subject_ref,
            at=moment.at,
            in_emergency=waives_in_emergency(self.judged.live.compiled, circumstances),
            counts=self.retry_of is None,
        )

    # -- write

    def _write(self, connection: Any, moment: Moment) -> Draft | None:
        if self.prepared is None or not claim_keys(self.prepared.keys, self.services, connection) or self.retry_of:
            self.prepared = prepare(
                self.judged, self.record, self.ask, self.services, connection=connection, retry_of=self.retry_of
            )
            claim_keys(self.prepared.keys, self.services, connection)
        use = self._use(moment)
        if use is not None and self.judged.live is not None:
            limits.count(connection, self.judged.live.agreement.limits, use)
        # Also where nothing may leave: `not_confirmed` tells a guesser as much.
        if self.judged.found is not NOBODY and self.judged.found.match is not Match.CONFIRMED:
            limits.count_miss(connection, self.ask.caller.client.partner_id or "", self.judged.key_ref, moment.at)
        self._keep_key(connection, moment.at)
        return self.prepared.draft

    def _keep_key(self, connection: Any, at: datetime) -> None:
        """Keep the first use of an Idempotency-Key; one whose day is over is used anew."""
        if self.ask.idempotency_key is None or self.retry_of is not None or self.prepared is None:
            return
        connection.execute(
            "INSERT OR REPLACE INTO idempotency (client_id, key, body_digest, disclosure_id, expires) "
            "VALUES (?, ?, ?, ?, ?)",
            (
                self.ask.caller.client.client_id,
                self.ask.idempotency_key,
                self.ask.body_digest,
                self.prepared.draft.entry_id,
                int((at + KEPT_FOR).timestamp()),
            ),
        )


def remember(connection: Any, seen: tuple[Seen, ...], at: datetime) -> bool:
    """Write each `jti` as used; False when one of them was used before: the call must then have no other effect.

    Also False for one whose time is over: that it was used may be forgotten by then.
    """
    return all(
        one.expires > at.timestamp()
        and connection.execute(
            "INSERT OR IGNORE INTO seen (scope, jti, expires) VALUES (?, ?, ?)", (one.scope, one.jti, one.expires)
        ).rowcount
        for one in seen
    )

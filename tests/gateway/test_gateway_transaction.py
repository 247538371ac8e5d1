"""The judge inside the append transaction, without a database: over rows that a test gives it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from house import copy_template, open_house, republish
from hypothesis import given
from hypothesis import strategies as st

from audit.format.commitment import SealingKey
from audit.stores.shelf import Key
from audit.stores.state_keys import STATE_KEYS
from audit.writing.item import Moment, NeedsError, Verdict
from audit.writing.key_shelf import PERSONS_KEYS, Held
from audit.writing.once import UsedOnce
from audit.writing.overlay import Overlay
from audit.writing.sequencer import LogUnavailableError
from gateway.journey.facts import FACTS, NO_PERSON, Facts
from gateway.journey.round import RoundEnd, Stopped
from gateway.journey.transaction import Recording
from gateway.limits.counting import EARLY, MOST_REPEATS, REPEATS
from gateway.log.used_once import remember
from gateway.store.counts import COUNTS
from gateway.store.first_uses import FIRST_USES, FirstUse

HARBOUR = "northmoor-harbour-tenancies"
LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"
OTHERS = Held(SealingKey(b"o" * 16, b"another's secret, of 32 bytes...."), is_claimed=True)


@contextmanager
def noticing(house: Any) -> Iterator[list[Recording]]:
    found: list[Recording] = []

    async def settle(judging: Any) -> Any:
        found.append(judging)
        raise LogUnavailableError("it is noticed, and not written")

    log, settles = house.wiring.services.log, house.wiring.services.log.settle
    log.settle = settle
    try:
        yield found
    finally:
        log.settle = settles


@pytest.fixture(scope="module")
def recording(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Return the item of a call with an Idempotency-Key, from a gateway that has been closed since."""
    with open_house(copy_template(template, tmp_path_factory.mktemp("judge") / "council")) as house:
        house.clock.move(seconds=30)
        republish(house, HARBOUR, (LIMITS, "limits: {per_minute: 5, subjects_per_day: 5, batch: 1}"))
        harbour = house.harbour()
        with noticing(house) as found:
            assert harbour.ask(fields=["age"], Idempotency_Key="once").status_code == 503
        return found[0]


@dataclass
class Rows:
    """Rows that an item judges over: those that a test names, and of the others none."""

    given: dict[Key, Any] = field(default_factory=dict)
    facts: Facts | None = None
    moved: int | None = None  # the index of every state key
    asked: list[Key] = field(default_factory=list)

    def one(self, key: Key) -> Any:
        self.asked.append(key)
        if key in self.given:
            return self.given[key]
        if key[0] == FACTS:
            return self.facts
        if key[0] == STATE_KEYS:
            return self.moved
        return Held(self.given[PERSONS_KEYS, "key"], is_claimed=False) if key[0] == PERSONS_KEYS else None

    def all(self, keys: Iterable[Key]) -> dict[Key, Any]:
        return {key: self.one(key) for key in keys}


def over(recording: Recording, **more: Any) -> Rows:
    """Return rows of which the keys of people are as the round was prepared with them."""
    claims = recording.round.prepared.claims
    given = {(PERSONS_KEYS, *whose): Held(key, is_claimed=False) for whose, key in claims.items()}
    return Rows(given=given | more.pop("given", {}), **more)


def at(recording: Recording, **more: Any) -> Moment:
    judged = recording.round.judged
    moment = Moment(judged.at, judged.state_index, 7, UsedOnce(), judged.at)
    return replace(moment, **more)


def first_use(recording: Recording, **more: Any) -> dict[Key, Any]:
    round_ = recording.round
    expires = int(round_.judged.at.timestamp()) + 60
    use = replace(FirstUse(round_.digest, "d_before", expires), **more)
    return {(FIRST_USES, round_.ask.caller.client.client_id, "once"): use}


def taken_back(recording: Recording) -> Facts:
    return Facts(recording.round.judged.call, (NO_PERSON,), still_counts=False)


def test_what_nothing_stands_against_is_recorded_as_prepared(recording: Recording) -> None:
    verdict = recording.judge(over(recording), at(recording))

    assert verdict.told.stopped is verdict.told.reached is None
    assert verdict.draft is recording.round.prepared.draft
    assert {key[0] for key in verdict.rows} == {COUNTS, FIRST_USES, PERSONS_KEYS}
    assert all(row.is_claimed for key, row in verdict.rows.items() if key[0] == PERSONS_KEYS)


def test_it_reads_what_it_declares_and_nothing_besides(recording: Recording) -> None:
    declared = set(recording.keys(recording.round.judged.state_index))
    rows = over(recording)
    recording.judge(rows, at(recording))
    assert set(rows.asked) <= declared


def test_a_state_that_moved_is_declared_too(recording: Recording) -> None:
    before = recording.round.judged.state_index
    rows = over(recording, moved=before)
    recording.judge(rows, at(recording, state_index=before + 1))
    assert set(rows.asked) <= set(recording.keys(before + 1))


def test_it_asks_for_what_was_not_read(recording: Recording) -> None:
    with pytest.raises(NeedsError) as needs:
        recording.judge(Overlay(), at(recording))
    assert needs.value.keys


def test_judging_twice_comes_to_the_same(recording: Recording) -> None:
    first, second = (recording.judge(over(recording), at(recording)) for _ in range(2))
    assert first == second


def test_what_the_state_did_to_others_is_nothing_to_it(recording: Recording) -> None:
    before = recording.round.judged.state_index
    verdict = recording.judge(over(recording, moved=before), at(recording, state_index=before + 1))
    assert verdict.draft is recording.round.prepared.draft


FAULTS = {
    "replayed": Stopped.REPLAYED,
    "reused": Stopped.KEY_REUSED,
    "revoked": Stopped.REVOKED,
    "limit": EARLY,
}


@given(st.sets(st.sampled_from(list(FAULTS))))
def test_the_first_fault_in_order_is_told(recording: Recording, faults: set[str]) -> None:
    """Whatever else stands in the way: the proof, the Idempotency-Key, the standing, the limits."""
    before, moment = recording.round.judged.state_index, at(recording)
    rows = over(recording)
    if "replayed" in faults:
        remember(moment, (recording.round.ask.caller.seen,))
    if "reused" in faults:
        rows.given |= first_use(recording, body_digest="sha256:other")
    if "revoked" in faults:
        rows.facts, rows.moved = taken_back(recording), before + 1
        moment = replace(moment, state_index=before + 1)
    if "limit" in faults:
        rows.given |= {key: 5 for key in recording.keys(before) if key[0] == COUNTS and key[1].startswith("calls/")}

    end = recording.judge(rows, moment).told

    first = next((FAULTS[name] for name in FAULTS if name in faults), None)
    assert (end.stopped or (end.reached.limit if end.reached else None)) == first


@pytest.mark.parametrize("fault", ["replayed", "reused", "revoked"])
def test_a_round_that_stops_writes_nothing(recording: Recording, fault: str) -> None:
    before, moment, rows = recording.round.judged.state_index, at(recording), over(recording)
    if fault == "replayed":
        remember(moment, (recording.round.ask.caller.seen,))
    elif fault == "reused":
        rows.given |= first_use(recording, body_digest="sha256:other")
    else:
        rows.facts, rows.moved, moment = taken_back(recording), before + 1, replace(moment, state_index=before + 1)

    verdict = recording.judge(rows, moment)

    assert verdict.told.stopped is not None
    assert (verdict.draft, dict(verdict.rows)) == (None, {})


def test_a_key_whose_day_is_over_is_used_anew(recording: Recording) -> None:
    over_since = int(recording.round.judged.at.timestamp())
    rows = over(recording, given=first_use(recording, body_digest="sha256:other", expires=over_since))
    assert recording.judge(rows, at(recording)).told.stopped is None


def test_a_repeat_names_what_it_repeats_and_is_not_counted(recording: Recording) -> None:
    verdict = recording.judge(over(recording, given=first_use(recording)), at(recording))

    assert verdict.told.prepared.draft.sealed != recording.round.prepared.draft.sealed
    assert {key[1].partition("/")[0]: row for key, row in verdict.rows.items() if key[0] == COUNTS} == {"repeat": 1}


def test_a_repeat_too_many_is_refused(recording: Recording) -> None:
    client = recording.round.ask.caller.client.client_id
    day = recording.round.judged.at.date().isoformat()
    given = {**first_use(recording), (COUNTS, f"repeat/{client}/once", day): MOST_REPEATS}
    assert recording.judge(over(recording, given=given), at(recording)).told.reached.limit == REPEATS


def test_under_a_key_that_another_has_claimed_it_is_sealed_again(recording: Recording) -> None:
    whose = next(iter(recording.round.prepared.claims))
    verdict = recording.judge(over(recording, given={(PERSONS_KEYS, *whose): OTHERS}), at(recording))

    assert OTHERS.key.key_id in {key_id for key_id, _ in verdict.draft.sealed.bundles}
    assert (PERSONS_KEYS, *whose) not in verdict.rows
    assert verdict.draft.entry_id == recording.round.prepared.draft.entry_id


def test_the_end_of_a_token_is_told_where_time_alone_has_come(recording: Recording) -> None:
    rows = over(recording, facts=replace(taken_back(recording), still_counts=True))
    ends = recording.round.judged.at + timedelta(hours=1)
    assert recording.judge(rows, at(recording, at=ends)).told.stopped is Stopped.EXPIRED


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 59))
def test_calls_a_minute_slide(recording: Recording, now: int, before: int, second: int) -> None:
    """At most five: the last minute's count is weighted by what is left of it."""
    judged = recording.round.judged
    moment = at(recording, at=judged.at.replace(second=second))
    minute = int(judged.at.timestamp()) // 60
    calls = next(key[1] for key in recording.keys(judged.state_index) if key[0] == COUNTS and key[1].startswith("calls/"))
    given_ = {(COUNTS, calls, str(minute)): now, (COUNTS, calls, str(minute - 1)): before}

    verdict: Verdict[RoundEnd] = recording.judge(over(recording, given=given_), moment)

    assert (verdict.told.reached is not None) == (now + before * (60 - second) / 60 + 1 > 5)
    if verdict.told.reached is None:
        assert verdict.rows[COUNTS, calls, str(minute)] == now + 1


def test_of_a_limits_window_the_first_refusal_alone_is_an_entry(recording: Recording) -> None:
    judged = recording.round.judged
    full = {key: 5 for key in recording.keys(judged.state_index) if key[0] == COUNTS and key[1].startswith("calls/")}
    first = recording.judge(over(recording, given=full), at(recording))
    counted = {key: row for key, row in first.rows.items() if key[0] == COUNTS}
    second = recording.judge(over(recording, given={**full, **counted}), at(recording))

    assert (first.draft.kind.value, second.draft) == ("refusal", None)
    assert [list(one.rows.values())[0] for one in (replace(first, rows=counted), second)] == [1, 2]  # noqa: RUF015 -- both


def test_neighbours_count_for_each_other(recording: Recording) -> None:
    """Six calls in one batch, of which a minute lets five."""
    rows = Overlay()
    keys = recording.keys(recording.round.judged.state_index)
    rows.read(over(recording).all(key for key in keys if key[0] != FIRST_USES))
    without_key = replace(recording.round.ask, idempotency_key=None)
    one = replace(recording.round, chunk=replace(recording.round.chunk, asks=(without_key,)), is_first=False)
    ends = []
    for _ in range(6):
        try:
            verdict = Recording(one).judge(rows, at(recording))
        except NeedsError as needs:
            rows.read(over(recording).all(needs.keys))
            verdict = Recording(one).judge(rows, at(recording))
        rows.change(verdict.rows)
        ends.append(verdict.told.reached is None)
    assert ends == [True] * 5 + [False]

"""The small parts that every call goes through: chance, phrases, timings, the wait for the log, strict bodies."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from audit.format.entry import canonical
from audit.writing.sequencer import LogUnavailableError
from gateway.api.request_bodies import parse_disclosure
from gateway.journey.equipment import BLOCK, MOST_PHRASES, Chance, Phrases
from gateway.journey.turn import turn
from gateway.log.waiting import ROUNDS, AwaitedLog
from gateway.problems import ProblemError
from gateway.telemetry import Timings
from gateway.web.bodies import DEEPEST


def test_chance_gives_nobody_the_same_bytes() -> None:
    chance = Chance()
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda _: chance.take(12), range(2 * BLOCK // 12)))
    assert len(set(taken)) == len(taken)
    assert {len(one) for one in taken} == {12}


def test_a_forked_process_takes_chances_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers with one block would make the same ids."""
    chance = Chance()
    chance.take(8)
    rest = chance._block
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert chance.take(8) not in rest


def test_a_phrase_is_made_once_and_stands_as_it_is() -> None:
    phrases, made = Phrases(), []

    def make() -> dict[str, int]:
        made.append(1)
        return {"version": 5}

    parts = [phrases.written(("agreement", "digest"), make) for _ in range(3)]
    assert len(made) == 1
    assert {canonical({"part": one}) for one in parts} == {b'{"part":{"version":5}}'}


def test_phrases_do_not_grow_without_end() -> None:
    phrases = Phrases()
    for number in range(MOST_PHRASES + 10):
        phrases.written((number,), dict)
    assert len(phrases._kept) <= MOST_PHRASES


def test_timings_tell_a_scrape_what_the_librarys_histogram_tells() -> None:
    """All but the time at which the label was first seen, which ours leaves out."""
    bounds, ours, theirs = (0.001, 0.0025, 1.0), CollectorRegistry(), CollectorRegistry()
    timings = Timings("took_seconds", "What it took.", "step", bounds=bounds)
    ours.register(timings)
    histogram = Histogram("took_seconds", "What it took.", ("step",), buckets=bounds, registry=theirs)
    for step, seconds in (("read", 0.0), ("read", 0.001), ("read", 0.002), ("answer", 0.0025), ("answer", 7.0)):
        timings.observe(step, seconds)
        histogram.labels(step).observe(seconds)

    told = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    assert sorted(generate_latest(ours).splitlines()) == sorted(told)


class Closed:
    def submit(self, _within: object, _done: object) -> None:
        raise LogUnavailableError("the log is closed")


def test_who_waits_for_a_closed_log_is_told() -> None:
    log = AwaitedLog(Closed())  # type: ignore[arg-type]  # of the sequencer it needs this alone

    async def two() -> list[object]:
        calls = (log.append(lambda _c, _m: None) for _ in range(2))
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)

    assert [type(one) for one in asyncio.run(two())] == [LogUnavailableError] * 2


class Together:
    """Notes the round of the loop in which each item was handed in."""

    def __init__(self) -> None:
        self.round, self.handed_in = 0, []

    def submit(self, _within: object, done) -> None:
        self.handed_in.append(self.round)
        done(None)


def test_what_one_round_of_the_loop_brings_is_handed_in_together() -> None:
    sequencer = Together()
    log = AwaitedLog(sequencer)  # type: ignore[arg-type]  # of the sequencer it needs this alone

    async def calls() -> None:
        for number in range(2):
            sequencer.round = number
            await asyncio.gather(*(log.append(lambda _c, _m: None) for _ in range(3)))

    asyncio.run(calls())
    assert sequencer.handed_in == [0, 0, 0, 1, 1, 1]


def test_calls_close_behind_are_handed_in_with_the_first() -> None:
    """Else the log's thread writes for the first while the loop is at the others', and each waits for the interpreter."""
    sequencer = Together()
    log = AwaitedLog(sequencer)  # type: ignore[arg-type]  # of the sequencer it needs this alone

    async def call(behind: int) -> None:
        for _ in range(behind):
            await turn()
        await log.append(lambda _c, _m: None)

    async def calls() -> None:
        waited = [asyncio.create_task(call(behind)) for behind in (0, ROUNDS - 1, ROUNDS + 1)]
        await asyncio.gather(*waited[:2])
        sequencer.round = 1
        await waited[2]

    asyncio.run(calls())
    assert sequencer.handed_in == [0, 0, 1]


@pytest.mark.parametrize(
    "body",
    [
        b'{"subject":{"uprn":"1"},"subject":{"uprn":"2"}}',
        b'{"subject":{"uprn":"1","uprn" : "2"}}',
        b'{"subject":{"a":"x",":b":"1",":b":"2"}}',
        b'{"subject":{"uprn":"1","u\\u0070rn":"2"}}',
        b'{"subject":{"uprn":"1","confirm":{"surname":"a","surname"\n:"b"}}}',
    ],
)
def test_a_member_given_twice_is_refused(body: bytes) -> None:
    with pytest.raises(ProblemError) as refused:
        parse_disclosure(body)
    assert refused.value.detail == "a member is given twice"


@pytest.mark.parametrize("body", [b'{"subject":{"uprn":"a: b, \'c\': [d]"}}', b'{"subject":{"uprn":"x"},"statement":":"}'])
def test_a_colon_in_a_value_makes_no_member(body: bytes) -> None:
    assert parse_disclosure(body).subject.key == "uprn"


@pytest.mark.parametrize("depth", [DEEPEST + 1, 10_000])
def test_a_deep_body_is_refused_before_it_is_parsed(depth: int) -> None:
    with pytest.raises(ProblemError) as refused:
        parse_disclosure(b'{"subject":' + b"[" * depth + b"]" * depth + b"}")
    assert refused.value.problem.status == 413

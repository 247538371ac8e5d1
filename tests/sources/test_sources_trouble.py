"""What happens when an HTTP service is slow, breaks off, or fails again and again?"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sources_people import Adapter, Service, asking, http_text, serving, source_of
from sources_scene import GRACE, answering, failure, fetch

from gateway.sources.breaker import OPENS_AFTER, RESTS
from gateway.sources.contract import SourceFailedError, SourceSlowError
from gateway.sources.http_source import HttpSource
from schemas.terms import Match


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as one:
        yield one


# -- slow


async def never(_request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


async def dripping(request: web.Request) -> web.StreamResponse:
    """Send a byte now and then: no single wait is long."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    for _ in range(100):
        await answer.write(b" ")
        await asyncio.sleep(0.05)
    return answer


@pytest.mark.parametrize("answer", [never, dripping])
def test_the_whole_call_ends_in_its_time(service: Service, tmp_path: Path, answer: Any) -> None:
    service.answer = answer
    begun = time.monotonic()

    assert failure(source_of(http_text(service.port, 0.3), tmp_path), SourceSlowError) == "library did not answer in 0.3 s"

    assert time.monotonic() - begun < 3


def test_a_service_that_takes_no_connection_is_slow(tmp_path: Path) -> None:
    """Its queue is full: the connection is never made, and its own time ends before the call's."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        text = http_text(full.getsockname()[1], 5, more="  connect_timeout: 0.2\n")

        assert failure(source_of(text, tmp_path), SourceSlowError) == "library could not be connected to in 0.2 s"


# -- in trouble


def failing_first(service: Service, times: int, status: int = 503) -> list[float]:
    """Let a service fail so many times, and then answer; return when it was asked."""
    at: list[float] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        at.append(time.monotonic())
        return web.Response(status=status, text="secret") if len(at) <= times else await service.cards_of(request)

    service.answer = answer
    return at


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_passing_failure_is_asked_once_more_after_a_pause(service: Service, tmp_path: Path, status: int) -> None:
    at = failing_first(service, 1, status)

    assert fetch(source_of(http_text(service.port), tmp_path), "card_no").values == {"card_no": "C1"}

    assert len(at) == 2
    assert at[1] - at[0] >= 0.05


@pytest.mark.parametrize(("status", "asked"), [(503, 2), (500, 1), (429, 1), (404, 1), (401, 1), (204, 1), (206, 1)])
def test_no_failure_is_asked_more_than_once_more(service: Service, tmp_path: Path, status: int, asked: int) -> None:
    at = failing_first(service, 99, status)

    with pytest.raises(SourceFailedError, match=f"^library answered {status}$"):
        fetch(source_of(http_text(service.port), tmp_path), "fines")

    assert len(at) == asked


def test_a_connection_that_breaks_off_is_asked_once_more(service: Service, tmp_path: Path) -> None:
    breaks = iter([True, False])

    async def answer(request: web.Request) -> web.StreamResponse:
        if not next(breaks):
            return await service.cards_of(request)
        broken = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
        await broken.prepare(request)
        await broken.write(b'{"items": [')
        assert request.transport is not None
        request.transport.close()
        return broken

    service.answer = answer

    assert fetch(source_of(http_text(service.port), tmp_path), "card_no").values == {"card_no": "C1"}


def test_a_service_that_is_not_there_fails(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens

        words = failure(source_of(http_text(taken.getsockname()[1]), tmp_path))

    assert words == "library could not be asked: ClientConnectorError"


def test_the_retry_is_inside_the_whole_time(service: Service, tmp_path: Path) -> None:
    failing_first(service, 99)
    begun = time.monotonic()

    with pytest.raises(SourceSlowError):
        fetch(source_of(http_text(service.port, 0.02), tmp_path), "fines")

    assert time.monotonic() - begun < 2


def test_a_service_that_fails_again_and_again_is_left_alone_and_then_tried_once(service: Service, tmp_path: Path) -> None:
    """Open: answered at once. Half open: one probe, and the others are still answered at once."""
    at, clock = failing_first(service, 99, 500), [0.0]

    async def work(source: Adapter) -> None:
        async def outcome() -> str:
            try:
                await source.identify([GRACE])
            except SourceFailedError as error:
                return str(error)
            return "answered"

        alone = f"library failed {OPENS_AFTER} times in a row, and is left alone for a while"
        assert [await outcome() for _ in range(OPENS_AFTER + 2)] == ["library answered 500"] * OPENS_AFTER + [alone] * 2
        assert len(at) == OPENS_AFTER
        clock[0] = RESTS
        assert sorted(await asyncio.gather(*(outcome() for _ in range(5)))) == ["library answered 500"] + [alone] * 4
        assert await outcome() == alone, "the probe failed: another rest"
        clock[0] = 2 * RESTS
        service.answer = None
        assert await outcome() == "answered"
        assert await outcome() == "answered"

    asking(source_of(http_text(service.port), tmp_path, monotonic=lambda: clock[0]), work)


def test_a_probe_whose_caller_goes_away_is_over(service: Service, tmp_path: Path) -> None:
    """Otherwise the source would stay shut for ever."""
    clock = [0.0]
    failing_first(service, 99, 500)

    async def work(source: Adapter) -> None:
        for _ in range(OPENS_AFTER):
            with pytest.raises(SourceFailedError):
                await source.identify([GRACE])
        clock[0] = RESTS
        service.answer = never
        probe = asyncio.ensure_future(source.identify([GRACE]))
        await asyncio.sleep(0.05)
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        service.answer = None
        assert (await source.identify([GRACE]))[0].match is Match.CONFIRMED

    asking(source_of(http_text(service.port), tmp_path, monotonic=lambda: clock[0]), work)


def test_what_one_question_meets_does_not_shut_the_source(service: Service, tmp_path: Path) -> None:
    """A refusal of one value is an answer: a partner who provokes it must not cut off the others."""
    service.answer = answering(b"", 400)

    async def work(source: Adapter) -> list[str]:
        outcomes = await asyncio.gather(*(source.identify([GRACE]) for _ in range(3 * OPENS_AFTER)), return_exceptions=True)
        return [str(one) for one in outcomes]

    found = asking(source_of(http_text(service.port), tmp_path), work)
    assert found == ["library answered 400"] * 3 * OPENS_AFTER


def test_connections_are_kept_and_closed(service: Service, tmp_path: Path) -> None:
    source = source_of(http_text(service.port), tmp_path)
    assert isinstance(source, HttpSource)

    async def thrice(of: Adapter) -> None:
        for _ in range(3):
            await of.identify([GRACE])

    asking(source, thrice)

    assert len(service.asked) == 3
    assert not source.is_open

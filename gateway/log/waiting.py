"""How does the journey wait for the log, which has its own thread?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from audit.stores.connection import Connection
from audit.writing.item import Appended, Moment, Within
from audit.writing.sequencer import LogUnavailableError, Sequencer
from gateway.journey.equipment import Log
from gateway.journey.transaction import remember
from gateway.oauth.server import Seen
from gateway.problems import PROOF_REPLAYED, ProblemError

Result = Appended | BaseException | None
Done = Callable[[Result], None]


def deliver_to(loop: asyncio.AbstractEventLoop) -> Callable[[Sequence[tuple[Done, Result]]], None]:
    """Return what the sequencer calls after each COMMIT: one wake-up of the loop for a whole batch."""

    def run(results: Sequence[tuple[Done, Result]]) -> None:
        for done, result in results:
            done(result)

    def deliver(results: Sequence[tuple[Done, Result]]) -> None:
        # A closed loop means that the callers are gone; their entries stand all the same.
        if not loop.is_closed():
            loop.call_soon_threadsafe(run, results)

    return deliver


class AwaitedLog:
    """The log, for callers on an event loop. Keeps the contract of `gateway.journey.equipment.Log`."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        self._waiting: list[tuple[Within, Done]] = []

    async def append(self, within: Within) -> Appended | None:
        """Wait until the item is durable."""
        future: asyncio.Future[Appended | None] = asyncio.get_running_loop().create_future()

        def done(result: Result) -> None:
            if future.done():
                return
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

        if not self._waiting:
            # With whatever else this round of the loop brings: the log's thread is woken once, and writes one batch.
            asyncio.get_running_loop().call_soon(self._submit)
        self._waiting.append((within, done))
        return await future

    def _submit(self) -> None:
        waiting, self._waiting = self._waiting, []
        for within, done in waiting:
            try:
                self._sequencer.submit(within, done)
            except LogUnavailableError as error:
                done(error)


async def remember_call(log: Log, *seen: Seen | None) -> None:
    """Make a call's `jti` durable without an entry; ProblemError when it was used before. A call without one has none."""
    if not any(seen):
        return
    fresh = True

    def within(_connection: Connection, moment: Moment) -> None:
        nonlocal fresh
        fresh = remember(moment, seen)

    await log.append(within)
    if not fresh:
        raise ProblemError(PROOF_REPLAYED)

"""How do callers on an event loop wait for the log, which has its own thread?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

from audit.writing.item import Appended, Judging, Result, Settled, Within
from audit.writing.sequencer import LogUnavailableError, Sequencer

T = TypeVar("T")
Done = Callable[[Result], None]
Submit = Callable[[Done], None]
# Of the loop, before the log's thread is woken: as many as a call takes turns on its way to the log, so that calls close
# behind go in the same batch. Else the thread writes while the loop works, and they take the interpreter from each other.
ROUNDS: Final = 8


class Log(Protocol):
    """The log as the gateway writes it.

    Both return once what was written would survive a power cut, and not before. They raise audit's NotDurableError or
    LogUnavailableError, for which nothing of the item was kept, and what the item itself raises.
    """

    async def append(self, within: Within) -> Appended | None:
        """Write a change; None where it wanted no entry."""
        ...

    async def settle(self, judging: Judging[T]) -> Settled[T]:
        """Write what an item comes to that judges."""
        ...


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
    """The log, for callers on an event loop. Keeps the contract of `Log`."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        self._waiting: list[tuple[Submit, Done]] = []

    async def append(self, within: Within) -> Appended | None:
        """Wait until a change is durable."""
        appended: Appended | None = await self._waited(lambda done: self._sequencer.submit(within, done))
        return appended

    async def settle(self, judging: Judging[T]) -> Settled[T]:
        """Wait until what an item comes to is durable."""
        settled: Settled[T] = await self._waited(lambda done: self._sequencer.submit_judging(judging, done))
        return settled

    async def _waited(self, submit: Submit) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(result: Result) -> None:
            if future.done():
                return
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

        if not self._waiting:
            # With whatever else these rounds bring: the log's thread is woken once, and writes one batch. Where nobody is
            # close behind they are over at once, for a loop with nothing to do goes round without waiting.
            asyncio.get_running_loop().call_soon(self._submit_after, ROUNDS - 1)
        self._waiting.append((submit, done))
        return await future

    def _submit_after(self, rounds: int) -> None:
        if rounds:
            asyncio.get_running_loop().call_soon(self._submit_after, rounds - 1)
            return
        waiting, self._waiting = self._waiting, []
        for submit, done in waiting:
            try:
                submit(done)
            except LogUnavailableError as error:
                done(error)

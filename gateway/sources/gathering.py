"""How are the people of a chunk put together for fewer questions, and several questions asked at once?"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable, Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)


def grouped(pairs: Iterable[tuple[H, T]]) -> dict[H, list[T]]:
    """Return what belongs to each name, in order."""
    found: dict[H, list[T]] = {}
    for name, one in pairs:
        found.setdefault(name, []).append(one)
    return found


def batches(values: Sequence[T], most: int) -> list[Sequence[T]]:
    """Return values in lists of at most so many."""
    return [values[start : start + most] for start in range(0, len(values), most)]


async def together(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what all of them return, in order. The first failure ends the others, which nobody waits for any more."""
    if len(works) == 1:
        return [await works[0]]
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

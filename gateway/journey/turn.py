"""When do other calls have their turn? Between the steps of the journey, so that calls under way take a step together.

What a step needs stays in the processor's caches then, and that is what an answer costs most of: several calls one after
the other through one step are cheaper than each through all of them. The append judges again by S, so nothing rests on
what happens meanwhile.
"""

from __future__ import annotations

import types
from collections.abc import Generator


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Let whoever else is ready take the step before this one: `asyncio.sleep(0)`, and nothing around it."""
    yield

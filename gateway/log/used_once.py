"""Was this assertion or proof used before? Its `jti` counts but once, and that is durable before anything rests on it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from audit.stores.shelf import Key
from audit.writing.item import Known, Moment, Verdict
from gateway.log.waiting import Log
from gateway.oauth.server import Seen
from gateway.problems import PROOF_REPLAYED, ProblemError


def remember(moment: Moment, seen: Collection[Seen | None]) -> bool:
    """Use each `jti` that there is; False when one of them was used before: the call must then have no other effect.

    Also False for one whose time is over: that it was used may be forgotten by then.
    """
    # A scope holds no line break, so that no two pairs give one name.
    return moment.once.use([(f"{one.scope}\n{one.jti}", one.expires) for one in seen if one is not None], moment.now)


@dataclass(frozen=True, slots=True)
class Remembering:
    """An item of the log that uses names and makes no entry. It tells whether they were new."""

    seen: tuple[Seen | None, ...]

    def keys(self, _state_index: int) -> Collection[Key]:
        """Return what it reads: nothing."""
        return ()

    def judge(self, _known: Known, moment: Moment) -> Verdict[bool]:
        """Use the names."""
        return Verdict(remember(moment, self.seen))


async def remember_call(log: Log, *seen: Seen | None) -> None:
    """Make a call's `jti` durable without an entry; ProblemError when it was used before. A call without one has none."""
    if any(seen) and not (await log.settle(Remembering(seen))).told:
        raise ProblemError(PROOF_REPLAYED)

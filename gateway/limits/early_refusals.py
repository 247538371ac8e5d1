"""Which clients are known to be over a limit, so that they can be answered before their body is read?

Without a write: the first refusal of a window is an entry; those answered here are counted in memory, handed in once a
second, and one more entry with the count is made when the window has ended. A crash loses the count of one second, never
a disclosure. Each worker knows by itself which clients are over: it learns it from the first call that the log refused.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from gateway.limits.counting import EARLY
from gateway.limits.reached import Reached
from gateway.oauth.caller import Caller
from gateway.problems import LIMIT_REACHED, ProblemError

Window = tuple[str, str, str]  # client, limit, window


@dataclass(slots=True)
class EarlyLimits:
    """Windows that are closed to a client under its one agreement. For one thread."""

    closed: dict[tuple[str, str], tuple[Reached, float]] = field(default_factory=dict)
    refused: Counter[Window] = field(default_factory=Counter)

    def close(self, caller: Caller, reached: Reached, *, now: float) -> None:
        """Answer this client's calls early until the window ends. Limits on persons are not known before the body is."""
        if reached.limit == EARLY and len(caller.token.details) == 1:
            agreement = next(iter(caller.token.details))
            self.closed[caller.client.client_id, agreement] = (reached, now + reached.retry_after)

    def check(self, caller: Caller, *, now: float) -> None:
        """Raise the 429 problem for a caller whose one agreement is closed to it."""
        if not self.closed or len(caller.token.details) != 1:
            return
        known = (caller.client.client_id, next(iter(caller.token.details)))
        reached, until = self.closed.get(known, (None, 0.0))
        if reached is None:
            return
        if now >= until:
            del self.closed[known]
            return
        self.refused[caller.client.client_id, reached.limit, reached.window] += 1
        raise ProblemError(LIMIT_REACHED, headers={"Retry-After": str(max(1, int(until - now)))}, limit=reached.limit)

"""Which clients are known to be over a limit, so that they can be answered before their body is read?

Without a write: the first refusal of a window is an entry; those in between are counted here, and one more entry
with the count is made when the window ends. A crash loses the count of one window, never a disclosure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from audit.commitment import seal
from audit.entry import Kind
from audit.keyring import Keyring
from audit.sequencer import Draft, Within
from gateway.oauth.caller import Caller
from gateway.problems import LIMIT_REACHED, ProblemError


@dataclass(slots=True)
class _Window:
    limit: str
    until: float
    client_id: str
    partner_id: str | None
    refused: int = 0


class EarlyLimits:
    """Windows that are closed to a client, by client and agreement. For one thread."""

    def __init__(self) -> None:
        self._closed: dict[tuple[str, str], _Window] = {}

    def close(self, caller: Caller, agreement: str, *, limit: str, until: float) -> None:
        """Answer this client's calls under this agreement early, until an instant (epoch seconds)."""
        known = (caller.client.client_id, agreement)
        self._closed.setdefault(known, _Window(limit, until, caller.client.client_id, caller.client.partner_id))

    def check(self, caller: Caller, now: float) -> None:
        """Raise the 429 problem for a caller whose one agreement is closed to it."""
        details = caller.token.details
        if not self._closed or len(details) != 1:
            return
        window = self._closed.get((caller.client.client_id, next(iter(details))))
        if window is None or now >= window.until:
            return
        window.refused += 1
        wait = str(max(1, int(window.until - now)))
        raise ProblemError(LIMIT_REACHED, headers={"Retry-After": wait}, limit=window.limit)

    def take_ended(self, now: float) -> list[_Window]:
        """Forget the windows that have ended; return those with refusals to record."""
        ended = [known for known, window in self._closed.items() if now >= window.until]
        windows = [self._closed.pop(known) for known in ended]
        return [window for window in windows if window.refused]


def ended_window_entry(window: _Window, keyring: Keyring, entry_id: str, at: datetime) -> Within:
    """Return the entry that says how often a client was refused in a window that has ended."""
    controller = keyring.controller()
    what = {"limit": window.limit, "refused": window.refused, "window_ended_at": at.isoformat()}
    parties = {"partner": window.partner_id, "client": window.client_id}
    sealed = seal(entry_id, {"parties": (controller, parties), "what": (controller, what)}, (), None)
    draft = Draft(kind=Kind.REFUSAL, entry_id=entry_id, sealed=sealed, outcome="none", recipient=window.partner_id)
    return lambda _connection, _moment: draft

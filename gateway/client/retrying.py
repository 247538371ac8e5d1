"""Is a failed try worth another, and after how long? Only 502, 503, 504, a broken connection, and 429 that says when."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

PASSING: Final = frozenset({502, 503, 504})
LIMITED: Final = 429
_CHANCE: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call may take: `deadline` seconds in all, `timeout` for one try, at most `tries` of them.

    Of an answer about many people, `deadline` bounds the time until it begins, and `timeout` each wait for more of it.
    """

    tries: int = 4
    deadline: float = 30.0
    timeout: float = 10.0
    first_wait: float = 0.25
    longest_wait: float = 8.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Where a client's time and chance come from. `clock` is epoch seconds, for proofs; `ticks` only ever grow."""

    clock: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = _CHANCE.random


def wait_before(tried: int, patience: Patience, chance: float) -> float:
    """Return the seconds to wait after so many tries: doubling, and spread, so that callers do not come back as one."""
    longest = min(patience.longest_wait, patience.first_wait * 2.0 ** (tried - 1))
    return longest * (0.5 + chance / 2)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds of Retry-After, as a number or a date (RFC 9110, section 10.2.3); None where it has none."""
    given = headers.get("retry-after", "").strip()
    if given.isdecimal() and len(given) < 10:  # noqa: PLR2004 -- no wait is that long
        return float(given)
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - now)
    except (ValueError, TypeError):
        return None


def skew_hint(headers: Mapping[str, str], now: float) -> str:
    """Say how this clock differs from the gateway's (the header Date: RFC 9110, section 6.6.1), where that may be why."""
    try:
        theirs = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return ""
    ahead = round(now - theirs)
    if abs(ahead) < 5:  # noqa: PLR2004 -- Date has whole seconds, and the answer took some
        return ""
    side = "ahead of" if ahead > 0 else "behind"
    return f"This clock is about {abs(ahead)} seconds {side} the gateway's: set it by NTP."

"""Is an upstream asked at all, after it has failed again and again?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from gateway.sources.contract import Cause, SourceFailedError

OPENS_AFTER: Final = 5  # failures in a row
RESTS: Final = 10.0  # seconds


class DownError(Exception):
    """A failure that says that the upstream itself is in trouble, and not the one question."""


class Breaker:
    """Closed, open, or half open with one probe under way. For one event loop.

    Open, it answers at once: a caller gets its 502 in a millisecond instead of the whole timeout, and what struggles is
    left alone. After the rest one call goes through; its outcome closes the breaker, or opens it for another rest.
    """

    def __init__(self, source: str, monotonic: Callable[[], float]) -> None:
        self._source = source
        self._monotonic = monotonic
        self._failures = 0
        self._rests_until = 0.0
        self._is_probing = False

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Let one call through, and learn from how it ends; raise SourceFailedError while open."""
        is_probe = self._failures >= OPENS_AFTER
        if is_probe and (self._is_probing or self._monotonic() < self._rests_until):
            text = f"{self._source} failed {OPENS_AFTER} times in a row, and is left alone for a while"
            raise SourceFailedError(text, Cause.HOST)
        self._is_probing = self._is_probing or is_probe
        try:
            yield
        except DownError:
            self._failures = min(self._failures + 1, OPENS_AFTER)
            self._rests_until = self._monotonic() + RESTS
            raise
        except SourceFailedError:  # it answered, if not as it should: it is there
            self._failures = 0
            raise
        else:
            self._failures = 0
        finally:
            # Whatever ended it, a caller who went away too: a probe that is never over would keep it open for ever.
            if is_probe:
                self._is_probing = False

"""What time is it in a test? The machine's clock is read here, and nowhere else in the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest

import gateway.commands
import gateway.demo
from gateway.app import utc_now
from schemas.instants import LONDON, london_day


def machine_now() -> datetime:
    """Return the machine's own time, for what lives beside programs that go by it."""
    return datetime.now(UTC)


def machine_seconds() -> float:
    """Return the machine's own time as seconds, as tokens and proofs count it."""
    return machine_now().timestamp()


def last_noon(at: datetime) -> datetime:
    """Return the newest noon of London's that is not after an instant."""
    noon = at.astimezone(LONDON).replace(hour=12, minute=0, second=0, microsecond=0)
    return (noon if noon <= at else noon - timedelta(days=1)).astimezone(UTC)


# One instant for a whole run, so that no day ends between the making of a council and what is asked of it.
NOON = last_noon(machine_now())
FOUNDED = NOON - timedelta(hours=1)  # when councils are made: what a test does comes after it


@dataclass
class Clock:
    """London's noon, until a test moves it."""

    at: datetime = field(default_factory=lambda: NOON)

    def __call__(self) -> datetime:
        return self.at

    @property
    def today(self) -> date:
        """Return the London day."""
        return london_day(self.at)

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@contextmanager
def ruled_by(clock: Callable[[], datetime]) -> Iterator[None]:
    """Have the commands of this process, and what the demo makes, go by a clock: each has the gateway's under its name."""
    with pytest.MonkeyPatch.context() as patch:
        for module in _that_tell_the_time():
            patch.setattr(module, utc_now.__name__, clock)
        yield


@lru_cache(maxsize=1)
def _that_tell_the_time() -> tuple[ModuleType, ...]:
    """Load what the command line would load later on: it would bring the machine's clock with it."""
    rooms = (gateway.commands, gateway.demo)
    named = [f"{room.__name__}.{one.name}" for room in rooms for one in iter_modules(room.__path__)]
    found = tuple(module for module in map(import_module, named) if hasattr(module, utc_now.__name__))
    assert found, "no command asks what time it is"
    return found

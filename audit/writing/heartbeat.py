"""Has this machine's clock jumped? Wall time against the boot clock, kept in a file beside the log.

The boot clock counts from the machine's start, also while it sleeps, and nobody sets it. How far the two are apart stays
the same but for what a daemon corrects bit by bit; a change of more than a minute between two beats is a jump. Across a
start of the machine nothing can be told: a quiet week is no jump, nor is a machine that never was in step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import get_ident
from typing import Final, NamedTuple

JUMP: Final = 60.0  # seconds between two beats: more is no correction
SETTLED: Final = 300.0  # seconds for which a clock has to go on as it jumped, until it is taken for right
STEADY: Final = 5.0  # seconds that it may vary meanwhile
MOST_AHEAD: Final = 86_400.0  # seconds: how long names are kept besides, for a clock that may yet be put back


class ClockJumpedError(Exception):
    """Wall time has moved against the boot clock. Nothing is written until somebody knows which of them is right."""


class Boot(NamedTuple):
    """Which run of the machine it is, and its seconds until now."""

    id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Beat:
    """Both clocks at one moment; and by how much wall time has been taken over ahead of where it was, until when."""

    boot_id: str
    boot: float
    wall: float
    ahead: float = 0.0
    ahead_until: float = 0.0  # seconds of the boot clock


class Heartbeat:
    """The beats of one process, shared with others by the file. `beat` once a second; `check` before each writing."""

    def __init__(self, file: Path, clock: Callable[[], datetime], boot: Callable[[], Boot]) -> None:
        self._file = file
        self._clock = clock
        self._boot = boot
        self._kept = self._read()
        self._jumped: tuple[float, float] | None = None  # how far, and when it was first seen by the boot clock

    @property
    def boot_seconds(self) -> float:
        """Return the boot clock's seconds."""
        return self._boot().seconds

    @property
    def ahead(self) -> float:
        """Return by how many seconds this clock may have to be put back: so much longer a used name is remembered."""
        kept, boot = self._kept, self._boot()
        if kept is None or (kept.boot_id == boot.id and boot.seconds >= kept.ahead_until):
            return 0.0
        return kept.ahead

    def moved(self) -> float:
        """Return by how many seconds wall time has moved against the boot clock since the last beat, 0 if none can tell."""
        kept, boot = self._kept, self._boot()
        if kept is None or kept.boot_id != boot.id:
            return 0.0
        return (self._clock().timestamp() - boot.seconds) - (kept.wall - kept.boot)

    def check(self) -> None:
        """Raise ClockJumpedError where the clock has jumped, and nobody has taken that over."""
        moved = self.moved()
        if abs(moved) > JUMP:
            raise ClockJumpedError(told(moved))

    def beat(self) -> None:
        """Keep where the clocks stand; of a clock that has jumped only once it has gone on so for five minutes."""
        self._kept = self._read() or self._kept  # others may have taken a jump over
        moved = self.moved()
        if abs(moved) <= JUMP:
            self._jumped = None
            self._keep(0.0)
        elif self._has_settled(moved):
            self.take_over()

    def take_over(self) -> float:
        """Take the clock for right as it is; return by how much it had moved."""
        moved, self._jumped = self.moved(), None
        self._keep(moved if abs(moved) > JUMP else 0.0)
        return moved

    def _has_settled(self, moved: float) -> bool:
        now = self._boot().seconds
        if self._jumped is None or abs(self._jumped[0] - moved) > STEADY:
            self._jumped = (moved, now)
        return now - self._jumped[1] >= SETTLED

    def _keep(self, moved: float) -> None:
        boot, kept = self._boot(), self._kept
        ahead, until = self.ahead, kept.ahead_until if kept is not None else 0.0
        if kept is not None and kept.boot_id != boot.id and ahead:
            until = boot.seconds + MOST_AHEAD
        if moved:
            ahead, until = min(max(0.0, ahead + moved), MOST_AHEAD), boot.seconds + MOST_AHEAD
        self._kept = Beat(boot.id, boot.seconds, self._clock().timestamp(), ahead, until)
        beside = self._file.with_name(f"{self._file.name}.{os.getpid()}-{get_ident()}")
        try:
            beside.touch(mode=0o600)
            beside.write_text(json.dumps(asdict(self._kept)), encoding="ascii")
            beside.replace(self._file)
        except OSError:
            beside.unlink(missing_ok=True)  # a full disk, say: nothing half written is left on it
            raise

    def _read(self) -> Beat | None:
        """Return the newest beat; None where there is none, or none that can be read: then nothing can be told."""
        try:
            found = json.loads(self._file.read_text(encoding="ascii"))
            return Beat(str(found.pop("boot_id")), **{name: float(value) for name, value in found.items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def told(moved: float) -> str:
    """Return what an operator is told of a jump."""
    way = "ahead" if moved > 0 else "back"
    return (
        f"this machine's clock has moved {way} by {abs(moved):.0f} seconds against its boot clock: nothing is written. "
        "Set it right; or, where it is right now, say so by stile clock accept"
    )

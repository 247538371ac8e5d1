"""Is a jump of the clock told from a quiet week, a restart and a machine that was never in step?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit.writing.heartbeat import JUMP, MOST_AHEAD, SETTLED, Boot, ClockJumpedError, Heartbeat

NOW = datetime(2026, 10, 2, 9, 0, tzinfo=UTC)
HOURS = (600.0, 7_200.0)


class Machine:
    """A machine whose wall clock somebody may set, and whose boot clock nobody can."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "state.clock"
        self.wall, self.boot = NOW, Boot("first", 1_000.0)

    def wait(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.boot = Boot(self.boot.id, self.boot.seconds + seconds)

    def put(self, seconds: float) -> None:
        """Set the wall clock."""
        self.wall += timedelta(seconds=seconds)

    def restart(self, *, off: float) -> None:
        self.wall += timedelta(seconds=off)
        self.boot = Boot(self.boot.id + "+", 20.0)

    def process(self) -> Heartbeat:
        return Heartbeat(self.file, lambda: self.wall, lambda: self.boot)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_a_beat_nothing_can_be_told(machine: Machine) -> None:
    machine.process().check()


@pytest.mark.parametrize("seconds", [*HOURS, -600.0, -7_200.0, 61.0, -61.0])
def test_a_jump_is_told_to_this_process_and_to_another(machine: Machine, seconds: float) -> None:
    one = machine.process()
    one.beat()
    machine.wait(30)
    machine.put(seconds)

    for process in (one, machine.process()):
        assert process.moved() == pytest.approx(seconds)
        with pytest.raises(ClockJumpedError, match=f"{abs(seconds):.0f} seconds"):
            process.check()


@pytest.mark.parametrize("seconds", [JUMP, -JUMP, 1.0, 0.0])
def test_up_to_a_minute_is_a_correction(machine: Machine, seconds: float) -> None:
    machine.process().beat()
    machine.put(seconds)

    machine.process().check()


def test_a_quiet_week_is_no_jump(machine: Machine) -> None:
    machine.process().beat()
    machine.wait(7 * 86_400)

    machine.process().check()


def test_a_machine_that_drifts_is_followed(machine: Machine) -> None:
    """Ten minutes in all, a second at a time."""
    one = machine.process()
    for _ in range(600):
        machine.wait(60)
        machine.put(1)
        one.check()
        one.beat()

    assert one.ahead == 0


@pytest.mark.parametrize("off", [0.0, 3_600.0, 86_400.0, -7_200.0])
def test_across_a_start_of_the_machine_nothing_is_a_jump(machine: Machine, off: float) -> None:
    machine.process().beat()
    machine.restart(off=off)

    machine.process().check()


def test_a_clock_that_is_put_right_goes_on_at_once(machine: Machine) -> None:
    one = machine.process()
    one.beat()
    machine.put(7_200)
    one.beat()
    machine.wait(20)
    machine.put(-7_200)
    one.beat()

    one.check()
    assert one.ahead == 0


def test_a_jump_is_taken_over_once_it_has_settled(machine: Machine) -> None:
    one = machine.process()
    one.beat()
    machine.put(600)
    for _ in range(int(SETTLED)):
        one.beat()
        with pytest.raises(ClockJumpedError):
            one.check()
        machine.wait(1)
    one.beat()

    one.check()
    assert one.ahead == pytest.approx(600)


def test_a_clock_that_goes_on_jumping_never_settles(machine: Machine) -> None:
    one = machine.process()
    one.beat()
    for _ in range(100):
        machine.put(90)
        machine.wait(30)
        one.beat()

    with pytest.raises(ClockJumpedError):
        one.check()


def test_what_an_operator_takes_over_counts_for_every_process(machine: Machine) -> None:
    one = machine.process()
    one.beat()
    machine.put(600)

    assert machine.process().take_over() == pytest.approx(600)

    one.beat()
    one.check()


@pytest.mark.parametrize("seconds", HOURS)
def test_how_far_ahead_is_known_until_the_clock_is_put_back(machine: Machine, seconds: float) -> None:
    machine.process().beat()
    machine.put(seconds)
    machine.process().take_over()
    machine.wait(60)
    assert machine.process().ahead == pytest.approx(seconds)

    machine.put(-seconds)
    machine.process().take_over()

    assert machine.process().ahead == pytest.approx(0)


def test_how_far_ahead_is_known_across_a_start_of_the_machine(machine: Machine) -> None:
    machine.process().beat()
    machine.put(600)
    machine.process().take_over()
    machine.restart(off=0)
    again = machine.process()

    assert again.ahead == pytest.approx(600)
    again.beat()
    machine.wait(MOST_AHEAD)
    assert again.ahead == 0


@pytest.mark.parametrize(
    "junk", ["", "{}", "[]", "null", '{"boot_id": "a", "boot": "x", "wall": 1}', "\x00", '{"boot_id": 1}']
)
def test_a_file_that_can_not_be_read_tells_nothing(machine: Machine, junk: str) -> None:
    machine.file.write_text(junk)
    one = machine.process()

    one.check()
    one.beat()
    assert machine.process().moved() == 0


def test_a_beat_is_its_owners_alone(machine: Machine) -> None:
    machine.process().beat()

    assert machine.file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in machine.file.parent.iterdir()] == ["state.clock"]


def test_two_threads_of_one_process_beat_at_once(machine: Machine) -> None:
    """A command that runs within a gateway's process has a heartbeat of its own."""

    def beats() -> None:
        one = machine.process()
        for _ in range(300):
            one.beat()

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(beats) for _ in range(2)]:
            done.result()

    assert machine.process().moved() == 0

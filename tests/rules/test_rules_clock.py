"""Does a test read the machine's clock? Then it may fail at some hour of the day; tests/hours.py alone does."""

from __future__ import annotations

import ast

import pytest
from rules_code import ROOT, files_of, nodes_of

HOURS = ROOT / "tests" / "hours.py"
TELLING = frozenset({"now", "utcnow", "today", "time", "time_ns", "clock_gettime", "localtime", "gmtime", "ctime"})
MODULES = frozenset({"datetime", "date", "time", "dt"})
PARTS = frozenset({"hour", "minute", "second", "microsecond", "day"})


def hours_read_in(source: str) -> list[str]:
    """Return the lines that read the machine's clock, or the UTC day or hour of a test's clock."""
    found = []
    for node in nodes_of(source):
        match node:
            case ast.Attribute(attr=name, value=ast.Name(id=module) | ast.Attribute(attr=module)) if (
                name in TELLING and module in MODULES and f"{module}.{name}" != "datetime.time"
            ):
                found.append(f"{node.lineno}: {module}.{name}")
            case ast.Call(func=ast.Attribute(attr="date", value=of), args=[]) if "clock" in ast.unparse(of):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
            case ast.Call(func=ast.Attribute(attr="replace", value=of), keywords=parts) if "clock" in ast.unparse(of):
                found += [f"{node.lineno}: {ast.unparse(node)}" for one in parts if one.arg in PARTS]
            case ast.ImportFrom(module=module, names=names) if module in {"time", "gateway.app"}:
                found += [f"{node.lineno}: {one.name}" for one in names if one.name in {*TELLING, "utc_now"}]
    return found


def test_no_test_depends_on_the_machines_hour() -> None:
    found = {file.name: hours_read_in(file.read_text(encoding="utf-8")) for file in files_of("tests") if file != HOURS}

    assert {name: lines for name, lines in found.items() if lines} == {}, "ask tests/hours.py for the time"


@pytest.mark.parametrize(
    "line",
    [
        "at = datetime.now(UTC)",
        "at = dt.datetime.now(dt.UTC)",
        "at = date.today()",
        "clock = time.time",
        "from time import time",
        "from gateway.app import make_changes, utc_now",
        "day = house.clock().date()",
        "day = house.clock.at.date()",
        "house.clock.at = house.clock.at.replace(hour=12)",
    ],
)
def test_each_way_to_read_an_hour_is_seen(line: str) -> None:
    assert hours_read_in(line)


@pytest.mark.parametrize(
    "line",
    [
        "until = time.monotonic() + 5",
        "at = datetime(2026, 10, 2, tzinfo=UTC)",
        "text = text_of(NAME, house.clock.today).replace('a', 'b')",
    ],
)
def test_what_is_no_hour_is_left_alone(line: str) -> None:
    assert hours_read_in(line) == []

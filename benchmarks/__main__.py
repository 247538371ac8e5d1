"""Measure everything: a table for people and benchmarks/results/latest.json for programs. `make bench`.

`make bench ARGS=growth` alone takes half an hour and 4 GB of disk, `ARGS=start` ten minutes and 1.5 GB. Two run by
themselves: `python -m benchmarks.rehash` verifies a whole log of 330,000 entries, `python -m benchmarks.crash` kills a
gateway fifty times under load.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import (
    acknowledged,
    appends,
    contention,
    decisions,
    disclosures,
    growth,
    many,
    replays,
    state,
    tokens,
    work,
    workers,
)

SHORT = (
    "work", "state", "decisions", "appends", "replays", "disclosures", "many", "workers", "contention", "acknowledged",
    "tokens",
)  # fmt: skip
RESULTS = Path(__file__).parent / "results"
NAMES = {"a": "bare FastAPI endpoint", "b": "OAuth, cedarpy, one commit", "c": "OAuth, one commit", "d": "floor"}
Row = tuple[str, str, str, bool]


def main() -> None:
    """Run the parts that are named, or all but the longest."""
    wanted = sys.argv[1:] or list(SHORT)
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(), "machine": platform.platform(), "python": sys.version}
    directory = Path(tempfile.mkdtemp(prefix="stile-bench-"))
    try:
        for name in wanted:
            found[name] = _measure(name, directory)
    finally:
        shutil.rmtree(directory)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    show(found)
    if "work" in found and not _is_light(found["work"]):
        raise SystemExit("an answer calls more functions than it may: see `most` of `work` in the results")


def _measure(name: str, directory: Path) -> dict[str, Any]:
    council = directory / "council"
    if name in ("work", "many", "workers", "contention", "acknowledged", "tokens") and not council.exists():
        disclosures.make_council(council)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "work": lambda: work.measure(council),
        "decisions": decisions.measure,
        "appends": lambda: appends.measure(directory),
        "replays": lambda: replays.measure(directory),
        "disclosures": lambda: disclosures.measure(council),
        "many": lambda: many.measure(council),
        "workers": lambda: workers.measure(council),
        "contention": lambda: contention.measure(council),
        "acknowledged": lambda: acknowledged.measure(council),
        "tokens": lambda: tokens.measure(council),
        "state": lambda: state.of_a_call(directory / "state"),
        "start": lambda: state.of_a_start(directory / "start"),
        "growth": lambda: growth.measure(directory / "growth"),
    }
    if name not in parts:
        raise SystemExit(f"there is no part {name}: name some of {', '.join(parts)}")
    return parts[name]()


def show(found: dict[str, Any]) -> None:
    """Print what was measured beside its goal."""
    table = Table("what", "measured", "goal", "", box=None, header_style="dim")
    for what, measured, goal, good in rows(found):
        table.add_row(what, measured, goal, "[green]met[/green]" if good else "[yellow]not met[/yellow]")
    console = Console()
    console.print(table)
    console.print(f"Written to {RESULTS / 'latest.json'}", style="dim")


def rows(found: dict[str, Any]) -> Iterator[Row]:
    """Give (what, measured, goal, met) of everything with a goal."""
    shown = {
        "work": _work,
        "decisions": _decisions,
        "appends": _appends,
        "replays": _replays,
        "disclosures": _disclosures,
        "many": _many,
        "workers": _workers,
        "contention": _contention,
        "acknowledged": _acknowledged,
        "tokens": _tokens,
        "state": _state,
        "start": _start,
        "growth": _growth,
    }
    for name, give in shown.items():
        if name in found:
            yield from give(found[name])


def _work(part: dict[str, Any]) -> Iterator[Row]:
    calls = part["calls"]
    yield "functions of Python that an answer calls", f"{calls['answer']}", f"at most {calls['goal']}", _is_light(part)
    mine = part["microseconds"]["governed"]
    for name, one in part["ratios"].items():
        what = f"processor of an answer ({mine:.0f} µs) to that of ({name}) {NAMES[name]}"
        yield what, f"{one['ratio']:.2f}", f"at most {one['goal']:g}", one["ratio"] <= one["goal"]


def _is_light(part: dict[str, Any]) -> bool:
    return bool(part["calls"]["answer"] <= part["calls"]["goal"])


def _decisions(part: dict[str, Any]) -> Iterator[Row]:
    for name, goal in part["goals"].items():
        yield f"{name}, µs", f"{part[name]:.2f}", f"below {goal:g}", part[name] < goal


def _appends(part: dict[str, Any]) -> Iterator[Row]:
    for submitters, one in part["by submitters"].items():
        for name, ratio in one["ratios"].items():
            what = f"append {name}, {submitters} submitters, of plain SQLite ({one['plain']:.0f}/s)"
            yield what, f"{ratio:.2f}", "reported", True  # it tells of the disk: `work` holds the goals


def _replays(part: dict[str, Any]) -> Iterator[Row]:
    cost = part["cost"]
    what = f"of an append for {part['live']:,} live ids; in a row a name {cost['a row a name']:.2f}"
    yield what, f"{cost['a row a batch']:.2f}", f"at most {part['goal']:g}", cost["a row a batch"] <= part["goal"]


def _disclosures(part: dict[str, Any]) -> Iterator[Row]:
    for name, one in part["ratios"].items():
        rates = f"{part['governed']['rate']:.0f}/s to {part['rivals'][name]['rate']:.0f}/s"
        what = f"governed to ({name}) {NAMES[name]}, {rates}"
        if name == "d":  # it tells of the disk: `work` holds the goals
            yield what, f"{one['ratio']:.2f}", "reported", True
            continue
        yield what, f"{one['ratio']:.2f}", f"at least {one['goal']:g}", one["ratio"] >= one["goal"]
    p99 = max(run["p99"] for run in part["governed"]["runs"])
    yield "governed, p99 at 16 connections, ms", f"{p99:.1f}", "below 25", p99 < 25


def _many(part: dict[str, Any]) -> Iterator[Row]:
    what = f"records/s of many people; {part['ratio']:.3f} of the same query and JSON alone ({part['plain']['rate']:.0f}/s)"
    yield what, f"{part['rate']:.0f}", f"at least {part['goal']}", part["rate"] >= part["goal"]


def _workers(part: dict[str, Any]) -> Iterator[Row]:
    aside = part["ratio, load generator aside"]
    what = f"two workers to one, load generator aside (with it {part['ratio']:.2f})"
    yield what, f"{aside:.2f}", f"at least {part['goal']:g}", aside >= part["goal"]


def _contention(part: dict[str, Any]) -> Iterator[Row]:
    what = f"beside {part['consents a second']:.0f} consents/s of other people"
    yield what, f"{part['ratio']:.2f}", f"at least {part['goal']:g}", part["ratio"] >= part["goal"]


def _acknowledged(part: dict[str, Any]) -> Iterator[Row]:
    for name in ("consent withdrawn", "token revoked", "partner suspended", "client revoked", "agreement ended"):
        one = part[name]
        what = f"{name} acknowledged, p99 in ms (p50 {one['p50']:.0f}), beside {part['answers a second beside']:.0f}/s"
        yield what, f"{one['p99']:.0f}", f"below {part['goal']}", one["p99"] < part["goal"]


def _tokens(part: dict[str, Any]) -> Iterator[Row]:
    what = f"tokens a second, {part['ratio']:.2f} of Authlib's stock classes ({part['stock']:.0f}/s)"
    yield what, f"{part['rate']:.0f}", f"at least {part['goal']}", part["rate"] >= part["goal"]
    spent, goal = part["authenticate"], part["authenticate, goal"]
    yield "a protected call authenticated, µs", f"{spent:.0f}", f"below {goal}", spent < goal


def _state(part: dict[str, Any]) -> Iterator[Row]:
    for what, spent in part["microseconds"].items():
        told = f"processor of a call for holding its rows to the log, of people who have said {what}, µs"
        yield told, f"{spent:+.1f}", f"at most {part['goal']:g}", spent <= part["goal"]


def _start(part: dict[str, Any]) -> Iterator[Row]:
    log, anew = f"{part['entries']:,} entries, {part['state_entries']:,} of state", f"{part['followed anew']:.0f}"
    what = f"start of {log}, s; {anew} where all is followed anew"
    yield what, f"{part['seconds']:.1f}", f"below {part['goal']:g}", part["seconds"] < part["goal"]


def _growth(part: dict[str, Any]) -> Iterator[Row]:
    for name in ("agreements", "entries"):
        one = part[name]
        what = f"rate with {one['counts'][1]:,} {name} to that with {one['counts'][0]:,}"
        yield what, f"{one['ratio']:.2f}", f"at least {one['goal']:g}", one["ratio"] >= one["goal"]
    one = part["memory"]
    what = f"memory after {one['answers']:,} answers to that after a fifth of them, {one['megabytes']} MB"
    yield what, f"{one['ratio']:.2f}", f"at most {one['goal']:g}", one["ratio"] <= one["goal"]


if __name__ == "__main__":
    main()

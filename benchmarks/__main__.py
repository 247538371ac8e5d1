"""Measure everything: a table for people and benchmarks/results/latest.json for programs. `make bench`.

Two run by themselves: `python -m benchmarks.rehash` verifies a whole log of 330,000 entries, `python -m benchmarks.crash`
kills a gateway fifty times under load.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import appends, contention, decisions, disclosures

RESULTS = Path(__file__).parent / "results"
NAMES = {"a": "bare FastAPI endpoint", "b": "OAuth, cedarpy, one commit", "c": "OAuth, one commit", "d": "floor"}


def main() -> None:
    """Run the parts that are named, or all."""
    wanted = set(sys.argv[1:]) or {"decisions", "appends", "disclosures", "contention"}
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(), "machine": platform.platform(), "python": sys.version}
    directory = Path(tempfile.mkdtemp(prefix="stile-bench-"))
    try:
        if "decisions" in wanted:
            found["decisions"] = decisions.measure()
        if "appends" in wanted:
            found["appends"] = appends.measure(directory)
        if "disclosures" in wanted:
            found["disclosures"] = disclosures.measure(directory / "council")
        if "contention" in wanted:
            if not (directory / "council").exists():
                disclosures.make_council(directory / "council")
            found["contention"] = contention.measure(directory / "council")
    finally:
        shutil.rmtree(directory)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    show(found)


def show(found: dict[str, Any]) -> None:
    """Print what was measured beside its goal."""
    table = Table("what", "measured", "goal", "", box=None, header_style="dim")
    for what, measured, goal, good in rows(found):
        table.add_row(what, measured, goal, "[green]met[/green]" if good else "[yellow]not met[/yellow]")
    console = Console()
    console.print(table)
    for name, milliseconds in found.get("disclosures", {}).get("steps", {}).items():
        console.print(f"  {name:14} {milliseconds:7.2f} ms", style="dim")
    console.print(f"Written to {RESULTS / 'latest.json'}", style="dim")


def rows(found: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Return (what, measured, goal, met) of everything with a goal."""
    made = []
    if part := found.get("decisions"):
        for name, goal in part["goals"].items():
            made.append((f"{name}, µs", f"{part[name]:.2f}", f"below {goal:g}", part[name] < goal))
    if part := found.get("appends"):
        for submitters, one in part["by submitters"].items():
            for name, goal in part["goals"].items():
                ratio = one["ratios"][name]
                what = f"append {name}, {submitters} submitters, of plain SQLite ({one['plain']:.0f}/s)"
                made.append((what, f"{ratio:.2f}", f"at least {goal:g}", ratio >= goal))
    if part := found.get("disclosures"):
        for name, one in part["ratios"].items():
            rates = f"{part['governed']['rate']:.0f}/s to {part['rivals'][name]['rate']:.0f}/s"
            what = f"governed to ({name}) {NAMES[name]}, {rates}"
            made.append((what, f"{one['ratio']:.2f}", f"at least {one['goal']:g}", one["ratio"] >= one["goal"]))
        p99 = max(run["p99"] for run in part["governed"]["runs"])
        made.append(("governed, p99 at 16 connections, ms", f"{p99:.1f}", "below 25", p99 < 25))
    if part := found.get("contention"):
        what = f"beside {part['consents a second']:.0f} consents/s of other people"
        made.append((what, f"{part['ratio']:.2f}", f"at least {part['goal']:g}", part["ratio"] >= part["goal"]))
    return made


if __name__ == "__main__":
    main()

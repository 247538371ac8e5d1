"""Fail where coverage has sunk below its floor: `make test` runs this after the tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from coverage import Coverage

OVERALL = 95.0
PURE = 100.0  # the core that only computes
PURE_PARTS = ("schemas/", "policies/")
PURE_FILES = {
    f"audit/{name}.py"
    for name in (
        "checking/verify",
        "checking/whole",
        "exporting/receipt",
        "exporting/tiles",
        "format/commitment",
        "format/entry",
        "format/opened",
        "format/people",
        "tree/checkpoint",
        "tree/layout",
        "tree/merkle",
    )
}


def main() -> int:
    """Return 1, and say where, when a floor is not held."""
    coverage = Coverage()
    coverage.load()
    report = Path(".coverage.json")
    coverage.json_report(outfile=str(report))
    found = json.loads(report.read_text(encoding="utf-8"))
    report.unlink()
    overall = found["totals"]["percent_covered"]
    low = [f"all: {overall:.2f} %, the floor is {OVERALL} %"] if overall < OVERALL else []
    for name, file in sorted(found["files"].items()):
        is_pure = name.startswith(PURE_PARTS) or name in PURE_FILES
        covered = file["summary"]["percent_covered"]
        if is_pure and covered < PURE:
            low.append(f"{name}: {covered:.2f} %, the floor is {PURE} %; lines {file['missing_lines']}")
    for line in low:
        sys.stderr.write(f"coverage: {line}\n")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())

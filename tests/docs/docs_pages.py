"""Which pages are there, and what stands on them?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = ("schemas", "policies", "audit", "gateway")
DOCS: Final = ROOT / "docs"


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


def blocks(page: Path, kind: str) -> list[str]:
    """Return the fenced blocks of a kind, in order."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def rows(page: Path, header: str) -> list[list[str]]:
    """Return the cells of the one table whose first header cell this is."""
    tables = re.findall(r"(?:^\|.*\|\n)+", page.read_text(encoding="utf-8"), re.MULTILINE)
    found = [table.splitlines() for table in tables if table.startswith(f"| {header} |")]
    assert len(found) == 1, f"{page.name} has {len(found)} tables that begin with {header}"
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in found[0][2:]]


def codes(cell: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def house_paths() -> list[Path]:
    """Return every file and folder of the four rooms."""
    found = [ROOT / room for room in ROOMS]
    found += [path for room in ROOMS for path in (ROOT / room).rglob("*")]
    return [path for path in found if "__pycache__" not in path.parts]

"""Which files hold this project's code, and what stands in them?"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def files_of(*rooms: str) -> list[Path]:
    found = sorted(file for room in rooms for file in (ROOT / room).rglob("*.py"))
    assert found, f"no code in {rooms}"
    return found


def nodes_of(source: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(source))

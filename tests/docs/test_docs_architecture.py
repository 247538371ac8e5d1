"""Does each file hold what docs/architecture.md says is to be changed there?"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from docs_pages import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## To change something") : PAGE.index("## The journey")]
CHANGES = re.findall(r"^\| (.+?) \| `(.+?)` \| `(.+?)` \|$", SECTION, re.MULTILINE)


def names_of(file: Path) -> set[str]:
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        found |= {one.id for one in targets if isinstance(one, ast.Name)}
    return found


def test_twenty_everyday_changes_are_told() -> None:
    assert len({change for change, *_ in CHANGES}) >= 20


@pytest.mark.parametrize(("change", "path", "name"), CHANGES, ids=[change for change, *_ in CHANGES])
def test_a_change_is_made_where_the_page_says(change: str, path: str, name: str) -> None:
    assert name in names_of(ROOT / path), f"{change}: {path} has no {name}"

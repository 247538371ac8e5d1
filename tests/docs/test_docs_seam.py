"""Does all SQL of state and log stand in the two stores' rooms?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_pages import ROOMS, ROOT

STORES = ("gateway/store/", "audit/stores/")
# Councils' own systems, which are no store of ours: what is asked of them, drafted from them, and made up.
SYSTEMS = ("gateway/sources/", "gateway/drafting/", "gateway/commands/drafting.py", "gateway/demo/")
DRIVERS = {"pysqlite3", "sqlite3", "psycopg", "sqlalchemy", "sqlmodel", "alembic"}
EXECUTING = {"execute", "executemany", "executescript"}
STATEMENT = re.compile(r"\s*((SELECT|INSERT INTO|UPDATE|DELETE FROM|PRAGMA|SAVEPOINT) |(BEGIN|COMMIT|ROLLBACK)\b)")


def outside() -> list[Path]:
    files = [one for room in ROOMS for one in (ROOT / room).rglob("*.py")]
    return [one for one in files if not str(one.relative_to(ROOT)).startswith((*STORES, *SYSTEMS))]


def breaches(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"imports {name}" for name in names if name.partition(".")[0] in DRIVERS)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in EXECUTING:
            yield f"calls .{node.func.attr}( in line {node.lineno}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.match(node.value):
            yield f"holds a statement in line {node.lineno}"


@pytest.mark.parametrize(
    "text",
    [
        "import pysqlite3",
        "from sqlalchemy.exc import SQLAlchemyError",
        "import psycopg.rows",
        "connection.execute(it)",
        "connection.one('SELECT 1 FROM usage')",
        "connection.run('BEGIN IMMEDIATE')",
        "run(f'DELETE FROM {table}')",
    ],
)
def test_the_lint_finds(text: str) -> None:
    assert list(breaches(ast.parse(text)))


def test_no_statement_stands_outside_the_stores() -> None:
    files = outside()
    found = {str(one.relative_to(ROOT)): list(breaches(ast.parse(one.read_text(encoding="utf-8")))) for one in files}

    assert len(files) > 200
    assert {name: what for name, what in found.items() if what} == {}

"""Can two arguments of one type be mixed up? Where a public function has two, they are given by name."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from rules_code import ROOT, files_of

LIST = Path(__file__).with_name("taken_by_place.txt")
KNOWN = set(LIST.read_text(encoding="utf-8").splitlines())
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, Function]]:
    """Yield the public functions of a module and of its public classes, by their names."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions_of(node.body, f"{within}{node.name}.")
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield f"{within}{node.name}", node


def mixed_up_in(source: str) -> list[str]:
    """Return the public functions that take two arguments of one type by their places."""
    found = []
    for name, function in functions_of(ast.parse(source).body):
        placed = [*function.args.posonlyargs, *function.args.args]
        types = Counter(ast.unparse(one.annotation) for one in placed if one.annotation is not None)
        if any(count > 1 for count in types.values()):
            found.append(name)
    return found


def found_now() -> set[str]:
    files = files_of("schemas", "policies", "audit", "gateway")
    return {
        f"{file.relative_to(ROOT).as_posix()}: {name}"
        for file in files
        for name in mixed_up_in(file.read_text(encoding="utf-8"))
    }


def test_two_arguments_of_one_type_are_given_by_name() -> None:
    """Those that were there before the rule stand in a list that gets only shorter."""
    assert sorted(found_now() - KNOWN) == [], "put a * before the first of them"


def test_what_was_mended_leaves_the_list() -> None:
    assert sorted(KNOWN - found_now()) == [], f"take these out of {LIST.name}"


@pytest.mark.parametrize(
    "source",
    [
        "def f(a: str, b: str): ...",
        "async def f(a: int, b: str, c: int = 0): ...",
        "def f(a: str | None, /, b: str | None): ...",
        "class A:\n    def f(self, a: str, b: str): ...",
    ],
)
def test_arguments_that_can_be_mixed_up_are_seen(source: str) -> None:
    assert mixed_up_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "def f(a: str, *, b: str): ...",
        "def f(*, a: str, b: str): ...",
        "def f(a: str, b: int): ...",
        "def _f(a: str, b: str): ...",
        "def f(self, other): ...",
    ],
)
def test_what_can_not_be_mixed_up_is_left_alone(source: str) -> None:
    assert mixed_up_in(source) == []

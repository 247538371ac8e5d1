"""Defences that are taken out of a running gateway, one at a time, each with the attacks that must notice it.

A line of a function is replaced in its source, and the function goes on with what that compiles to: as if somebody had
changed the file, and wherever else the function is known by its name.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from types import CodeType
from typing import Any

import pytest


@dataclass(frozen=True)
class Break:
    """One defence: the function whose source has `old`, what is put there, and the attacks that notice it.

    `values` are set besides, or alone: attributes of modules. `held_first` is False where the attack itself closes the door
    for a minute, so that it can't be shown beforehand that it holds.
    """

    name: str
    noticed_by: tuple[str, ...]
    place: str = ""
    old: str = ""
    new: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    held_first: bool = True


def found(place: str) -> Any:
    """Return what `module:name.of.it` names."""
    module, _, path = place.partition(":")
    here = import_module(module)
    for name in path.split("."):
        here = getattr(here, name)
    return here


def changed_code(function: Any, old: str, new: str) -> CodeType:
    """Return a function's code, compiled anew from its source with one part replaced."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {function.__qualname__}"
    changed = source[source.index("async def " if source.find("async def ") >= 0 else "def ") :].replace(old, new)
    module = compile("from __future__ import annotations\n" + changed, function.__code__.co_filename, "exec")
    return next(one for one in module.co_consts if isinstance(one, CodeType) and one.co_name == function.__name__)


@contextmanager
def broken(one: Break) -> Iterator[None]:
    """Take a defence out for as long as the context lasts."""
    with pytest.MonkeyPatch.context() as patch:
        if one.place:
            function = found(one.place)
            patch.setattr(function, "__code__", changed_code(function, one.old, one.new))
        for place, value in one.values.items():
            module, _, path = place.partition(":")
            owner, _, name = path.rpartition(".")
            patch.setattr(found(f"{module}:{owner}") if owner else import_module(module), name, value)
        yield

"""Fixtures that several areas share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hours import machine_now
from house import House, copy_template, make_template, open_house

from gateway.store import locks


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One council a test process, copied for each test."""
    return make_template(tmp_path_factory.mktemp("template") / "council")


@pytest.fixture(scope="module")
def patient() -> Iterator[None]:
    """Let a caseworker of this process miss as often as a test likes: those that ask for hundreds whom nobody knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locks, "MOST_OF_CASEWORKER", 100_000)
        yield


@pytest.fixture
def council_directory(template: Path, tmp_path: Path) -> Path:
    return copy_template(template, tmp_path / "council")


@pytest.fixture
def house(council_directory: Path) -> Iterator[House]:
    with open_house(council_directory) as running:
        yield running


@pytest.fixture
def house_by_the_machine(council_directory: Path) -> Iterator[House]:
    """A gateway by the machine's own clock, for what other programs do beside it."""
    with open_house(council_directory, clock=machine_now) as running:
        yield running

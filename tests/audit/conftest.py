"""Logs of one test each: small ones that are written as the gateway does, and one that grows."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audit_exporting import GrowingLog
from audit_place import RELEASED, WITHHELD, Partner, Place, a_draft

from audit.writing.item import Draft
from audit.writing.sequencer import Sequencer


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Makes directories with an empty log each; everything is closed at the end."""
    places: list[Place] = []

    def make(name: str | None = None, **more) -> Place:
        places.append(Place(tmp_path / (name or f"place-{len(places)}"), **more))
        return places[-1]

    yield make
    for one in places:
        one.close()


@pytest.fixture
def place(make_place) -> Place:
    return make_place()


@pytest.fixture
def writer(place) -> Sequencer:
    return place.start()


@pytest.fixture
def partner(place, writer) -> Partner:
    return Partner(place, writer)


@pytest.fixture
def make_partner() -> Callable[[Place], Partner]:
    return lambda place: Partner(place, place.start())


@pytest.fixture
def draft() -> Callable[..., Draft]:
    return a_draft


@pytest.fixture
def answer(partner) -> dict:
    """A genuine answer from the middle of a log."""
    for _ in range(4):
        partner.ask(RELEASED, WITHHELD, subject="somebody else")
    return partner.ask(RELEASED, WITHHELD)


@pytest.fixture
def vkey(place) -> str:
    return place.signer.vkey


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    return GrowingLog(tmp_path / "state.sqlite")


@pytest.fixture
def exported(log: GrowingLog, tmp_path: Path) -> Path:
    log.grow_to(700)
    log.export(tmp_path / "out")
    return tmp_path / "out"

"""A sandbox as `stile sandbox init --demo` makes it, with a client for each of the demo's partners."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hours import FOUNDED, Clock, ruled_by
from house import ISSUER, House, copy_template, open_house

from gateway.council.directory import open_council
from gateway.demo.likeness import likeness_of_demo
from gateway.demo.making import MORE_PARTNERS, PARTNERS, append_all, write_key
from gateway.demo.sandbox import make_sandbox
from gateway.oauth.clients import Role


def make_tried(directory: Path) -> Path:
    """Make a sandbox, and register the clients that its developers have."""
    with ruled_by(Clock(FOUNDED)):
        make_sandbox(directory, likeness_of_demo(), public_url=ISSUER, people=40, seed=7, by="test")
        _register_developers(directory)
    return directory


def _register_developers(directory: Path) -> None:
    council = open_council(directory)
    clients = (*PARTNERS, *MORE_PARTNERS)
    keys = {one.client_id: write_key(directory / "partners", one.client_id) for one in clients}
    append_all(
        council,
        lambda changes: [
            changes.partners.register_client(
                one.client_id, partner_id=one.partner_id, role=Role.PARTNER, jwks={"keys": [keys[one.client_id]]}, by="test"
            )
            for one in clients
        ],
    )
    council.keyring.close()


@pytest.fixture(scope="session")
def sandbox_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tried(tmp_path_factory.mktemp("sandbox") / "council")


@pytest.fixture
def sandbox_directory(sandbox_template: Path, tmp_path: Path) -> Path:
    return copy_template(sandbox_template, tmp_path / "sandbox")


@pytest.fixture
def sandbox(sandbox_directory: Path) -> Iterator[House]:
    with open_house(sandbox_directory) as running:
        yield running

"""A small Northmoor, generated once for each worker, and its revenues system as a source."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from gateway.demo.residents import generate
from gateway.sources.contract import Found
from gateway.sources.database import place_url
from gateway.sources.mapping import Mapping, parse_mapping
from gateway.sources.sql import SqlSource
from policies.reading.parse import parse_dataset
from schemas.dataset import Dataset
from schemas.request import SubjectQuery

NOW = datetime(2026, 10, 2, 9, 14, 3, tzinfo=UTC)
MappingFrom = Callable[..., Mapping]
SourceFrom = Callable[..., SqlSource]
Ask = Callable[..., Found]


@pytest.fixture(scope="session")
def northmoor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with `revenues.sqlite`: the cast and made-up neighbours. Read it only."""
    directory = tmp_path_factory.mktemp("northmoor")
    generate(directory / "revenues.sqlite", residents=120, seed=7)
    return directory


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """Return the shipped dataset."""
    return parse_dataset((files("schemas.catalogue") / "council-tax.yaml").read_text())


@pytest.fixture(scope="session")
def mapping_text() -> str:
    """Return the demo's mapping, as text."""
    return (files("gateway.demo") / "texts" / "source-council-tax.yaml").read_text()


@pytest.fixture(scope="session")
def mapping_from(mapping_text: str) -> MappingFrom:
    """Return a function: the demo's mapping with some of its words replaced."""

    def make(*replacements: tuple[str, str]) -> Mapping:
        text = mapping_text
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        return parse_mapping(text)

    return make


@pytest.fixture
def source_from(dataset: Dataset, mapping_from: MappingFrom, northmoor: Path) -> Iterator[SourceFrom]:
    """Return a function: a source of the demo's mapping with replacements, closed afterwards."""
    made: list[SqlSource] = []

    def make(*replacements: tuple[str, str], directory: Path = northmoor, of: Dataset = dataset) -> SqlSource:
        mapping = mapping_from(*replacements)
        url = place_url(mapping.system.url, directory)
        made.append(SqlSource(of, mapping, url=url, clock=lambda: NOW, connections=2))
        return made[-1]

    yield make
    for source in made:
        source.close()


@pytest.fixture
def source(source_from: SourceFrom) -> SqlSource:
    """Return Northmoor's source."""
    return source_from()


@pytest.fixture
def ask(source: SqlSource) -> Ask:
    """Return a function that looks for one person."""

    def identify(key: str, value: str, *, of: SqlSource = source, **confirm: str) -> Found:
        return asyncio.run(of.identify([SubjectQuery(key, value, confirm)]))[0]

    return identify


@pytest.fixture
def own_northmoor(tmp_path: Path) -> Callable[..., Path]:
    """Return a function: a Northmoor of the test's own, the cast alone, after some SQL of the test's."""

    def make(*statements: str, values: tuple[Any, ...] = ()) -> Path:
        generate(tmp_path / "revenues.sqlite", residents=0, seed=7)
        with pysqlite3.connect(str(tmp_path / "revenues.sqlite")) as connection:
            for statement in statements:
                connection.execute(statement, values)
        connection.close()
        return tmp_path

    return make

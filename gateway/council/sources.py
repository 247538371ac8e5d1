"""Which source holds a dataset's records, as of the mapping that is published?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import assert_never

from gateway.council.directory import Council
from gateway.sources.accepted import Accepted
from gateway.sources.contract import Cause, Source, SourceFailedError
from gateway.sources.csv_serving import News
from gateway.sources.csv_source import CsvSource
from gateway.sources.database import DRIVER_ERRORS, place_url
from gateway.sources.drivers import driver_refusal
from gateway.sources.export import Export
from gateway.sources.http_client import read_credentials
from gateway.sources.http_source import HttpSource
from gateway.sources.mapping import Database, Mapping, digest_of
from gateway.sources.sql import SqlSource
from gateway.sources.upstream import Upstream
from gateway.store.state import Reader
from schemas.dataset import Dataset
from schemas.terms import Environment

Adapter = SqlSource | HttpSource | CsvSource


class SourceRegistry:
    """Sources by dataset and mapping digest; a new mapping makes a new one. For one thread."""

    def __init__(
        self, council: Council, clock: Callable[[], datetime], told: Callable[[News], None] = lambda _: None
    ) -> None:
        self._council = council
        self._clock = clock
        self._told = told
        self._sources: dict[tuple[str, str], Adapter] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def source_of(self, dataset: Dataset, reader: Reader) -> Source:
        """Return the source of a dataset, or raise SourceFailedError where none is mapped."""
        return self.adapter_of(dataset, reader)

    def adapter_of(self, dataset: Dataset, reader: Reader) -> Adapter:
        """Return the same source as what it is, with what only an administrator asks of it."""
        name = f"{dataset.id}@{dataset.version}"
        mapping = reader.find_mapping(name)
        if mapping is None:
            raise SourceFailedError(f"{name} is mapped to no source", Cause.SETTING)
        known = (name, mapping[1])
        if known not in self._sources:
            self._sources[known] = self._made(dataset, mapping[0])
        return self._sources[known]

    def made(self, dataset: Dataset, mapping: Mapping) -> Adapter:
        """Return the source of a mapping that is not published, to be tried; it is let go with the others."""
        known = (mapping.dataset, digest_of(mapping.text))
        if known not in self._sources:
            self._sources[known] = self._made(dataset, mapping)
        return self._sources[known]

    def _made(self, dataset: Dataset, mapping: Mapping) -> Adapter:
        refusal = refusal_of(mapping, self._council)
        if refusal is not None:
            cause = Cause.DRIVER if isinstance(mapping.system, Database) else Cause.SETTING
            raise SourceFailedError(f"{mapping.source} {refusal}", cause)
        connections = self._council.settings.source_connections
        match mapping.system:
            case Database():
                return self._made_of_sql(dataset, mapping, mapping.system)
            case Upstream():
                credentials = _credentials_file(mapping.system, self._council)
                return HttpSource(dataset, mapping, credentials=credentials, clock=self._clock, connections=connections)
            case Export():
                folder = _placed(mapping.system.folder, self._council)
                accepted = Accepted(accepted_file(self._council, mapping))
                return CsvSource(dataset, mapping, folder=folder, clock=self._clock, accepted=accepted, told=self._told)
        assert_never(mapping.system)

    def _made_of_sql(self, dataset: Dataset, mapping: Mapping, database: Database) -> SqlSource:
        try:
            return SqlSource(
                dataset,
                mapping,
                url=place_url(database.url, self._council.directory),
                clock=self._clock,
                connections=self._council.settings.source_connections,
            )
        except (*DRIVER_ERRORS, ImportError, ValueError, TypeError) as error:  # what a URL asks of a driver, and it has not
            raise SourceFailedError(f"{mapping.source} can't be reached: {type(error).__name__}", Cause.DRIVER) from None

    async def aclose(self) -> None:
        """Let every source go, on the loop that asked it."""
        for source in self._sources.values():
            await source.aclose()

    def close(self) -> None:
        """Let every source go; what is to be closed on a loop is, where one runs. Better `aclose`."""
        for source in self._sources.values():
            if not isinstance(source, HttpSource):
                source.close()
            elif source.is_open:
                closing = asyncio.get_running_loop().create_task(source.aclose())
                self._closing.add(closing)


def accepted_file(council: Council, mapping: Mapping) -> Path:
    """Return where the counts of a mapping's last accepted files are kept; another mapping begins anew."""
    return council.directory / f"exports-{digest_of(mapping.text).removeprefix('sha256:')[:16]}.json"


def refusal_of(mapping: Mapping, council: Council) -> str | None:
    """Return why this council may not ask a mapping's system, and what to do; None where it may."""
    if council.settings.environment is Environment.SANDBOX and not _is_in_directory(mapping):
        return "can't be asked: a sandbox asks nothing but files in its own directory: map made-up people in {dir}"
    if isinstance(mapping.system, Database):
        return driver_refusal(mapping.system.url)
    if not isinstance(mapping.system, Upstream):
        return None
    hosts = council.settings.source_hosts
    if mapping.system.host not in hosts:
        return (
            f"can't be asked: {mapping.system.host} is not in `source_hosts`: if it is yours, add it there, in stile.toml"
        )
    file = _credentials_file(mapping.system, council)
    if mapping.system.credentials is not None and file is not None:
        try:
            read_credentials(mapping.system.credentials, file)
        except SourceFailedError as error:
            remedy = f"put the key into {mapping.system.credentials.file}, readable for the gateway's user"
            return f"can't be asked: {error}: {remedy}"
    return None


def _is_in_directory(mapping: Mapping) -> bool:
    """Tell whether a mapping's system is files beside the council's own: what scenarios are played on is nobody's."""
    match mapping.system:
        case Database():
            place = mapping.system.url.removeprefix("sqlite:///")
        case Export():
            place = mapping.system.folder
        case Upstream():
            return False
    return place.startswith("{dir}/") and ".." not in place.split("/")


def _credentials_file(upstream: Upstream, council: Council) -> str | None:
    return _placed(upstream.credentials.file, council) if upstream.credentials is not None else None


def _placed(path: str, council: Council) -> str:
    return path.replace("{dir}", str(council.directory))

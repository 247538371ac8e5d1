"""Which source holds a dataset's records, as of the mapping that is published?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from gateway.council import Council
from gateway.sources.contract import Source, SourceFailedError
from gateway.sources.database import place_url
from gateway.sources.mapping import Mapping
from gateway.sources.sql import SqlSource
from gateway.store.state import Reader
from schemas.dataset import Dataset


class SourceRegistry:
    """Sources by dataset and mapping digest; a new mapping makes a new one. For one thread."""

    def __init__(self, council: Council, clock: Callable[[], datetime]) -> None:
        self._council = council
        self._clock = clock
        self._sources: dict[tuple[str, str], SqlSource] = {}

    def source_of(self, dataset: Dataset, reader: Reader) -> Source:
        """Return the source of a dataset, or raise SourceFailedError where none is mapped."""
        return self.sql_source_of(dataset, reader)

    def sql_source_of(self, dataset: Dataset, reader: Reader) -> SqlSource:
        """Return the same source as what it is, with what only an administrator asks of it."""
        name = f"{dataset.id}@{dataset.version}"
        mapping = reader.find_mapping(name)
        if mapping is None:
            raise SourceFailedError(f"{name} is mapped to no source")
        known = (name, mapping[1])
        if known not in self._sources:
            self._sources[known] = self._made(dataset, mapping[0])
        return self._sources[known]

    def _made(self, dataset: Dataset, mapping: Mapping) -> SqlSource:
        try:
            return SqlSource(
                dataset,
                mapping,
                url=place_url(mapping.url, self._council.directory),
                clock=self._clock,
                connections=self._council.settings.source_connections,
            )
        except (SQLAlchemyError, ImportError, ValueError) as error:  # a URL, or a driver, that there is not
            raise SourceFailedError(f"{mapping.source} can't be reached: {type(error).__name__}") from None

    def close(self) -> None:
        """Let every source go."""
        for source in self._sources.values():
            source.close()

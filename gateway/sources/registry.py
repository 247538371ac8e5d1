"""Which source holds a dataset's records, as of the mapping that is published?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.council import Council
from gateway.sources.contract import Source, SourceFailedError
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
        name = f"{dataset.id}@{dataset.version}"
        mapping = reader.find_mapping(name)
        if mapping is None:
            raise SourceFailedError(f"{name} is mapped to no source")
        known = (name, mapping[1])
        if known not in self._sources:
            self._sources[known] = SqlSource(
                dataset,
                mapping[0],
                url=mapping[0].url.replace("{dir}", str(self._council.directory)),
                clock=self._clock,
                connections=self._council.settings.source_connections,
            )
        return self._sources[known]

    def close(self) -> None:
        """Let every source go."""
        for source in self._sources.values():
            source.close()

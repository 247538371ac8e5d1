"""Can a mapping work? It is tried before it is published, and a mistake is told with its place in the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.sources.contract import Cause, SourceFailedError
from gateway.sources.csv_source import CsvSource
from gateway.sources.export import Export
from gateway.sources.http_source import HttpSource
from gateway.sources.mapped_places import Way, places_of
from gateway.sources.mapping import Database
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.sql import SqlSource
from gateway.sources.surveying import Survey
from gateway.sources.upstream import Upstream
from policies.reading.findings import TextError
from policies.reading.places import Flaw, located

SAMPLE: Final = 100  # records that a mapping is tried with
_REMEDIES: Final[Mapping[Cause, str]] = {
    Cause.PERMISSION: "Let the mapping's user read it, or mend its credentials.",
    Cause.COLUMN: "Name one that is there.",
    Cause.TABLE: "Name one that is there.",
    Cause.FILE: "Put it there, or mend the name.",
    Cause.HOST: "Mend the address, or the network; `--unchecked` publishes for a source that is down.",
    Cause.TIMEOUT: "See why it takes so long; `--unchecked` publishes for a source that is down.",
    Cause.CREDENTIALS: "Put the key into the file, readable for the gateway's user.",
    Cause.PAGES: "Say how its pages are turned: `more`, with `cursor` or `page` where it is no link.",
}
_USUAL: Final = "Mend the mapping, or the source; `--unchecked` publishes for a source that is down."
_WHERE: Final[Mapping[type, Mapping[Cause | None, Way]]] = {
    Database: {None: ("url",)},
    Upstream: {
        None: ("http",),
        Cause.HOST: ("http", "base"),
        Cause.TIMEOUT: ("http", "base"),
        Cause.CREDENTIALS: ("http", "credentials"),
    },
    Export: {None: ("csv", "file"), Cause.PERMISSION: ("csv", "folder")},
}


def can_be_tried(mapping: SourceMapping) -> bool:
    """Tell whether there is a way to try a mapping: a service must be able to list records."""
    return not isinstance(mapping.system, Upstream) or mapping.system.sample is not None


async def try_mapping(adapter: SqlSource | HttpSource | CsvSource, mapping: SourceMapping, sample: int = SAMPLE) -> Survey:
    """Return what a sample holds; raise TextError with the place and cause of what can't work."""
    try:
        flaws = await adapter.flaws() if isinstance(adapter, SqlSource) else []
        if not flaws:
            return await adapter.survey(sample)
    except SourceFailedError as error:
        remedy = _REMEDIES.get(error.cause, _USUAL)
        flaws = [Flaw(_way(mapping, error), f"{error} ({error.why})", remedy)]
    raise TextError(located(mapping.text, flaws))


def _way(mapping: SourceMapping, error: SourceFailedError) -> Way:
    if error.cause is Cause.COLUMN and error.detail is not None:
        for way, place in places_of(mapping):
            if place == error.detail:
                return way
    ways = _WHERE[type(mapping.system)]
    return ways.get(error.cause, ways[None])

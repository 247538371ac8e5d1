"""Does an HTTP service know the person whom a reference names? Asked by its look-ups by a key or a record that is one."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.sources.comparing import key_form, person_form
from gateway.sources.contract import Cause, Known, SourceFailedError
from gateway.sources.http_client import HttpClient
from gateway.sources.http_pages import Pages
from gateway.sources.http_reading import HttpReading
from gateway.sources.knowing import known_of
from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.records import Records
from gateway.sources.upstream import Call, Upstream
from schemas.dataset import Dataset, Field

Way = tuple[Call, str, Field | None]  # how to ask, at which place the answer has the reference, and whose type it has


class HttpKnowing:
    """The look-up of one service. Holds no state."""

    def __init__(
        self, dataset: Dataset, mapping: SourceMapping, upstream: Upstream, *, client: HttpClient, records: Records
    ) -> None:
        self._source = mapping.source
        self._people = frozenset(mapping.people.values())
        self._reading = HttpReading(mapping, upstream, records)
        self._pages = Pages(mapping.source, upstream, client, self._reading)
        self._ways = tuple(_ways(dataset, mapping, upstream))

    @property
    def can_ask(self) -> bool:
        """Tell whether there is a look-up by anybody's reference at all."""
        return bool(self._ways)

    async def known(self, reference: str) -> Known | None:
        """Return whether a record names a person so; None where none was found, and not everybody can be looked up."""
        held: list[str] = []
        for call, place, field in self._ways:
            value = person_form(reference) if field is None else key_form(field, reference)
            if value is None or not call.can_ask(value):
                continue
            for record in await self._pages.objects(call, (value,), self._reading.select([place])):
                form = self._reading.single(record, place)
                if form.casefold() != value.casefold():
                    raise SourceFailedError(f"{self._source} gave the record of another than was asked for")
                held.append(form)
        known = known_of(reference, held, taken=True)
        is_whole = self._people <= {place for _, place, _ in self._ways}
        return known if known.form is not None or known.near or is_whole else None


def _ways(dataset: Dataset, mapping: SourceMapping, upstream: Upstream) -> Iterator[Way]:
    people = frozenset(mapping.people.values())
    for key, place in mapping.keys.items():
        if place in people and key in upstream.search and not dataset.keys[key].all_of:
            yield upstream.search[key], place, dataset.fields[key]
    if mapping.row in people:
        yield upstream.record, mapping.row, None


def no_look_up(source: str) -> SourceFailedError:
    """Return the failure of a service that nobody can be looked up in by their own reference."""
    return SourceFailedError(f"{source} has no look-up by people's own references", Cause.SETTING)

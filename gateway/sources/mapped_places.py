"""Which places does a mapping name, and where do they stand in its text?"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.sources.columns import Codes, Column
from gateway.sources.mapping import Mapping as SourceMapping

Way = tuple[str, ...]


def places_of(mapping: SourceMapping) -> Iterator[tuple[Way, str]]:
    """Give every place of a record itself that a mapping names, with the way to it in the text."""
    yield ("row",), mapping.row
    yield from ((("people", role), place) for role, place in mapping.people.items())
    yield from ((("keys", key), place) for key, place in mapping.keys.items())
    for detail, roles in mapping.confirm.items():
        yield from ((("confirm", detail, role), place) for role, places in roles.items() for place in places)
    for path, column in mapping.fields.items():
        yield from _of_column(("fields", path), column)
    if mapping.as_at is not None:
        yield ("as_at",), mapping.as_at
    if isinstance(mapping.live, Codes):
        yield ("live",), mapping.live.place


def places_of_group(mapping: SourceMapping, group: str) -> Iterator[tuple[Way, str]]:
    """Give every place of a group's rows, with the way to it in the text."""
    for name, column in mapping.groups[group].fields.items():
        yield from _of_column(("groups", group, "fields", name), column)


def _of_column(way: Way, column: Column) -> Iterator[tuple[Way, str]]:
    for role, place in (column.by_person or {}).items():
        yield (*way, "by_person", role), place
    own = column.lies(None)
    if own is not None:
        yield way, own

"""How does what a source holds of somebody become a record: cleaned, typed, and with the instant it stood at?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Final

from gateway.sources.cleaning import Cleaner, field_cleaner
from gateway.sources.columns import Column
from gateway.sources.contract import SourceFailedError
from gateway.sources.mapping import Mapping as SourceMapping
from schemas.dataset import Dataset
from schemas.decision import RawValue, Record, Rows

MOST_GROUP_ROWS: Final = 1_000
Wish = tuple[str, Cleaner]  # the path of a field to read, and how its value is cleaned
Watching = Callable[[str, Column, Cleaner], Cleaner]


class Records:
    """What one dataset's mapping says of records, whatever they are read from. Holds no state."""

    def __init__(
        self,
        dataset: Dataset,
        mapping: SourceMapping,
        clock: Callable[[], datetime],
        watching: Watching | None = None,
    ) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._clock = clock
        self._watching = watching
        self.wishes = lru_cache(maxsize=1024)(self._wishes)
        self.group_wishes = lru_cache(maxsize=1024)(self._group_wishes)
        self.groups = lru_cache(maxsize=1024)(self._groups)

    def watched(self, watching: Watching) -> Records:
        """Return the same, whose cleaners are watched: for a survey."""
        return Records(self._dataset, self._mapping, self._clock, watching)

    def _wishes(self, paths: frozenset[str], subject: str | None) -> list[tuple[str, Wish]]:
        """Return the place of each named field of the record itself; one not mapped for this person is not held."""
        mapped = self._mapping.fields
        wished = ((mapped[path].lies(subject), path) for path in sorted(paths & mapped.keys()))
        return [(place, self._wish(path, mapped[path])) for place, path in wished if place is not None]

    def _group_wishes(self, group: str, paths: frozenset[str]) -> list[tuple[str, Wish]]:
        """Return the place of each named field of a group's rows."""
        columns = {f"{group}.{name}": column for name, column in self._mapping.groups[group].fields.items()}
        return [
            (place, self._wish(path, column))
            for path, column in columns.items()
            if path in paths and (place := column.lies(None)) is not None
        ]

    def _wish(self, path: str, column: Column) -> Wish:
        clean = field_cleaner(self._dataset, path, column, self._clock)
        return path, clean if self._watching is None else self._watching(path, column, clean)

    def _groups(self, paths: frozenset[str]) -> list[str]:
        """Return the groups that are named, or whose fields are."""
        named = {path.partition(".")[0] for path in paths}
        return [group for group in self._mapping.groups if group in named]

    def record(self, values: Mapping[str, RawValue], groups: Mapping[str, Rows], stated: object) -> Record:
        """Return a record that stood at the stated instant; None states the moment of asking."""
        as_at = self._instant(stated)
        stale_after = self._dataset.stale_after
        is_stale = stale_after is not None and self._clock() - as_at > stale_after
        return Record(values=values, groups=groups, as_at=as_at, stale=is_stale)

    def check_count(self, group: str, count: int) -> None:
        """Raise SourceFailedError for more rows than a group may have: cut short, `count` and `latest` would be false."""
        if count > MOST_GROUP_ROWS:
            raise SourceFailedError(f"{self._mapping.source}: {group} has over {MOST_GROUP_ROWS} rows in one record")

    def gone(self) -> SourceFailedError:
        """Return the failure of a record that was found, and is not there once."""
        return SourceFailedError(f"{self._mapping.source}: the record is gone, or is there twice")

    def _instant(self, raw: object) -> datetime:
        if raw is None:
            return self._clock()
        try:
            stated = raw if isinstance(raw, datetime) else datetime.fromisoformat(str(raw).strip())
        except ValueError:
            raise SourceFailedError(f"{self._mapping.source}: as_at is not an instant") from None
        return stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)


class told_by_kind:  # noqa: N801 -- used as a function; a generator would take five times as long, on every call
    """Let work that trips over what it read be a failure of the source: recorded, where a fault would not be."""

    __slots__ = ("_passing", "_source")

    def __init__(self, source: str, *passing: type[Exception]) -> None:
        self._source = source
        self._passing = passing

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, (SourceFailedError, *self._passing)):
            # Whatever it is, nothing is disclosed. Its message may hold values, and so its kind alone is told.
            raise SourceFailedError(f"{self._source} could not be read: {type(error).__name__}") from None


def cleaned(wishes: Sequence[Wish], row: Iterable[Any]) -> dict[str, RawValue]:
    """Return the values of a row, by path."""
    return {path: clean(raw) for (path, clean), raw in zip(wishes, row, strict=False)}

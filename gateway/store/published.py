"""Which texts are published, and where does each version stand on a day?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from audit.stores.connection import Connection
from audit.stores.instants import from_micros
from audit.writing.keyring import Keyring
from gateway.store.ends import End, find_end
from gateway.store.live import is_intact
from gateway.store.state import Reader
from policies.reading.findings import TextError
from schemas.agreement import Agreement
from schemas.instants import london_day
from schemas.terms import TextState

Named = tuple[str, str, int]  # a text's kind, id and version


@dataclass(frozen=True, slots=True)
class PublishedText:
    """One version of a text. Days are of London, both ends included; who has no term of its own begins as published.

    `counts` marks the one version of its id that is asked about today, whether it is in force or not. `next_version`
    took its place, or will, on `next_from`. `kept_by` names the agreements that hold an older version of a core or
    dataset in force.
    """

    kind: str
    id: str
    version: int
    text: str
    digest: str
    published_at: datetime
    state: TextState
    first_day: date
    last_day: date | None = None
    review_on: date | None = None
    ended: End | None = None
    counts: bool = False
    next_version: int | None = None
    next_from: date | None = None
    kept_by: tuple[str, ...] = ()
    about: str | None = None  # the dataset that a source is of

    @property
    def name(self) -> str:
        """Return id@version."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    version: int
    text: str
    digest: str
    published_at: datetime
    ended_at: datetime | None
    is_intact: bool


def published_agreements(reader: Reader, keyring: Keyring, on: date) -> list[PublishedText]:
    """Return every version of every agreement, as it stands on a day."""
    found: list[PublishedText] = []
    for name, rows in groupby(_rows(reader.connection, "agreement", on), key=lambda row: row.id):
        found += _versions(reader, keyring, on, name, list(rows))
    return found


def published_cores(reader: Reader, keyring: Keyring, on: date) -> list[PublishedText]:
    """Return every version of every core, and of the council's own rules. An older one is live while it is followed."""
    following = _following(reader, keyring, on)
    cores = _newest_first(_rows(reader.connection, "core", on), "core", following)
    return cores + _newest_first(_rows(reader.connection, "council", on), "council", {})


def published_datasets(reader: Reader, keyring: Keyring, on: date) -> list[PublishedText]:
    """Return every version of every dataset. An older one is live while an agreement is about it."""
    return _newest_first(_rows(reader.connection, "dataset", on), "dataset", _following(reader, keyring, on))


def published_sources(reader: Reader, on: date) -> list[PublishedText]:
    """Return every version of every mapping, by the name of its source. The newest of a dataset counts."""
    found = _newest_first(_rows(reader.connection, "mapping", on), "source", {})
    return sorted((_by_source(reader, one) for one in found), key=lambda one: (one.id, one.about or "", one.version))


def _by_source(reader: Reader, one: PublishedText) -> PublishedText:
    try:
        return replace(one, id=reader.readings.mapping(one.text).source, about=one.id)
    except TextError:
        return replace(one, about=one.id, state=TextState.UNREADABLE)


# -- agreements: a term, and an end


def _versions(reader: Reader, keyring: Keyring, on: date, name: str, rows: Sequence[_Row]) -> list[PublishedText]:
    read = [(row, _read(reader, row)) for row in rows]
    begun = [row for row, agreement in read if agreement and _begins(row, agreement) <= on]
    counting = begun[-1] if begun else rows[0]
    # Which version counts is in the texts: where one can't be read, none can be told to count.
    stands = all(agreement for _, agreement in read) and reader.find_agreement(name, on) is not None
    found = []
    for place, (row, agreement) in enumerate(read):
        later = [(one, _begins(one, other)) for one, other in read[place + 1 :] if other and not _is_ended(one, on)]
        following = min(later, key=lambda pair: pair[1], default=None)
        found.append(
            PublishedText(
                kind="agreement",
                id=name,
                version=row.version,
                text=row.text,
                digest=row.digest,
                published_at=row.published_at,
                state=_state(row, agreement, counting=row is counting, stands=stands, on=on),
                first_day=agreement.starts_on if agreement else london_day(row.published_at),
                last_day=agreement.ends_on if agreement else None,
                review_on=agreement.review_on if agreement else None,
                ended=find_end(reader.connection, keyring, name, row.ended_at)
                if row.ended_at and _is_ended(row, on)
                else None,
                counts=row is counting,
                next_version=following[0].version if following else None,
                next_from=following[1] if following else None,
            )
        )
    return found


def _begins(row: _Row, agreement: Agreement) -> date:
    """Return the day from which a version counts: not before it is published, whatever its term says."""
    return max(agreement.starts_on, london_day(row.published_at))


def _is_ended(row: _Row, on: date) -> bool:
    return row.ended_at is not None and london_day(row.ended_at) <= on


def _state(row: _Row, agreement: Agreement | None, *, counting: bool, stands: bool, on: date) -> TextState:
    if _is_ended(row, on):
        return TextState.ENDED
    if agreement is None or not stands:
        return TextState.UNREADABLE
    if _begins(row, agreement) > on:
        return TextState.FUTURE
    return TextState.LIVE if counting and on <= agreement.ends_on else TextState.OVER


def _read(reader: Reader, row: _Row) -> Agreement | None:
    try:
        return reader.readings.agreement(row.text) if row.is_intact else None
    except TextError:
        return None


# -- cores, council rules, datasets and mappings: the newest counts, and an older one where somebody holds to it


def _newest_first(rows: Iterable[_Row], kind: str, kept: Mapping[Named, tuple[str, ...]]) -> list[PublishedText]:
    found: list[PublishedText] = []
    for _, versions in groupby(rows, key=lambda row: row.id):
        own = list(versions)
        for row, following in zip(own, [*own[1:], None], strict=True):
            kept_by = kept.get((kind, row.id, row.version), ())
            lives = following is None or kept_by
            replaced_on = london_day(following.published_at) if following else None
            found.append(
                PublishedText(
                    kind=kind,
                    id=row.id,
                    version=row.version,
                    text=row.text,
                    digest=row.digest,
                    published_at=row.published_at,
                    state=(TextState.LIVE if lives else TextState.OVER) if row.is_intact else TextState.UNREADABLE,
                    first_day=london_day(row.published_at),
                    last_day=None if lives else replaced_on,
                    counts=following is None,
                    next_version=following.version if following else None,
                    next_from=replaced_on,
                    kept_by=kept_by if following else (),
                )
            )
    return found


def _following(reader: Reader, keyring: Keyring, on: date) -> dict[Named, tuple[str, ...]]:
    """Return, by core or dataset, the agreements in force or to come that name this version of it."""
    found: dict[Named, tuple[str, ...]] = {}
    for one in published_agreements(reader, keyring, on):
        if one.state in {TextState.LIVE, TextState.FUTURE}:
            agreement = reader.readings.agreement(one.text)
            for named in [("dataset", *agreement.dataset), *(("core", *core) for core in agreement.follows)]:
                found[named] = (*found.get(named, ()), one.name)
    return found


def _rows(connection: Connection, kind: str, on: date) -> list[_Row]:
    """Return the rows of a kind that had been published by a day."""
    rows = connection.all(
        "SELECT id, version, text, digest, published_at, ended_at FROM text WHERE kind = ? ORDER BY id, version", (kind,)
    )
    return [
        _Row(name, version, text, digest, from_micros(at), from_micros(end) if end else None, is_intact(text, digest))
        for name, version, text, digest, at, end in rows
        if london_day(from_micros(at)) <= on
    ]

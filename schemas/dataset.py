"""What exists, whose it is, how sensitive it is, and which forms it can take."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from schemas.forms import WITHHELD, FieldType
from schemas.terms import Classification, Origin, SpecialCategory, Tag


@dataclass(frozen=True, slots=True)
class Field:
    """One named piece of data. `path` is `name`, or `group.name` inside a repeated group.

    `chain` is what this dataset allows, least revealing first; rank 0 is `withheld`, rank n is
    `chain[n - 1]`. `of` names the person whose own it is; None means everybody's in the record. A marker that
    `protects` tags keeps back what reveals them, and nobody is found by it.
    """

    path: str
    type: FieldType
    label: str
    classification: Classification
    chain: tuple[str, ...]
    categories: frozenset[SpecialCategory] = frozenset()
    reveals: frozenset[Tag] = frozenset()
    origin: Origin | None = None
    marker: bool = False
    of: str | None = None
    derived_from: str | None = None
    bands: tuple[int, ...] = ()
    step: int | None = None
    code_groups: Mapping[str, str] | None = None
    codes: frozenset[str] | None = None  # what may stand in a code; None: anything may
    protects: frozenset[Tag] = frozenset()  # of a marker: the tags that it keeps back
    kin: frozenset[str] = frozenset()  # the other paths that tell of one date: itself, and every age that derives from it

    def rank(self, form: str) -> int:
        """Return how revealing a form is: 0 for `withheld`; ValueError if the chain lacks it."""
        return 0 if form == WITHHELD else self.chain.index(form) + 1

    def form(self, rank: int) -> str:
        """Return the form of a rank."""
        return WITHHELD if rank == 0 else self.chain[rank - 1]


@dataclass(frozen=True, slots=True)
class Key:
    """A way to find a person: by whom it finds, and which details must fit besides.

    `finds_place` is a key that finds where someone lives, not a person: `finds` is then everybody. A composite key has
    no value of its own: `all_of` are the details of which every one must fit, and `confirm` names the same.
    """

    name: str
    finds: tuple[str, ...]
    finds_place: bool
    confirm: tuple[str, ...]
    at_least: int
    all_of: tuple[str, ...] = ()

    @property
    def named_by(self) -> tuple[str, ...]:
        """Return the fields whose values this key itself is made of."""
        return self.all_of or (self.name,)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that repeat inside a record, one level deep, ordered by a field of theirs."""

    name: str
    label: str
    order_by: str
    fields: tuple[str, ...]  # full paths


@dataclass(frozen=True, slots=True)
class Dataset:
    """Fields with keys. `fields` holds every path, those of groups and each group's own name too."""

    id: str
    version: int
    title: str
    collected_for: str
    collected_under: str
    stale_after: timedelta | None
    people: Mapping[str, str]  # role -> the field name that the mapping gives the source's reference under
    keys: Mapping[str, Key]
    fields: Mapping[str, Field]
    groups: Mapping[str, Group]
    text: str
    digest: str  # "sha256:…" of the text's bytes
    no_protection: str | None = None  # why no marker protects what reveals where somebody is

    def markers_of(self, tags: Collection[Tag]) -> tuple[Field, ...]:
        """Return the markers that protect one of these tags."""
        return tuple(one for one in self.fields.values() if one.marker and not one.protects.isdisjoint(tags))

    def bases_of(self, path: str) -> frozenset[str]:
        """Return the paths that must be read from the source for this field: itself, or what it derives from."""
        field = self.fields[path]
        return frozenset({field.derived_from or path})

"""Which version of an agreement counts on a day, with everything that bounds it? From the texts as they were published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from audit.stores.connection import Connection
from gateway.oauth.details import Available
from gateway.sources.mapping import digest_of, offered_keys
from gateway.store.key_rows import PartnerRecord
from gateway.store.readings import Readings
from policies.deciding.compile import Compiled, keys_for
from policies.reading.findings import Finding, TextError
from schemas.agreement import Agreement, Core
from schemas.dataset import Dataset, Key
from schemas.instants import first_instant, instant_after


class Published(Protocol):
    """The state, as far as an agreement rests on it: as of one connection. A text that was changed is not there."""

    @property
    def connection(self) -> Connection: ...

    @property
    def readings(self) -> Readings: ...

    def find_dataset(self, name: str, version: int) -> Dataset | None: ...

    def find_text(self, kind: str, name: str, version: int | None = None) -> tuple[int, str, int | None] | None: ...

    def texts(self, kind: str) -> list[tuple[str, int, str, int | None]]: ...

    def find_partner(self, partner_id: str) -> PartnerRecord | None: ...

    def check(self, key: str) -> None: ...

    def floor(self) -> int: ...

    def number_of(self, kind: str, name: str, version: int) -> int: ...


@dataclass(frozen=True, slots=True)
class LiveAgreement:
    """The version of an agreement that counts at an instant, compiled, with what its entries name."""

    compiled: Compiled
    mapping_digest: str
    keys: frozenset[str]  # by which the source can be asked
    ended: bool
    next_from: date | None  # the next published version's first day
    basis: tuple[str, ...]  # state keys that this object rests on
    agreement: Agreement = field(init=False, repr=False)  # the parsed text
    dataset: Dataset = field(init=False, repr=False)  # that it is about

    def __post_init__(self) -> None:
        # Asked some forty times a call: so they are looked up once.
        object.__setattr__(self, "agreement", self.compiled.rules.agreement)
        object.__setattr__(self, "dataset", self.compiled.rules.dataset)

    def keys_for(self, recipient: str) -> tuple[Key, ...]:
        """Return how a recipient may name people: the keys, with the details, that can be used in some call."""
        return tuple(key for name, key in keys_for(self.compiled, recipient).items() if name in self.keys)

    @property
    def holds_until(self) -> datetime | None:
        """Return the instant at which the next version takes over."""
        return first_instant(self.next_from) if self.next_from else None


def load_agreement(state: Published, name: str, on: date) -> LiveAgreement | None:
    """Return the version that counts on a London day, whether or not it is in force."""
    try:
        return _compiled(state, name, on)
    except TextError:
        # Publishing checks the agreements that are live: one whose term was over may no longer hold together.
        return None


def _compiled(state: Published, name: str, on: date) -> LiveAgreement | None:
    state.check(f"agreement/{name}")
    rows = state.connection.all(
        "SELECT text, ended_at, digest, semantics FROM text WHERE kind = 'agreement' AND id = ? ORDER BY version", (name,)
    )
    # Which version counts is in the texts: where one was changed, none can be told to count.
    if not rows or not all(is_intact(text, digest) for text, _, digest, _ in rows):
        return None
    versions = [(state.readings.agreement(text), ended_at, number) for text, ended_at, _, number in rows]
    begun = [one for one in versions if one[0].starts_on <= on]
    agreement, ended_at, number = begun[-1] if begun else versions[0]
    later = [one.starts_on for one, ended, _ in versions if ended is None and one.version > agreement.version]
    dataset = state.find_dataset(*agreement.dataset)
    if dataset is None:
        return None
    cores = binding_cores(state, agreement)
    row = state.find_text("mapping", f"{dataset.id}@{dataset.version}")
    compiled = state.readings.compiled(
        (agreement.text, number),
        dataset=(dataset.text, state.number_of("dataset", dataset.id, dataset.version)),
        cores=[core.text for core in cores],
        kinds={one: found.kind for one in agreement.recipients if (found := state.find_partner(one)) is not None},
        floor=state.floor(),
    )
    return LiveAgreement(
        compiled=compiled,
        mapping_digest=digest_of(row[1]) if row else "",
        keys=offered_keys(state.readings.mapping(row[1]), dataset) if row else frozenset(dataset.keys),
        ended=ended_at is not None,
        next_from=min((day for day in later if day > on), default=None),
        basis=(
            "semantics",
            f"agreement/{name}",
            f"dataset/{dataset.id}",
            f"mapping/{dataset.id}",
            "council/rules",
            *(f"core/{core.id}" for core in cores if not core.is_council),
            *(f"partner/{partner}" for partner in agreement.recipients),
        ),
    )


def binding_cores(state: Published, agreement: Agreement) -> list[Core]:
    """Return the cores that it follows, the statutory bars and the council's own rules, as published.

    Raises TextError for one that was changed where it lies: without it, more might leave.
    """
    found = [core for name, version in agreement.follows if (core := _core(state, "core", name, version))]
    if "statutory-bars" not in {core.id for core in found} and (bars := _core(state, "core", "statutory-bars")):
        found.append(bars)
    state.check("council/rules")  # read anew each time, so that one taken away meanwhile is missed
    own = {name for name, *_ in state.texts("council")}
    return found + [core for name in sorted(own) if (core := _core(state, "council", name))]


def _core(state: Published, kind: str, name: str, version: int | None = None) -> Core | None:
    row = state.find_text(kind, name, version)
    if row is not None:
        return state.readings.core(row[1])
    if any(one == name and version in (None, known) for one, known, *_ in state.texts(kind)):
        text = f"{name} is not the text that was published: it was changed in the database"
        raise TextError([Finding(1, 1, text, "Restore the database.")])
    return None


def available_of(live: Sequence[LiveAgreement], partner_id: str | None) -> Mapping[str, Available]:
    """Return what each of these agreements has for a partner whom it names."""
    return {
        one.agreement.id: Available(
            agreement=one.agreement.id,
            purpose=one.agreement.purpose,
            dataset=one.dataset.id,
            fields=frozenset(path for line in one.agreement.releases for path in line.fields),
            ends=instant_after(one.agreement.ends_on).timestamp(),
        )
        for one in live
        if partner_id in one.agreement.recipients
    }


def is_intact(text: str, digest: str) -> bool:
    """Tell whether a text is the one that was published, by the digest that its entry in the log names too."""
    return digest_of(text) == digest


def changed_texts(connection: Connection) -> list[tuple[str, str, int]]:
    """Return (kind, id, version) of every text that is not the one that was published."""
    rows = connection.all("SELECT kind, id, version, text, digest FROM text ORDER BY kind, id, version")
    return [(kind, name, version) for kind, name, version, text, digest in rows if not is_intact(text, digest)]

"""What is a sandbox made like? Texts, partners and settings of a council, read without its keys, sources or people."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from audit.stores.sqlite import SqliteStore
from gateway.app import utc_now
from gateway.council.database import store_of
from gateway.council.directory import CouncilError
from gateway.demo.making import DATASETS, MORE_PARTNERS, PARTNERS, URGENT, text_of
from gateway.settings import load_settings
from gateway.store.floor import read_floor
from gateway.store.key_rows import PartnerRecord
from gateway.store.readings import Text
from gateway.store.schema import check_version
from gateway.store.state import Reader
from schemas.instants import london_day
from schemas.semantics import NEWEST
from schemas.terms import Environment

TEXTS: Final = ("dataset", "core", "council", "agreement")


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a sandbox takes over: texts by kind, in the order in which they can be published, and partners.

    Each text keeps the decision semantics that it was published under, and the sandbox the council's floor.
    """

    controller: str
    origin: str
    urgent_contact: str
    dpo_contact: str
    partners: tuple[PartnerRecord, ...]
    texts: dict[str, tuple[Text, ...]]
    left_out: tuple[str, ...] = ()  # agreements that were ended
    floor: int = NEWEST


def likeness_of_council(directory: Path) -> Likeness:
    """Read a council's settings and published texts. Neither its key file nor its sources are opened."""
    settings = load_settings(directory)
    if settings.environment is Environment.SANDBOX:
        raise CouncilError(f"{directory} is a sandbox itself: give the council that it was made like")
    store = store_of(directory, settings)
    if isinstance(store, SqliteStore) and not store.database.is_file():
        raise CouncilError(f"{directory} has no {store.name}: give a council's directory, as `stile init` made it")
    check_version(store)
    with closing(store.open(read_only=True)) as connection:
        reader = Reader(connection)
        names = sorted(reader.partner_kinds())
        ended = [(name, version) for name, version, _, ended_at in reader.texts("agreement") if ended_at is not None]
        return Likeness(
            controller=settings.controller,
            origin=settings.origin,
            urgent_contact=settings.urgent_contact,
            dpo_contact=settings.dpo_contact,
            partners=tuple(found for name in names if (found := reader.find_partner(name)) is not None),
            texts={kind: _published(reader, kind) for kind in TEXTS},
            left_out=tuple(f"agreement {name}@{version}, which was ended" for name, version in ended),
            floor=read_floor(connection),
        )


def _published(reader: Reader, kind: str) -> tuple[Text, ...]:
    """Return the texts of a kind that count; CouncilError for one that is not as it was published."""
    found = [(name, version) for name, version, _, ended_at in reader.texts(kind) if ended_at is None]
    texts = []
    for name, version in found:
        row = reader.find_text(kind, name, version)
        if row is None:
            raise CouncilError(f"{kind} {name}@{version} is not the text that was published: restore the database")
        texts.append((row[1], reader.number_of(kind, name, version)))
    return tuple(texts)


def likeness_of_demo() -> Likeness:
    """Return what the demo's council is made of; its agreements are in force whenever it is asked for."""
    today = london_day(utc_now())
    clients = (*PARTNERS, *MORE_PARTNERS)
    partners = {one.partner_id: PartnerRecord(one.partner_id, one.name, one.kind, is_active=True) for one in clients}
    catalogue, cores = files("schemas.catalogue"), files("policies.core")
    return Likeness(
        controller="northmoor",
        origin="gateway.northmoor.example/log/northmoor",
        urgent_contact=URGENT,
        dpo_contact="dpo@northmoor.example",
        partners=tuple(partners.values()),
        texts={
            "dataset": tuple((catalogue.joinpath(f"{name}.yaml").read_text(encoding="utf-8"), NEWEST) for name in DATASETS),
            "core": tuple(
                (one.read_text(encoding="utf-8"), NEWEST)
                for one in sorted(cores.iterdir(), key=lambda one: one.name)
                if one.name.endswith(".yaml")
            ),
            "council": (),
            "agreement": tuple((text_of(one.agreement, today), NEWEST) for one in clients),
        },
    )

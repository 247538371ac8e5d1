"""What did a caseworker ask for? Out of the log, each row with what proves it; and each search is an entry itself."""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from audit.format.commitment import open_bundle, value_of
from audit.format.entry import EntryError, Kind
from audit.stores.connection import Connection
from audit.stores.entries import bundles, entry_at, newest_checkpoint
from audit.stores.nodes import inclusion
from audit.stores.search import find_entries
from audit.writing.item import Draft, Moment, Within
from audit.writing.keyring import Keyring, KeyringError, reference
from gateway.store.changes import ChangeRefusedError
from gateway.store.entries import Entries
from gateway.store.state import Reader
from policies.reading.findings import did_you_mean
from schemas.unseen import label_form

_SHOWN: Final = ("parties", "caseworker", "basis")  # what an entry says of who asked, on which basis; nothing of the person


@dataclass(frozen=True, slots=True)
class CaseworkerQuery:
    """A caseworker of a partner, by the id that the partner gives; from one instant up to another, where given.

    Of more than `most` entries the newest are told.
    """

    partner: str
    caseworker: str
    begins: datetime | None = None
    ends: datetime | None = None
    most: int = 1_000

    def covers(self, at: datetime) -> bool:
        """Tell whether an entry's instant is asked for."""
        return (self.begins is None or self.begins <= at) and (self.ends is None or at < self.ends)


class UnknownPartnerError(ChangeRefusedError):
    """Nobody was ever registered by this id: a search in their name would find nothing, and seem to be an answer."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What was found, under one checkpoint. `record` is to be appended before anything of this is shown."""

    rows: tuple[dict[str, Any], ...]  # newest first
    has_more: bool
    checkpoint: str
    complete_to: int
    record: Within

    def document(self) -> dict[str, Any]:
        """Return everything that was found, JSON-ready."""
        return {
            "rows": list(self.rows),
            "has_more": self.has_more,
            "complete_to": self.complete_to,
            "checkpoint": self.checkpoint,
        }


def search_caseworker(
    query: CaseworkerQuery, *, by: str, connection: Connection, keyring: Keyring, index: Path, entries: Entries
) -> Searched:
    """Return every entry in which a caseworker asked, also those that were refused. `by` is who searches.

    Raises UnknownPartnerError, and KeyringError where the key file can't be read. An entry whose caseworker's key was
    destroyed is not found.
    """
    known = Reader(connection).partner_kinds()
    if query.partner not in known:
        raise UnknownPartnerError(f"no partner is registered as {query.partner}. {did_you_mean(query.partner, known)}")
    refs = [
        reference(keyring.named("index"), "caseworker", f"{query.partner}/{name}")
        for name in dict.fromkeys((label_form(query.caseworker), query.caseworker))  # entries of before it hold the latter
    ]
    found = [find_entries(connection, index, ref) for ref in refs]
    places = sorted({place for one in found for place in one.indices}, reverse=True)
    complete_to = min(one.complete_to for one in found)
    signed = newest_checkpoint(connection)
    size, checkpoint = signed or (0, "")
    asked_for = (row for place in places if (row := _row(connection, keyring, place, query)) is not None)
    opened = list(islice(asked_for, query.most + 1))
    rows = tuple({**row, "proof": _proof(connection, row["index"], size)} for row in opened[: query.most])

    def record(_connection: Connection, moment: Moment) -> Draft:
        # The reference, not the name: this entry is sealed under the controller's key, which no erasure destroys.
        asked = {"question": "caseworker", "ref": refs[0].hex(), "found": len(rows), "complete_to": complete_to}
        return entries.plain(Kind.SEARCH, connection, moment, (), {"what": asked, "who": {"by": by}})

    return Searched(rows, len(opened) > query.most, checkpoint, complete_to, record)


def _row(connection: Connection, keyring: Keyring, place: int, query: CaseworkerQuery) -> dict[str, Any] | None:
    raw = entry_at(connection, place)
    entry = orjson.loads(raw)
    if not query.covers(datetime.fromisoformat(entry["at"])):
        return None
    openings = _openings(connection, keyring, place, entry["id"])
    told = {name: value_of(openings[name]) for name in _SHOWN if name in openings}
    parties = told.get("parties", {})
    who = told.get("caseworker", {})
    if parties.get("partner") != query.partner or label_form(who.get("id", "")) != label_form(query.caseworker):
        return None
    basis = told.get("basis", {})
    return {
        "index": place,
        "id": entry["id"],
        "at": entry["at"],
        "kind": entry["kind"],
        "outcome": entry.get("outcome"),
        **parties,
        "caseworker": who,
        **{name: basis.get(name) for name in ("agreement", "purpose", "dataset", "emergency")},
        "entry": base64.b64encode(raw).decode(),
        "openings": {name: openings[name] for name in _SHOWN if name in openings},
    }


def _openings(connection: Connection, keyring: Keyring, place: int, entry_id: str) -> dict[str, str]:
    """Return what opens under the keys that live: of a person's the caseworker's and the controller's parts are enough."""
    found: dict[str, str] = {}
    for key_id, ciphertext in bundles(connection, place):
        with contextlib.suppress(KeyringError, EntryError):
            found |= open_bundle(keyring.load(key_id), entry_id, ciphertext)
    return found


def _proof(connection: Connection, place: int, size: int) -> list[str]:
    return [base64.b64encode(one).decode() for one in inclusion(connection, index=place, size=size)]


def caseworker_of(ref: bytes, *, connection: Connection, keyring: Keyring, index: Path) -> str | None:
    """Return the id of the caseworker whom a reference names, as the newest entry that opens has it."""
    for place in reversed(find_entries(connection, index, ref).indices):
        opened = _openings(connection, keyring, place, orjson.loads(entry_at(connection, place))["id"])
        if "caseworker" in opened:
            name: str | None = value_of(opened["caseworker"]).get("id")
            return name
    return None

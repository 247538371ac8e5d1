"""What does a proposed change rest on? When that moves before it is decided, it is stale."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from audit.format.entry import canonical
from audit.stores.connection import Connection
from gateway.sources.mapping import read_mapping
from gateway.store.live import binding_cores
from gateway.store.registrations import find_registration
from gateway.store.staffing import how_many_decide
from gateway.store.state import Reader
from policies.reading.parse import parse_agreement, parse_core, parse_dataset

NOTHING = "none"
Resting = Mapping[str, str]


def under_agreement(reader: Reader, text: str) -> Resting:
    """Return the version before, what bounds the agreement, where its data lie, and who its recipients are."""
    agreement = parse_agreement(text)
    dataset = f"{agreement.dataset[0]}@{agreement.dataset[1]}"
    kinds = reader.partner_kinds()
    return {
        **_semantics(reader),
        f"agreement {agreement.id}": _newest(reader.connection, "agreement", agreement.id),
        f"the source of {dataset}": _newest(reader.connection, "mapping", dataset),
        **{f"core {one.id}": f"{one.version} {one.digest}" for one in binding_cores(reader, agreement)},
        **{f"partner {one}": _partner(reader, one, kinds) for one in agreement.recipients},
    }


def under_core(reader: Reader, text: str) -> Resting:
    """Return the version before, and the agreements that are published: which of them it bounds is what it changes."""
    core = parse_core(text)
    kind = "council" if core.is_council else "core"
    return {**_semantics(reader), f"{kind} {core.id}": _newest(reader.connection, kind, core.id), **_agreements(reader)}


def under_dataset(reader: Reader, text: str) -> Resting:
    """Return the version before."""
    dataset = parse_dataset(text)
    return {**_semantics(reader), f"dataset {dataset.id}": _newest(reader.connection, "dataset", dataset.id)}


def under_mapping(reader: Reader, text: str) -> Resting:
    """Return the mapping before, and the agreements that are published: they rest on what it gives."""
    mapping, _, _ = read_mapping(text)
    newest = _newest(reader.connection, "mapping", mapping.dataset)
    return {f"the source of {mapping.dataset}": newest, **_agreements(reader)}


def under_registration(reader: Reader, client_id: str) -> Resting:
    """Return what the client says of itself, and whether its partner may have clients."""
    found = find_registration(reader.connection, client_id)
    if found is None:
        return {f"registration {client_id}": NOTHING}
    partner = _partner(reader, found.partner_id, reader.partner_kinds())
    return {f"registration {client_id}": f"{found.status} {found.digest}", f"partner {found.partner_id}": partner}


def under_staffing(reader: Reader) -> Resting:
    """Return how many people decide."""
    return {"how many people decide": str(how_many_decide(reader.connection))}


def moved(before: Resting, *, now: Resting) -> list[str]:
    """Return the names of what is another than it was."""
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _semantics(reader: Reader) -> Resting:
    return {"the decision semantics": str(reader.floor())}


def _newest(connection: Connection, kind: str, name: str) -> str:
    row = connection.one(
        "SELECT version, digest, ended_at FROM text WHERE kind = ? AND id = ? ORDER BY version DESC LIMIT 1", (kind, name)
    )
    return NOTHING if row is None else f"{row[0]} {row[1]}{' ended' if row[2] is not None else ''}"


def _agreements(reader: Reader) -> Resting:
    rows = reader.connection.all(
        "SELECT id, version, digest FROM text WHERE kind = 'agreement' AND ended_at IS NULL ORDER BY id, version"
    )
    return {"the published agreements": "sha256:" + hashlib.sha256(canonical([list(row) for row in rows])).hexdigest()}


def _partner(reader: Reader, name: str, kinds: Mapping[str, object]) -> str:
    found = reader.find_partner(name)
    return NOTHING if found is None else f"{kinds.get(name)} {'active' if found.is_active else 'suspended'}"

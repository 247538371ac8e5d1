"""How does a partner get the receipt of an earlier answer again? Made anew, to the newest checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from audit.exporting.receipt import receipt_of, receipt_of_many
from audit.format.commitment import SealingKey, digest_of, open_bundle, value_of, values_seed
from audit.format.entry import EntryError
from audit.format.people import LEAF_NAMES, SHARED_NAMES, leaf_bytes, leaf_id, leaf_shown, parts_of, paths_of
from audit.stores.entries import bundles, find_entry, leaves_of, newest_checkpoint
from audit.stores.nodes import inclusion
from audit.writing.keyring import KeyringError
from gateway.journey.equipment import Services
from gateway.oauth.clients import Client
from gateway.problems import NO_LONGER_OPENS, ProblemError

VALUES: Final = "values"  # the name whose key the released values are sealed under


def load_receipt(services: Services, disclosure_id: str, client: Client) -> dict[str, Any] | None:
    """Return the receipt of one of this client's own entries, or of one line of it (`entry.place`), or None.

    Raises ProblemError where a key that it needs was destroyed: what is erased of a person opens for nobody.
    """
    entry_id, dot, place = disclosure_id.partition(".")
    connection = services.reader.connection
    found, newest = find_entry(connection, entry_id), newest_checkpoint(connection)
    if found is None or newest is None:
        return None
    sealed = dict(bundles(connection, found[0]))
    if not _is_of(client, sealed, entry_id, services):
        return None
    hashes, begins = leaves_of(connection, found[0])
    if not hashes:
        return None if dot else _of_one(services, entry_id, found, newest, sealed)
    places = range(len(hashes))
    if dot:
        # Where a line begins is kept, for the leaves themselves may not open any more.
        later = [one for one in (*begins, len(hashes)) if one > int(place)]
        places = range(int(place), later[0]) if int(place) in begins else range(0)
    return _of_many(services, entry_id, found, newest, sealed, hashes, places) if places else None


def _of_one(
    services: Services, entry_id: str, found: tuple[int, bytes], newest: tuple[int, str], sealed: dict[bytes, bytes]
) -> dict[str, Any]:
    opened = [_opened(services, key_id, entry_id, ciphertext) for key_id, ciphertext in sealed.items()]
    if None in opened:
        raise ProblemError(NO_LONGER_OPENS)
    openings = {name: one for _, mine in filter(None, opened) for name, one in mine.items()}
    keys = [key for key, mine in filter(None, opened) if VALUES in mine]
    return receipt_of(
        **_place(services, found, newest), openings=openings, seed=values_seed(keys[0], entry_id) if keys else None
    )


def _of_many(
    services: Services,
    entry_id: str,
    found: tuple[int, bytes],
    newest: tuple[int, str],
    sealed: dict[bytes, bytes],
    hashes: Sequence[bytes],
    places: range,
) -> dict[str, Any]:
    """Return the receipt with the leaves of one line, or of the one person that the entry is about.

    The keys of other lines' people are not needed: of their leaves the hash is enough.
    """
    openings: dict[str, str] = {}
    key_of: dict[str, SealingKey] = {}
    for key_id, ciphertext in sealed.items():
        key, mine = _opened(services, key_id, entry_id, ciphertext) or (None, {})
        openings |= mine
        if key is not None:
            key_of |= dict.fromkeys(mine, key)
    own, leaves = parts_of(openings)
    if any(name not in own for name in SHARED_NAMES) or any(
        not set(LEAF_NAMES) <= set(leaves.get(one, ())) for one in places
    ):
        raise ProblemError(NO_LONGER_OPENS)
    paths = paths_of(hashes)
    shown = [
        leaf_shown(
            leaf_bytes(sorted(digest_of(opening) for opening in leaves[one].values())),
            one,
            paths[one],
            leaves[one],
            _seed(key_of[f"{one}/{VALUES}"], entry_id, one, leaves[one]),
        )
        for one in places
    ]
    return {**receipt_of_many(**_place(services, found, newest), openings=own), "leaves": shown}


def _seed(key: SealingKey, entry_id: str, place: int, openings: dict[str, str]) -> bytes | None:
    return values_seed(key, leaf_id(entry_id, place)) if value_of(openings[VALUES])["_sd"] else None


def _opened(
    services: Services, key_id: bytes, entry_id: str, ciphertext: bytes
) -> tuple[SealingKey, dict[str, str]] | None:
    """Return a bundle's key and openings; None once its key was destroyed."""
    try:
        key = services.keyring.load(key_id)
        return key, open_bundle(key, entry_id, ciphertext)
    except (KeyringError, EntryError):
        return None


def _place(services: Services, found: tuple[int, bytes], newest: tuple[int, str]) -> dict[str, Any]:
    (index, entry), (size, checkpoint) = found, newest
    proof = inclusion(services.reader.connection, index=index, size=size)
    origin = services.settings.origin
    return {"origin": origin, "entry": entry, "index": index, "size": size, "proof": proof, "checkpoint": checkpoint}


def _is_of(client: Client, sealed: dict[bytes, bytes], entry_id: str, services: Services) -> bool:
    """Tell whether an entry answered this client. Who it answered is sealed under the controller's key, which stays."""
    controller = services.keyring.controller()
    if controller.key_id not in sealed:
        return False
    try:
        parties = open_bundle(controller, entry_id, sealed[controller.key_id]).get("parties")
    except EntryError:
        return False  # damaged: whose it was can't be told
    return parties is not None and value_of(parties).get("client") == client.client_id

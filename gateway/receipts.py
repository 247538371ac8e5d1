"""How does a partner get the receipt of an earlier answer again? Made anew, to the newest checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from audit.commitment import SealingKey, digest_of, open_bundle, value_of, values_seed
from audit.entry import EntryError
from audit.keyring import KeyringError
from audit.people import LEAF_NAMES, SHARED_NAMES, leaf_bytes, leaf_id, leaf_shown, parts_of, paths_of
from audit.proof import receipt_of, receipt_of_many
from audit.sqlite import bundles, find_entry, inclusion, leaf_hashes, newest_checkpoint
from gateway.oauth.clients import Client
from gateway.problems import NO_LONGER_OPENS, ProblemError
from gateway.services import Services

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
    hashes = leaf_hashes(connection, found[0])
    if not hashes:
        return None if dot else _of_one(services, entry_id, found, newest, sealed)
    return _of_many(services, entry_id, found, newest, sealed, hashes, int(place) if dot else None)


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
    place: int | None,
) -> dict[str, Any] | None:
    """Return the receipt with the leaves of one line, or of the one person that the entry is about.

    Other people's keys are not needed: of their leaves the hash is enough.
    """
    openings: dict[str, str] = {}
    key_of: dict[str, SealingKey] = {}
    for key_id, ciphertext in sealed.items():
        key, mine = _opened(services, key_id, entry_id, ciphertext) or (None, {})
        openings |= mine
        if key is not None:
            key_of |= dict.fromkeys(mine, key)
    own, leaves = parts_of(openings)
    places = range(len(hashes)) if place is None else _line_from(place, leaves, len(hashes))
    if place is not None and place not in places:
        return None
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


def _line_from(place: int, leaves: dict[int, dict[str, str]], size: int) -> range:
    """Return the places of the line that begins at one: its leaves share one answer, and no other line has it."""
    answer = _answer_at(place, leaves)
    end = place + 1
    while answer is not None and end < size and _answer_at(end, leaves) == answer:
        end += 1
    begins = 0 <= place < size and (place == 0 or answer is None or _answer_at(place - 1, leaves) != answer)
    return range(place, end) if begins else range(0)


def _answer_at(place: int, leaves: dict[int, dict[str, str]]) -> Any:
    opening = leaves.get(place, {}).get("answer")
    return None if opening is None else value_of(opening)


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
    proof = inclusion(services.reader.connection, index, size)
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

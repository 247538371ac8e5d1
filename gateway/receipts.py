"""How does a partner get the receipt of an earlier answer again? Made anew, to the newest checkpoint."""

from __future__ import annotations

import base64
from typing import Any, Final

import orjson

from audit.commitment import open_bundle, values_seed
from audit.entry import EntryError
from audit.keyring import KeyringError
from audit.proof import receipt_of
from audit.sqlite import bundles, find_entry, inclusion, newest_checkpoint
from gateway.oauth.clients import Client
from gateway.problems import NO_LONGER_OPENS, ProblemError
from gateway.services import Services

VALUES: Final = "values"  # the name whose key the released values are sealed under


def load_receipt(services: Services, entry_id: str, client: Client) -> dict[str, Any] | None:
    """Return the receipt of one of this client's own entries, or None.

    Raises ProblemError where a key that it needs was destroyed: an erased person's entry opens for nobody.
    """
    connection = services.reader.connection
    found, newest = find_entry(connection, entry_id), newest_checkpoint(connection)
    if found is None or newest is None:
        return None
    index, entry = found
    size, checkpoint = newest
    sealed = dict(bundles(connection, index))
    if not _is_of(client, sealed, entry_id, services):
        return None
    openings: dict[str, str] = {}
    seed = None
    try:
        for key_id, ciphertext in sealed.items():
            key = services.keyring.load(key_id)
            mine = open_bundle(key, entry_id, ciphertext)
            openings |= mine
            if VALUES in mine:
                seed = values_seed(key, entry_id)
    except (KeyringError, EntryError) as error:
        raise ProblemError(NO_LONGER_OPENS) from error
    return receipt_of(
        origin=services.settings.origin,
        entry=entry,
        index=index,
        size=size,
        proof=inclusion(connection, index, size),
        checkpoint=checkpoint,
        openings=openings,
        seed=seed,
    )


def _is_of(client: Client, sealed: dict[bytes, bytes], entry_id: str, services: Services) -> bool:
    """Tell whether an entry answered this client. Who it answered is sealed under the controller's key, which stays."""
    controller = services.keyring.controller()
    if controller.key_id not in sealed:
        return False
    try:
        parties = open_bundle(controller, entry_id, sealed[controller.key_id]).get("parties")
    except EntryError:
        return False  # damaged: whose it was can't be told
    return parties is not None and _value_of(parties).get("client") == client.client_id


def _value_of(opening: str) -> dict[str, Any]:
    """Return what an opening of our own making holds: the third of salt, name, value (RFC 9901, section 4.2.1)."""
    value: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(opening + "=" * (-len(opening) % 4)))[2]
    return value

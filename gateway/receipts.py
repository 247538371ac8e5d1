"""How does a partner get the receipt of an earlier answer again? Made anew, to the newest checkpoint."""

from __future__ import annotations

from typing import Any

from audit.commitment import open_bundle, values_seed
from audit.keyring import KeyringError
from audit.proof import receipt_of
from audit.sqlite import bundles, find_entry, inclusion, newest_checkpoint
from gateway.oauth.clients import Client
from gateway.problems import NO_LONGER_OPENS, ProblemError
from gateway.services import Services


def load_receipt(services: Services, entry_id: str, client: Client) -> dict[str, Any] | None:
    """Return the receipt of one of this client's own entries, or None.

    Raises ProblemError where a key that it needs was destroyed: an erased person's entry opens for nobody.
    """
    connection = services.reader.connection
    row = connection.execute(
        "SELECT values_key FROM answered WHERE disclosure_id = ? AND client_id = ?", (entry_id, client.client_id)
    ).fetchone()
    found, newest = find_entry(connection, entry_id), newest_checkpoint(connection)
    if row is None or found is None or newest is None:
        return None
    index, entry = found
    size, checkpoint = newest
    openings: dict[str, str] = {}
    try:
        for key_id, ciphertext in bundles(connection, index):
            openings |= open_bundle(services.keyring.load(key_id), entry_id, ciphertext)
        seed = values_seed(services.keyring.load(bytes(row[0])), entry_id)
    except KeyringError as error:
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

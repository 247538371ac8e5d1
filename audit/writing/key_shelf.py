"""Under which key is a person's part of an entry sealed? The one that they have, or one that this entry claims for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from audit.format.commitment import SealingKey
from audit.stores.connection import Connection, Row, Statement
from audit.stores.shelf import Key
from audit.stores.subject_keys import Whose, claiming, holding
from audit.writing.keyring import Keyring

PERSONS_KEYS: Final = "subject_key"  # the shelf's name; a key names reference, retention class and year


@dataclass(frozen=True, slots=True)
class Held:
    """A key that is a person's, or would be: `is_claimed` once a row says so."""

    key: SealingKey
    is_claimed: bool


def key_of(whose: Whose) -> tuple[Any, ...]:
    """Return what names a person's key for items that judge."""
    return (PERSONS_KEYS, *whose)


@dataclass(frozen=True, slots=True)
class KeyShelf:
    """People's keys. A row tells whose a key is; the key itself is the key file's. Raises KeyringError.

    Who has none is given one of those made ahead: the one given before the transaction, unless it was destroyed since.
    """

    keyring: Keyring

    def asked(self, keys: Collection[Key]) -> Sequence[Statement]:
        """Return the statements that read these rows."""
        return holding([key[1:] for key in keys])

    def found(self, keys: Collection[Key], answers: Sequence[Sequence[Row]], _connection: Connection) -> dict[Key, Any]:
        """Return the key of everybody."""
        held = {(bytes(ref), kind, year): bytes(key_id) for rows in answers for ref, kind, year, key_id in rows}
        return {key: Held(self.keyring.key_held(key[1:], held.get(key[1:])), is_claimed=key[1:] in held) for key in keys}

    def written(self, rows: Mapping[Key, Any]) -> Sequence[Statement]:
        """Return the statements that claim keys. Only a key that was nobody's is written."""
        for key, held in rows.items():
            self.keyring.note_claimed(key[1:], held.key)
        return claiming({key[1:]: held.key.key_id for key, held in rows.items()})

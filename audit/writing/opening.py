"""What do the bundles beside an entry hold, to who has the keys?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from audit.format.commitment import SealingKey, open_bundle, value_of


class Keys(Protocol):
    """Where the keys are that bundles open under."""

    def load(self, key_id: bytes, /) -> SealingKey: ...


def opened_values(keys: Keys, entry_id: str, kept: Iterable[tuple[bytes, bytes]], name: str) -> Iterator[Any]:
    """Give what each bundle that has an opening of this name says by it. Raises EntryError, KeyringError."""
    for key_id, ciphertext in kept:
        openings = open_bundle(keys.load(key_id), entry_id, ciphertext)
        if name in openings:
            yield value_of(openings[name])

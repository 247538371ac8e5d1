"""What do the bundles beside an entry hold, to who has the keys?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from audit.format.commitment import CONTROLLER_ID, SealingKey, bundle_count, digest_of, open_bundle, value_of
from audit.format.entry import EntryError
from audit.format.state_rows import PEOPLE, STATE, rows_digest
from audit.stores.checked import LogCorruptError
from audit.writing.keyring import KeyringError

Bundles = Sequence[tuple[bytes, bytes]]  # key id and ciphertext


class Keys(Protocol):
    """Where the keys are that bundles open under."""

    def load(self, key_id: bytes, /) -> SealingKey: ...


def said_by(keys: Keys, secret: bytes, entry: Mapping[str, Any], kept: Bundles, *, index: int) -> dict[str, bytes]:
    """Return what stands for the rows of each state key of which an entry says what they are.

    Raises LogCorruptError where what is kept beside the entry is not all of what it commits to.
    """
    if not kept:
        raise LogCorruptError(f"what is kept beside entry {index} is missing")
    try:
        _check_count(keys, entry["id"], kept, index=index)
        opened = [open_bundle(keys.load(key_id), entry["id"], one) for key_id, one in sorted(kept, key=_controllers_first)]
    except (EntryError, KeyringError) as error:
        raise LogCorruptError(f"what is kept beside entry {index} does not open: {error}") from error
    known = set(entry["_sd"])
    found: dict[str, bytes] = {}
    for name, opening in ((name, one) for openings in opened for name, one in openings.items()):
        if digest_of(opening) not in known:
            raise LogCorruptError(f"what is kept beside entry {index} is not what it commits to: {name}")
        if name == PEOPLE:
            known.update(value_of(opening).values())
        elif name == STATE:
            found |= {key: rows_digest(secret, key, rows) for key, rows in value_of(opening).items()}
    return found


def _controllers_first(bundle: tuple[bytes, bytes]) -> bool:
    return bundle[0] != CONTROLLER_ID


def _check_count(keys: Keys, entry_id: str, kept: Bundles, *, index: int) -> None:
    """Raise LogCorruptError unless all bundles of an entry are there; the controller's has told their number since."""
    own = dict(kept).get(CONTROLLER_ID)
    told = bundle_count(keys.load(CONTROLLER_ID), entry_id, own) if own is not None else None
    if told not in {None, len(kept)}:
        raise LogCorruptError(f"beside entry {index} there should be {told} bundles, and {len(kept)} are kept")


def opened_values(keys: Keys, entry_id: str, kept: Iterable[tuple[bytes, bytes]], *, name: str) -> Iterator[Any]:
    """Give what each bundle that has an opening of this name says by it. Raises EntryError, KeyringError."""
    for key_id, ciphertext in kept:
        openings = open_bundle(keys.load(key_id), entry_id, ciphertext)
        if name in openings:
            yield value_of(openings[name])

"""How does an entry say what the rows of a state key are? Whole, each row by its table; and a digest stands for them.

A state key names what a decision may rest on: one client, one agreement, one person's consents. An entry that changes any
of its rows says what all of them are afterwards, so that the newest entry of a key is all that there is to know of it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final

import orjson

STATE: Final = "state"  # the name under which an entry says it
PEOPLE: Final = "people"  # in `state.adopted`: by each person's reference, the digest of the opening that says theirs
DIGEST_SIZE: Final = 16
StateRow = Sequence[Any]  # the table, and each column's value by its name; a column without one is left out
StateRows = Sequence[StateRow]


def state_secret(index_key: bytes) -> bytes:
    """Return the secret of digests, from the controller's index key."""
    return hmac.digest(index_key, b"stile state rows", "sha256")


def rows_digest(secret: bytes, key: str, rows: StateRows) -> bytes:
    """Return what stands for the rows of a key: 16 bytes of BLAKE2b under a secret of the key file (RFC 7693, section 2.9).

    Keyed, for what a row holds can be guessed. Of no rows there is a digest too.
    """
    said = orjson.dumps([key, rows], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(said, key=secret, digest_size=DIGEST_SIZE).digest()

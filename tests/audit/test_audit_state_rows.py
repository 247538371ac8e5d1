"""What stands for the rows of a state key: keyed BLAKE2b, over the key and every row."""

from __future__ import annotations

import hashlib

import pytest

from audit.format.state_rows import rows_digest, state_secret

SECRET = state_secret(bytes(range(32)))
ROWS = [["client", {"client_id": "a", "status": "active"}], ["client_key", {"client_id": "a", "kid": "1"}]]


def test_the_digest_is_blake2b_of_key_and_rows_under_the_secret() -> None:
    """RFC 7693, section 2.9: keyed hashing, with 16 bytes."""
    said = b'["client/a",[["client",{"client_id":"a","status":"active"}],["client_key",{"client_id":"a","kid":"1"}]]]'

    assert rows_digest(SECRET, "client/a", ROWS) == hashlib.blake2b(said, key=SECRET, digest_size=16).digest()


def test_the_order_of_columns_is_no_difference() -> None:
    turned = [[table, dict(reversed(columns.items()))] for table, columns in ROWS]

    assert rows_digest(SECRET, "client/a", turned) == rows_digest(SECRET, "client/a", ROWS)


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        ("client/b", ROWS),
        ("client/a", ROWS[:1]),
        ("client/a", ROWS[::-1]),
        ("client/a", []),
        ("client/a", [ROWS[0], ["client_key", {"client_id": "a", "kid": "2"}]]),
        ("client/a", [["partner", ROWS[0][1]], ROWS[1]]),
    ],
)
def test_whatever_differs_is_another_digest(key: str, rows: list) -> None:
    assert rows_digest(SECRET, key, rows) != rows_digest(SECRET, "client/a", ROWS)


def test_another_secret_is_another_digest() -> None:
    assert rows_digest(state_secret(bytes(32)), "client/a", ROWS) != rows_digest(SECRET, "client/a", ROWS)

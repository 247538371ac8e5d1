"""Who has the database and no key joins nobody to a call, though they know every resident and every caseworker."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator

from gateway_working import CONSENT
from house import BORN, CASEWORKER, GRACE, House, confirming
from test_gateway_tampered import HELD

EMERGENCY = {"kind": "risk_to_life", "reason": "found unconscious"}
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
PUBLIC = {"log_node", "log_checkpoint", "log_head", "text", "alembic_version"}  # hashes of entries, and what is published


def told(house: House) -> dict[str, list[bytes]]:
    """Return every value of every table, as bytes."""
    found: dict[str, list[bytes]] = {}
    for (table,) in house.rows(TABLES):
        if table not in PUBLIC:
            rows = house.rows(f'SELECT * FROM "{table}"')
            found[table] = [_bytes(value) for row in rows for value in row if isinstance(value, str | bytes)]
    return found


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def spellings(raw: bytes) -> Iterator[bytes]:
    """Yield how a thing that can be guessed might stand in a table: itself, or a digest that takes no key."""
    yield raw
    for name in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s"):
        digest = hashlib.new(name, raw).digest()
        for size in {16, 20, 32, len(digest)}:
            some = digest[:size]
            yield from (some, some.hex().encode(), base64.b64encode(some).rstrip(b"="))
            yield base64.urlsafe_b64encode(some).rstrip(b"=")


def register() -> list[bytes]:
    """Return what a register of all residents and caseworkers says of them, one by one and as a call would name them."""
    people = [(account, f"P0000{account[-3:]}", born) for account, born in BORN.items()]
    alone = [one for account, person, born in people for one in (account, person, f"{account}{born}")]
    named = [f"{dataset}\0{person}" for _, person, _ in people for dataset in ("council-tax", "housing-tenancies")]
    workers = [value for value in CASEWORKER.values() if " " in value or value == CASEWORKER["id"]]
    workers += [f"harbour-housing\0{CASEWORKER['id']}", f"harbour-housing/{CASEWORKER['id']}"]
    return [one.encode() for one in (*alone, *named, *workers)]


def bodies() -> list[bytes]:
    """Return the bodies of the calls that were made, which whoever knows the register can write down again."""
    body = {"subject": GRACE, "case_reference": "HH-2291", "caseworker": CASEWORKER, "fields": ["postcode"]}
    variants = (body, {**body, "emergency": EMERGENCY}, GRACE, GRACE["confirm"])
    return [
        json.dumps(one, separators=pair, sort_keys=ordered).encode()
        for one in variants
        for pair in ((", ", ": "), (",", ":"))
        for ordered in (False, True)
    ]


def test_nobody_is_joined_to_a_call_without_the_key_file(house: House) -> None:
    dpo, harbour = house.dpo(), house.harbour()
    assert dpo.call("POST", "/control/v1/consents", CONSENT).status_code == 201
    assert dpo.call("POST", "/control/v1/restrictions", HELD).status_code == 201
    assert harbour.ask(fields=["postcode"], Idempotency_Key="one").status_code == 200
    assert harbour.ask(fields=["postcode"], emergency=EMERGENCY, Idempotency_Key="two").status_code == 200
    for account in BORN:
        harbour.ask({"account_ref": account, "confirm": confirming(account, "Nobody")}, fields=["postcode"])

    values = told(house)

    assert {"log_entry", "log_bundle", "subject_key", "usage", "idempotency", "consent", "emergency"} <= values.keys()
    assert all(values[table] for table in ("log_entry", "log_bundle", "subject_key", "usage", "idempotency", "emergency"))
    guesses = {one for raw in (*register(), *bodies()) for one in spellings(raw) if len(one) >= 7}
    found = {(table, guess) for table, held in values.items() for guess in guesses for value in held if guess in value}
    assert not found
    # What a repeat must share is made of a body's digest and more, so that it is told by its own word.
    assert all(one.startswith("hmac-sha256:") for (one,) in house.rows("SELECT body_digest FROM idempotency"))

"""How is a receipt read, and do its openings open what the entry commits to? Pure; the steps stand in `verify.py`.

Everything that is read is written again and compared: base64 and JSON spell one value several ways, and only one is ours.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from audit.format.commitment import digest_of, encode, value_openings
from audit.format.entry import VERSION, EntryError, canonical
from audit.tree.merkle import ProofError


def canonical_object(raw: bytes, what: str) -> dict[str, Any]:
    """Return a JSON object that is written as we write; ProofError for any other bytes."""
    try:
        value = orjson.loads(raw)
        written = canonical(value)
    except (orjson.JSONDecodeError, EntryError, RecursionError) as error:
        raise ProofError(f"the {what} is not JSON of the kind that we write") from error
    if written != raw:
        raise ProofError(f"the {what} is not written canonically: a byte was changed")
    if not isinstance(value, dict):
        raise ProofError(f"the {what} is not an object")
    return value


def read_base64(text: object, what: str) -> bytes:
    """Return what base64 (RFC 4648, section 4) spells, where it is its one spelling."""
    if not isinstance(text, str):
        raise ProofError(f"the {what} is not base64")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError(f"the {what} is not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise ProofError(f"the {what} is not canonical base64")
    return raw


def read_base64url(text: object, what: str) -> bytes:
    """Return what unpadded base64url (RFC 4648, section 5) spells, where it is its one spelling."""
    if not isinstance(text, str):
        raise ProofError(f"the {what} is not base64url")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError(f"the {what} is not base64url") from error
    if encode(raw) != text:
        raise ProofError(f"the {what} is not canonical base64url")
    return raw


def open_names(given: object, names: Collection[str], digests: Collection[str]) -> dict[str, Any]:
    """Return the value of every name that a partner may know; each must stand among the digests, under its own name."""
    if not isinstance(given, dict) or set(given) != set(names):
        raise ProofError("the receipt does not open all the names that are yours, or opens others")
    opened: dict[str, Any] = {}
    for name, opening in given.items():
        raw = read_base64url(opening, f"opening of {name}")
        try:
            parts = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise ProofError(f"the opening of {name} is not JSON") from error
        if not isinstance(parts, list) or len(parts) != 3 or parts[1] != name:  # noqa: PLR2004 -- salt, name, value
            raise ProofError(f"the opening of {name} is not of that name")
        if digest_of(opening) not in digests:
            raise ProofError(f"the opening of {name} does not stand in the entry")
        opened[name] = parts[2]
    return opened


def digests_in(holder: Mapping[str, Any], count: int, what: str) -> list[str]:
    """Return the digests that an entry or a leaf commits to: so many, sorted, each once."""
    if holder.get("v") != VERSION or holder.get("_sd_alg") != "sha-256":
        raise ProofError(f"the {what} is of a version that this verifier does not know")
    found = holder.get("_sd")
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ProofError(f"the {what}'s commitments are not a list of digests")
    if len(found) != count or found != sorted(set(found)):
        raise ProofError(f"the {what} does not commit to {count} names")
    return found


def released_in(disclosure: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a disclosure's record."""
    record = disclosure.get("record")
    fields = record.get("fields") if isinstance(record, dict) else None
    if not isinstance(fields, dict) or not all(isinstance(one, dict) for one in fields.values()):
        raise ProofError("the disclosure holds no record of fields")
    return fields


def stated_in(disclosure: Mapping[str, Any]) -> list[tuple[str, str, object]]:
    """Return what the disclosure says of each field: its form or the reason why it stays; a group's fields by path."""
    withheld = disclosure.get("withheld")
    if not isinstance(withheld, list) or not all(isinstance(one, dict) for one in withheld):
        raise ProofError("the disclosure does not list what is withheld")
    released = [(path, "form", one.get("form")) for path, one in released_in(disclosure).items()]
    for group, one in released_in(disclosure).items():
        forms = one.get("forms", {})
        if not isinstance(forms, dict):
            raise ProofError("the disclosure does not say in which forms a group's fields are")
        released += [(f"{group}.{name}", "form", form) for name, form in forms.items()]
    return sorted([*released, *((str(one.get("field")), "reason", one.get("reason")) for one in withheld)], key=repr)


def committed_in(fields: object) -> list[tuple[str, str, object]]:
    """Return what the entry says of each field. Its release line is for the partner to read, and not compared."""
    if not isinstance(fields, dict) or not all(isinstance(one, dict) for one in fields.values()):
        raise ProofError("the entry's fields are not fields")
    return sorted(
        ((path, name, value) for path, one in fields.items() for name, value in one.items() if name != "line"), key=repr
    )


def check_values(committed: object, seed: object, values: list[tuple[str, Any]]) -> None:
    """Raise ProofError unless the seed opens these released values, and no others, in what was committed to."""
    if not values:
        if seed is not None:
            raise ProofError("there is a seed, but no released value that it opens")
        digests = []
    else:
        digests = sorted(digest_of(one) for one in value_openings(read_base64url(seed, "seed"), values))
    if committed != {"_sd": digests}:
        raise ProofError("the released values do not open in the entry")

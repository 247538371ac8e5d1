"""Is this answer the one that the council recorded? An auditor's tool: needs neither gateway nor database.

A receipt shows what the council signed, not that it signed the same for everybody: for that its checkpoint has to
be compared with a published, cosigned one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from audit.checkpoint import verify_checkpoint
from audit.commitment import DISCLOSURE_NAMES, PARTNER_NAMES, digest_of, encode, value_openings
from audit.entry import VERSION, EntryError, canonical
from audit.merkle import ProofError, leaf_hash, verify_inclusion

LARGEST: Final = 4_194_304  # bytes of an answer
RECEIPT_NAMES: Final = {"origin", "entry", "index", "size", "proof", "checkpoint", "openings", "seed"}
PROBLEM_NAMES: Final = {
    "type",
    "title",
    "status",
    "code",
    "detail",
    "remedy",
    "request_id",
    "urgent_contact",
}

__all__ = ["ProofError", "Verified", "verify_answer"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a receipt proves: this entry, at this place of this log, holds this answer."""

    origin: str
    entry_id: str
    index: int
    size: int
    outcome: str
    at: str
    counter: int
    openings: Mapping[str, Any]


def verify_answer(answer: bytes, *, vkey: str) -> Verified:
    """Return what the receipt of an answer proves, or raise ProofError at the first step that fails.

    `vkey` is a key that the verifier already had; one that came with the receipt would prove nothing. Of a refusal
    (403), the problem's own members (`title`, `detail` …) are not covered: the disclosure says the same. They stand
    beside it all, or none, as where a receipt was asked for again; nothing else may.
    """
    disclosure, receipt, beside = _read(answer)
    entry_raw = _base64(receipt["entry"], "entry")
    entry = _canonical_object(entry_raw, "entry")
    proof = tuple(_base64(one, "proof") for one in receipt["proof"])
    checkpoint = verify_checkpoint(receipt["checkpoint"], vkey)
    if checkpoint.origin != receipt["origin"] or checkpoint.size != receipt["size"]:
        raise ProofError("the receipt names another log or size than its checkpoint")
    verify_inclusion(
        leaf_hash(entry_raw), index=receipt["index"], tree_size=checkpoint.size, proof=proof, root=checkpoint.root
    )
    openings = _open(entry, receipt["openings"])
    _check_beside(entry["kind"], beside)
    _check_answer(entry, openings, disclosure)
    _check_values(openings, receipt["seed"], disclosure)
    return Verified(
        origin=checkpoint.origin,
        entry_id=entry["id"],
        index=receipt["index"],
        size=checkpoint.size,
        outcome=entry["outcome"],
        at=entry["at"],
        counter=entry["counter"],
        openings=openings,
    )


def _read(answer: bytes) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Parse, write again, compare: base64 and JSON spell one value several ways, and only one is ours."""
    if len(answer) > LARGEST:
        raise ProofError(f"the answer is over {LARGEST} bytes")
    whole = _canonical_object(answer, "answer")
    disclosure, receipt = whole.get("disclosure"), whole.get("receipt")
    if not isinstance(disclosure, dict) or not isinstance(receipt, dict):
        raise ProofError("the answer holds no disclosure and receipt")
    if receipt.keys() != RECEIPT_NAMES:
        raise ProofError("the receipt does not have the members of a receipt")
    wrong = [
        name
        for name, kind in (
            ("origin", str),
            ("entry", str),
            ("checkpoint", str),
            ("proof", list),
            ("openings", dict),
        )
        if not isinstance(receipt[name], kind)
    ]
    wrong += [name for name in ("index", "size") if type(receipt[name]) is not int]
    if wrong:
        raise ProofError(f"the receipt's {wrong[0]} is of the wrong type")
    return disclosure, receipt, {name: one for name, one in whole.items() if name not in ("disclosure", "receipt")}


def _check_beside(kind: str, beside: dict[str, Any]) -> None:
    """Refuse what no entry covers, but for the members that a 403 has (RFC 9457, section 3.1)."""
    if not beside:
        return
    if kind != "refusal" or beside.keys() != PROBLEM_NAMES:
        raise ProofError("the answer holds members that no answer has, or lacks some of a refusal's")
    texts = [one for name, one in beside.items() if name != "status"]
    if not all(isinstance(one, str) for one in texts) or type(beside["status"]) is not int:
        raise ProofError("a member of the refusal's problem is of the wrong type")
    if beside["status"] != 403 or beside["code"] != "nothing_permitted":  # noqa: PLR2004 -- HTTP's own number
        raise ProofError("the refusal is beside a problem that is not a refusal's")


def _canonical_object(raw: bytes, what: str) -> dict[str, Any]:
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


def _base64(text: object, what: str) -> bytes:
    if not isinstance(text, str):
        raise ProofError(f"the {what} is not base64")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError(f"the {what} is not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise ProofError(f"the {what} is not canonical base64")
    return raw


def _base64url(text: object, what: str) -> bytes:
    if not isinstance(text, str):
        raise ProofError(f"the {what} is not base64url")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError(f"the {what} is not base64url") from error
    if encode(raw) != text:
        raise ProofError(f"the {what} is not canonical base64url")
    return raw


def _open(entry: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Open every name that a partner may know; each must stand in the entry, under its own name."""
    digests = _digests(entry)
    if set(given) != set(PARTNER_NAMES):
        raise ProofError("the receipt does not open all the names that are yours, or opens others")
    opened: dict[str, Any] = {}
    for name, opening in given.items():
        raw = _base64url(opening, f"opening of {name}")
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


def _digests(entry: dict[str, Any]) -> list[str]:
    if entry.get("v") != VERSION or entry.get("_sd_alg") != "sha-256":
        raise ProofError("the entry is of a version that this verifier does not know")
    if entry.get("kind") not in ("disclosure", "refusal"):
        raise ProofError("the entry is not of a disclosure or a refusal")
    found = entry.get("_sd")
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ProofError("the entry's commitments are not a list of digests")
    if len(found) != len(DISCLOSURE_NAMES) or found != sorted(set(found)):
        raise ProofError(f"the entry does not commit to {len(DISCLOSURE_NAMES)} names")
    return found


def _check_answer(entry: dict[str, Any], opened: dict[str, Any], disclosure: dict[str, Any]) -> None:
    digest = "sha256:" + hashlib.sha256(canonical(disclosure)).hexdigest()
    if opened["answer"] != {"digest": digest}:
        raise ProofError("the entry commits to another disclosure than this one")
    if entry.get("id") != disclosure.get("disclosure_id") or entry.get("outcome") != disclosure.get("outcome"):
        raise ProofError("the entry is of another disclosure than this one")
    if not all(isinstance(entry.get(name), str) for name in ("id", "outcome", "at")):
        raise ProofError("the entry has no id, outcome or time")
    if type(entry.get("counter")) is not int:
        raise ProofError("the entry has no counter")
    if _stated(disclosure) != _committed(opened["fields"]):
        raise ProofError("the entry states other forms or reasons than the disclosure")


def _released(disclosure: dict[str, Any]) -> dict[str, Any]:
    record = disclosure.get("record")
    fields = record.get("fields") if isinstance(record, dict) else None
    if not isinstance(fields, dict) or not all(isinstance(one, dict) for one in fields.values()):
        raise ProofError("the disclosure holds no record of fields")
    return fields


def _stated(disclosure: dict[str, Any]) -> list[tuple[str, str, object]]:
    """Return what the disclosure says of each field: its form or the reason why it stays."""
    withheld = disclosure.get("withheld")
    if not isinstance(withheld, list) or not all(isinstance(one, dict) for one in withheld):
        raise ProofError("the disclosure does not list what is withheld")
    released = [(path, "form", one.get("form")) for path, one in _released(disclosure).items()]
    return sorted([*released, *((str(one.get("field")), "reason", one.get("reason")) for one in withheld)], key=repr)


def _committed(fields: object) -> list[tuple[str, str, object]]:
    """Return what the entry says of each field. Its release line is for the partner to read, and not compared."""
    if not isinstance(fields, dict) or not all(isinstance(one, dict) for one in fields.values()):
        raise ProofError("the entry's fields are not fields")
    return sorted(
        ((path, name, value) for path, one in fields.items() for name, value in one.items() if name != "line"), key=repr
    )


def _check_values(opened: dict[str, Any], seed: object, disclosure: dict[str, Any]) -> None:
    values = list(_released(disclosure).items())
    if not values:
        if seed is not None:
            raise ProofError("there is a seed, but no released value that it opens")
        digests = []
    else:
        digests = sorted(digest_of(one) for one in value_openings(_base64url(seed, "seed"), values))
    if opened["values"] != {"_sd": digests}:
        raise ProofError("the released values do not open in the entry")

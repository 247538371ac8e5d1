"""What does a partner keep? The disclosure receipt, and C2SP tlog-proof@v1."""

from __future__ import annotations

import binascii
from collections.abc import Mapping

from audit.format.commitment import PARTNER_NAMES, encode, value_of
from audit.format.entry import JsonValue
from audit.format.people import SHARED_NAMES
from audit.writing.item import Appended


def receipt(appended: Appended, *, origin: str) -> dict[str, JsonValue]:
    """Return the receipt of an entry that was just appended, JSON-ready."""
    sealed = appended.draft.sealed
    if appended.draft.people is not None:
        return receipt_of_many(
            origin=origin,
            entry=appended.entry,
            index=appended.index,
            size=appended.size,
            proof=appended.proof,
            checkpoint=appended.checkpoint,
            openings=sealed.openings,
        )
    return receipt_of(
        origin=origin,
        entry=appended.entry,
        index=appended.index,
        size=appended.size,
        proof=appended.proof,
        checkpoint=appended.checkpoint,
        openings=sealed.openings,
        seed=sealed.seed,
    )


def receipt_of(
    *,
    origin: str,
    entry: bytes,
    index: int,
    size: int,
    proof: tuple[bytes, ...],
    checkpoint: str,
    openings: Mapping[str, str],
    seed: bytes | None,
) -> dict[str, JsonValue]:
    """Return a receipt from its parts; only what the partner may open goes in.

    Where nothing was released there is no seed: it would open nothing, so nothing would show that it was changed.
    """
    return {
        **_place(origin, entry, index, size, proof, checkpoint),
        "openings": {name: openings[name] for name in PARTNER_NAMES if name in openings},
        "seed": encode(seed) if seed is not None and _has_values(openings) else None,
    }


def receipt_of_many(
    *,
    origin: str,
    entry: bytes,
    index: int,
    size: int,
    proof: tuple[bytes, ...],
    checkpoint: str,
    openings: Mapping[str, str],
) -> dict[str, JsonValue]:
    """Return the receipt of an entry about several people; each one's leaves are given beside it."""
    return {
        **_place(origin, entry, index, size, proof, checkpoint),
        "openings": {name: openings[name] for name in SHARED_NAMES},
    }


def _place(
    origin: str, entry: bytes, index: int, size: int, proof: tuple[bytes, ...], checkpoint: str
) -> dict[str, JsonValue]:
    return {
        "origin": origin,
        "entry": _b64(entry),
        "index": index,
        "size": size,
        "proof": [binascii.b2a_base64(one, newline=False).decode() for one in proof],
        "checkpoint": checkpoint,
    }


def _has_values(openings: Mapping[str, str]) -> bool:
    return "values" in openings and bool(value_of(openings["values"])["_sd"])


def tlog_proof(*, index: int, proof: tuple[bytes, ...], checkpoint: str) -> str:
    """Return the offline proof of an entry: C2SP tlog-proof@v1."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}", *(_b64(one) for one in proof), "", checkpoint]
    return "\n".join(lines)


def _b64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode()

"""What is a signed tree head? C2SP tlog-checkpoint in a C2SP signed-note, Ed25519 (signature type 0x01)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from audit.tree.merkle import HASH_SIZE, ProofError

ED25519: Final = b"\x01"
DASH: Final = "\N{EM DASH}"
LONGEST_NOTE: Final = 131_072  # 16 signatures, post-quantum ones too: signed-note, "Format"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head that was read: whose log, how many entries, which root."""

    origin: str
    size: int
    root: bytes


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes that name a key in a signature line: signed-note, "Signatures"."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


class CheckpointSigner:
    """Signs the heads of one log. Its key is in memory only."""

    def __init__(self, origin: str, key: Ed25519PrivateKey) -> None:
        if not _is_key_name(origin):
            raise ValueError("a log's origin has no spaces and no plus")
        self.origin = origin
        self._key = key
        self._public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._id = key_id(origin, self._public)

    @property
    def vkey(self) -> str:
        """Return the verifier key, to be handed over when a client is registered: name+id+key."""
        encoded = base64.b64encode(ED25519 + self._public).decode()
        return f"{self.origin}+{self._id.hex()}+{encoded}"

    def sign(self, size: int, root: bytes) -> str:
        """Return a signed checkpoint. The caller has made sure that it never signed another of this size."""
        body = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = base64.b64encode(self._id + self._key.sign(body.encode())).decode()
        return f"{body}\n{DASH} {self.origin} {signature}\n"


def parse_vkey(vkey: str) -> tuple[str, bytes, Ed25519PublicKey]:
    """Return name, key id and key of a verifier key, or raise ProofError."""
    parts = vkey.strip().split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 -- name, id, key
        raise ProofError("the verifier key is not name+id+key")
    name, given_id, encoded = parts
    raw = _strict_base64(encoded, "the verifier key")
    if not _is_key_name(name):
        raise ProofError("the verifier key's name is not one")
    if raw[:1] != ED25519 or len(raw) != 1 + HASH_SIZE:
        raise ProofError("the verifier key is not an Ed25519 key")
    identity = key_id(name, raw[1:])
    if identity.hex() != given_id:
        raise ProofError("the verifier key's id does not fit its key")
    return name, identity, Ed25519PublicKey.from_public_bytes(raw[1:])


def verify_checkpoint(note: str, vkey: str) -> Checkpoint:
    """Return the checkpoint when this key signed it, or raise ProofError."""
    name, identity, key = parse_vkey(vkey)
    checkpoint, body, signatures = _read(note)
    # Of unknown keys nothing is known, and they are passed over: signed-note, "Signatures".
    known = [raw[4:] for signer, raw in signatures if signer == name and raw[:4] == identity]
    if not known:
        raise ProofError("the checkpoint bears no signature by the key you hold")
    for signature in known:
        try:
            key.verify(signature, body.encode())
        except InvalidSignature as error:
            raise ProofError("the checkpoint's signature is not by the key you hold") from error
    if checkpoint.origin != name:
        raise ProofError("the checkpoint is of another log than the key")
    return checkpoint


def parse_checkpoint(note: str) -> Checkpoint:
    """Read a checkpoint without verifying it."""
    return _read(note)[0]


def _read(note: str) -> tuple[Checkpoint, str, list[tuple[str, bytes]]]:
    body, separator, rest = note.partition("\n\n")
    lines = body.split("\n")
    if len(note) > LONGEST_NOTE or not separator or len(lines) != 3 or not rest.endswith("\n"):  # noqa: PLR2004 -- origin, size, root
        raise ProofError("the checkpoint is not a signed note of three lines")
    origin, size, root = lines
    if not _is_key_name(origin):
        raise ProofError("the checkpoint's origin is not the name of a log")
    if not size.isascii() or not size.isdigit() or (size != "0" and size.startswith("0")):
        raise ProofError("the checkpoint's size is not a plain number")
    raw = _strict_base64(root, "the checkpoint's root")
    if len(raw) != HASH_SIZE or len(size) > 19:  # noqa: PLR2004 -- below 2**63
        raise ProofError("the checkpoint's root or size is out of range")
    signatures = []
    for line in rest[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != DASH or not _is_key_name(parts[1]):  # noqa: PLR2004 -- dash, name, signature
            raise ProofError("a signature line is malformed")
        signatures.append((parts[1], _strict_base64(parts[2], "a signature")))
    return Checkpoint(origin, int(size), raw), body + "\n", signatures


def _is_key_name(name: str) -> bool:
    """Tell whether a name can stand in a note: not empty, no spaces or plus; no control characters either."""
    return name.isprintable() and name != "" and not set(" +") & set(name)


def _strict_base64(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError(f"{what} is not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise ProofError(f"{what} is not canonical base64")
    return raw

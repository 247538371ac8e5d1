"""Which log does a council write to? Its first, or a successor of one whose newest entries were lost."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from audit.tree.checkpoint import CheckpointSigner
from audit.writing.keyring import Keyring

FIRST: Final = 1


def log_number(keyring: Keyring) -> int:
    """Return the number of the log that counts: each successor's key is kept beside those before it."""
    number = FIRST
    while keyring.safe.has_named(_name(number + 1)):
        number += 1
    return number


def origin_of(origin: str, number: int) -> str:
    """Return a log's origin: that of the settings, and of a successor its number behind it."""
    return origin if number == FIRST else f"{origin}-{number}"


def signer_of(keyring: Keyring, origin: str, number: int) -> CheckpointSigner:
    """Return what signs a log's checkpoints; `origin` is that of the settings."""
    key = Ed25519PrivateKey.from_private_bytes(keyring.named(_name(number)))
    return CheckpointSigner(origin_of(origin, number), key)


def make_log_key(keyring: Keyring, number: int) -> None:
    """Make the key of a log, once."""
    if not keyring.safe.has_named(_name(number)):
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        keyring.store_named(_name(number), made)


def _name(number: int) -> str:
    return "log" if number == FIRST else f"log/{number}"

"""How does an entry commit to names and values without holding them? In the shape of RFC 9901's disclosures.

A disclosure or refusal has all ten names always, so that number and length of commitments tell nothing but how
many values were released. Released values are committed and never kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.format.entry import EntryError, JsonValue, canonical

PARTNER_NAMES: Final = ("parties", "caseworker", "basis", "fields", "matter", "request", "answer", "values")
DISCLOSURE_NAMES: Final = (*PARTNER_NAMES, "subject", "facts")
_BESIDE_VALUES: Final = frozenset(DISCLOSURE_NAMES) - {"values"}
SALT_SIZE: Final = 16
CONTROLLER_ID: Final = bytes(16)  # the id of the controller's own key
_COUNT: Final = ""  # the name, which no opening has, under which the controller's bundle tells how many there are
KEY_ID_SIZE: Final = 16
SMALLEST_BUNDLE: Final = 512
TAG_SIZE: Final = 16  # of AES-256-GCM
BUNDLES_OF_ONE: Final = 3  # of a call about one person: the controller's, the caseworker's, the person's
_ZERO_NONCE: Final = bytes(12)
_BLOCK: Final = 64  # bytes: SHA-256's own
_INNER: Final = bytes(one ^ 0x36 for one in range(256))
_OUTER: Final = bytes(one ^ 0x5C for one in range(256))
_URLSAFE: Final = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key that commitments are salted and bundles encrypted under. `key_id` never stands in an entry."""

    key_id: bytes
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Commitments of one entry, and what opens them.

    `sd`: sorted digests, for the entry. `openings`: every name's disclosure. `seed` opens the released values;
    None where the entry is of a kind that has none. `bundles`: (key id, ciphertext), kept beside the entry.
    """

    sd: tuple[str, ...]
    openings: Mapping[str, str] = field(repr=False)
    seed: bytes | None = field(repr=False)
    bundles: tuple[tuple[bytes, bytes], ...] = field(repr=False)


class Mac:
    """HMAC-SHA256 (RFC 2104, section 2) under one key of up to 64 bytes, that is worked in once, for many messages.

    The standard library's own objects take twice as long to copy, and its one-shot function lets the interpreter go, and
    under load waits long to get it back.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK:
            raise ValueError(f"a key of over {_BLOCK} bytes would have to be hashed first")
        padded = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(padded.translate(_INNER))
        self._outer = hashlib.sha256(padded.translate(_OUTER))

    def of(self, message: str) -> bytes:
        """Return the MAC of a message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message.encode())
        outer.update(inner.digest())
        return outer.digest()


@lru_cache(maxsize=16_384)
def _derived(secret: bytes) -> tuple[Mac, Mac]:
    """Return the MACs under K_salt and K_enc, before their messages: what is common to all is worked out once."""
    k_salt, k_enc = (hmac.digest(secret, b"stile %b 1" % name, "sha256") for name in (b"salt", b"enc"))
    return Mac(k_salt), Mac(k_enc)


def forget_derived() -> None:
    """Forget what was derived from keys, some of which were destroyed."""
    _derived.cache_clear()


def encode(raw: bytes) -> str:
    """Return base64url without padding."""
    return binascii.b2a_base64(raw, newline=False).translate(_URLSAFE, b"=").decode()


def _encode_all(raws: Iterable[bytes]) -> list[str]:
    """Return `encode` of each, put into the other alphabet all at once."""
    lines = b"".join([binascii.b2a_base64(raw) for raw in raws])
    return lines.translate(_URLSAFE, b"=").decode().split("\n")[:-1]


def digest_of(opening: str) -> str:
    """Return the digest that an entry holds of an opening: RFC 9901, section 4.2.3."""
    return encode(hashlib.sha256(opening.encode()).digest())


def _digests_of(openings: Iterable[str]) -> list[str]:
    """Return `digest_of` each, sorted."""
    return sorted(_encode_all([hashlib.sha256(one.encode()).digest() for one in openings]))


def _salt(key: SealingKey, entry_id: str, name: str, size: int = SALT_SIZE) -> bytes:
    return _derived(key.secret)[0].of(f"{entry_id}\x00{name}")[:size]


def opening_of(salt: bytes, name: str, value: JsonValue) -> str:
    """Return base64url of the canonical [salt, name, value]: RFC 9901, section 4.2.1."""
    return encode(canonical([encode(salt), name, value]))


def _openings_of(salts: Iterable[bytes], named: Iterable[tuple[str, JsonValue]]) -> list[str]:
    """Return `opening_of` each."""
    both = zip(_encode_all(salts), named, strict=True)
    return _encode_all(
        [
            # What is written already, under a name of ours, needs no second look.
            orjson.dumps([salt, name, value]) if type(value) is orjson.Fragment else canonical([salt, name, value])
            for salt, (name, value) in both
        ]
    )


def value_of(opening: str) -> Any:
    """Return the value that an opening of our own holds."""
    return orjson.loads(base64.urlsafe_b64decode(opening + "=" * (-len(opening) % 4)))[2]


def value_openings(seed: bytes, values: Sequence[tuple[str, JsonValue]]) -> list[str]:
    """Return the opening of each released value; salts are SHAKE128(seed) in the order of their paths."""
    ordered = sorted(values, key=itemgetter(0))
    if len(dict(ordered)) != len(ordered):
        raise EntryError("a path is released twice")
    salts = hashlib.shake_128(seed).digest(SALT_SIZE * len(ordered))
    return _openings_of([salts[place : place + SALT_SIZE] for place in range(0, len(salts), SALT_SIZE)], ordered)


@dataclass(frozen=True, slots=True)
class Committed:
    """Commitments before they are encrypted for keeping. `kept`: per key id, the key and the names under it."""

    sd: tuple[str, ...]
    openings: Mapping[str, str] = field(repr=False)
    seed: bytes | None = field(repr=False)
    kept: Mapping[bytes, tuple[SealingKey, tuple[str, ...]]] = field(repr=False)
    releases: bool


def commit(
    identity: str,
    names: Mapping[str, tuple[SealingKey, JsonValue]],
    values: Sequence[tuple[str, JsonValue]],
    values_key: SealingKey | None,
) -> Committed:
    """Commit to names, and to released values under `values_key` (None: there are none, ever).

    `identity` is what the salts are made of, once and never again. Raises EntryError for a value that can't stand in an
    entry.
    """
    salts = [_salt(key, identity, name) for name, (key, _) in names.items()]
    values_of = [(name, value) for name, (_, value) in names.items()]
    openings = dict(zip(names, _openings_of(salts, values_of), strict=True))
    kept: dict[bytes, tuple[SealingKey, tuple[str, ...]]] = {}
    for name, (key, _) in names.items():
        kept[key.key_id] = (key, (*kept.get(key.key_id, (key, ()))[1], name))
    seed = None
    if values_key is not None:
        seed = _salt(values_key, identity, "values seed", 32)
        digests = _digests_of(value_openings(seed, values)) if values else []
        openings["values"] = opening_of(_salt(values_key, identity, "values"), "values", {"_sd": digests})
        kept[values_key.key_id] = (values_key, (*kept.get(values_key.key_id, (values_key, ()))[1], "values"))
    return Committed(tuple(_digests_of(openings.values())), openings, seed, kept, bool(values))


def sealed_of(
    entry_id: str,
    own: Committed,
    parts: Sequence[tuple[str, Committed]],
    *,
    controller: SealingKey | None = None,
    at_least: int = 0,
) -> Sealed:
    """Return an entry's commitments with the bundles of all its parts; a part's prefix goes before its names.

    The controller's bundle tells, in no opening, how many bundles there are: one that is missing is missed. An entry that
    has none else has one for that, under the key that is given. Those that are made up to be `at_least` so many open under
    no key.
    """
    kept: dict[bytes, tuple[SealingKey, dict[str, str]]] = {}
    if controller is not None:
        kept[controller.key_id] = (controller, {})
    for prefix, part in parts:
        for key_id, (key, names) in part.kept.items():
            mine = kept.setdefault(key_id, (key, {}))[1]
            for name in names:
                mine[prefix + name] = part.openings[name]
    return Sealed(
        sd=own.sd,
        openings=own.openings,
        seed=own.seed,
        bundles=_bundles(entry_id, list(kept.values()), at_least),
    )


def _bundles(
    entry_id: str, kept: Sequence[tuple[SealingKey, dict[str, str]]], at_least: int
) -> tuple[tuple[bytes, bytes], ...]:
    """Return what is kept beside an entry, each bundle padded to a power of two: sizes tell nothing of what they hold."""
    count = max(len(kept), at_least)
    for key, mine in kept:
        if key.key_id == CONTROLLER_ID:
            mine[_COUNT] = str(count)
    made = [(key.key_id, _encrypt(key, entry_id, mine)) for key, mine in kept]
    # Of no key that there is; like any other to who has none.
    secrets = (_derived(kept[0][0].secret)[0].of(f"{entry_id}\x00bundle {place}") for place in range(len(made), count))
    besides = (hashlib.shake_128(secret).digest(KEY_ID_SIZE + SMALLEST_BUNDLE + TAG_SIZE) for secret in secrets)
    return (*made, *((one[:KEY_ID_SIZE], one[KEY_ID_SIZE:]) for one in besides))


def seal(
    entry_id: str,
    names: Mapping[str, tuple[SealingKey, JsonValue]],
    values: Sequence[tuple[str, JsonValue]],
    values_key: SealingKey | None,
    *,
    controller: SealingKey | None = None,
    at_least: int = 0,
) -> Sealed:
    """Commit to names, and to released values under `values_key` (None: the entry has no values).

    `controller` and `at_least` as for `sealed_of`. Raises EntryError for a value that can't stand in an entry.
    """
    committed = commit(entry_id, names, values, values_key)
    return sealed_of(entry_id, committed, [("", committed)], controller=controller, at_least=at_least)


def seal_answer(
    entry_id: str,
    names: Mapping[str, tuple[SealingKey, JsonValue]],
    values: Sequence[tuple[str, JsonValue]],
    values_key: SealingKey,
) -> Sealed:
    """Commit to a disclosure or a refusal about one person, with all of its names, always: their number tells nothing.

    Raises EntryError for a name too few or too many.
    """
    if names.keys() != _BESIDE_VALUES:
        raise EntryError(f"a disclosure or refusal has these names: {', '.join(sorted(_BESIDE_VALUES))}")
    return seal(entry_id, names, values, values_key, at_least=BUNDLES_OF_ONE)


def _bundle_cipher(key: SealingKey, entry_id: str) -> AESGCM:
    # A key of its own for each entry, so that a nonce of zeros is used once.
    return AESGCM(_derived(key.secret)[1].of(entry_id))


def _encrypt(key: SealingKey, entry_id: str, openings: Mapping[str, str]) -> bytes:
    plain = orjson.dumps(openings, option=orjson.OPT_SORT_KEYS)
    padded = plain.ljust(max(SMALLEST_BUNDLE, 1 << (len(plain) - 1).bit_length()))  # by blanks, which JSON ignores
    return _bundle_cipher(key, entry_id).encrypt(_ZERO_NONCE, padded, None)


def open_bundle(key: SealingKey, entry_id: str, ciphertext: bytes) -> dict[str, str]:
    """Return the openings of a bundle; EntryError where the key is not its."""
    openings = _decrypt(key, entry_id, ciphertext)
    openings.pop(_COUNT, None)
    return openings


def bundle_count(controller: SealingKey, entry_id: str, ciphertext: bytes) -> int | None:
    """Return how many bundles the controller's says that its entry has; None for one of before it was said.

    Raises EntryError where the key is not its.
    """
    told = _decrypt(controller, entry_id, ciphertext).get(_COUNT)
    return None if told is None else int(told)


def _decrypt(key: SealingKey, entry_id: str, ciphertext: bytes) -> dict[str, str]:
    try:
        plain = _bundle_cipher(key, entry_id).decrypt(_ZERO_NONCE, ciphertext, None)
    except InvalidTag as error:
        raise EntryError("the bundle does not open with this key") from error
    found: dict[str, str] = orjson.loads(plain)
    return found


def values_seed(key: SealingKey, entry_id: str) -> bytes:
    """Return the seed again, while the key lives."""
    return _salt(key, entry_id, "values seed", 32)

"""Are claims read the short way as they would be the long way, and signatures by the key itself as by the library?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk
from joserfc.jws import JWSRegistry

from gateway.oauth import jose

NAMES = st.sampled_from(["htm", "iat", "a:b", "é", "", ' "', "{"])
VALUES = st.one_of(st.text(max_size=4), st.integers(-(2**70), 2**70), st.booleans(), st.none(), st.floats(), st.just([1]))
KEY = jwk.generate_key("EC", "P-256", private=True)
PUBLIC = jose.import_public_key(KEY.as_dict(private=False))
ES256 = JWSRegistry.algorithms["ES256"]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=4), st.sampled_from([":", " : ", "\n:"]), st.booleans())
def test_claims_are_what_their_json_says(pairs: list[tuple[str, object]], colon: str, is_ascii: bool) -> None:  # noqa: FBT001 -- drawn
    written = [f"{json.dumps(name)}{colon}{json.dumps(value, ensure_ascii=is_ascii)}" for name, value in pairs]
    part = jose.encode(f"{{{','.join(written)}}}".encode())
    if len(dict(pairs)) < len(pairs):
        with pytest.raises(jose.JoseRefusedError, match="given twice"):
            jose.read_payload(part)
        return
    assert repr(jose.read_payload(part)) == repr(dict(pairs))


@pytest.mark.parametrize("raw", [b"", b"{", b"7", b'"a"', b"[]", b'{"a":1,}', b'\xef\xbb\xbf{"a":1}', b'{"a":"\xff"}'])
def test_what_is_no_object_is_no_set_of_claims(raw: bytes) -> None:
    with pytest.raises(jose.JoseRefusedError):
        jose.read_payload(jose.encode(raw))


@pytest.mark.parametrize(
    "change",
    [
        lambda good: good,
        lambda good: good[:-1] + bytes([good[-1] ^ 1]),
        lambda good: good[:-1],
        lambda good: good + b"\0",
        lambda _: b"",
        lambda _: bytes(64),
        lambda _: b"\xff" * 64,
    ],
)
def test_a_signature_counts_by_the_key_itself_as_by_the_library(change) -> None:
    signature = change(ES256.sign(b"claims", KEY))
    for signed in (b"claims", b"others"):
        by_library = ES256.verify(signed, signature, PUBLIC)
        assert jose.is_signed_by(PUBLIC, signed, signature, alg="ES256") is by_library


def test_a_key_of_another_type_signs_no_es256() -> None:
    other = jose.import_public_key(jwk.generate_key("OKP", "Ed25519", private=True).as_dict(private=False))
    assert not jose.is_signed_by(other, b"claims", ES256.sign(b"claims", KEY), alg="ES256")

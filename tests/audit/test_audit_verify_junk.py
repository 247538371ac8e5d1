"""What no gateway would send, signed or not, for a council's key may be in anybody's hands. ProofError, always."""

import base64
import copy
import hashlib
import json
from datetime import UTC, datetime

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.checking.verify import LARGEST, ProofError, verify_answer
from audit.exporting.receipt import receipt_of
from audit.format.commitment import PARTNER_NAMES, SealingKey, digest_of, encode, seal, value_openings
from audit.format.entry import Kind, canonical, entry_bytes
from audit.tree.checkpoint import CheckpointSigner
from audit.tree.merkle import leaf_hash


def refused(answer: dict | bytes, vkey: str, match: str | None = None) -> None:
    with pytest.raises(ProofError, match=match):
        verify_answer(answer if isinstance(answer, bytes) else canonical(answer), vkey=vkey)


KEY = SealingKey(b"k" * 16, b"s" * 32)


def a_signed(signer: CheckpointSigner, entry: bytes, disclosure, openings=None, seed: str | None = None) -> dict:
    """Return an answer over any bytes as entry, with a proof and a signature that hold."""
    made = receipt_of(
        origin=signer.origin,
        entry=entry,
        index=0,
        size=1,
        proof=(),
        checkpoint=signer.sign(1, leaf_hash(entry)),
        openings={},
        seed=None,
    )
    openings = {name: one for name, one in (openings or {}).items() if name in PARTNER_NAMES}
    return {"disclosure": disclosure, "receipt": {**made, "openings": openings, "seed": seed}}


def a_sealed_entry(disclosure: dict, **changes) -> tuple[bytes, dict[str, str]]:
    """Return an entry that commits to this disclosure, whatever it is, and its openings."""

    digest = "sha256:" + hashlib.sha256(canonical(disclosure)).hexdigest()
    names = {name: (KEY, {}) for name in (*PARTNER_NAMES, "subject", "facts")} | {"answer": (KEY, {"digest": digest})}
    names |= {"values": (KEY, {"_sd": []})} | {name: (KEY, value) for name, value in changes.items()}
    sealed = seal("d_1", names, (), None)
    entry = orjson.loads(
        entry_bytes(
            kind=Kind.DISCLOSURE,
            entry_id="d_1",
            at=datetime(2026, 10, 2, tzinfo=UTC),
            sd=sealed.sd,
            outcome="full",
            counter=1,
        )
    )
    return canonical(entry), dict(sealed.openings)


GOOD = {"disclosure_id": "d_1", "outcome": "full", "record": {"fields": {}}, "withheld": []}


def test_what_the_next_tests_change_is_accepted_unchanged(place) -> None:
    entry, openings = a_sealed_entry(GOOD)
    assert verify_answer(canonical(a_signed(place.signer, entry, GOOD, openings)), vkey=place.signer.vkey).counter == 1


@pytest.mark.parametrize(
    "change",
    [
        {"record": None},
        {"record": []},
        {"record": "x"},
        {"record": {}},
        {"record": {"fields": None}},
        {"record": {"fields": []}},
        {"record": {"fields": {"age": None}}},
        {"record": {"fields": {"age": 41}}},
        {"record": {"fields": {"age": {}}}},
        {"record": {"fields": {"age": {"value": 41}}}},
        {"withheld": None},
        {"withheld": {}},
        {"withheld": "arrears"},
        {"withheld": [None]},
        {"withheld": ["arrears"]},
        {"withheld": [{}]},
        {"withheld": [{"field": "arrears"}]},
        {"withheld": [{"field": ["arrears"], "reason": {}}]},
        {"disclosure_id": None},
        {"disclosure_id": {}},
        {"outcome": []},
    ],
    ids=str,
)
def test_a_disclosure_of_another_form_is_refused_though_the_council_signed_it(place, change) -> None:
    disclosure = {**GOOD, **change}
    entry, openings = a_sealed_entry(disclosure)
    refused(a_signed(place.signer, entry, disclosure, openings), place.signer.vkey)
    del disclosure[next(iter(change))]
    entry, openings = a_sealed_entry(disclosure)
    refused(a_signed(place.signer, entry, disclosure, openings), place.signer.vkey)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": None},
        {"_sd_alg": "sha-512"},
        {"kind": ["disclosure"]},
        {"kind": {}},
        {"_sd": None},
        {"_sd": {}},
        {"_sd": "x" * 10},
        {"_sd": [[]] * 10},
        {"_sd": [{}, *"abcdefghi"]},
        {"_sd": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]},
        {"_sd": ["a"] * 10},
        {"id": None},
        {"id": ["d_1"]},
        {"outcome": 7},
        {"at": None},
        {"at": 7},
        {"counter": None},
        {"counter": True},
        {"counter": "1"},
    ],
    ids=str,
)
def test_an_entry_of_another_form_is_refused_though_the_council_signed_it(place, change) -> None:
    entry, openings = a_sealed_entry(GOOD)
    for changed in ({**orjson.loads(entry), **change}, {k: v for k, v in orjson.loads(entry).items() if k not in change}):
        refused(a_signed(place.signer, canonical(changed), GOOD, openings), place.signer.vkey)


def test_an_entry_without_id_and_outcome_does_not_fit_a_disclosure_without_them(place) -> None:
    """None is None: but an absence proves nothing."""
    disclosure = {"record": {"fields": {}}, "withheld": []}
    entry, openings = a_sealed_entry(disclosure)
    bare = {name: value for name, value in orjson.loads(entry).items() if name not in {"id", "outcome"}}
    refused(a_signed(place.signer, canonical(bare), disclosure, openings), place.signer.vkey, "no id, outcome or time")


@pytest.mark.parametrize("entry", [b"", b"[]", b"null", b'{"v": 1}', b"\xff", b"{", b'{"v":1.5}', b'{"v":NaN}'])
def test_an_entry_that_is_not_ours_is_refused_though_the_council_signed_it(place, entry: bytes) -> None:
    refused(a_signed(place.signer, entry, GOOD), place.signer.vkey, "entry")


@pytest.mark.parametrize("value", [None, "x", [], {"_sd": None}, {"_sd": [[]]}, {"_sd": [], "more": 1}, 7], ids=str)
@pytest.mark.parametrize("name", ["values", "answer", "fields"])
def test_an_opened_value_of_another_form_is_refused(place, name: str, value) -> None:
    entry, openings = a_sealed_entry(GOOD, **{name: value})
    refused(a_signed(place.signer, entry, GOOD, openings), place.signer.vkey)


@pytest.mark.parametrize("seed", [None, 7, "!", "YQ==", "YR", "é", [], {}], ids=str)
def test_a_seed_of_another_form_is_refused(place, seed) -> None:
    disclosure = {**GOOD, "record": {"fields": {"age": {"form": "full", "value": 41}}}}
    values = {"_sd": [digest_of(one) for one in value_openings(b"seed", [("age", {"form": "full", "value": 41})])]}
    entry, openings = a_sealed_entry(disclosure, values=values, fields={"age": {"form": "full"}})
    answer = a_signed(place.signer, entry, disclosure, openings, encode(b"seed"))
    verify_answer(canonical(answer), vkey=place.signer.vkey)
    answer["receipt"]["seed"] = seed
    refused(answer, place.signer.vkey, "seed")


# -- what is no answer at all


JUNK = [None, True, 0, -1, 2**53 - 1, "", "é", "\u2014", [], {}, [[]], {"a": None}]


def paths_in(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in children:
        yield from paths_in(inner, (*path, name))


def test_anything_anywhere_replaced_by_anything_is_refused(answer, vkey) -> None:
    """Every value of the answer, at any depth, by one of another type or by nothing."""
    paths = list(paths_in(answer))
    assert len(paths) > 40
    for path in paths:
        for junk in JUNK:
            changed = replaced(answer, path, junk)
            if changed != answer or type(junk) is bool:
                refused(changed, vkey)
        if path:
            refused(without(answer, path), vkey)


def replaced(value, path, junk):
    if not path:
        return junk
    found = copy.copy(value)
    found[path[0]] = replaced(value[path[0]], path[1:], junk)
    return found


def without(value, path):
    found = copy.copy(value)
    if len(path) == 1:
        del found[path[0]]
    else:
        found[path[0]] = without(value[path[0]], path[1:])
    return found


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"7",
        b'"x"',
        b"\x00",
        b"\xff\xfe",
        b"<html></html>",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 500 + b"]" * 500,
        b"1" * 5_000,
        b'{"disclosure":{},"receipt":{}}',
        b'{"disclosure":{},"receipt":1e400}',
        b'{"disclosure":{},"receipt":123456789012345678901234567890}',
        b'{"disclosure":{},"receipt":"\\ud800"}',
        b'{"disclosure":[],"receipt":[]}',
        b"x" * (LARGEST + 1),
    ],
    ids=lambda raw: raw[:20].decode("latin-1"),
)
def test_what_is_no_answer_is_refused(raw: bytes) -> None:
    refused(raw, CheckpointSigner("example.org/log", Ed25519PrivateKey.generate()).vkey)


def test_a_proof_of_a_million_hashes_is_refused_quickly(answer, vkey) -> None:
    answer["receipt"]["proof"] = [base64.b64encode(bytes(32)).decode()] * 80_000
    refused(answer, vkey, "too long")


@settings(deadline=None, max_examples=200)
@given(raw=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: json.dumps(text).encode()))
def test_any_bytes_give_a_proof_error(raw: bytes) -> None:
    refused(raw, "example.org+00000000+AA==")


@pytest.mark.parametrize("vkey", ["", "x", "\ud800", "a+b+c", "a" * 100_000])
def test_what_is_no_key_is_refused(answer, vkey: str) -> None:
    refused(answer, vkey, "verifier key")

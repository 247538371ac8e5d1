"""Commitments: what an entry holds of each name, who can open it, and what is left when a key is destroyed."""

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.format.commitment import (
    DISCLOSURE_NAMES,
    PARTNER_NAMES,
    SealingKey,
    digest_of,
    encode,
    forget_derived,
    open_bundle,
    opening_of,
    seal,
    seal_answer,
    value_openings,
    values_seed,
)
from audit.format.entry import EntryError

SUBJECT = SealingKey(b"s" * 16, b"1" * 32)
CASEWORKER = SealingKey(b"w" * 16, b"2" * 32)
CONTROLLER = SealingKey(b"c" * 16, b"3" * 32)
KEY_OF = {
    "parties": CONTROLLER,
    "caseworker": CASEWORKER,
    "basis": CONTROLLER,
    "fields": CONTROLLER,
    "subject": SUBJECT,
    "matter": SUBJECT,
    "request": SUBJECT,
    "answer": SUBJECT,
    "facts": SUBJECT,
}
VALUES = [("surname", {"value": "Okafor", "form": "full"}), ("age", {"value": 41, "form": "full"})]
ID = "d_01K6HYQ2PM0123456789ABCDEF"


def a_seal(entry_id: str = ID, values=VALUES):
    return seal(entry_id, {name: (key, {"of": name}) for name, key in KEY_OF.items()}, values, SUBJECT)


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_disclosure_commits_to_all_ten_names() -> None:
    sealed = a_seal()
    assert set(sealed.openings) == set(DISCLOSURE_NAMES)
    assert len(sealed.sd) == len(set(sealed.sd)) == 10
    assert list(sealed.sd) == sorted(digest_of(opening) for opening in sealed.openings.values())


def test_the_names_are_those_of_the_format() -> None:
    assert set(DISCLOSURE_NAMES) - set(PARTNER_NAMES) == {"subject", "facts"}
    assert set(PARTNER_NAMES) == {"parties", "caseworker", "basis", "fields", "matter", "request", "answer", "values"}


@given(st.integers(0, 30))
@settings(deadline=None, max_examples=20)
def test_the_number_of_commitments_says_nothing_of_the_number_of_values(count: int) -> None:
    sealed = a_seal(values=[(f"field_{number}", {"value": number, "form": "full"}) for number in range(count)])
    assert len(sealed.sd) == 10
    assert {len(digest) for digest in sealed.sd} == {43}


def test_a_digest_is_that_of_rfc_9901() -> None:
    """RFC 9901, section 4.2.3: the digest is over the base64url text of the disclosure (its example)."""
    opening = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert digest_of(opening) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


def test_an_opening_is_a_salt_a_name_and_a_value() -> None:
    opening = opening_of(b"0123456789abcdef", "parties", {"partner": "harbour", "client": "é"})
    assert unpadded(opening).decode() == '["MDEyMzQ1Njc4OWFiY2RlZg","parties",{"client":"é","partner":"harbour"}]'
    assert "=" not in opening


@pytest.mark.parametrize("name", sorted(KEY_OF))
def test_a_salt_derives_from_the_key_the_entry_and_the_name(name: str) -> None:
    k_salt = hmac.new(KEY_OF[name].secret, b"stile salt 1", hashlib.sha256).digest()
    salt = hmac.new(k_salt, ID.encode() + b"\x00" + name.encode(), hashlib.sha256).digest()[:16]
    assert json.loads(unpadded(a_seal().openings[name])) == [encode(salt), name, {"of": name}]


def test_no_two_salts_are_the_same() -> None:
    salts = [
        json.loads(unpadded(opening))[0]
        for entry_id in (ID, ID[:-1] + "G")
        for opening in a_seal(entry_id).openings.values()
    ]
    assert len(set(salts)) == 20


def test_values_are_salted_by_shake128_of_the_seed_in_the_order_of_their_paths() -> None:
    k_salt = hmac.new(SUBJECT.secret, b"stile salt 1", hashlib.sha256).digest()
    seed = hmac.new(k_salt, ID.encode() + b"\x00values seed", hashlib.sha256).digest()
    salts = hashlib.shake_128(seed).digest(32)
    by_hand = [opening_of(salts[:16], *VALUES[1]), opening_of(salts[16:], *VALUES[0])]

    sealed = a_seal()

    assert sealed.seed == seed == values_seed(SUBJECT, ID)
    assert value_openings(seed, VALUES) == value_openings(seed, VALUES[::-1]) == by_hand
    held = json.loads(unpadded(sealed.openings["values"]))[2]
    assert held == {"_sd": sorted(digest_of(one) for one in by_hand)}


def test_one_value_opens_without_the_others() -> None:
    """The salt of a value tells nothing of another's: a partner may hand on one opening alone."""
    first, second = value_openings(b"seed", VALUES)
    assert json.loads(unpadded(first))[0] not in second


def test_a_path_released_twice_is_refused() -> None:
    with pytest.raises(EntryError, match="twice"):
        a_seal(values=[*VALUES, VALUES[0]])


def test_an_entry_without_values_has_no_seed() -> None:
    sealed = seal("e_1", {"what": (CONTROLLER, {})}, (), None)
    assert (sealed.seed, set(sealed.openings), len(sealed.bundles)) == (None, {"what"}, 1)


def test_a_value_that_cannot_stand_in_an_entry_is_refused() -> None:
    with pytest.raises(EntryError):
        a_seal(values=[("height", {"value": 1.7})])


def test_there_is_one_bundle_a_key() -> None:
    assert sorted(key_id for key_id, _ in a_seal().bundles) == sorted([b"s" * 16, b"w" * 16, b"c" * 16])


@pytest.mark.parametrize("key", [SUBJECT, CASEWORKER, CONTROLLER])
def test_a_bundle_opens_what_is_under_its_key_alone(key: SealingKey) -> None:
    sealed = a_seal()
    opened = open_bundle(key, ID, dict(sealed.bundles)[key.key_id])
    mine = {name for name, one in KEY_OF.items() if one is key} | ({"values"} if key is SUBJECT else set())
    assert opened == {name: sealed.openings[name] for name in mine}


def test_a_bundle_holds_no_released_value() -> None:
    sealed = a_seal()
    opened = open_bundle(SUBJECT, ID, dict(sealed.bundles)[SUBJECT.key_id])
    held = b"".join(unpadded(one) for one in opened.values())
    assert b"answer" in held
    assert b"Okafor" not in held


@pytest.mark.parametrize("key", [CASEWORKER, CONTROLLER, SealingKey(b"s" * 16, b"4" * 32)])
def test_a_bundle_does_not_open_with_another_key(key: SealingKey) -> None:
    with pytest.raises(EntryError, match="does not open"):
        open_bundle(key, ID, dict(a_seal().bundles)[SUBJECT.key_id])


def test_a_bundle_does_not_open_as_another_entrys() -> None:
    with pytest.raises(EntryError, match="does not open"):
        open_bundle(SUBJECT, "d_other", dict(a_seal().bundles)[SUBJECT.key_id])


def test_a_changed_bundle_does_not_open() -> None:
    bundle = bytearray(dict(a_seal().bundles)[SUBJECT.key_id])
    bundle[3] ^= 1
    with pytest.raises(EntryError, match="does not open"):
        open_bundle(SUBJECT, ID, bytes(bundle))


def test_no_key_id_or_secret_stands_in_an_entry() -> None:
    sealed = a_seal()
    text = "".join(sealed.sd)
    assert not [
        key for key in (SUBJECT, CASEWORKER, CONTROLLER) if encode(key.key_id) in text or encode(key.secret) in text
    ]


def test_sealing_again_gives_the_same() -> None:
    before = a_seal()
    forget_derived()
    assert a_seal() == before


def test_no_secret_stands_in_what_a_traceback_would_print() -> None:
    sealed = a_seal()
    assert repr(sealed) == f"Sealed(sd={sealed.sd!r})"
    assert repr(SUBJECT) == f"SealingKey(key_id={SUBJECT.key_id!r})"


@pytest.mark.parametrize("name", sorted(set(DISCLOSURE_NAMES) - {"values"}))
def test_an_answer_without_one_of_its_names_is_not_sealed(name: str) -> None:
    """Number and length of commitments must tell nothing, so production itself counts them."""
    key = SealingKey(b"k" * 16, b"s" * 32)
    names = dict.fromkeys(set(DISCLOSURE_NAMES) - {"values"}, (key, {}))

    assert len(seal_answer("d_1", names, (), key).sd) == len(DISCLOSURE_NAMES)
    with pytest.raises(EntryError, match=name):
        seal_answer("d_1", {one: value for one, value in names.items() if one != name}, (), key)
    with pytest.raises(EntryError):
        seal_answer("d_1", {**names, "another": (key, {})}, (), key)

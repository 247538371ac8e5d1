"""The life of a client's keys over the real gateway: brought, overlapping, ended, revoked."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from gateway_keys_life import CLIENT, add, ask_token, bring, new_key, public, revoke, stile
from house import CALDER, ISSUER, House
from joserfc import jwk

from gateway.oauth.client_keys import read_key
from gateway.oauth.jose import encode
from gateway.oauth.made_jwts import make_assertion, make_key_proof
from gateway.store.changes import ChangeRefusedError
from gateway.store.client_keys import Term, public_keys
from gateway.store.key_rows import days_left

# -- overlap


def test_two_keys_count_while_one_takes_over(house: House) -> None:
    first, second = house.caller(CLIENT).key, new_key()

    add(house, second)

    assert [ask_token(house, key).status_code for key in (first, second)] == [200, 200]
    revoke(house, first)
    assert [ask_token(house, key).status_code for key in (first, second)] == [401, 200]


def test_a_client_brings_its_next_key_itself(house: House) -> None:
    first, second = house.caller(CLIENT).key, new_key()

    answer = bring(house, first, second)

    assert (answer.status_code, answer.json()["kid"]) == (201, second.thumbprint())
    assert ask_token(house, second).status_code == 200
    last = house.last()
    assert (last["entry"]["kind"], last["what"]["thumbprints"]) == ("key.registered", [second.thumbprint()])
    assert last["who"] == {"by": f"key:{first.thumbprint()}"}


def test_a_key_is_brought_once_by_one_assertion(house: House) -> None:
    """A replay, with another key in its hands, gets nothing in."""
    first, second, third = house.caller(CLIENT).key, new_key(), new_key()
    same = make_assertion(first, client_id=CLIENT, issuer=ISSUER, now=house.clock().timestamp(), vouches_for=second)
    assert bring(house, first, second, client_assertion=same).status_code == 201

    answers = [bring(house, first, key, client_assertion=same) for key in (second, third)]

    assert [one.status_code for one in answers] == [401, 400]
    assert "used before" in answers[0].json()["error_description"]
    assert ask_token(house, third).status_code == 401


def test_an_assertion_that_was_made_for_a_token_brings_no_key(house: House) -> None:
    """One that went astray unused is good for minutes; a key would stay."""
    first, second = house.caller(CLIENT).key, new_key()
    for_a_token = make_assertion(first, client_id=CLIENT, issuer=ISSUER, now=house.clock().timestamp())

    answer = bring(house, first, second, client_assertion=for_a_token)

    assert (answer.status_code, "must name the new key" in answer.json()["error_description"]) == (400, True)
    assert ask_token(house, second).status_code == 401


def test_the_command_line_makes_the_whole_form(house_by_the_machine: House, tmp_path: Path) -> None:
    house = house_by_the_machine
    second, file = new_key(), tmp_path / "next.jwk.json"
    file.write_text(json.dumps(dict(second.as_dict(private=True))), encoding="ascii")
    by = house.directory / "partners" / f"{CLIENT}.jwk.json"

    form = stile("key-proof", "--client", CLIENT, "--key", file, "--issuer", ISSUER, "--by", by)[1].strip()

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert house.http.post("/oauth2/keys", content=form, headers=headers).status_code == 201
    assert ask_token(house, second).status_code == 200


def test_a_proof_of_possession_is_used_once(house: House) -> None:
    first, second = house.caller(CLIENT).key, new_key()
    proof = make_key_proof(second, client_id=CLIENT, issuer=ISSUER, now=house.clock().timestamp())
    assert bring(house, first, second, proof=proof).status_code == 201
    revoke(house, second)

    assert bring(house, first, second, proof=proof).status_code in {400, 401}
    assert ask_token(house, second).status_code == 401


def test_no_key_is_taken_from_who_does_not_hold_it(house: House) -> None:
    first, second, other = house.caller(CLIENT).key, new_key(), new_key()
    now = house.clock().timestamp()
    wrong = {
        "not signed by the new key": make_key_proof(other, client_id=CLIENT, issuer=ISSUER, now=now),
        "iss must be": make_key_proof(second, client_id=CALDER.client_id, issuer=ISSUER, now=now),
        "aud must be": make_key_proof(second, client_id=CLIENT, issuer="https://elsewhere.example", now=now),
        "has expired": make_key_proof(second, client_id=CLIENT, issuer=ISSUER, now=now - 400),
        "lies in the future": make_key_proof(second, client_id=CLIENT, issuer=ISSUER, now=now + 60),
        "typ must be": make_assertion(second, client_id=CLIENT, issuer=ISSUER, now=now),
        "not three base64url parts": "x",
    }
    before = len(house.entries())

    for words, proof in wrong.items():
        answer = bring(house, first, second, proof=proof)
        assert (answer.status_code, words in answer.json()["error_description"]) == (400, True), words
    assert len(house.entries()) == before


def test_an_assertion_by_no_live_key_brings_nothing(house: House) -> None:
    stranger = new_key()

    assert bring(house, stranger, new_key()).status_code == 401


def test_a_key_that_was_revoked_meanwhile_brings_nothing(house: House) -> None:
    """The transaction is the judge: between the signature's check and the entry the key was revoked."""
    first, second, third = house.caller(CLIENT).key, new_key(), new_key()
    add(house, second)
    wanted = public_keys(public(third))
    add_by_first = house.changes().client_keys.add_keys(CLIENT, wanted, term=Term(), by="test", by_key=first.thumbprint())
    revoke(house, first)

    with pytest.raises(ChangeRefusedError, match="the key that asks is revoked"):
        house.append(add_by_first)


def test_what_a_client_brings_is_checked_as_what_the_council_adds(house: House) -> None:
    first, new = house.caller(CLIENT).key, new_key()
    wrong = {
        "the key is private": {"jwk": json.dumps(dict(new.as_dict(private=True)))},
        "not a JWK": {"jwk": "[]"},
        "not JSON": {"jwk": "{"},
        "given twice": {"jwk": '{"kty": "EC", "kty": "EC"}'},
        "starts_on must be a day": {"starts_on": "tomorrow"},
        "would never count": {"expires_on": "2020-01-01"},
        "at most": {},
    }
    for _ in range(3):
        add(house, new_key())

    for words, changed in wrong.items():
        answer = bring(house, first, new, **changed)
        assert (answer.status_code, words in answer.json()["error_description"]) == (400, True), answer.text


# -- what can't be a key


def test_a_fifth_live_key_is_refused(house: House) -> None:
    keys = [new_key() for _ in range(4)]
    for key in keys[:3]:
        add(house, key)

    with pytest.raises(ChangeRefusedError, match="at most 4 live keys, and this one has 4"):
        add(house, keys[3])
    revoke(house, keys[0])
    add(house, keys[3])


def test_a_key_is_one_clients_alone_for_ever(house: House) -> None:
    """Neither another client's, nor one's own again once it was revoked; whose it is is not told."""
    key, calders = new_key(), house.caller(CALDER.client_id).key
    add(house, key)
    revoke(house, key)

    for taken in (key, calders):
        with pytest.raises(ChangeRefusedError, match="registered already, or was") as refused:
            add(house, taken, kid="another")
        assert "calder" not in str(refused.value)


def test_a_kid_names_one_key_for_ever(house: House) -> None:
    add(house, new_key(), kid="2026")
    house.append(house.changes().client_keys.revoke_key(CLIENT, "2026", by="test"))

    with pytest.raises(ChangeRefusedError, match="key of that kid"):
        add(house, new_key(), kid="2026")


@pytest.fixture(scope="module")
def rsa_key() -> dict[str, Any]:
    return dict(jwk.generate_key("RSA", 2048, private=True).as_dict(private=False))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"d": "AQAB"}, "private"),
        ({"e": "Aw"}, "exponent"),
        ({"e": "AQAA"}, "exponent|can't be read"),
        ({"use": "enc"}, "not for signatures"),
        ({"key_ops": ["encrypt"]}, "not for signatures"),
        ({"alg": "ES256"}, "not one of its type"),
        ({"alg": "RS1"}, "not one of its type"),
        ({"kid": ""}, "kid must be"),
        ({"kid": "x" * 129}, "kid must be"),
        ({"kid": "a b"}, "kid must be"),
        ({"kid": 7}, "kid must be|can't be read"),
        ({"x5c": ["A" * 5_000]}, "over 4096 bytes"),
    ],
)
def test_a_key_that_can_not_be_one_is_refused_in_words(rsa_key, changed: dict[str, Any], words: str) -> None:
    assert read_key(rsa_key).jwk.keys() == {"kty", "n", "e"}

    with pytest.raises(ChangeRefusedError, match=words):
        public_keys({"keys": [{**rsa_key, **changed}]})


def test_an_overlong_rsa_key_is_refused() -> None:
    numbers = rsa.generate_private_key(65_537, 2_048).public_key().public_numbers()
    modulus = (numbers.n << 2_056) | 1

    with pytest.raises(ChangeRefusedError, match="over 4096 bits"):
        public_keys({"kty": "RSA", "e": "AQAB", "n": encode(modulus.to_bytes(513, "big"))})


def test_a_set_with_one_key_twice_is_refused() -> None:
    key = new_key()

    with pytest.raises(ChangeRefusedError, match="one key twice"):
        public_keys({"keys": [public(key, kid="a"), public(key, kid="b")]})
    with pytest.raises(ChangeRefusedError, match="one kid"):
        public_keys({"keys": [public(new_key(), kid="a"), public(new_key(), kid="a")]})


# -- terms


def test_a_key_counts_from_its_first_day_to_the_end_of_its_last(house: House) -> None:
    key = new_key()
    today = house.clock.today
    add(house, key, term=Term(today + timedelta(days=2), today + timedelta(days=3)))

    found = []
    for _ in range(6):
        found.append(ask_token(house, key).status_code)
        house.clock.move(days=1)

    assert found == [401, 401, 200, 200, 401, 401]


def test_a_term_that_is_over_before_it_begins_is_refused(house: House) -> None:
    today = house.clock.today

    for term in (Term(None, today - timedelta(days=1)), Term(today + timedelta(days=2), today + timedelta(days=1))):
        with pytest.raises(ChangeRefusedError, match="would never count"):
            add(house, new_key(), term=term)


def test_a_token_says_when_its_clients_last_key_ends_soon(house: House) -> None:
    first, second = house.caller(CLIENT).key, new_key()
    add(house, second, term=Term(None, house.clock.today + timedelta(days=20)))
    assert "key_expires_in" not in ask_token(house, second).json(), "the first has no end"
    assert metric(house) == 9_999
    revoke(house, first)

    left = ask_token(house, second).json()["key_expires_in"]

    assert abs(left - 20.5 * 86_400) <= 0.6 * 86_400, "to the end of the twentieth day from today"
    assert metric(house) == left // 86_400


def test_the_gauge_follows_the_register(house: House) -> None:
    """Within the second in which the gateway tidies."""
    add(house, new_key(), term=Term(None, house.clock.today + timedelta(days=5)))
    revoke(house, house.caller(CLIENT).key)
    registry = house.wiring.telemetry.registry

    for _ in range(100):
        if registry.get_sample_value("stile_client_key_days_left") == metric(house):
            break
        time.sleep(0.05)

    assert 4 <= registry.get_sample_value("stile_client_key_days_left") <= 6


def metric(house: House) -> int:
    return days_left(house.wiring.services.reader.connection, house.clock(), most=9_999)


def test_the_command_line_warns_of_the_last_key(house: House, tmp_path: Path) -> None:
    file = tmp_path / "next.json"
    file.write_text(json.dumps(public(new_key(), kid="next")), encoding="ascii")
    where = ["--dir", house.directory]
    ends = (house.clock.today + timedelta(days=9)).isoformat()

    assert "registered" in stile("client", "key", "add", CLIENT, "--jwks", file, "--expires-on", ends, *where)[1]
    assert "The last key ends" not in stile("client", "key", "list", CLIENT, *where)[1]
    first = house.caller(CLIENT).key.thumbprint()
    assert "revoked" in stile("client", "key", "revoke", CLIENT, first, *where)[1]
    status, printed = stile("client", "key", "list", CLIENT, *where)

    assert (status, "The last key ends in" in printed) == (0, True)
    assert '"state": "revoked"' in printed
    assert "no live key left" in stile("client", "key", "revoke", CLIENT, "next", *where)[1]
    assert "No key is live" in stile("client", "show", CLIENT, *where)[1]


def test_the_command_line_takes_a_proof_and_tells_of_none(house_by_the_machine: House, tmp_path: Path) -> None:
    house = house_by_the_machine
    mine, file, where = new_key(), tmp_path / "next.json", ["--dir", house.directory]
    file.write_text(json.dumps(public(mine)), encoding="ascii")
    private = tmp_path / "mine.json"
    private.write_text(json.dumps(dict(mine.as_dict(private=True))), encoding="ascii")
    words = ["client", "key", "add", CLIENT, "--jwks", file, *where]
    wrong = stile("key-proof", "--client", "another", "--key", private, "--issuer", ISSUER)[1].strip()
    good = stile("key-proof", "--client", CLIENT, "--key", private, "--issuer", ISSUER)[1].strip()

    assert stile(*words, "--proof", wrong)[0] == 1
    status, printed = stile(*words, "--proof", good)

    assert (status, "Nobody showed" in printed) == (0, False)


@pytest.mark.parametrize("kid", ["-dir_is_no_option", "--by", "-h"])
def test_a_kid_that_looks_like_an_option_can_be_revoked(house: House, tmp_path: Path, kid: str) -> None:
    """One thumbprint in 64 begins with a hyphen."""
    file = tmp_path / "next.json"
    file.write_text(json.dumps(public(new_key(), kid=kid)), encoding="ascii")
    stile("client", "key", "add", CLIENT, "--jwks", file, "--dir", house.directory)

    assert "revoked" in stile("client", "key", "revoke", CLIENT, kid, "--dir", house.directory)[1]

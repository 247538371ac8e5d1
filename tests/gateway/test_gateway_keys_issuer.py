"""The gateway's own signing keys turn over without a restart, in every worker, and at once where one is in other hands."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import HARBOUR, House, open_house
from joserfc import jwk, jwt
from typer.testing import CliRunner

from audit.writing.keyring import KeyringError
from gateway.cli import make_app
from gateway.council.issuer_keys import make_issuer_key
from gateway.store.changes import ChangeRefusedError

DAY = 86_400


def published(house: House) -> list[str]:
    return [one["kid"] for one in house.http.get("/oauth2/jwks").json()["keys"]]


def kid_of(token: str) -> str:
    return str(jwt.decode(token, key_of_any, algorithms=["ES256"]).header["kid"])


def key_of_any(obj: Any) -> Any:
    return KEYS[obj.headers()["kid"]]


KEYS: dict[str, Any] = {}


def remember_keys(house: House) -> None:
    KEYS.update({one["kid"]: jwk.import_key(one) for one in house.http.get("/oauth2/jwks").json()["keys"]})


def first_of(house: House) -> tuple[str, str]:
    return house.council.issuer_key.kid, "issuer"


def rotate(house: House, *, now: bool = False, number: int = 2) -> str:
    """Do as `stile issuer-key rotate` does, at the instant of the test's clock."""
    name, kid = make_issuer_key(house.council.keyring, number=number, is_fresh=now)
    changes = house.changes().issuer_keys
    change = changes.replace_now if now else changes.turn_over
    house.append(change(kid=kid, name=name, first=first_of(house), by="test"))
    return kid


def test_the_next_key_is_published_a_day_before_it_signs(house: House) -> None:
    first = house.council.issuer_key.kid
    assert published(house) == [first]

    second = rotate(house)

    remember_keys(house)
    assert published(house) == [first, second]
    assert kid_of(house.harbour().token) == first
    house.clock.move(seconds=DAY - 2)
    assert kid_of(house.harbour().token) == first
    house.clock.move(seconds=2)
    assert kid_of(house.harbour().token) == second


def test_the_old_key_is_accepted_until_its_last_token_is_over_and_then_goes(house: House) -> None:
    first = house.council.issuer_key.kid
    second = rotate(house)
    house.clock.move(seconds=DAY - 2)
    old = house.harbour()

    house.clock.move(seconds=297)
    assert old.ask(fields=["age"]).status_code == 200
    assert published(house) == [first, second]
    house.clock.move(seconds=5)
    assert published(house) == [second]
    assert old.ask(fields=["age"]).status_code == 401


def test_a_compromised_key_signs_for_nobody_from_its_entry_on(house: House) -> None:
    """Promise 4: also for a token that this worker has verified, and remembers."""
    old = house.harbour()
    assert old.ask(fields=["age"]).status_code == 200

    second = rotate(house, now=True)

    answer = old.ask(fields=["age"])
    assert (answer.status_code, "counts no more" in answer.json()["detail"]) == (401, True)
    assert published(house) == [second]
    remember_keys(house)
    assert kid_of(house.harbour().token) == second
    assert house.harbour().ask(fields=["age"]).status_code == 200
    at = house.entries("key.revoked")[-1]["index"]
    assert [one["kind"] for one in house.entries() if one["index"] > at] == ["disclosure"]


def test_a_key_that_waits_is_not_trusted_either_once_the_file_was_read(house: House) -> None:
    rotate(house)

    third = rotate(house, now=True, number=3)

    assert published(house) == [third]
    house.clock.move(seconds=2 * DAY)
    remember_keys(house)
    assert kid_of(house.harbour().token) == third


def test_one_key_waits_at_a_time(house: House) -> None:
    rotate(house)

    with pytest.raises(ChangeRefusedError, match="published already"):
        rotate(house, number=3)


def test_keys_turn_over_twice_across_a_restart(council_directory: Path) -> None:
    with open_house(council_directory) as house:
        second = rotate(house)
        house.clock.move(seconds=DAY + 400)
        third = rotate(house, number=3)
        house.clock.move(seconds=DAY - 10)
        clock, token = house.clock, house.harbour().token
        remember_keys(house)
        assert kid_of(token) == second

    with open_house(council_directory, clock=clock) as house:
        assert published(house) == [second, third]
        house.clock.move(seconds=20)
        assert kid_of(house.harbour().token) == third
        caller = house.caller(HARBOUR.client_id)
        caller.token = token
        assert caller.ask(fields=["age"]).status_code == 200


@contextlib.contextmanager
def two_workers(directory: Path) -> Iterator[tuple[House, House]]:
    with open_house(directory) as one, open_house(directory, clock=one.clock) as other:
        yield one, other


def test_every_worker_turns_over(council_directory: Path) -> None:
    """They share nothing but the files; the other one learns of it with its next call."""
    with two_workers(council_directory) as (one, other):
        old = other.harbour()
        assert old.ask(fields=["age"]).status_code == 200

        second = rotate(one, now=True)

        assert old.ask(fields=["age"]).status_code == 401
        assert published(other) == [second]
        token = one.harbour().token
        caller = other.caller(HARBOUR.client_id)
        caller.token = token
        assert caller.ask(fields=["age"]).status_code == 200


def test_a_key_that_a_crash_left_without_a_turn_is_taken_by_the_next_try(house: House) -> None:
    """But not where others may have read the key file since."""
    ring = house.council.keyring
    name, kid = make_issuer_key(ring, number=2, is_fresh=False)

    assert make_issuer_key(ring, number=2, is_fresh=False) == (name, kid)
    fresh, other = make_issuer_key(ring, number=2, is_fresh=True)
    assert (fresh, other != kid) == ("issuer.3", True)


def test_a_key_file_that_takes_nothing_makes_no_key(house: House) -> None:
    house.council.keyring._file.connection.execute("PRAGMA query_only=ON")

    with pytest.raises(KeyringError):
        make_issuer_key(house.council.keyring, number=2, is_fresh=True)
    house.council.keyring._file.connection.execute("PRAGMA query_only=OFF")


def test_the_private_key_lies_wrapped(house: House) -> None:
    """Encrypted at rest, as the first one is: neither its PEM nor its scalar stands in any file."""
    name, _ = make_issuer_key(house.council.keyring, number=2, is_fresh=False)
    secret = house.council.keyring.named(name)
    assert b"PRIVATE KEY" in secret

    files = [one for one in house.directory.rglob("*") if one.is_file()]
    assert files
    body = secret.split(b"\n")[1]
    assert [one.name for one in files if body in one.read_bytes()] == []


def test_the_command_line_turns_the_key_over_and_shows_it(house: House) -> None:
    where = ["--dir", str(house.directory)]

    def stile(*words: str) -> tuple[int, str]:
        house.clock.move(seconds=60)  # the command has the clock on the wall, the gateway the test's
        done = CliRunner().invoke(make_app(["issuer-key"]), ["issuer-key", *words, *where])
        return done.exit_code, done.output

    assert stile("list")[1].count('"state": "signs"') == 1
    status, printed = stile("rotate")
    assert (status, "is published, and signs a day from now" in printed) == (0, True)
    assert stile("rotate")[0] == 1
    assert stile("list")[1].count('"state": "next"') == 1
    assert len(published(house)) == 2

    status, printed = stile("rotate", "--now")

    assert (status, "every token signed before is refused" in printed) == (0, True)
    listed = stile("list")[1]
    assert (listed.count('"state": "revoked"'), listed.count('"state": "signs"')) == (2, 1)
    assert len(published(house)) == 1

"""`stile operator`: what it grants and takes back, and what it refuses; and what keeps a gateway from starting."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from console_browser import PASSWORD, Authenticator, Browser
from console_scene import give_password, sign_in
from house import House, open_house
from typer.testing import CliRunner
from typing_extensions import override

from gateway.cli import make_app
from gateway.council.directory import open_council
from gateway.operators.parts import make_operators
from gateway.operators.passwords import MOST_WAITING, BusyError, PasswordRefusedError, Passwords, digest_of
from gateway.settings import SettingsError, load_settings
from gateway.store.operator_rows import find_account


def stile(directory: Path, *words: str, password: str = "") -> tuple[int, str]:
    """Run `stile operator …`; return its status, and all that it said."""
    given = CliRunner().invoke(make_app(["operator"]), ["operator", *words, "--dir", str(directory)], input=password)
    assert given.exception is None or isinstance(given.exception, SystemExit), given.exception
    return given.exit_code, given.output


def test_an_account_is_made_used_and_taken_back(council_directory: Path) -> None:
    """From the command line, beside a running gateway; the password is kept as argon2id, and nowhere in clear."""
    with open_house(council_directory) as house:
        made, told = stile(council_directory, "add", "night-duty", "--role", "administrator", password=f"{PASSWORD}\n")
        browser, authenticator = Browser(house), Authenticator()
        signed_in = sign_in(browser, "night-duty", authenticator)
        assert (made, signed_in.status_code) == (0, 303), told
        account = find_account(house.wiring.services.reader.connection, "night-duty")
        assert account is not None
        assert extract_parameters(account.password or "").type is Type.ID
        assert PASSWORD not in told

        _, listed = stile(council_directory, "list")
        found = json.loads(listed)
        assert found["accounts"][0]["passkeys"] == 1
        assert found["sessions"] == [{"operator": account.operator_id, "by": "local", "shown_as": "night-duty"}]

        assert stile(council_directory, "roles", "night-duty", "--role", "dpo", "--role", "auditor")[0] == 0
        assert browser.get("/console").status_code == 303
        sign_in(browser, "night-duty", authenticator)
        assert "auditor, dpo" in browser.get("/console").text
        assert stile(council_directory, "revoke", "night-duty")[0] == 0
        assert browser.get("/console").status_code == 303
        assert give_password(browser, "night-duty").status_code == 403
        assert stile(council_directory, "restore", "night-duty")[0] == 0
        assert sign_in(browser, "night-duty", authenticator).status_code == 303

        kinds = [one["kind"] for one in house.entries() if one["kind"].startswith("operator.")]
        assert kinds == ["operator.granted", "operator.granted", "operator.revoked", "operator.granted"]
        assert "night-duty" not in json.dumps([house.truth(one) for one in house.entries()])


def test_an_invitation_forgets_passkey_and_password(council_directory: Path) -> None:
    with open_house(council_directory) as house:
        stile(council_directory, "add", "night-duty", "--role", "dpo", password=f"{PASSWORD}\n")
        browser, lost = Browser(house), Authenticator()
        sign_in(browser, "night-duty", lost)
        assert stile(council_directory, "invite", "night-duty", password="another four words here\n")[0] == 0

        assert browser.get("/console").status_code == 303
        assert give_password(Browser(house), "night-duty").status_code == 403
        again = give_password(browser, "night-duty", "another four words here")
        assert "Register a passkey" in again.text


def test_whose_an_account_is_and_until_when_a_guest_comes_is_said_by_command(council_directory: Path) -> None:
    """And listed; the word for a person stands in no entry."""
    with open_house(council_directory) as house:
        added = ("add", "night-duty", "--role", "duty", "--person", "anna.smith")
        assert stile(council_directory, *added, password=f"{PASSWORD}\n")[0] == 0
        assert stile(council_directory, "person", "office-dpo", "anna.smith")[0] == 1
        client = next(one for (one,) in house.rows("SELECT client_id FROM client WHERE role = 'dpo'"))
        assert stile(council_directory, "person", client, "night-duty")[0] == 0
        assert stile(council_directory, "guest", "night-duty", "--of", "Riverton", "--until", "2099-12-31")[0] == 0
        assert stile(council_directory, "guest", "nobody", "--of", "Riverton", "--until", "2099-12-31")[0] == 1

        _, listed = stile(council_directory, "list")
        (account,) = json.loads(listed)["accounts"]
        assert (account["person_known"], account["guest_of"], account["last_day"]) == (True, "Riverton", "2099-12-31")
        persons = {one for (one,) in house.rows("SELECT person FROM account_person")}
        assert len(persons) == 1
        assert "anna" not in json.dumps([house.truth(one) for one in house.entries("operator.granted")])


REFUSED = {
    "a short password": (("add", "a", "--role", "dpo"), "fourteen chars", "15 to 512 characters"),
    "no password": (("add", "a", "--role", "dpo"), "", "15 to 512 characters"),
    "a name with blanks": (("add", "night duty", "--role", "dpo"), PASSWORD, "lower-case letters"),
    "the role of a partner": (("add", "a", "--role", "partner"), PASSWORD, "an operator is of the council"),
    "an invitation for nobody": (("invite", "nobody"), PASSWORD, "is no local account"),
    "roles for nobody": (("roles", "nobody", "--role", "dpo"), "", "is no local account"),
    "to revoke nobody": (("revoke", "nobody"), "", "is no local account"),
    "to restore nobody": (("restore", "nobody"), "", "is not revoked"),
}


@pytest.mark.parametrize("what", REFUSED, ids=str)
def test_what_can_not_be_is_refused_in_a_line(council_directory: Path, what: str) -> None:
    words, password, why = REFUSED[what]

    status, told = stile(council_directory, *words, password=f"{password}\n")

    assert (status, why in told) == (1, True), told
    assert password not in told or not password


def test_a_name_is_given_once_even_to_a_revoked_account(council_directory: Path) -> None:
    stile(council_directory, "add", "night-duty", "--role", "dpo", password=f"{PASSWORD}\n")
    stile(council_directory, "revoke", "night-duty")

    assert stile(council_directory, "add", "night-duty", "--role", "dpo", password=f"{PASSWORD}\n")[0] == 1
    assert stile(council_directory, "revoke", "night-duty")[0] == 1


def test_the_gateways_key_at_the_provider_stays_the_same(council_directory: Path) -> None:
    """And its private half is not printed."""
    _, first = stile(council_directory, "provider-key")
    _, again = stile(council_directory, "provider-key")

    assert first == again
    (key,) = json.loads(first)["keys"]
    assert (key["alg"], "d" in key) == ("ES256", False)


# -- passwords


class Counting(PasswordHasher):
    """Counts how often it is made to work, and waits where a test says so."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.work = 0
        self.gate = threading.Event()
        self.gate.set()

    @override
    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.gate.wait(10)
        self.work += 1
        return bool(super().verify(hash, password))


def test_an_unknown_name_takes_the_work_of_a_known_one() -> None:
    """One digest each, by the same parameters: whoever measures learns nothing."""
    hasher = Counting()
    passwords = Passwords(hasher)
    known = hasher.hash(PASSWORD)

    async def ask() -> list[bool]:
        return [await passwords.is_right(one, given) for one in (known, None) for given in (PASSWORD, "wrong")]

    assert asyncio.run(ask()) == [True, False, False, False]
    assert hasher.work == 4


def test_no_more_than_a_few_wait_for_their_password() -> None:
    """Two at work, and sixteen in all: the next is told to come back, and nobody's memory is used up."""
    hasher = Counting()
    passwords = Passwords(hasher)
    hasher.gate.clear()

    async def ask() -> list[Any]:
        waiting = [asyncio.create_task(passwords.is_right(None, "a")) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0.05)
        with pytest.raises(BusyError):
            await passwords.is_right(None, "a")
        hasher.gate.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(ask()) == [False] * MOST_WAITING


@pytest.mark.parametrize("password", ["a" * 14, "a" * 513, ""])
def test_a_password_has_fifteen_characters_at_least(password: str) -> None:
    with pytest.raises(PasswordRefusedError):
        digest_of(password)


def test_one_password_written_in_two_ways_is_one() -> None:
    """Composed and decomposed: what two keyboards make of one letter."""
    known = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("caf\u00e9 au lait caf\u00e9")
    passwords = Passwords(Counting())

    assert asyncio.run(passwords.is_right(known, "cafe\u0301 au lait cafe\u0301"))


# -- settings


SETTINGS: dict[str, dict[str, Any]] = {
    "an issuer without a client": {"oidc_issuer": "https://login.example"},
    "a client without an issuer": {"oidc_client_id": "stile"},
    "plain HTTP": {"oidc_issuer": "http://login.example", "oidc_client_id": "stile"},
    "a query": {"oidc_issuer": "https://login.example?a=b", "oidc_client_id": "stile"},
    "a name before the host": {"oidc_issuer": "https://a@login.example", "oidc_client_id": "stile"},
    "a role that is none": {"oidc_roles": '{"a" = "owner"}'},
    "the role of a partner": {"oidc_roles": '{"a" = "partner"}'},
    "a title of nothing": {"role_titles": '{"approver" = " "}'},
    "a title of no role": {"role_titles": '{"owner" = "SIRO"}'},
}


@pytest.mark.parametrize("what", SETTINGS, ids=str)
def test_a_provider_set_up_by_half_refuses_to_start(council_directory: Path, what: str) -> None:
    file = council_directory / "stile.toml"
    lines = [
        f"{name} = {value if name in {'oidc_roles', 'role_titles'} else json.dumps(value)}"
        for name, value in SETTINGS[what].items()
    ]
    file.write_text(file.read_text() + "\n".join(lines) + "\n")

    with pytest.raises(SettingsError, match=r"oidc_|role_titles|must"):
        load_settings(council_directory)


def test_a_provider_without_key_or_secret_says_what_to_do(council_directory: Path, tmp_path: Path) -> None:
    council = open_council(council_directory)
    given = {"oidc_issuer": "https://login.example", "oidc_client_id": "stile"}
    cases = {
        "run `stile operator provider-key`": given,
        "can't be read": {**given, "oidc_client_secret_file": tmp_path / "none"},
        "is empty": {**given, "oidc_client_secret_file": tmp_path / "empty"},
    }
    (tmp_path / "empty").write_text("\n")
    for why, more in cases.items():
        with pytest.raises(SettingsError, match=why):
            make_operators(council.settings.model_copy(update=more), council.keyring, lambda: 0.0)
    council.keyring.close()
    assert stile(council_directory, "provider-key")[0] == 0
    again = open_council(council_directory)
    made = make_operators(again.settings.model_copy(update=given), again.keyring, lambda: 0.0)
    assert made.provider is not None
    again.keyring.close()


def test_attempts_are_counted_by_network(house: House) -> None:
    """An IPv6 address by its /48: a customer may have all of it."""
    operators = house.wiring.operators

    def name(host: str) -> str:
        return str(operators.attempts_from(type("Request", (), {"client": type("Client", (), {"host": host})})(), "local"))

    assert name("2001:db8::1") == name("2001:db8::ffff:1")
    assert name("2001:db8::1") == name("2001:db8:0:1::1")
    assert name("2001:db8:1::1") != name("2001:db8:2::1")
    assert name("192.0.2.1") != name("192.0.2.2")
    assert "192.0.2.1" not in name("192.0.2.1")
    assert name("::ffff:192.0.2.1") == name("192.0.2.1"), "as a socket for both families names it"
    assert name("::ffff:192.0.2.1") != name("::ffff:192.0.2.2")

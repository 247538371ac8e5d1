"""Local accounts: who may sign in by a password and a passkey, and who may not?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from console_browser import BEFORE, PASSWORD, SESSION, Authenticator, Browser
from console_scene import QUICK, give_password, grant, sign_in
from house import ISSUER, House

from gateway.oauth.clients import Role
from gateway.operators import passkeys
from gateway.store import sign_ins
from gateway.store.operator_rows import Passkey


def test_a_password_and_a_passkey_open_a_session(house: House, browser: Browser) -> None:
    """Registered at the first sign-in, used at the next; each is an entry that names the operator by an opaque id."""
    operator, authenticator = grant(house, "nadia", Role.DPO), Authenticator()

    first = sign_in(browser, "nadia", authenticator)
    assert (first.status_code, first.headers["location"]) == (303, "/console")
    home = browser.get("/console")
    assert (home.status_code, operator in home.text) == (200, True)
    again = sign_in(Browser(house), "nadia", authenticator)

    assert again.status_code == 303
    told = [house.truth(one) for one in house.entries("sign-in")]
    steps = [one["what"].get("passkey", one["what"].get("next")) for one in told]
    assert steps == ["register", "registered", "use", "used"]
    assert {one["who"]["by"] for one in told} == {operator}
    assert "nadia" not in json.dumps([house.truth(one) for one in house.entries()])


def test_a_password_alone_opens_nothing(house: House, browser: Browser) -> None:
    grant(house, "nadia", Role.DPO)

    asked = give_password(browser, "nadia")

    assert (asked.status_code, SESSION in browser.cookies) == (200, False)
    assert browser.get("/console").headers["location"] == "/console/sign-in?to=/console"


def test_a_right_password_is_an_entry_whether_or_not_a_passkey_follows(house: House, browser: Browser) -> None:
    """So that whoever has stolen one can't try it unseen."""
    operator = grant(house, "nadia", Role.DPO)

    give_password(browser, "nadia")

    (entry,) = house.entries("sign-in")
    told = house.truth(entry)
    assert (told["what"]["password"], told["who"]["by"]) == ("right", operator)


@pytest.mark.parametrize("name", ["nadia", "nobody"])
def test_an_unknown_name_is_answered_as_a_wrong_password_is(house: House, browser: Browser, name: str) -> None:
    grant(house, "nadia", Role.DPO)

    refused = give_password(browser, name, "four words make a wrong one")

    assert refused.status_code == 403
    assert "name or password is wrong" in refused.text
    assert "sign_in_refused" in refused.text
    assert "set-cookie" not in refused.headers
    assert house.last()["what"] == {"method": "local", "why": "password"}


def test_two_refusals_are_the_same_but_for_the_request(house: House) -> None:
    grant(house, "nadia", Role.DPO)
    pages = []
    for name in ("nadia", "nobody"):
        refused = give_password(Browser(house), name, "four words make a wrong one")
        pages.append(refused.text.replace(refused.headers["x-request-id"], ""))

    assert pages[0] == pages[1]


def test_a_revoked_account_is_answered_as_an_unknown_one(house: House, browser: Browser) -> None:
    grant(house, "nadia", Role.DPO)
    house.append(house.changes().operators.revoke("nadia", by="test"))

    refused = give_password(browser, "nadia")

    assert (refused.status_code, "name or password is wrong" in refused.text) == (403, True)


def test_after_a_day_nobody_registers_a_first_passkey(house: House, browser: Browser) -> None:
    """To the second; and an invitation gives another day, with another password."""
    grant(house, "nadia", Role.DPO)
    house.clock.move(hours=24)

    refused = give_password(browser, "nadia")

    assert (refused.status_code, "ask for an invitation" in refused.text) == (403, True)
    house.append(house.changes().operators.invite("nadia", password=QUICK.hash("another four words here"), by="test"))
    assert give_password(browser, "nadia").status_code == 403
    assert give_password(browser, "nadia", "another four words here").status_code == 200


def test_a_day_that_ends_during_the_ceremony_has_ended(house: House, browser: Browser) -> None:
    grant(house, "nadia", Role.DPO)
    house.clock.move(hours=23, minutes=59)
    give_password(browser, "nadia")
    credential = Authenticator().create(browser.options())
    house.clock.move(minutes=2)

    refused = browser.submit("/console/local/passkey", credential=credential)

    assert (refused.status_code, SESSION in browser.cookies) == (403, False)


WRONG = {
    "another origin": {"origin": "https://gateway.evil.example"},
    "another relying party": {"rp": "evil.example"},
    "no user verified": {"flags": 0x01},
    "no user present": {"flags": 0x04},
}


@pytest.mark.parametrize("what", WRONG, ids=str)
@pytest.mark.parametrize("step", ["create", "get"])
def test_a_passkey_that_does_not_hold_opens_nothing(house: House, browser: Browser, what: str, step: str) -> None:
    grant(house, "nadia", Role.DPO)
    good = Authenticator()
    if step == "get":
        sign_in(Browser(house), "nadia", good)
    bad = Authenticator(key=good.key, credential=good.credential, count=good.count, **WRONG[what])
    give_password(browser, "nadia")

    refused = browser.submit("/console/local/passkey", credential=getattr(bad, step)(browser.options()))

    assert (refused.status_code, SESSION in browser.cookies) == (403, False)
    assert house.last()["what"] == {"method": "local", "why": "passkey"}


def test_a_challenge_counts_once(house: House, browser: Browser) -> None:
    """Whatever came of it: after one try the ceremony is over."""
    grant(house, "nadia", Role.DPO)
    give_password(browser, "nadia")
    page, cookies, options = browser.page, dict(browser.cookies), browser.options()
    assert browser.submit("/console/local/passkey", credential="{}").status_code == 403
    browser.page, browser.cookies = page, cookies

    refused = browser.submit("/console/local/passkey", credential=Authenticator().create(options))

    assert (refused.status_code, "callback_refused" in refused.text) == (400, True)


def test_anothers_challenge_opens_nothing(house: House, browser: Browser) -> None:
    grant(house, "nadia", Role.DPO)
    other = Browser(house)
    give_password(other, "nadia")
    give_password(browser, "nadia")

    refused = browser.submit("/console/local/passkey", credential=Authenticator().create(other.options()))

    assert refused.status_code == 403


def test_anothers_passkey_opens_nothing(house: House, browser: Browser) -> None:
    """Also with the right password: the passkey must be the account's own."""
    grant(house, "nadia", Role.DPO)
    grant(house, "omar", Role.DPO)
    sign_in(Browser(house), "nadia", Authenticator())
    omars = Authenticator()
    sign_in(Browser(house), "omar", omars)
    give_password(browser, "nadia")

    assert browser.submit("/console/local/passkey", credential=omars.get(browser.options())).status_code == 403


def test_a_copied_passkey_is_refused_once_its_count_falls_behind(house: House, browser: Browser) -> None:
    grant(house, "nadia", Role.DPO)
    authenticator = Authenticator()
    sign_in(Browser(house), "nadia", authenticator)
    copy = Authenticator(key=authenticator.key, credential=authenticator.credential, count=authenticator.count)
    sign_in(Browser(house), "nadia", authenticator)
    give_password(browser, "nadia")

    assert browser.submit("/console/local/passkey", credential=copy.get(browser.options())).status_code == 403


def test_one_passkey_is_not_two_peoples(house: House, browser: Browser) -> None:
    grant(house, "nadia", Role.DPO)
    grant(house, "omar", Role.ADMINISTRATOR)
    shared = Authenticator()
    sign_in(Browser(house), "nadia", shared)

    refused = sign_in(browser, "omar", shared)

    assert (refused.status_code, "registered already" in refused.text) == (403, True)


def test_a_second_passkey_is_not_registered_over_the_first(house: House) -> None:
    """Two that were asked at once: whoever comes second is refused inside the transaction."""
    grant(house, "nadia", Role.DPO)
    one, two = Browser(house), Browser(house)
    give_password(one, "nadia")
    give_password(two, "nadia")
    assert one.submit("/console/local/passkey", credential=Authenticator().create(one.options())).status_code == 303

    refused = two.submit("/console/local/passkey", credential=Authenticator().create(two.options()))

    assert (refused.status_code, SESSION in two.cookies) == (403, False)


def test_what_an_old_password_began_registers_no_passkey_after_an_invitation(house: House, browser: Browser) -> None:
    """Whoever had the old password must not use the day that the invitation opens."""
    grant(house, "nadia", Role.DPO)
    give_password(browser, "nadia")
    credential = Authenticator().create(browser.options())
    house.append(house.changes().operators.invite("nadia", password=QUICK.hash("another four words here"), by="test"))

    refused = browser.submit("/console/local/passkey", credential=credential)

    assert (refused.status_code, SESSION in browser.cookies) == (400, False), refused.text
    assert house.rows("SELECT count(*) FROM passkey") == [(0,)]


def sent(**response: object) -> str:
    return json.dumps({"id": "YQ", "rawId": "YQ", "type": "public-key", "response": response})


JUNK = [
    *("", "{}", "[]", "null", "a", "[" * 9_000, '{"id": 1}', '{"id": "a"}', "9" * 5_000, "x" * 20_000),
    '{"id": "a", "rawId": "a", "type": "public-key"}',
    sent(clientDataJSON="e30", attestationObject="oA"),
    sent(clientDataJSON="!", attestationObject="\0"),
    sent(clientDataJSON=1, attestationObject=[]),
]


def test_a_new_invitation_ends_what_the_old_password_began(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it comes as the passkey is on its way: else the old password takes the new invitation."""
    grant(house, "ann")
    give_password(browser, "ann")
    read, changes = passkeys.registered, house.changes().operators

    def overtaken(*arguments: Any, **named: Any) -> Any:
        house.wiring.sequencer.submit(changes.invite("ann", password=QUICK.hash("n" * 20), by="test"), lambda _result: None)
        return read(*arguments, **named)

    monkeypatch.setattr(passkeys, "registered", overtaken)
    answer = browser.submit("/console/local/passkey", credential=Authenticator().create(browser.options()))

    assert (answer.status_code, SESSION in browser.cookies) == (403, False)
    assert house.rows("SELECT 1 FROM passkey") == []


@pytest.mark.parametrize("step", ["create", "get"])
def test_junk_in_place_of_a_credential_is_refused_without_a_fault(step: str) -> None:
    real = json.loads(Authenticator().create({"challenge": "YWFh"}))
    parts: dict[str, Any] = {"challenge": "YWFh", "public_url": ISSUER}
    look = passkeys.registered if step == "create" else passkeys.used
    if step == "get":
        parts["passkeys"] = (Passkey("YQ", "oA", 0),)
    for junk in [*JUNK, *(json.dumps(real | {name: None}) for name in real)]:
        with pytest.raises(passkeys.PasskeyRefusedError):
            look(junk, **parts)


def test_attempts_are_limited_from_one_network(house: House, browser: Browser) -> None:
    """Ten in a quarter of an hour; the first beyond is an entry, and the right password waits as well."""
    grant(house, "nadia", Role.DPO)
    for _ in range(10):
        assert give_password(browser, "nadia", "four words make a wrong one").status_code == 403

    limited = [give_password(browser, "nadia"), give_password(browser, "nobody")]

    assert [one.status_code for one in limited] == [429, 429]
    assert 0 < int(limited[0].headers["retry-after"]) <= 900
    whys = [house.truth(one)["what"]["why"] for one in house.entries("sign-in.failed")]
    assert whys == ["password"] * 10 + ["limit"]
    house.clock.move(minutes=15)
    assert give_password(browser, "nadia").status_code == 200


def test_one_network_can_not_lock_an_account(house: House) -> None:
    """From another, the owner still comes in; over all networks thirty attempts are let pass."""
    grant(house, "nadia", Role.DPO)
    operators = house.wiring.operators
    for network in range(4):
        object.__setattr__(house.wiring, "operators", Elsewhere(operators, f"net-{network}"))
        statuses = [give_password(Browser(house), "nadia", "wrong").status_code for _ in range(10)]
        assert statuses == ([403] * 10 if network < 3 else [429] * 10)
        if network == 0:
            object.__setattr__(house.wiring, "operators", Elsewhere(operators, "home"))
            assert give_password(Browser(house), "nadia").status_code == 200
            object.__setattr__(house.wiring, "operators", operators)
            house.append(lambda connection, _: connection.one("UPDATE attempt SET count = count - 1") and None)


def test_what_a_network_may_not_does_not_lock_an_account(house: House) -> None:
    """Attempts beyond the network's ten are no attempts at the account."""
    grant(house, "nadia", Role.DPO)
    operators = house.wiring.operators
    object.__setattr__(house.wiring, "operators", Elsewhere(operators, "one"))
    statuses = [give_password(Browser(house), "nadia", "wrong").status_code for _ in range(31)]
    object.__setattr__(house.wiring, "operators", Elsewhere(operators, "home"))

    assert statuses == [403] * 10 + [429] * 21
    assert give_password(Browser(house), "nadia").status_code == 200


class Elsewhere:
    """The parts of sign-in, as calls from another network meet them."""

    def __init__(self, operators: object, network: str) -> None:
        self.operators, self.network = operators, network

    def __getattr__(self, name: str) -> object:
        return getattr(self.operators, name)

    def attempts_from(self, _request: object, what: str) -> str:
        return f"{what}/{self.network}"


def test_strangers_who_begin_lock_nobody_out(house: House, browser: Browser) -> None:
    """As many as may have begun at the provider: accounts are for when that can't be used."""
    authenticator = Authenticator()
    grant(house, "nadia", Role.DPO)
    for number in range(sign_ins.MOST_UNDER_WAY):
        house.wiring.sequencer.submit(sign_ins.put_under_way(f"{number:064x}", {}), lambda _result: None)

    assert sign_in(browser, "nadia", authenticator).status_code == 303
    browser.get("/console/step-up")
    assert browser.submit("/console/step-up/begin").headers["location"] == "/console/local"
    with pytest.raises(sign_ins.SignInOverError):
        house.append(sign_ins.put_under_way("f" * 64, {}))


def test_a_browsers_id_is_new_at_each_step(house: House, browser: Browser) -> None:
    grant(house, "nadia", Role.DPO)
    browser.get("/console/local")
    first = browser.cookies[BEFORE]
    browser.submit("/console/local/password", name="nadia", password=PASSWORD)
    second = browser.cookies[BEFORE]
    browser.submit("/console/local/passkey", credential=Authenticator().create(browser.options()))

    assert first != second
    assert BEFORE not in browser.cookies
    assert browser.cookies[SESSION] not in (first, second)

"""`stile login`: a person lets a command line act as them, in their own browser; and what it does is entered as theirs."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
import requests
from argon2 import PasswordHasher
from attack_serving import begin_session, gateway_at, grant_operators
from console_browser import Authenticator, Browser
from console_scene import grant, sign_in
from house import ISSUER, House
from joserfc import jwk
from two_people import ask_for_two, next_agreement, published
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.commands import logging_in, signed_in
from gateway.commands.signed_in import Login, keep_login, load_login
from gateway.oauth.clients import Role
from gateway.oauth.jose import thumbprint
from gateway.oauth.made_jwts import make_proof
from gateway.operators.passwords import Passwords
from gateway.store.changes import ChangeRefusedError
from gateway.web.command_line import challenge_of

STATE, VERIFIER = "s" * 22, "v" * 43
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class OverTheHouse:
    """Sends what a login sends to the gateway of this process."""

    def __init__(self, house: House) -> None:
        self.house = house

    def __call__(self, **_: Any) -> OverTheHouse:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def request(self, method: str, url: str, **sent: Any) -> Any:
        return self.house.http.request(method, url.removeprefix(ISSUER), **sent)


@pytest.fixture
def house(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    object.__setattr__(house.wiring.operators, "passwords", Passwords(QUICK))
    monkeypatch.setenv("STILE_LOGIN", str(tmp_path / "own" / "login.json"))
    monkeypatch.setattr(signed_in.httpx2, "Client", OverTheHouse(house))
    return house


SignIn = Callable[..., Browser]


@pytest.fixture
def operator(house: House) -> SignIn:
    def run(name: str, *roles: Role) -> Browser:
        browser = Browser(house)
        grant(house, name, *roles)
        house.append(house.changes().operators.say_person(name, person=name, by="test"))
        assert sign_in(browser, name, Authenticator()).status_code == 303
        return browser

    return run


def let(browser: Browser, key: Any, verifier: str = VERIFIER, port: int = 8765) -> str:
    """Say yes on the page; return the code that the browser is sent away with."""
    asked = f"{port}.{STATE}.{thumbprint(key)}.{challenge_of(verifier)}"
    assert browser.get(f"/console/command-line/{asked}").status_code == 200
    answer = browser.submit("/console/command-line")
    assert answer.status_code == 303, answer.text
    address = answer.headers["location"]
    assert address.startswith(f"http://127.0.0.1:{port}/?code=")
    return address.partition("code=")[2].partition("&")[0]


def logged_in(browser: Browser) -> Login:
    key = jwk.generate_key("EC", "P-256", private=True)
    return Login(ISSUER, f"login_{let(browser, key)}{VERIFIER}", dict(key.as_dict(private=True)), "2999-01-01T00:00:00Z")


def stile(*words: str) -> tuple[int, str]:
    given = CliRunner().invoke(make_app(words), list(words))
    assert given.exception is None or isinstance(given.exception, SystemExit), given.exception
    return given.exit_code, given.output


@pytest.fixture
def two(house: House, operator: SignIn) -> tuple[Login, Login]:
    """A council in which two decide, with the logins of an author and of an asset owner."""
    ask_for_two(house)
    return logged_in(operator("anna", Role.AUTHOR)), logged_in(operator("olu", Role.APPROVER))


def test_publishing_by_command_is_proposed_and_approved_by_two(
    house: House, two: tuple[Login, Login], tmp_path: Path
) -> None:
    """`stile agreement publish`, `change show`, `change approve`: and the entries name the two."""
    author, owner = two
    before, file = published(house), tmp_path / "next.yaml"
    file.write_text(next_agreement(house)["text"])
    words = ("agreement", "publish", str(file), "--dir", str(house.directory))
    assert (stile(*words)[0], "stile login" in stile(*words)[1]) == (1, True)

    keep_login(author)
    status, told = stile(*words, "--reason", "by month is enough")
    assert (status, published(house)) == (0, before), told
    proposed = house.last()
    keep_login(owner)
    _, listed = stile("change", "list")
    change = proposed["what"]["change"]
    assert (change in listed, "by month is enough" in listed) == (True, True)
    _, shown = stile("change", "show", change)
    digest = proposed["what"]["digest"]
    assert (digest in shown, f"+version: {before + 1}" in shown) == (True, True)

    status, told = stile("change", "approve", change, "--digest", digest)

    assert (status, published(house)) == (0, before + 1), told
    last = house.last()
    names = dict(house.rows("SELECT name, operator_id FROM operator"))
    assert (last["approval"]["proposed_by"], last["who"]["by"]) == (names["anna"], names["olu"])


def test_who_proposed_by_command_does_not_approve_in_the_browser(house: House, operator: SignIn) -> None:
    """The person counts, not the way in."""
    ask_for_two(house)
    browser = operator("olu", Role.APPROVER)
    keep_login(logged_in(browser))
    made = load_login().call("POST", "/control/v1/changes", {"reason": "why", **next_agreement(house)})

    refused = browser.control("POST", f"/control/v1/changes/{made['change']}/approval", {"digest": made["digest"]})

    assert (refused.status_code, "somebody else decides" in refused.json()["detail"]) == (409, True)


def test_a_change_is_proposed_from_wherever_the_gateway_is_reached(
    house: House, two: tuple[Login, Login], tmp_path: Path
) -> None:
    """`stile change propose`: needs no council's directory; what does not hold together is told with its line."""
    file, keeping = tmp_path / "next.yaml", keep_login(two[0])
    file.write_text(next_agreement(house)["text"])
    assert keeping.exists()

    status, told = stile("change", "propose", "agreement", str(file), "--reason", "by month is enough")
    file.write_text("agreement: x\n")
    refused, why = stile("change", "propose", "agreement", str(file), "--reason", "why")

    assert (status, "proposed as ch_" in told) == (0, True), told
    assert (refused, "line 1, column" in why) == (1, True)
    assert stile("change", "propose", "nothing", str(file), "--reason", "why")[0] == 1
    keep_login(two[1])
    assert stile("change", "propose", "one-person", "--reason", "one has left")[0] == 0
    assert house.last()["what"]["kind"] == "one-person"


def test_rejecting_advising_and_withdrawing_go_by_command(house: House, two: tuple[Login, Login], operator: SignIn) -> None:
    author, owner = two
    adviser = logged_in(operator("dee", Role.DPO))
    first = author.call("POST", "/control/v1/changes", {"reason": "one", **next_agreement(house)})
    second = author.call("POST", "/control/v1/changes", {"reason": "two", **next_agreement(house)})

    keep_login(adviser)
    assert stile("change", "advise", first["change"], "reject", "--digest", first["digest"], "--reason", "too much")[0] == 0
    keep_login(owner)
    assert stile("change", "reject", first["change"], "--digest", first["digest"], "--reason", "as advised")[0] == 0
    keep_login(author)
    assert stile("change", "withdraw", second["change"])[0] == 0
    status, listed = stile("change", "list", "--decided")

    assert (status, "rejected" in listed, "withdrawn" in listed) == (0, True, True)
    assert stile("change", "list")[1] == "Nothing waits.\n"
    assert "followed" in stile("change", "show", first["change"])[1]


# -- what a login is bound to


def call(house: House, token: str, key: Any, path: str = "/control/v1/who") -> Any:
    proof = make_proof(key, method="GET", url=ISSUER + path, token=token, now=house.clock().timestamp())
    return house.http.get(path, headers={"Authorization": f"DPoP {token}", "DPoP": proof})


def test_a_login_counts_with_its_key_and_both_its_halves_alone(house: House, operator: SignIn) -> None:
    """Whoever reads the browser's address, or the row, or the file's token without its key, is nobody."""
    browser = operator("anna", Role.AUTHOR)
    key, other = (jwk.generate_key("EC", "P-256", private=True) for _ in range(2))
    code = let(browser, key)
    token = f"login_{code}{VERIFIER}"

    assert call(house, token, key).status_code == 200
    answers = [call(house, token, other), call(house, f"login_{code}{'w' * 43}", key), call(house, f"login_{code}", key)]
    as_cookie = house.http.get("/console", headers={"Cookie": f"__Host-stile={code}"}, follow_redirects=False)

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(401, "token_refused")] * 3
    assert as_cookie.status_code == 303
    assert "sign-in" in as_cookie.headers["location"]


def test_a_proof_of_a_login_counts_once(house: House, operator: SignIn) -> None:
    key = jwk.generate_key("EC", "P-256", private=True)
    token, path = f"login_{let(operator('anna', Role.AUTHOR), key)}{VERIFIER}", "/control/v1/who"
    headers = {
        "Authorization": f"DPoP {token}",
        "DPoP": make_proof(key, method="GET", url=ISSUER + path, token=token, now=house.clock().timestamp()),
    }

    answers = [house.http.get(path, headers=headers) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 401]


def test_a_login_opens_nothing_of_the_partners(house: House, operator: SignIn) -> None:
    key = jwk.generate_key("EC", "P-256", private=True)
    token = f"login_{let(operator('anna', Role.AUTHOR), key)}{VERIFIER}"

    assert call(house, token, key, "/v1/agreements").status_code == 401


def test_a_login_is_over_after_an_hour(house: House, operator: SignIn) -> None:
    """However much it is used; and what needs a fresh sign-in is refused after five minutes."""
    login = logged_in(operator("olu", Role.APPROVER))
    house.clock.move(seconds=301)
    assert login.call("GET", "/control/v1/who")["roles"] == ["approver"]
    with pytest.raises(ChangeRefusedError, match="last five minutes"):
        login.call("POST", "/control/v1/changes", {"reason": "why", **next_agreement(house)})
    for _ in range(3):
        house.clock.move(minutes=18)
        login.call("GET", "/control/v1/who")
    house.clock.move(minutes=2)

    with pytest.raises(ChangeRefusedError, match="over"):
        login.call("GET", "/control/v1/who")


ENDS = {
    "the operator is revoked": lambda house, name: house.changes().operators.revoke(name, by="test"),
    "their roles change": lambda house, name: house.changes().operators.set_roles(name, frozenset({Role.DPO}), by="test"),
}


@pytest.mark.parametrize("what", ENDS)
def test_a_login_ends_when(house: House, operator: SignIn, what: str) -> None:
    login = logged_in(operator("olu", Role.APPROVER))
    house.append(ENDS[what](house, "olu"))

    with pytest.raises(ChangeRefusedError, match="taken back"):
        login.call("GET", "/control/v1/who")


def test_signing_out_everywhere_ends_a_login(house: House, operator: SignIn) -> None:
    browser = operator("olu", Role.APPROVER)
    login = logged_in(browser)
    browser.get("/console")
    browser.submit("/console/sign-out/everywhere")

    with pytest.raises(ChangeRefusedError, match="taken back"):
        login.call("GET", "/control/v1/who")


def test_logging_out_ends_it_at_the_gateway_too(house: House, operator: SignIn) -> None:
    login = logged_in(operator("olu", Role.APPROVER))
    file = keep_login(login)

    assert stile("logout")[0] == 0

    assert not file.exists()
    with pytest.raises(ChangeRefusedError, match="taken back"):
        login.call("GET", "/control/v1/who")


def test_a_login_is_let_by_a_fresh_sign_in_alone(house: House, operator: SignIn) -> None:
    browser, key = operator("anna", Role.AUTHOR), jwk.generate_key("EC", "P-256", private=True)
    asked = f"8765.{STATE}.{thumbprint(key)}.{challenge_of(VERIFIER)}"
    csrf = browser.csrf
    house.clock.move(seconds=301)
    entries = len(house.entries())

    shown = browser.get(f"/console/command-line/{asked}")
    answer = browser.post("/console/command-line", {"csrf": csrf, "asked": asked})

    assert f"/console/step-up?to=/console/command-line/{asked}" in shown.text
    assert answer.headers["location"] == f"/console/step-up?to=/console/command-line/{asked}"
    assert len(house.entries()) == entries


def test_a_stranger_is_led_back_to_what_the_command_line_asks(house: House) -> None:
    key = jwk.generate_key("EC", "P-256", private=True)
    path = f"/console/command-line/8765.{STATE}.{thumbprint(key)}.{challenge_of(VERIFIER)}"

    answer = Browser(house).get(path)

    assert answer.headers["location"] == f"/console/sign-in?to={path}"


@pytest.mark.parametrize("asked", ["8765.a.b.c", "0.{s}.{j}.{j}", "70000.{s}.{j}.{j}", "evil.example.{s}.{j}.{j}"])
def test_a_code_is_sent_to_a_port_of_the_browsers_own_machine_alone(house: House, operator: SignIn, asked: str) -> None:
    browser, entries = operator("anna", Role.AUTHOR), len(house.entries())
    given = asked.format(s=STATE, j="j" * 43)

    answer = browser.post("/console/command-line", {"csrf": browser.csrf, "asked": given})

    assert answer.status_code in {400, 404}
    assert len(house.entries()) == entries


# -- over real connections


def test_a_person_signs_a_command_in_at_a_gateway_that_serves(
    council_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`stile login`, `stile change list`, `stile logout`: with a browser's calls, redirect and all."""
    monkeypatch.setenv("STILE_LOGIN", str(tmp_path / "login.json"))
    grant_operators(council_directory)
    with gateway_at(council_directory, dpop_nonces=True) as url:
        browser = requests.Session()
        browser.headers["Cookie"] = f"__Host-stile={begin_session(council_directory, 'approver')}"
        coming: list[threading.Thread] = []

        def say_yes(page: str) -> None:
            shown = browser.get(page, timeout=10).text
            form = dict(re.findall(r'name="(csrf|asked)" value="([^"]+)"', shown))
            assert re.search(r"the word <strong>\S{4}-\S{4}</strong>", shown)
            coming.append(
                threading.Thread(
                    target=browser.post,
                    args=(f"{url}/console/command-line", form),
                    kwargs={"headers": {"Origin": url}, "timeout": 20},
                )
            )
            coming[0].start()

        monkeypatch.setattr(logging_in.webbrowser, "open", say_yes)
        status, told = stile("login", "--gateway", url)
        coming[0].join()

        assert (status, "Signed in as op_approver, approver" in told) == (0, True), told
        assert stile("change", "list") == (
            0,
            "Nothing waits.\nOne person decides here: this council says that it is too small for two.\n",
        )
        assert stile("logout") == (0, "signed out\n")
        assert "nobody is signed in" in stile("change", "list")[1]


# -- the command itself, and its file


def test_stile_login_waits_for_the_browser(house: House, operator: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the page that it opens to a file that its owner alone may read."""
    browser, coming = operator("olu", Role.APPROVER), []

    def come_back(page: str) -> None:
        shown = browser.get(page.removeprefix(ISSUER))
        assert shown.status_code == 200
        address = browser.submit("/console/command-line").headers["location"]
        coming.append(threading.Thread(target=lambda: urllib.request.urlopen(address, timeout=10).read()))
        coming[0].start()

    monkeypatch.setattr(logging_in.webbrowser, "open", come_back)

    status, told = stile("login", "--dir", str(house.directory))
    coming[0].join()

    assert (status, "approver" in told) == (0, True), told
    file = signed_in.login_file()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert load_login(ISSUER).call("GET", "/control/v1/who")["roles"] == ["approver"]
    assert json.loads(file.read_text())["token"] not in told


def test_a_code_that_nobody_asked_for_is_not_taken() -> None:
    """Another page of the browser, or another program, brings no login in."""
    with logging_in._Waiting(0, STATE) as waiting:
        address = f"http://127.0.0.1:{waiting.port}/?code=theirs&state={'t' * 22}"
        asking = threading.Thread(target=lambda: _status(address))
        asking.start()
        waiting.handle_request()
        asking.join()

        assert waiting.found is None


def _status(address: str) -> int:
    try:
        return int(urllib.request.urlopen(address, timeout=10).status)
    except urllib.error.HTTPError as error:
        return error.code


def test_nobody_coming_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_in, "PATIENCE", 0.0)
    with logging_in._Waiting(0, STATE) as waiting, pytest.raises(ChangeRefusedError, match="nobody signed in"):
        waiting.code()


def test_a_login_that_others_may_read_is_refused(house: House, operator: SignIn) -> None:
    file = keep_login(logged_in(operator("olu", Role.APPROVER)))
    file.chmod(0o640)

    with pytest.raises(ChangeRefusedError, match="others may read"):
        load_login()


def test_a_login_of_another_gateway_or_of_yesterday_is_none(house: House, operator: SignIn) -> None:
    login = logged_in(operator("olu", Role.APPROVER))
    keep_login(login)
    with pytest.raises(ChangeRefusedError, match="you are signed in at"):
        load_login("https://other.example")

    keep_login(replace(login, ends_at="2020-01-01T00:00:00Z"))
    with pytest.raises(ChangeRefusedError, match="is over"):
        load_login()

    signed_in.login_file().write_text("{}")
    with pytest.raises(ChangeRefusedError, match="holds no login"):
        load_login()

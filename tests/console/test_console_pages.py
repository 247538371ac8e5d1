"""What do the pages do: check and publish, take keys back, and come back after a step-up?"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_browser import SESSION, Authenticator, Browser
from console_scene import KINDS, give_password, grant, next_version, sign_in
from house import HARBOUR, House

from gateway.oauth.clients import Role
from gateway.store import sign_ins

FRESH_FOR = 300  # seconds

SignIn = Callable[..., Browser]


def test_the_page_checks_a_text_and_publishes_nothing(house: House, signed_in: SignIn) -> None:
    browser = signed_in(Role.APPROVER)
    browser.get("/console/publish")
    entries = len(house.entries())

    bad = browser.submit("/console/publish/now", text="agreement: x\n")
    browser.get("/console/publish")
    form = browser.fields("/console/publish/now")
    good = browser.post("/console/publish/check", {**form, "text": next_version(house)})

    assert (bad.status_code, "to mend" in bad.text) == (422, True)
    assert (good.status_code, "holds together" in good.text) == (200, True)
    assert len(house.entries()) == entries


def test_the_page_publishes_the_text_as_it_was_written(house: House, signed_in: SignIn) -> None:
    """A browser sends CR LF; the digest is that of the text with plain line ends."""
    browser, text = signed_in(Role.DPO), next_version(house)
    browser.get("/console/publish")

    done = browser.submit("/console/publish/now", text=text.replace("\n", "\r\n"))

    assert (done.status_code, "Published: entry" in done.text) == (200, True)
    assert house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)[1] == text


def test_a_text_waits_for_the_step_up_and_is_come_back_to(house: House) -> None:
    """Under a new id, the old one dead at once, and not for longer than the first sign-in was good for."""
    grant(house, "nadia", Role.DPO)
    browser, authenticator, text = Browser(house), Authenticator(), next_version(house)
    sign_in(browser, "nadia", authenticator)
    begun = house.rows("SELECT began_at FROM console_session")
    house.clock.move(minutes=10)
    browser.get("/console/publish")
    sent = browser.submit("/console/publish/now", text=text)
    assert (sent.status_code, sent.headers["location"]) == (303, "/console/step-up?to=/console/publish")
    before = dict(browser.cookies)

    browser.get(sent.headers["location"])
    browser.submit("/console/step-up/begin")
    browser.get("/console/local?to=/console/publish")
    browser.submit("/console/local/password", name="nadia", password="four words make a pass phrase")
    answer = browser.submit("/console/local/passkey", credential=authenticator.get(browser.options()))

    assert (answer.status_code, answer.headers["location"]) == (303, "/console/publish")
    assert browser.cookies[SESSION] != before[SESSION]
    assert Browser(house, before).get("/console").status_code == 303
    assert house.rows("SELECT began_at FROM console_session") == begun
    page = browser.get("/console/publish")
    assert HARBOUR.agreement in page.text
    assert "Published" in browser.submit("/console/publish/now", text=text).text
    assert house.truth(house.entries("sign-in")[-1])["what"]["step_up"] is True


def test_a_step_up_by_somebody_else_is_refused(house: House) -> None:
    grant(house, "nadia", Role.DPO)
    grant(house, "omar", Role.ADMINISTRATOR)
    browser = Browser(house)
    sign_in(browser, "nadia", Authenticator())
    browser.get("/console/step-up")
    browser.submit("/console/step-up/begin")
    give_password(browser, "omar")

    refused = browser.submit("/console/local/passkey", credential=Authenticator().create(browser.options()))

    assert (refused.status_code, "somebody else" in refused.text) == (403, True)


def test_a_step_up_of_an_ended_session_is_refused(house: House) -> None:
    grant(house, "nadia", Role.DPO)
    browser, authenticator = Browser(house), Authenticator()
    sign_in(browser, "nadia", authenticator)
    browser.get("/console/step-up")
    browser.submit("/console/step-up/begin")
    give_password(browser, "nadia")
    (key,) = house.rows("SELECT id_hash FROM console_session")[0]
    house.append(sign_ins.end(key))

    refused = browser.submit("/console/local/passkey", credential=authenticator.get(browser.options()))

    assert refused.status_code == 403


@pytest.mark.parametrize("what", ["client", "key", "issuer-keys"])
@pytest.mark.parametrize("after", [300, 301])
def test_the_keys_page_changes_only_with_a_fresh_sign_in(house: House, signed_in: SignIn, what: str, after: int) -> None:
    kid = house.rows("SELECT kid FROM client_key WHERE client_id = ?", HARBOUR.client_id)[0][0]
    path, form = {
        "client": ("/console/keys/client-revocation", {"client": HARBOUR.client_id}),
        "key": ("/console/keys/key-revocation", {"client": HARBOUR.client_id, "kid": kid}),
        "issuer-keys": ("/console/keys/issuer-key", {}),
    }[what]
    browser = signed_in(Role.ADMINISTRATOR)
    house.clock.move(seconds=after)
    entries = len(house.entries())

    answer = browser.post(path, {**form, "csrf": browser.csrf})

    if after > FRESH_FOR:
        assert (answer.status_code, 'max_age="300"' in answer.headers["www-authenticate"]) == (401, True)
        assert len(house.entries()) == entries
    else:
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/keys")
        assert house.entries()[-1]["kind"] == KINDS[what]
        assert browser.get("/console/keys").status_code == 200


def test_a_page_of_another_role_is_refused(signed_in: SignIn) -> None:
    assert signed_in(Role.AUDITOR).get("/console/publish").status_code == 403
    assert signed_in(Role.DPO).get("/console/keys").status_code == 403

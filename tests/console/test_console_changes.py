"""What waits for a second person, on pages: listed, looked at, advised on, decided; and never by who proposed it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_browser import Browser
from console_scene import next_version
from house import HARBOUR, House
from httpx2 import Response
from two_people import ask_for_two, published

from gateway.console.pages import HOME, own_place
from gateway.oauth.clients import Role

Person = Callable[..., Browser]


@pytest.fixture
def two(house: House) -> House:
    ask_for_two(house)
    return house


@pytest.fixture
def person(two: House, signed_in: Callable[..., Browser]) -> Person:
    """Return what signs a person in whose account is known to be theirs."""

    def run(name: str, *roles: Role) -> Browser:
        browser = signed_in(*roles, name=name)
        two.append(two.changes().operators.say_person(name, person=name, by="test"))
        return browser

    return run


def propose(house: House, browser: Browser, reason: str = "by month is enough") -> str:
    """Propose the next version on the page for publishing; return the path of the change."""
    browser.get("/console/publish")
    answer = browser.submit("/console/publish/now", text=next_version(house), reason=reason)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def act(browser: Browser, path: str, how: str, **fields: str) -> Response:
    """Send a form of the page of a change."""
    browser.get(path)
    form = "/console/change/approve" if how == "/console/change/reject" else how
    return browser.post(how, {**browser.fields(form), **fields})


def test_what_is_proposed_on_a_page_another_approves_on_a_page(two: House, person: Person) -> None:
    before, anna, olu = published(two), person("anna", Role.AUTHOR), person("olu", Role.APPROVER)
    path = propose(two, anna)
    assert published(two) == before
    assert "1" in olu.get("/console").text
    assert (path in olu.get("/console/changes").text, "by month is enough" in olu.get(path).text) == (True, True)
    assert f"+version: {before + 1}" in olu.get(path).text

    answer = act(olu, path, "/console/change/approve", reason="as assessed")

    assert (answer.status_code, published(two)) == (303, before + 1)
    assert two.last()["approval"]["people"] == 2
    assert "approved" in olu.get(path).text


def test_who_proposed_sees_no_form_to_decide(two: House, person: Person) -> None:
    olu = person("olu", Role.APPROVER)
    path = propose(two, olu)

    shown = olu.get(path).text

    assert "/console/change/approve" not in shown
    assert "/console/change/withdraw" in shown
    assert act(olu, path, "/console/change/withdraw").status_code == 303
    assert "withdrawn" in olu.get(path).text


def test_who_proposed_approves_by_no_form_of_their_own_making(two: House, person: Person) -> None:
    before, olu = published(two), person("olu", Role.APPROVER)
    path = propose(two, olu)
    change = path.rpartition("/")[2]
    digest = two.rows("SELECT digest FROM proposal")[0][0]

    answer = olu.post("/console/change/approve", {"csrf": olu.csrf, "change": change, "digest": digest})

    assert (answer.status_code, "somebody else decides" in answer.text) == (409, True)
    assert published(two) == before


def test_what_is_advised_against_is_approved_by_who_says_that_they_have_read_it(two: House, person: Person) -> None:
    path = propose(two, person("anna", Role.AUTHOR))
    dee, olu = person("dee", Role.DPO), person("olu", Role.APPROVER)
    assert act(dee, path, "/console/change/advise", advice="reject", reason="too many fields").status_code == 303
    assert "too many fields" in olu.get(path).text

    assert act(olu, path, "/console/change/approve", reason="needed by law").status_code == 409
    assert act(olu, path, "/console/change/approve", reason="needed by law", against="yes").status_code == 303

    assert "not followed" in olu.get(path).text


def test_what_is_rejected_is_not_published(two: House, person: Person) -> None:
    before, path, olu = published(two), propose(two, person("anna", Role.AUTHOR)), person("olu", Role.APPROVER)

    assert act(olu, path, "/console/change/reject", reason="not yet").status_code == 303

    assert published(two) == before
    assert ("rejected" in olu.get("/console/changes").text, "not yet" in olu.get(path).text) == (True, True)


def test_deciding_asks_for_a_new_sign_in_and_comes_back(two: House, person: Person) -> None:
    path, olu = propose(two, person("anna", Role.AUTHOR)), person("olu", Role.APPROVER)
    olu.get(path)
    form = olu.fields("/console/change/approve")
    two.clock.move(seconds=301)

    shown = olu.get(path).text
    answer = olu.post("/console/change/approve", form)

    assert (f"/console/step-up?to={path}" in shown, "/console/change/approve" in shown) == (True, False)
    assert answer.headers["location"] == f"/console/step-up?to={path}"


def test_a_stale_change_says_so_in_place_of_failing(two: House, person: Person) -> None:
    path, olu = propose(two, person("anna", Role.AUTHOR)), person("olu", Role.APPROVER)
    two.append(two.changes().texts.publish_agreement(next_version(two), by="test"))

    assert f"agreement {HARBOUR.agreement}" in olu.get(path).text
    assert "stale" in olu.get("/console/changes").text
    assert act(olu, path, "/console/change/approve").status_code == 409


def test_a_reason_is_asked_for_and_the_text_stays(two: House, person: Person) -> None:
    anna, text = person("anna", Role.AUTHOR), next_version(two)
    anna.get("/console/publish")

    answer = anna.submit("/console/publish/now", text=text, reason="")

    assert (answer.status_code, "say why" in answer.text, "agreement:" in answer.text) == (409, True, True)


def test_one_persons_step_is_shown_to_be_one(house: House, signed_in: Callable[..., Browser]) -> None:
    browser = signed_in(Role.DPO)
    assert "too small for two" in browser.get("/console").text
    assert "one person's step" in browser.get("/console/publish").text.replace("&#39;", "'")

    done = browser.submit("/console/publish/now", text=next_version(house))

    assert "It was one person" in done.text
    assert house.last()["approval"] == {"people": 1}


def test_a_change_that_nobody_proposed_is_not_there(person: Person) -> None:
    olu = person("olu", Role.APPROVER)

    assert olu.get("/console/changes/ch_0000000000000000").status_code == 404
    answer = olu.post("/console/change/advise", {"csrf": olu.csrf, "change": "ch_0000000000000000"})
    assert answer.status_code == 403


def test_advice_is_one_of_two_words(two: House, person: Person) -> None:
    path, dee = propose(two, person("anna", Role.AUTHOR)), person("dee", Role.DPO)

    assert act(dee, path, "/console/change/advise", advice="perhaps", reason="x").status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/console/changes/ch_0000000000000000/..", "//evil.example", "/console/changes/x", "/console/command-line/8080.a.b.c"],
)
def test_a_sign_in_leads_to_no_page_that_is_not_ours(path: str) -> None:
    assert own_place(path) == HOME
    assert own_place("/console/changes/ch_0000000000000000") != HOME

"""One proposes, another decides: what needs a second person comes about in no other way, and its entries say how it did."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from house import CALDER, HARBOUR, House, open_house, republish
from two_people import CONTROL, Office, ask_for_two, next_agreement, no_change, office, published

import gateway
from gateway.oauth.clients import Role
from gateway.store.changes import ChangeRefusedError


@pytest.fixture
def two(house: House) -> House:
    ask_for_two(house)
    return house


@pytest.fixture
def author(two: House) -> Office:
    return office(two, "the-author", Role.AUTHOR)


@pytest.fixture
def owner(two: House) -> Office:
    return office(two, "the-owner", Role.APPROVER)


@pytest.fixture
def adviser(two: House) -> Office:
    return office(two, "the-adviser", Role.DPO)


def test_what_another_approves_is_published(two: House, author: Office, owner: Office) -> None:
    """Proposed by one entry; published by one that names both, the reason, and exactly what was proposed."""
    before = published(two)
    change = author.propose(next_agreement(two))
    proposed = two.last()
    assert (published(two), change["status"]) == (before, "pending")

    answer = owner.approve(change)

    assert (answer.status_code, answer.json()["status"]) == (201, "approved"), answer.text
    assert published(two) == before + 1
    last = two.last()
    assert [one["entry"]["kind"] for one in (proposed, last)] == ["agreement.proposed", "agreement.published"]
    assert proposed["what"]["digest"] == change["digest"] == last["approval"]["digest"]
    assert proposed["what"]["reason"] == last["approval"]["reason"] == "the partner asks for less"
    assert (proposed["who"]["by"], last["approval"]["proposed_by"], last["who"]["by"]) == (
        "the-author",
        "the-author",
        "the-owner",
    )
    assert (last["approval"]["people"], last["approval"]["role"]) == (2, "approver")
    assert answer.json()["index"] == last["entry"]["index"]


def test_what_is_proposed_shows_what_it_would_change(two: House, author: Office, owner: Office) -> None:
    change = author.propose(next_agreement(two, ("same_subject_per_day: 500", "same_subject_per_day: 3")))

    listed = owner.get("changes").json()
    shown = owner.get(f"changes/{change['change']}").json()

    assert (listed["people"], [one["change"] for one in listed["changes"]]) == (2, [change["change"]])
    added = [line for line in shown["changes"]["diff"] if line.startswith("+") and not line.startswith("+++")]
    assert any("same_subject_per_day: 3" in line for line in added)
    assert len(added) == 2
    assert "harbour" in shown["changes"]["reading"].lower()


def test_nobody_approves_or_rejects_their_own(two: House) -> None:
    both = office(two, "proposer-and-owner", Role.APPROVER)
    change = both.propose(next_agreement(two))

    with no_change(two):
        for refused in (both.approve(change), both.reject(change)):
            assert (refused.status_code, "somebody else decides" in refused.json()["detail"]) == (409, True)


def test_two_accounts_of_one_person_are_one(two: House) -> None:
    """Whichever was said first, and under whichever spelling of the word for them."""
    one = office(two, "account-a", Role.APPROVER, person="Anna.Smith@council.example")
    other = office(two, "account-b", Role.APPROVER, person="anna.smith@council.example")
    change = one.propose(next_agreement(two))

    with no_change(two):
        refused = other.approve(change)

    assert (refused.status_code, "another of yours" in refused.json()["detail"]) == (409, True)


def test_who_is_said_to_be_the_proposer_meanwhile_does_not_decide(two: House, author: Office, owner: Office) -> None:
    change = author.propose(next_agreement(two))
    two.append(two.changes().operators.say_person("the-owner", person="the-author", by="test"))

    with no_change(two):
        assert owner.approve(change).status_code == 409


def test_who_became_another_since_proposing_does_not_decide_their_own(two: House) -> None:
    """The person of the moment of proposing counts on."""
    both = office(two, "first-me", Role.APPROVER, person="me")
    other = office(two, "second-me", Role.APPROVER, person="me")
    change = both.propose(next_agreement(two))
    two.append(two.changes().operators.say_person("first-me", person="somebody", by="test"))

    assert other.approve(change).status_code == 409


def test_an_account_whose_person_nobody_knows_is_no_second_person(two: House, author: Office) -> None:
    nobodys = office(two, "nobodys", Role.APPROVER, person=None)
    change = author.propose(next_agreement(two))

    with no_change(two):
        refused = nobodys.approve(change)
        proposing = nobodys.post("changes", {"reason": "why", **next_agreement(two)})

    assert "stile operator person" in refused.json()["detail"]
    assert (proposing.status_code, "stile operator person" in proposing.json()["detail"]) == (409, True)


OFFICES = {
    Role.AUTHOR: (True, False, False),
    Role.DPO: (True, False, True),
    Role.APPROVER: (True, True, False),
    Role.ADMINISTRATOR: (False, False, False),
    Role.AUDITOR: (False, False, False),
    Role.DUTY: (False, False, False),
}


@pytest.mark.parametrize("role", OFFICES, ids=str)
def test_each_office_does_its_own_part_of_an_agreement(two: House, author: Office, role: Role) -> None:
    """An author proposes, the data protection officer advises, the asset owner decides."""
    proposes, decides, advises = OFFICES[role]
    change = author.propose(next_agreement(two))
    one = office(two, "one", role)

    proposed = one.post("changes", {"reason": "another reason", **next_agreement(two)})
    advised, decided = one.advise(change, "approve"), one.approve(change)

    answers = (proposed, decided, advised)
    assert tuple(answer.status_code == 201 for answer in answers) == (proposes, decides, advises)
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} <= {"wrong_role", "conflict"}
    assert all(answer.status_code == 403 for answer in answers if answer.status_code != 201)


# -- what is approved is what was seen


def test_another_digest_approves_nothing(two: House, author: Office, owner: Office) -> None:
    change = author.propose(next_agreement(two))

    with no_change(two):
        refused = owner.approve({**change, "digest": "sha256:" + "0" * 64})

    assert (refused.status_code, "look at it again" in refused.json()["detail"]) == (409, True)


def test_a_proposal_that_was_changed_where_it_is_kept_approves_nothing(two: House, author: Office, owner: Office) -> None:
    change = author.propose(next_agreement(two))

    def edit(connection: Any, _moment: Any) -> None:
        connection.run("UPDATE proposal SET content = replace(content, 'version', 'Version')")

    two.append(edit)
    two.differs = True

    assert "is not what was proposed" in owner.approve(change).json()["detail"]


def _next_version(house: House) -> None:
    republish(house, HARBOUR.agreement)


def _suspended(house: House) -> None:
    house.append(house.changes().partners.set_partner_status("harbour-housing", active=False, by="test"))


def _other_bars(house: House) -> None:
    version, text, _ = house.wiring.services.reader.find_text("core", "statutory-bars")
    newer = text.replace(f"version: {version}\n", f"version: {version + 1}\n", 1)
    house.append(house.changes().texts.publish_core(newer, by="test"))


STALE = {
    f"agreement {HARBOUR.agreement}": _next_version,
    "partner harbour-housing": _suspended,
    "core statutory-bars": _other_bars,
}


@pytest.mark.parametrize("what", STALE)
def test_a_proposal_goes_stale_when_what_it_rests_on_changes(two: House, author: Office, owner: Office, what: str) -> None:
    change = author.propose(next_agreement(two))
    STALE[what](two)

    with no_change(two):
        refused = owner.approve(change)

    assert refused.status_code == 409
    assert what in refused.json()["detail"]
    assert owner.get(f"changes/{change['change']}").json()["stale"] == [what]
    assert owner.reject(change).status_code == 201


def test_what_it_does_not_rest_on_leaves_a_proposal_as_it_is(two: House, author: Office, owner: Office) -> None:
    change = author.propose(next_agreement(two))
    republish(two, CALDER.agreement)

    assert owner.approve(change).status_code == 201


def test_a_text_that_could_not_be_published_is_not_proposed(two: House, author: Office) -> None:
    with no_change(two):
        refused = author.post("changes", {"kind": "agreement", "text": "agreement: x\n", "reason": "why"})

    assert (refused.status_code, refused.json()["code"]) == (422, "text_refused")


@pytest.mark.parametrize("reason", ["", "  ", "a\u202eb"])
def test_a_proposal_without_a_reason_is_none(two: House, author: Office, reason: str) -> None:
    with no_change(two):
        assert author.post("changes", {**next_agreement(two), "reason": reason}).status_code == 409


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "nothing"},
        {"kind": "agreement"},
        {"kind": "agreement", "text": "a", "client": "b"},
        {"kind": "source", "text": "a"},
    ],
)
def test_a_change_of_another_shape_is_refused(two: House, author: Office, content: dict[str, Any]) -> None:
    assert author.post("changes", {**content, "reason": "why"}).status_code in {403, 409}


# -- twice, at once, interrupted


def test_the_same_proposal_again_is_the_one_that_waits(two: House, author: Office) -> None:
    """Whoever never heard the answer asks again, and makes no second one."""
    content = next_agreement(two)
    first = author.propose(content)

    with no_change(two):
        again = author.propose(content)

    assert again["change"] == first["change"]


def test_of_two_who_decide_at_once_one_wins(two: House, author: Office, owner: Office) -> None:
    """Approved and rejected in one batch, many times over: never both, never neither."""
    other = office(two, "other-owner", Role.APPROVER)
    outcomes = []
    for number in range(4):
        change = author.propose(next_agreement(two), reason=f"reason {number}")
        before = published(two)
        with ThreadPoolExecutor(2) as pool:
            answers = [pool.submit(owner.approve, change), pool.submit(other.reject, change)]
        assert sorted(one.result().status_code for one in answers) == [201, 409]
        (status,) = two.rows("SELECT status FROM proposal WHERE change_id = ?", change["change"])[0]
        assert published(two) - before == (status == "approved")
        outcomes.append(status)
    assert set(outcomes) <= {"approved", "rejected"}


def test_what_is_decided_is_decided_once(two: House, author: Office, owner: Office) -> None:
    change = author.propose(next_agreement(two))
    assert owner.approve(change).status_code == 201

    with no_change(two):
        for again in (owner.approve(change), owner.reject(change)):
            assert (again.status_code, "approved already" in again.json()["detail"]) == (409, True)


def test_an_approval_that_is_not_written_leaves_the_proposal_waiting(
    two: House, author: Office, owner: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the process or the disk stops before the commit; and then it can be approved."""
    change, before = author.propose(next_agreement(two)), published(two)
    with monkeypatch.context() as patch:

        def stopping(*_: Any) -> Any:
            raise OSError("the power went")

        patch.setattr("gateway.store.decisions._decide", stopping)
        assert owner.approve(change).status_code == 500
    assert published(two) == before

    assert owner.approve(change).status_code == 201
    assert published(two) == before + 1


def test_a_proposer_withdraws_and_nobody_else_does(two: House, author: Office, owner: Office) -> None:
    change = author.propose(next_agreement(two))
    assert owner.post(f"changes/{change['change']}/withdrawal").status_code == 409

    assert author.post(f"changes/{change['change']}/withdrawal").json()["status"] == "withdrawn"
    assert two.last()["what"]["decided"] == "withdrawn"
    assert owner.approve(change).status_code == 409


def test_a_rejection_says_why_and_by_whom(two: House, author: Office, owner: Office) -> None:
    change = author.propose(next_agreement(two))

    assert owner.reject(change, "the assessment is missing").status_code == 201

    last = two.last()
    assert (last["entry"]["kind"], last["who"]["by"], last["what"]["because"]) == (
        "agreement.rejected",
        "the-owner",
        "the assessment is missing",
    )


# -- advice


def test_advice_stands_beside_the_decision(two: House, author: Office, owner: Office, adviser: Office) -> None:
    change = author.propose(next_agreement(two))
    assert adviser.advise(change, "approve", "assessed in DPIA-2026-014").status_code == 201
    assert two.last()["entry"]["kind"] == "advice.given"

    approved = owner.approve(change)

    assert approved.json()["advice_followed"] is True
    approval = two.last()["approval"]
    assert (approval["followed"], approval["advice"]["words"]) == (True, "assessed in DPIA-2026-014")


def test_against_advice_is_approved_knowingly(two: House, author: Office, owner: Office, adviser: Office) -> None:
    """Not by who has not seen the advice, nor without a reason; and the entry says that it was not followed."""
    change = author.propose(next_agreement(two))
    adviser.advise(change, "approve")
    adviser.advise(change, "reject", "too many fields")

    with no_change(two):
        for given in ({}, {"reason": "needed"}, {"against_advice": True}):
            assert "advises against" in owner.approve(change, **given).json()["detail"]

    assert owner.approve(change, reason="needed by law", against_advice=True).status_code == 201
    approval = two.last()["approval"]
    assert (approval["followed"], approval["because"], approval["advice"]["advice"]) == (False, "needed by law", "reject")


def test_a_rejection_as_advised_follows_the_advice(two: House, author: Office, owner: Office, adviser: Office) -> None:
    change = author.propose(next_agreement(two))
    adviser.advise(change, "reject")
    owner.reject(change)

    assert two.last()["what"]["followed"] is True


def test_nobody_advises_on_their_own_proposal(two: House, adviser: Office) -> None:
    change = adviser.propose(next_agreement(two))

    assert adviser.advise(change, "approve").status_code == 409


# -- how many decide


def test_one_persons_step_says_so(house: House) -> None:
    """In the entry and in the answer; and a council of before goes on as it was."""
    answer = house.dpo().call("POST", f"{CONTROL}/agreements", {"text": next_agreement(house)["text"]})

    assert (answer.status_code, answer.json()["people"]) == (201, 1)
    assert house.last()["approval"] == {"people": 1}


def test_where_two_decide_publishing_proposes(two: House, adviser: Office, owner: Office) -> None:
    """A call of before publishes nothing any more: it is answered with what waits."""
    before, body = published(two), {"text": next_agreement(two)["text"], "reason": "as agreed"}
    with no_change(two):
        assert adviser.post("agreements", {**body, "reason": ""}).status_code == 409

    proposed = adviser.post("agreements", body)

    assert (proposed.status_code, published(two)) == (202, before)
    change = {"change": proposed.json()["change"], "digest": proposed.json()["change_digest"]}
    assert owner.approve(change).status_code == 201
    assert published(two) == before + 1


def test_an_author_alone_publishes_nothing(house: House) -> None:
    """Not even where one person decides."""
    author = office(house, "an-author", Role.AUTHOR)

    with no_change(house):
        refused = author.post("agreements", {"text": next_agreement(house)["text"]})

    assert (refused.status_code, refused.json()["code"]) == (403, "wrong_role")


def test_one_person_may_decide_their_own_where_one_decides(house: House) -> None:
    """It is said to be one person's step; another's approval is two people's there too."""
    one, other = office(house, "owner-1", Role.APPROVER), office(house, "owner-2", Role.APPROVER)
    own, others = one.propose(next_agreement(house)), None
    assert one.approve(own).json()["people"] == 1
    assert house.last()["approval"]["people"] == 1

    others = one.propose(next_agreement(house))
    assert other.approve(others).json()["people"] == 2


def test_back_to_one_person_takes_two(two: House, owner: Office) -> None:
    """Else the rule would be worth nothing."""
    staffing = two.changes().staffing
    with pytest.raises(ChangeRefusedError, match="one proposes and another approves"):
        two.append(staffing.say_one(reason="it is quicker", by="test"))

    other = office(two, "other-owner", Role.APPROVER)
    change = other.propose({"kind": "one-person"}, reason="one of two has left")
    assert other.approve(change).status_code == 409
    assert owner.approve(change).status_code == 201

    last = two.last()
    assert (last["entry"]["kind"], last["what"]["people"], last["what"]["reason"]) == (
        "change.approved",
        1,
        "one of two has left",
    )
    assert owner.get("changes").json()["people"] == 1


# -- other kinds


def _next_text(house: House, kind: str, name: str) -> str:
    version, text, _ = house.wiring.services.reader.find_text(kind, name)
    return str(text).replace(f"version: {version}\n", f"version: {version + 1}\n", 1)


KINDS = {
    "core": (Role.AUTHOR, Role.APPROVER, "core.published"),
    "dataset": (Role.AUTHOR, Role.APPROVER, "dataset.published"),
    "source": (Role.ADMINISTRATOR, Role.APPROVER, "source.changed"),
}


def _content(house: House, kind: str) -> dict[str, Any]:
    if kind == "core":
        return {"kind": kind, "text": _next_text(house, "core", "tenancy-sustainment")}
    if kind == "dataset":
        return {"kind": kind, "text": _next_text(house, "dataset", "council-tax")}
    return {"kind": kind, "text": _next_text(house, "mapping", "council-tax@2"), "unchecked": True}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_text_takes_two(two: House, kind: str) -> None:
    proposes, approves, entry = KINDS[kind]
    one, other = office(two, "one", proposes), office(two, "other", approves)
    change = one.propose(_content(two, kind))
    assert two.last()["entry"]["kind"] == "change.proposed"

    assert other.approve(change).status_code == 201

    last = two.last()
    assert (last["entry"]["kind"], last["approval"]["change"]) == (entry, change["change"])


def test_a_sources_address_is_shown_to_who_keeps_or_decides_it(two: House) -> None:
    one = office(two, "one", Role.ADMINISTRATOR)
    change = one.propose(_content(two, "source"))

    shown = {
        role: "content" in office(two, f"of-{role}", role).get(f"changes/{change['change']}").json()
        for role in (Role.APPROVER, Role.DPO, Role.AUDITOR, Role.AUTHOR)
    }

    assert shown == {Role.APPROVER: True, Role.DPO: False, Role.AUDITOR: False, Role.AUTHOR: False}


def test_a_change_that_nobody_proposed_is_not_found(two: House, owner: Office) -> None:
    assert owner.get("changes/ch_0000000000000000").status_code == 404
    assert owner.approve({"change": "ch_0000000000000000", "digest": "sha256:" + "0" * 64}).status_code == 409


def test_who_decides_is_told_by_the_title_of_this_council(council_directory: Any) -> None:
    with open_house(council_directory, role_titles={"approver": "Caldicott guardian"}) as house:
        ask_for_two(house)
        author, owner = office(house, "the-author", Role.AUTHOR), office(house, "the-owner", Role.APPROVER)

        assert owner.approve(author.propose(next_agreement(house))).json()["decided_as"] == "Caldicott guardian"


def test_no_entrance_makes_a_change_of_these_kinds_by_itself() -> None:
    """What needs a second person goes through the proposals, whichever entrance it comes by."""
    root = Path(gateway.__file__).parent
    direct = re.compile(r"\.publish_(agreement|core|dataset|mapping)\(|registrations\.approve\(|\.approved_one\(")
    files = [
        one for room in ("api", "control", "console", "commands", "web", "desk") for one in (root / room).rglob("*.py")
    ]

    assert len(files) > 60
    assert [one.name for one in files if direct.search(one.read_text(encoding="utf-8"))] == []

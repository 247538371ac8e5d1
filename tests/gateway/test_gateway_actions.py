"""What may a partner ask besides reading? Whether a claim is true, and whether a person is who they say."""

from __future__ import annotations

from typing import Any

import pytest
from house import GRACE, HARBOUR, House, confirming, republish, withheld

LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"


def asker(house: House, *actions: str) -> Any:
    return house.caller(HARBOUR.client_id).get_token(HARBOUR.agreement, actions=list(actions))


def verify(house: House, claims: dict[str, Any], **members: Any) -> Any:
    return asker(house, "verify").ask(action="verify", claims=claims, **members)


def said(answer: Any) -> dict[str, Any]:
    return {path: one["value"] for path, one in answer.json()["disclosure"]["record"]["fields"].items()}


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"full_name": "grace  OKAFOR"}, {"full_name": "yes"}),
        ({"full_name": "Grace Okonkwo"}, {"full_name": "no"}),
        ({"postcode": "ls1 4ab"}, {"postcode": "yes"}),
        ({"postcode": "LS1 4"}, {"postcode": "yes"}),
        ({"postcode": "LS1 4ZZ"}, {"postcode": "yes"}),  # the sector is all that Harbour may see
        ({"postcode": "LS14 4AB"}, {"postcode": "no"}),
        ({"age": 40}, {"age": "yes"}),
        ({"age": "70"}, {"age": "no"}),
    ],
)
def test_a_claim_is_answered_yes_or_no_in_the_form_that_is_agreed(house: House, claims: Any, told: Any) -> None:
    answer = verify(house, claims)

    assert answer.status_code == 200
    assert said(answer) == told
    assert house.verify(answer).outcome == "full"


def test_a_boolean_is_compared_in_full(house: House) -> None:
    both = [said(verify(house, {"council_owned": claim}))["council_owned"] for claim in (True, False)]

    assert sorted(both) == ["no", "yes"]


def test_a_claim_that_can_not_be_compared_has_no_answer(house: House) -> None:
    """A year is no month; and the partner is told no more than where nothing is held."""
    answer = verify(house, {"liable_from": "2019", "full_name": "Grace Okafor"})

    assert said(answer) == {"full_name": "yes"}
    assert withheld(answer) == {"liable_from": "not_available"}
    assert house.last()["facts"]["reasons"] == {"liable_from": "claim_not_comparable"}


def test_a_code_that_only_its_group_is_agreed_of_is_not_compared(house: House) -> None:
    answer = verify(house, {"property_type": "HT", "full_name": "Grace Okafor"})

    assert withheld(answer) == {"property_type": "field_not_agreed"}


def test_a_claim_waits_for_consent_like_the_field_itself(house: House) -> None:
    assert withheld(verify(house, {"arrears": "650", "age": 40})) == {"arrears": "consent_needed"}


def test_a_pseudonym_is_compared_as_a_pseudonym_only(house: House) -> None:
    """Else the identifier and its pseudonym could be joined."""
    pseudonym = (
        asker(house, "read").ask(fields=["account_ref"]).json()["disclosure"]["record"]["fields"]["account_ref"]["value"]
    )

    assert said(verify(house, {"account_ref": "1000042"})) == {"account_ref": "no"}
    assert said(verify(house, {"account_ref": pseudonym})) == {"account_ref": "yes"}


def test_nobody_confirmed_is_nothing_and_not_no(house: House) -> None:
    answer = verify(
        house,
        {"full_name": "Grace Okafor"},
        subject={**GRACE, "confirm": {"surname": "Other", "date_of_birth": "1985-02-14"}},
    )

    assert answer.status_code == 200
    assert answer.json()["disclosure"]["identity"] == "not_confirmed"
    assert withheld(answer) == {"full_name": "not_available"}


def test_claims_are_no_way_to_guess(house: House) -> None:
    """Five wrong claims about a person in a day; then no answer, right or wrong."""
    for number in range(5):
        assert said(verify(house, {"full_name": f"Grace {number}"})) == {"full_name": "no"}

    sixth = verify(house, {"full_name": "Grace Okafor"})

    assert (sixth.status_code, sixth.json()["code"], sixth.json()["limit"]) == (
        429,
        "too_many_misses",
        "wrong_claims_per_day",
    )
    assert asker(house, "read").ask(fields=["age"]).status_code == 200
    house.clock.move(days=1)
    assert said(verify(house, {"full_name": "Grace Okafor"})) == {"full_name": "yes"}


def test_a_claim_counts_as_asking_for_the_person(house: House) -> None:
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {same_subject_per_day: 1, batch: 1}"))
    verify(house, {"age": 40})

    assert verify(house, {"age": 40}).json()["limit"] == "same_subject_per_day"


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"action": "verify"}, "claims"),
        ({"action": "verify", "claims": {}}, "1 to"),
        ({"action": "read", "claims": {"age": 40}}, "claims"),
        ({"action": "match", "claims": {"age": 40}}, "claims"),
        ({"action": "verify", "claims": {"age": [40]}}, "claims"),
        ({"action": "verify", "claims": {"age": 40.5}}, "claims"),
        ({"action": "verify", "claims": {"age": None}}, "claims"),
        ({"action": "verify", "claims": {"shoe_size": "9"}}, "claims"),
        ({"action": "verify", "claims": {"occupations": "1"}}, "claims"),
        ({"action": "verify", "claims": {"occupations.postcode": "LS1 4AB"}}, "claims"),
        ({"action": "verify", "claims": {"age": "4\u00000"}}, "control character"),
        ({"action": "verify", "claims": {"age": 40}, "fields": ["age"]}, "fields"),
        ({"action": "match", "fields": ["age"]}, "fields"),
        ({"action": "search"}, "action"),
    ],
)
def test_a_request_that_mixes_actions_is_refused(house: House, members: Any, told: str) -> None:
    answer = asker(house, "read", "verify", "match").ask(**members)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(("action", "granted"), [("verify", "read"), ("match", "read"), ("read", "match")])
def test_a_token_is_good_for_the_actions_that_it_names(house: House, action: str, granted: str) -> None:
    claims = {"claims": {"age": 40}} if action == "verify" else {}

    answer = asker(house, granted).ask(action=action, **claims)

    assert answer.status_code == 403
    assert set(withheld(answer).values()) == {"action_not_agreed"}


# -- match


def test_a_match_says_whether_and_nothing_else(house: House) -> None:
    right, wrong = (
        asker(house, "match").ask(action="match"),
        {**GRACE, "confirm": {"surname": "Other", "date_of_birth": "1985-02-14"}},
    )

    answer = asker(house, "match").ask(wrong, action="match")

    assert right.status_code == answer.status_code == 200
    assert right.json()["disclosure"]["identity"] == "confirmed"
    assert answer.json()["disclosure"]["identity"] == "not_confirmed"
    for one in (right, answer):
        disclosure = one.json()["disclosure"]
        assert (disclosure["outcome"], disclosure["withheld"]) == ("none", [])
        assert disclosure["record"] == {"as_at": None, "fields": {}}
        assert house.verify(one).outcome == "none"


def test_a_match_reads_no_record(house: House) -> None:
    asker(house, "match").ask(action="match")

    facts = house.last()["facts"]
    assert (facts["action"], facts["match"], facts["as_at"], facts["markers"]) == ("match", "confirmed", None, {})
    assert house.entries()[-1]["kind"] == "disclosure"


def test_a_match_is_no_way_to_guess(house: House) -> None:
    matcher = asker(house, "match")
    for letter in "abcde":
        matcher.ask({"account_ref": "1000043", "confirm": confirming("1000043", f"Wrong{letter}")}, action="match")

    sixth = matcher.ask(
        {"account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}}, action="match"
    )

    assert (sixth.status_code, sixth.json()["code"]) == (429, "too_many_misses")


def test_nobody_is_matched_where_nothing_may_be_read(house: House) -> None:
    answer = asker(house, "match").ask(action="match", case_reference=None)

    assert answer.status_code == 403
    assert answer.json()["disclosure"]["identity"] == "not_confirmed"


def test_a_match_survives_what_changes_under_it(house: House) -> None:
    """Judged again in the transaction, it needs no fetch."""
    house.append(house.changes().texts.end_agreement("northmoor-aire-admissions", reason="over", by="test"))

    assert asker(house, "match").ask(action="match").status_code == 200


def test_many_can_be_verified_and_matched_in_one_call(house: House) -> None:
    people = [("a", "1000042", "Adeyemi", "Grace Okafor"), ("b", "1000043", "Price", "Somebody Else")]
    body = {"case_reference": "HH-1", "caseworker": {"id": "jb17", "name": "Jo", "role": "tenancy-sustainment-officer"}}
    named = [{"ref": ref, "account_ref": key, "confirm": confirming(key, surname)} for ref, key, surname, _ in people]
    claimed = [{**one, "claims": {"full_name": name}} for one, (*_, name) in zip(named, people, strict=True)]

    verified = asker(house, "verify").call("POST", "/v1/disclosures", {**body, "action": "verify", "subjects": claimed})
    matched = asker(house, "match").call("POST", "/v1/disclosures", {**body, "action": "match", "subjects": named})

    lines = [line["disclosure"] for line in verified.json()["lines"] if "ref" in line]
    assert [line["record"]["fields"]["full_name"]["value"] for line in lines] == ["yes", "no"]
    assert [line["disclosure"]["identity"] for line in matched.json()["lines"] if "ref" in line] == ["confirmed"] * 2

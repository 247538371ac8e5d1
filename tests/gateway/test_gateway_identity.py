"""Who is it about? A key and confirming details; the partner can't tell nobody from several from a mismatch."""

from __future__ import annotations

from typing import Any

import pytest
from house import House, confirming, let_places_confirm, released, republish, withheld
from httpx2 import Response

HARBOUR = "northmoor-harbour-tenancies"


@pytest.fixture
def house(house: House) -> House:
    """A house whose core lets places confirm who is asked about."""
    let_places_confirm(house)
    return house


def by_account(ref: str, surname: str = "Okafor", date_of_birth: str | None = None) -> dict[str, Any]:
    confirm = confirming(ref, surname)
    return {"account_ref": ref, "confirm": {**confirm, "date_of_birth": date_of_birth or confirm["date_of_birth"]}}


def by_place(uprn: str, surname: str, born: str) -> dict[str, Any]:
    return {"uprn": uprn, "confirm": {"surname": surname, "date_of_birth": born}}


FOUND = {
    "the lead account holder": (by_account("1000042", date_of_birth="1985-02-14"), "Grace Okafor"),
    "the joint holder, told apart by the birthday": (
        by_account("1000042", surname="Okafor", date_of_birth="1983-09-02"),
        "Samuel Okafor",
    ),
    "a married name, by the former one": (by_account("1000042", surname="Adeyemi"), "Grace Okafor"),
    "the father of two of one name at one place": (by_place("900000000051", "Hargreaves", "1952-06-05"), "John Hargreaves"),
    "a former occupier, by her account": (by_account("1000071", surname="Bell"), "Ruth Bell"),
    "one of several at one place": (by_place("900000000043", "Price", "1961-11-30"), "Alan Price"),
}
NOT_FOUND = {
    "nobody": (by_account("9999999", surname="Okafor"), "nobody"),
    "a number one digit off that exists": (by_account("1000043", surname="Okafor"), "mismatch"),
    "twins at one place": (by_place("900000000061", "Rahman", "1999-03-21"), "several"),
    "a detail that does not fit beside one that does": (
        by_account("1000042", surname="Okafor", date_of_birth="1985-02-15"),
        "mismatch",
    ),
    "a former occupier, by the place": (by_place("900000000043", "Bell", "1990-08-09"), "mismatch"),
    "a protected person, by the place": (by_place("900000000081", "Walsh", "1994-12-11"), "protected_by_place"),
    "one whose marker is garbled, by the place": (by_place("900000000082", "Dunn", "1988-05-01"), "protected_by_place"),
    "one whose marker is blank, by the place": (by_place("900000000083", "Petrov", "1977-02-28"), "protected_by_place"),
}


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_a_key_with_fitting_details_finds(house: House, case: str) -> None:
    subject, name = FOUND[case]

    answer = house.harbour().ask(subject, fields=["full_name"])

    assert answer.json()["disclosure"]["identity"] == "confirmed"
    assert released(answer) == {"full_name": name}


def _without_what_always_differs(answer: Response) -> tuple[Any, ...]:
    body = answer.json()["disclosure"]
    for name in ("disclosure_id", "decided_at"):
        del body[name]
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in {"x-request-id", "server-timing", "content-length", "date", "ratelimit"}
    }
    openings = answer.json()["receipt"]["openings"]
    return answer.status_code, body, headers, sorted(openings), {name: len(text) for name, text in openings.items()}


def test_whatever_did_not_fit_the_answer_is_one(house: House) -> None:
    """Nobody, several, mismatch: equal status, headers, disclosure, names and sizes of openings; told apart in the log."""
    harbour = house.harbour()
    seen = []
    for subject, truth in NOT_FOUND.values():
        answer = harbour.ask(subject, fields=["full_name", "postcode"])
        assert answer.json()["disclosure"]["identity"] == "not_confirmed"
        assert house.last()["facts"]["match"] == truth
        assert house.verify(answer).outcome == "none"
        seen.append(_without_what_always_differs(answer))

    assert len(seen) == len(NOT_FOUND)
    assert all(one == seen[0] for one in seen)
    assert seen[0][0] == 200


def test_number_and_size_of_commitments_tell_nothing(house: House) -> None:
    harbour = house.harbour()
    for subject, _ in NOT_FOUND.values():
        harbour.ask(subject, fields=["full_name"])

    entries = house.entries("disclosure")

    assert len(entries) == len(NOT_FOUND)
    assert {len(entry["_sd"]) for entry in entries} == {10}
    assert {entry["outcome"] for entry in entries} == {"none"}


def test_the_same_person_by_another_key_is_the_same_subject(house: House) -> None:
    """Consent, limits and the log's reference rest on the source's person, not on what was typed."""
    harbour = house.harbour()
    references = []
    for subject in (
        by_account("1000042", surname="Okafor", date_of_birth="1985-02-14"),
        by_account(" 1000042 ", surname="ADEYEMI"),
        by_place("900000000042", "Okafor", "1985-02-14"),
    ):
        assert harbour.ask(subject, fields=["age"]).json()["disclosure"]["identity"] == "confirmed"
        references.append(house.last()["subject"]["ref"])

    assert len(set(references)) == 1


def test_consent_given_by_one_key_is_met_by_another(house: House) -> None:
    record = {
        "state": "given",
        "dataset": "council-tax",
        "person": "P0000042",
        "purpose": "tenancy-sustainment",
        "recipients": ["harbour-housing"],
        "text_version": "v1",
        "how": "by post",
    }
    house.dpo().call("POST", "/control/v1/consents", record)

    answer = house.harbour().ask(by_place("900000000042", "Okafor", "1985-02-14"), fields=["arrears"])

    assert released(answer) == {"arrears": {"from": 500, "below": 1000}}


def test_repeated_misses_for_one_key_are_refused_for_the_day(house: House) -> None:
    harbour = house.harbour()
    for _ in range(5):
        assert harbour.ask(by_account("1000042", surname="Guess"), fields=["age"]).status_code == 200

    refused = harbour.ask(by_account("1000042", surname="Okafor"), fields=["age"])

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_misses")
    assert int(refused.headers["retry-after"]) > 0
    house.clock.move(days=1)
    assert house.harbour().ask(by_account("1000042", surname="Okafor"), fields=["age"]).status_code == 200


def test_misses_count_where_nothing_may_leave_too(house: House) -> None:
    """A refusal tells `identity` as well, and would be a way to guess."""
    harbour = house.harbour()
    guesses = [
        harbour.ask(by_account("1000042", date_of_birth=f"1985-02-{day:02}"), fields=["arrears"]) for day in range(1, 8)
    ]

    assert [answer.status_code for answer in guesses] == [403] * 5 + [429] * 2


def test_however_a_key_is_spelt_its_misses_are_one_count(house: House) -> None:
    harbour = house.harbour()
    statuses = [
        harbour.ask(by_place("0" * zeros + "900000000081", "Walsh", "1990-01-01"), fields=["age"]).status_code
        for zeros in range(7)
    ]

    assert statuses == [200] * 5 + [429] * 2


PLACE_OF_NINA, NOBODYS_PLACE = "900000000081", "900000000999"


def test_what_a_protected_person_objected_to_or_allowed_does_not_tell_where_she_lives(house: House) -> None:
    """A key that tells where someone lives never finds a protected person: not by a changed reason or status either."""
    dpo, harbour = house.dpo(), house.harbour()
    restriction = {"kind": "objection_pending", "dataset": "council-tax", "person": "P0000081"}
    consent = {
        "state": "given", "dataset": "council-tax", "person": "P0000081", "purpose": "tenancy-sustainment",
        "recipients": ["harbour-housing"], "text_version": "v1", "how": "by post",
    }  # fmt: skip
    change = (
        "  - {fields: [arrears], as: band, when: [consent]}",
        "  - {fields: [arrears], as: band, of: liable, when: [consent]}",
    )
    republish(house, HARBOUR, change)
    seen = []
    for more in (None, ("/control/v1/consents", consent), ("/control/v1/restrictions", restriction)):
        if more is not None:
            assert dpo.call("POST", *more).status_code == 201
        for fields in (["full_name", "age"], ["arrears"], ["postcode", "address", "arrears"]):
            answers = [
                harbour.ask(by_place(place, "Walsh", "1994-12-11"), fields=fields)
                for place in (PLACE_OF_NINA, NOBODYS_PLACE)
            ]
            house.clock.move(days=1)  # so that the misses of a day do not end the test
            harbour, dpo = house.harbour(), house.dpo()
            seen.append([_without_what_always_differs(answer) for answer in answers])

    assert len(seen) == 9
    assert all(hers == nobodys for hers, nobodys in seen)


def test_misses_of_one_partner_are_not_anothers(house: House) -> None:
    harbour = house.harbour()
    for _ in range(6):
        harbour.ask(by_account("1000042", surname="Guess"), fields=["age"])

    calder = house.calder()
    worker = {"id": "n1", "name": "Nell Ward", "role": "discharge-coordinator"}
    answer = calder.ask(by_account("1000042", surname="Okafor"), fields=["full_name"], caseworker=worker)

    assert answer.status_code == 200


def test_a_protected_persons_address_stays_in_whichever_way_she_was_found(house: House) -> None:
    answer = house.harbour().ask(by_account("1000081", surname="Walsh"), fields=["postcode", "full_name"])

    assert withheld(answer) == {"postcode": "not_available"}


def test_an_emergency_opens_its_own_lines_and_no_protected_address(house: House) -> None:
    """A housing association is no blue-light service: the cap holds in an emergency too."""
    harbour = house.harbour()
    emergency = {"kind": "risk_to_life", "reason": "Threat made by telephone"}

    grace = harbour.ask(fields=["postcode"], emergency=emergency, case_reference=None)
    nina = harbour.ask(by_account("1000081", surname="Walsh"), fields=["postcode"], emergency=emergency)

    assert released(grace) == {"postcode": "LS1 4AB"}
    assert house.verify(grace).openings["matter"]["emergency"]["kind"] == "risk_to_life"
    assert grace.json()["disclosure"]["lawful"]["basis"] == "vital_interests"
    assert withheld(nina) == {"postcode": "not_available"}


def test_an_emergency_never_waives_the_caseworker(house: House) -> None:
    emergency = {"kind": "risk_to_life", "reason": "Threat made by telephone"}

    answer = house.harbour().ask(fields=["postcode"], emergency=emergency, caseworker=None)

    assert (answer.status_code, withheld(answer)) == (403, {"postcode": "caseworker_needed"})
    assert answer.json()["urgent_contact"] == "+44 113 496 0000"


def test_a_restriction_of_the_joint_holder_counts_for_what_is_everybodys(house: House) -> None:
    restriction = {"kind": "objection_upheld", "dataset": "council-tax", "person": "P0000043", "fields": ["postcode"]}
    set_ = house.dpo().call("POST", "/control/v1/restrictions", restriction)

    held = house.harbour().ask(fields=["postcode", "full_name"])
    house.dpo().call("DELETE", f"/control/v1/restrictions/{set_.json()['restriction_id']}")
    free = house.harbour().ask(fields=["postcode"])

    assert set_.status_code == 201
    assert withheld(held) == {"postcode": "not_available"}
    assert released(free) == {"postcode": "LS1 4"}


def test_an_agreement_that_has_ended_discloses_nothing(house: House) -> None:
    harbour = house.harbour()
    house.append(house.changes().texts.end_agreement(HARBOUR, reason="over", by="test"))

    answer = harbour.ask(fields=["full_name"])

    assert (answer.status_code, withheld(answer)) == (403, {"full_name": "agreement_not_in_force"})


def test_a_new_version_counts_at_once(house: House) -> None:
    harbour = house.harbour()
    republish(house, HARBOUR, ("  - {fields: [full_name], as: full}", "  - {fields: [full_name], as: initial}"))

    assert released(harbour.ask(fields=["full_name"])) == {"full_name": "G"}

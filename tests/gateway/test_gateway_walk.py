"""The promises, seen from a partner's side of the door."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import CASEWORKER, GRACE, House, released, withheld

from audit.checking.verify import verify_answer
from audit.format.entry import canonical
from audit.tree.merkle import ProofError


@pytest.fixture
def council_directory(either_directory: Path) -> Path:
    """Of either database."""
    return either_directory


def test_an_answer_explains_every_field(house: House) -> None:
    """Released: in which form, by which line. Withheld: why, and what would change that."""
    answer = house.harbour().ask(fields=["full_name", "age", "postcode", "arrears", "email"])

    assert answer.status_code == 200
    assert released(answer) == {"full_name": "Grace Okafor", "age": {"from": 25, "below": 65}, "postcode": "LS1 4"}
    assert withheld(answer) == {"arrears": "consent_needed", "email": "field_not_agreed"}
    verified = house.verify(answer)
    assert verified.openings["fields"]["postcode"] == {"form": "sector", "line": "releases/3"}
    assert verified.openings["parties"] == {"client": "harbour-case-system", "partner": "harbour-housing"}


def test_the_log_knows_what_the_partner_is_not_told(house: House) -> None:
    """The reason that lies in the record is `not_available` outside, and true inside."""
    nina = {"account_ref": "1000081", "confirm": {"surname": "Walsh", "date_of_birth": "1994-12-11"}}

    answer = house.harbour().ask(nina, fields=["full_name", "postcode"])

    assert withheld(answer) == {"postcode": "not_available"}
    truth = house.last()
    assert truth["facts"]["reasons"] == {"postcode": "record_cap"}
    assert truth["facts"]["markers"]["protected_address"] is True


def test_consent_widens_the_answer_until_it_is_withdrawn(house: House) -> None:
    """Withdrawal counts at once, and both are entries of the same log."""
    harbour, dpo = house.harbour(), house.dpo()
    consent = {
        "state": "given",
        "dataset": "council-tax",
        "person": "P0000042",
        "purpose": "tenancy-sustainment",
        "recipients": ["harbour-housing"],
        "text_version": "v1",
        "how": "in person",
    }

    given = dpo.call("POST", "/control/v1/consents", consent)
    wide = harbour.ask(fields=["arrears"])
    path = f"/control/v1/consents/{given.json()['consent_id']}/withdrawal"
    withdrawn = dpo.call("POST", path, {"how": "by telephone"})
    narrow = harbour.ask(fields=["arrears"])

    assert (given.status_code, withdrawn.status_code) == (201, 201)
    assert released(wide) == {"arrears": {"from": 500, "below": 1000}}
    assert (narrow.status_code, withheld(narrow)) == (403, {"arrears": "consent_needed"})
    kinds = [entry["kind"] for entry in house.entries()][-4:]
    assert kinds == ["consent.given", "disclosure", "consent.withdrawn", "refusal"]


def test_a_refusal_is_recorded_in_the_same_detail(house: House) -> None:
    """A 403 holds the same members beside the problem's, and its receipt verifies."""
    answer = house.harbour().ask(case_reference=None)

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(withheld(answer).values()) == {"case_reference_needed"}
    assert answer.json()["code"] == "nothing_permitted"
    assert answer.json()["urgent_contact"] == "+44 113 496 0000"
    verified = house.verify(answer)
    assert verified.outcome == "none"
    assert house.last()["matter"]["case_reference"] is None


def test_the_receipt_can_be_had_again(house: House) -> None:
    """The council keeps what it needs to open an entry again, while the keys live."""
    harbour = house.harbour()
    answer = harbour.ask()
    disclosure = answer.json()["disclosure"]

    again = harbour.call("GET", f"/v1/disclosures/{disclosure['disclosure_id']}/receipt")

    whole = canonical({"disclosure": disclosure, "receipt": again.json()})
    assert verify_answer(whole, vkey=house.vkey).index == house.verify(answer).index


def test_nobody_else_gets_a_receipt(house: House) -> None:
    answer = house.harbour().ask()
    disclosure_id = answer.json()["disclosure"]["disclosure_id"]

    refused = house.calder().call("GET", f"/v1/disclosures/{disclosure_id}/receipt")

    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_explaining_needs_no_subject_and_reads_no_record(house: House) -> None:
    before = len(house.entries())

    answer = house.harbour().call("POST", "/v1/explain", {"case_reference": "x", "caseworker": CASEWORKER})

    assert answer.status_code == 200
    assert answer.json()["fields"]["arrears"]["reason"] == "consent_needed"
    assert answer.json()["fields"]["postcode"]["released"][0]["form"] == "sector"
    assert len(house.entries()) == before


def test_agreements_lists_the_callers_own(house: House) -> None:
    answer = house.harbour().call("GET", "/v1/agreements")

    (agreement,) = answer.json()["agreements"]
    assert agreement["id"] == "northmoor-harbour-tenancies"
    assert agreement["requires"] == ["case_reference", "caseworker"]
    assert agreement["keys"] == {
        "account_ref": {"at_least": 2, "confirm": ["surname", "date_of_birth"]},
        "person": {"all_of": ["full_name", "date_of_birth", "postcode"]},  # in an emergency a line opens the postcode
    }, "and no place"
    assert agreement["left"]["per_minute"] == 60


@pytest.mark.parametrize("part", ["disclosure", "receipt"])
def test_the_halves_of_two_answers_do_not_fit(house: House, part: str) -> None:
    """Swapping the disclosure of two genuine answers fails."""
    harbour = house.harbour()
    one, two = harbour.ask().json(), harbour.ask(GRACE, fields=["age"]).json()
    one[part] = two[part]

    with pytest.raises(ProofError):
        verify_answer(canonical(one), vkey=house.vkey)


def test_a_receipt_whose_openings_were_damaged_says_so(house: House) -> None:
    harbour = house.harbour()
    disclosure_id = harbour.ask().json()["disclosure"]["disclosure_id"]
    path = f"/v1/disclosures/{disclosure_id}/receipt"
    controller = house.council.keyring.controller().key_id
    index = house.entries()[-1]["index"]

    def damage(where: str) -> None:
        statement = f"UPDATE log_bundle SET ciphertext = ? WHERE idx = ? AND key_id {where} ?"
        house.append(lambda connection, _moment: connection.one(statement, (bytes(64), index, controller)) and None)

    damage("<>")
    others = harbour.call("GET", path)
    damage("=")

    assert (others.status_code, others.json()["code"]) == (410, "no_longer_opens")
    assert harbour.call("GET", path).status_code == 404

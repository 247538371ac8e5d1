"""What do those try who ask about many people at once? Promises of 0009 and SECURITY.md that held under attack."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pysqlite3
import pytest
from house import GRACE, HARBOUR, House, let_places_confirm
from test_gateway_many import ask, body, named, people_of, values

from audit.checking.verify import ProofError, is_complete, verify_answers

FITTING = {"surname": "Okafor", "date_of_birth": "1985-02-14"}
GIVEN = {
    "state": "given", "dataset": "council-tax", "person": "P0000042", "purpose": "tenancy-sustainment",
    "recipients": ["harbour-housing"], "fields": ["arrears"], "text_version": "v1", "how": "in person",
}  # fmt: skip


def verifier(house: House) -> Any:
    return house.caller(HARBOUR.client_id).get_token(HARBOUR.agreement, actions=["verify"])


def reasons(disclosure: dict[str, Any]) -> set[str]:
    return {one["reason"] for one in disclosure["withheld"]}


def ask_while(house: House, happens: Callable[[Any], Awaitable[None]], people: list[dict[str, Any]], **members: Any) -> Any:
    """Ask, and let something happen after the chunk was fetched, and before it is recorded."""
    caller, log = house.harbour(), house.wiring.services.log
    append, settle = log.append, log.settle

    async def slow(within: Any) -> Any:
        log.settle = settle
        await happens(append)
        return await settle(within)

    log.settle = slow
    return caller.call("POST", "/v1/disclosures", body(people, **members))


# -- promise 4, inside a chunk


def test_a_withdrawal_while_a_chunk_is_under_way_counts_for_its_person_alone(house: House) -> None:
    """Fetched under the old state, and recorded under the new one: nobody else of the chunk is asked for again."""
    consent_id = house.dpo().call("POST", "/control/v1/consents", GIVEN).json()["consent_id"]

    async def withdraw(append: Any) -> None:
        await append(house.changes().people.withdraw_consent(consent_id, by="test", how="by telephone"))

    people = [named(0, confirm=FITTING), named(1)]
    found = people_of(ask_while(house, withdraw, people, fields=["arrears", "age"]))

    assert set(values(found["r0"])) == {"age"}
    assert reasons(found["r0"]) == {"consent_needed"}
    assert set(values(found["r1"])) == {"age"}
    assert [entry["kind"] for entry in house.entries()][-2:] == ["consent.withdrawn", "disclosure"]


def test_a_suspension_while_a_chunk_is_under_way_discloses_nothing(house: House) -> None:
    async def suspend(append: Any) -> None:
        await append(house.changes().partners.set_partner_status("harbour-housing", active=False, by="test"))

    answer = ask_while(house, suspend, [named(0), named(1)])

    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
    assert house.entries()[-1]["kind"] == "partner.suspended"


def test_a_mapping_published_while_a_chunk_is_under_way_is_asked_anew_for_everybody(house: House) -> None:
    _, text, _ = house.wiring.services.reader.find_text("mapping", "council-tax@2")
    old = "liable: trim(a.lead_liab_forename) || ' ' || trim(a.lead_liab_surname)"
    assert old in text
    moved = text.replace("\nversion: 1\n", "\nversion: 2\n", 1).replace(old, "liable: trim(a.lead_liab_surname)")

    async def publish(append: Any) -> None:
        await append(house.changes().texts.publish_mapping(moved, by="test"))

    found = people_of(ask_while(house, publish, [named(0), named(1)], fields=["full_name"]))

    assert [values(found[ref]) for ref in ("r0", "r1")] == [{"full_name": "Okafor"}, {"full_name": "Price"}]


# -- one line tells no more than a call alone


def test_lines_of_nobody_and_of_a_misfit_are_alike_to_the_byte(house: House) -> None:
    """Keys, details and labels are equally long here; ids have one length; the leaves stand in a full tree of four."""
    asked = [
        {"ref": "a", "account_ref": "1000042", "confirm": {"surname": "Wrongly", "date_of_birth": "1985-02-14"}},
        {"ref": "b", "account_ref": "7000042", "confirm": {"surname": "Nobodyy", "date_of_birth": "1970-01-01"}},
        {"ref": "c", "account_ref": "1000043", "confirm": {"surname": "Misfits", "date_of_birth": "1961-11-30"}},
        {"ref": "d", "account_ref": "?", "confirm": {"surname": "Strange", "date_of_birth": "1970-01-01"}},
    ]
    lines = ask(house, asked, fields=["age", "full_name", "arrears"], accept="application/x-ndjson").content.splitlines()[
        :4
    ]

    told = [orjson.loads(line) for line in lines]
    assert len({len(line) for line in lines}) == 1
    for one in told:
        del one["disclosure"]["ref"], one["disclosure"]["disclosure_id"]
    assert all(one["disclosure"] == told[0]["disclosure"] for one in told)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_token_for_one_person_reaches_nobody_else_of_a_batch(house: House, order: tuple[int, int]) -> None:
    """Whoever stands first: a decision about one is not taken for the other's."""
    narrow = house.caller(HARBOUR.client_id).get_token(HARBOUR.agreement, subject={"account_ref": "1000042"})

    found = people_of(narrow.call("POST", "/v1/disclosures", body([named(number) for number in order])))

    assert found["r0"]["identity"] == "confirmed"
    assert (found["r1"]["identity"], reasons(found["r1"])) == ("not_confirmed", {"outside_the_token"})
    assert not values(found["r1"])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_claim_that_is_not_agreed_decides_nothing_of_its_neighbours(house: House, order: tuple[int, int]) -> None:
    claims = [{"email": "grace@example.org"}, {"age": 41}]
    people = [named(number, claims=claims[number]) for number in order]

    found = people_of(verifier(house).call("POST", "/v1/disclosures", body(people, action="verify")))

    assert (found["r0"]["identity"], reasons(found["r0"])) == ("not_confirmed", {"field_not_agreed"})
    assert set(values(found["r1"])) == {"age"}


# -- limits


def test_wrong_claims_about_one_person_count_together_whichever_key_finds_them(house: House) -> None:
    """Five by the account, and the sixth by the property: no answer, as where nothing is held, and no 429."""
    let_places_confirm(house)
    connection = pysqlite3.connect(str(house.directory / "revenues.sqlite"))
    (uprn,) = connection.execute(
        "SELECT trim(p.uprn) FROM ctoccupation o JOIN ctproperty p ON p.property_ref = o.property_ref "
        "WHERE trim(o.account_ref) = '1000042' AND trim(o.live_ind) = 'Y'"
    ).fetchone()
    connection.close()
    caller = verifier(house)
    for number in range(5):
        one = named(0, confirm=FITTING, claims={"full_name": f"Grace {number}"})
        answer = caller.call("POST", "/v1/disclosures", body([one], action="verify"))
        assert values(people_of(answer)["r0"]) == {"full_name": "no"}

    sixth = {"ref": "u", "uprn": uprn, "confirm": FITTING, "claims": {"full_name": "Grace Okafor"}}
    told = people_of(caller.call("POST", "/v1/disclosures", body([sixth], action="verify")))["u"]

    assert (told["identity"], values(told), reasons(told)) == ("confirmed", {}, {"not_available"})


# -- what is sent in


@pytest.mark.parametrize("number", ["1" + "0" * 30, "9" * 5_000, "1e400", "-0", "1.5", "NaN"])
def test_no_number_as_a_claim_is_a_fault_of_ours(house: House, number: str) -> None:
    caller = verifier(house)
    many = json.dumps(body([named(0, claims={"age": 7})], action="verify"))
    one = json.dumps({**body([]), "subjects": None, "subject": GRACE, "action": "verify", "claims": {"age": 7}})
    for raw in (many, one):
        assert '"age": 7}' in raw
        answer = caller.call("POST", "/v1/disclosures", raw.replace('"age": 7}', f'"age": {number}}}').encode())
        assert answer.status_code in (200, 400)


@pytest.mark.parametrize("place", ["2", "00", "-1", "999", "9999", "10000", "0.0", "1e0", "0x1"])
def test_a_place_that_no_line_has_is_not_found(house: House, place: str) -> None:
    caller = house.harbour()
    lines = caller.call("POST", "/v1/disclosures", body([named(0), named(1)])).json()["lines"]
    entry_id = lines[0]["disclosure"]["disclosure_id"].partition(".")[0]

    assert caller.call("GET", f"/v1/disclosures/{entry_id}.{place}/receipt").status_code == 404


# -- the verifier


def test_the_verifier_answers_junk_with_a_proof_error(house: House) -> None:
    """Beside genuine lines and alone, in both shapes: never another exception, which would not be told as a verdict."""
    line, receipt, _ = ask(house, [named(0)], accept="application/x-ndjson").content.splitlines()
    junk = [
        b"{}", b"[]", b"1", b"null", b'"x"', b" ", b"[" * 5_000, b'{"receipt":1}', b'{"receipt":{}}',
        b'{"disclosure":1,"leaves":1,"ref":1}', b'{"disclosure":{},"leaves":[],"ref":null}', b"\xef\xbb\xbf" + line, b"\r",
    ]  # fmt: skip
    for one in junk:
        for raw in (
            b"\n".join([line, receipt, one, b""]) + b"\n",
            b'{"lines":[' + b",".join([line, receipt, one]) + b"]}",
            one,
            b'{"lines":' + one + b"}",
        ):
            with pytest.raises(ProofError):
                verify_answers(raw, vkey=house.vkey)


def test_lines_with_the_line_ends_of_another_system_are_not_what_was_sent(house: House) -> None:
    raw = ask(house, [named(0), named(1)], accept="application/x-ndjson").content
    assert is_complete(raw)

    with pytest.raises(ProofError, match="canonical"):
        verify_answers(raw.replace(b"\n", b"\r\n"), vkey=house.vkey)

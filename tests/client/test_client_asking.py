"""What a partner's program gets, with threads and with an event loop: the same, and never unverified."""

from __future__ import annotations

import asyncio
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from client_serving import CASE, GRACE, Front, client_for, settings_for, somebody

from audit.checking.verify import is_complete, verify_answer, verify_answers
from gateway.client import (
    AsyncClient,
    Client,
    DirectoryKeeper,
    LimitReachedError,
    LinesRefusedError,
    NotKeptError,
    OAuthError,
    ProblemError,
    Subject,
    Vouch,
)
from gateway.council.directory import Council

FIELDS = ["full_name", "age", "postcode", "arrears"]


def test_one_person_comes_as_typed_values(client: Client) -> None:
    answer = client.get(GRACE, fields=FIELDS, **CASE)

    assert (answer.outcome, answer.identity, answer.is_confirmed, answer.refused) == ("partial", "confirmed", True, False)
    assert answer.fields["full_name"].value == "Grace Okafor"
    assert (answer.fields["age"].value, answer.fields["age"].form) == ({"from": 25, "below": 65}, "band")
    assert (answer.withheld["arrears"].reason, answer.withheld["arrears"].remedy) == ("consent_needed", "ask_for_consent")
    assert answer.conditions is not None
    assert answer.conditions.use_for == ("tenancy-sustainment",)
    assert answer.urgent_contact == "+44 113 496 0000"
    assert answer.verified.entry_id == answer.disclosure_id


def test_the_raw_bytes_verify_by_themselves(client: Client, council: Council) -> None:
    answer = client.get(GRACE, fields=FIELDS, **CASE)

    assert verify_answer(answer.raw, vkey=council.signer.vkey).disclosure_id == answer.disclosure_id


def test_a_refusal_is_a_verified_answer_that_says_why(client: Client) -> None:
    answer = client.get(GRACE, fields=["age"], caseworker=CASE["caseworker"])

    assert (answer.refused, answer.outcome) == (True, "none")
    assert answer.withheld["age"].reason == "case_reference_needed"


def test_claims_are_answered_yes_no_or_not_at_all(client: Client) -> None:
    answer = client.verify(GRACE, {"postcode": "LS1 4AB", "full_name": "Grace Price", "arrears": "1.00"}, **CASE)

    assert [answer.said(name) for name in ("postcode", "full_name", "arrears")] == [True, False, None]


def test_a_person_is_matched_and_nothing_is_read(client: Client) -> None:
    found, missed = (
        client.match(GRACE, **CASE),
        client.match(Subject("account_ref", "1000042", {"surname": "Price", "date_of_birth": "1985-02-14"}), **CASE),
    )

    assert (found.is_confirmed, missed.is_confirmed) == (True, False)
    assert not found.fields


def test_many_people_come_one_by_one_in_order(client: Client, council: Council) -> None:
    found = list(client.many([somebody(number) for number in range(120)], fields=["full_name"], **CASE))

    assert [one.ref for one in found] == [f"r{number}" for number in range(120)]
    assert found[1].fields["full_name"].value == "Alan Price"
    assert not found[119].is_confirmed
    for one in (found[0], found[119]):
        assert [proved.ref for proved in verify_answers(one.raw, vkey=council.signer.vkey)] == [one.ref]


def test_many_refused_people_come_as_refusals(client: Client) -> None:
    found = list(client.many([somebody(0), somebody(1)], fields=["full_name"], caseworker=CASE["caseworker"]))

    assert [(one.ref, one.refused) for one in found] == [("r0", True), ("r1", True)]


def test_each_of_many_has_claims_of_their_own(client: Client) -> None:
    people = [
        Subject(
            "account_ref",
            "1000043",
            {"surname": "Price", "date_of_birth": "1961-11-30"},
            ref="a",
            claims={"postcode": "LS1 4AB"},
        )
    ]

    assert [one.said("postcode") for one in client.many(people, action="verify", **CASE)] == [True]


def test_of_many_who_can_not_be_asked_about_is_told_after_the_others(client: Client) -> None:
    wrong = Subject("account_ref", "1000043", {"surname": "Price", "date_of_birth": "30.11.1961"}, ref="wrong")
    answers = client.many([somebody(0), wrong, somebody(1)], fields=["full_name"], **CASE)
    found = [next(answers), next(answers)]

    with pytest.raises(LinesRefusedError, match="1 of the people could not be asked about") as refused:
        next(answers)

    assert [one.ref for one in found] == ["r0", "r1"]
    assert {ref: one.code for ref, one in refused.value.problems.items()} == {"wrong": "request_malformed"}
    assert "1961" not in str(refused.value)


def test_an_answer_of_many_that_came_whole_tells_who_was_not_asked_about(client: Client) -> None:
    """A refusal of everybody is one document, and its malformed lines stand in it."""
    wrong = Subject("account_ref", "1000043", {"surname": "Price", "date_of_birth": "30.11.1961"}, ref="wrong")
    answers = client.many([wrong, somebody(0)], fields=["full_name"], caseworker=CASE["caseworker"])
    found = next(answers)

    with pytest.raises(LinesRefusedError):
        next(answers)

    assert (found.ref, found.refused) == ("r0", True)


def test_many_need_a_label_each(client: Client) -> None:
    with pytest.raises(ValueError, match="ref of its own"):
        client.many([somebody(0), somebody(0)], **CASE)


def test_agreements_are_listed_with_what_is_left(client: Client) -> None:
    (found,) = client.agreements()

    assert (found.id, found.in_force, found.requires) == (
        "northmoor-harbour-tenancies",
        True,
        ("case_reference", "caseworker"),
    )
    assert found.keys["account_ref"]["at_least"] == 2
    assert "per_minute" in found.left


def test_an_explanation_is_about_nobody(client: Client) -> None:
    found = client.explain(fields=["age", "arrears"], **CASE)

    assert found.permits
    assert found.fields["age"]["released"][0]["form"] == "band"
    assert found.fields["arrears"]["reason"] == "consent_needed"


def test_a_receipt_comes_again_and_proves_the_answer(client: Client) -> None:
    answer = client.get(GRACE, fields=["age"], **CASE)
    (line,) = client.many([somebody(1)], fields=["age"], **CASE)

    by_id, of_answer, of_line = client.receipt(answer.disclosure_id), client.receipt(answer), client.receipt(line)

    assert (by_id.entry_id, by_id.answers, by_id.outcome) == (answer.disclosure_id, False, "full")
    assert (of_answer.answers, of_line.answers) == (True, True)
    assert of_line.size > answer.verified.size


def test_an_event_loop_gets_the_same(front: Front, council: Council) -> None:
    async def ask() -> None:
        async with AsyncClient(**settings_for(front, council)) as client:
            at_once = await asyncio.gather(*(client.get(GRACE, fields=FIELDS, **CASE) for _ in range(6)))
            assert {one.fields["full_name"].value for one in at_once} == {"Grace Okafor"}
            assert (await client.verify(GRACE, {"postcode": "LS1 4AB"}, **CASE)).said("postcode") is True
            assert (await client.match(GRACE, **CASE)).is_confirmed
            lines = [one.ref async for one in client.many([somebody(n) for n in range(101)], fields=["age"], **CASE)]
            assert lines == [f"r{number}" for number in range(101)]
            assert (await client.agreements())[0].in_force
            assert (await client.explain(fields=["age"], **CASE)).permits
            assert (await client.receipt(at_once[0])).answers
            refused = [one.refused async for one in client.many([somebody(0)], fields=["age"])]
            assert refused == [True]

    asyncio.run(ask())
    assert len(front.calls_of("/oauth2/token")) == 3, "one token for each action, however many calls begin at once"


def test_a_caseworker_is_vouched_for_by_the_clients_signature(front: Front, council: Council) -> None:
    with client_for(front, council) as client:
        answer = client.get(GRACE, fields=["age"], **CASE, vouch=Vouch("ODS-1", "a tenancy at risk"))
        with pytest.raises(ValueError, match="whom you vouch for"):
            client.get(GRACE, vouch=Vouch("ODS-1", "a tenancy at risk"))

    assert json.loads(answer.raw)["disclosure"]["caseworker"] == {"assurance": "vouched"}
    assert answer.assurance == "vouched"


# -- tokens and connections


def test_threads_share_a_client(client: Client, front: Front) -> None:
    """One token, however many begin at once; each gets its own answer."""
    people = [somebody(number) for number in (0, 1, 2, 3)] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: client.get(one, fields=["full_name"], **CASE), people))

    assert [one.fields["full_name"].value.split()[1].upper() for one in found[:4]] == [
        "OKAFOR",
        "PRICE",
        "HARGREAVES",
        "RAHMAN",
    ]
    assert len({one.disclosure_id for one in found}) == 16
    assert len(front.calls_of("/oauth2/token")) == 1


def test_a_token_serves_until_it_nears_its_end(front: Front, council: Council) -> None:
    from gateway.client.retrying import Timing  # noqa: PLC0415 -- of this test alone

    ticks = [1000.0]
    with client_for(front, council, timing=Timing(ticks=lambda: ticks[0])) as client:
        for _ in range(3):
            client.get(GRACE, fields=["age"], **CASE)
        assert len(front.calls_of("/oauth2/token")) == 1
        ticks[0] += 275
        client.get(GRACE, fields=["age"], **CASE)
    assert len(front.calls_of("/oauth2/token")) == 2
    assert len(front.calls_of("/.well-known/oauth-authorization-server")) == 1


def test_calls_share_one_connection_and_no_proof(client: Client, front: Front) -> None:
    before = front.connections
    for _ in range(3):
        client.get(GRACE, fields=["age"], **CASE)

    assert front.connections == before + 1
    proofs = [one.proof()["jti"] for one in front.seen if "dpop" in one.headers]
    assert len(proofs) == len(set(proofs)) == 4


def test_a_narrow_client_asks_for_tokens_of_the_asked_fields(front: Front, council: Council) -> None:
    with client_for(front, council, narrow=True) as client:
        client.get(GRACE, fields=["age"], **CASE)

    assert b"%22fields%22%3A+%5B%22age%22%5D" in front.calls_of("/oauth2/token")[0].body


def test_without_an_agreement_the_refusal_names_yours(front: Front, council: Council) -> None:
    with client_for(front, council, agreement=None) as client, pytest.raises(OAuthError) as told:
        client.get(GRACE, **CASE)

    assert told.value.error == "invalid_authorization_details"
    assert "northmoor-harbour-tenancies" in str(told.value)


# -- keeping


def test_an_answer_is_kept_byte_for_byte_for_its_owner_alone(front: Front, council: Council, tmp_path: Path) -> None:
    with client_for(front, council, keeper=DirectoryKeeper(tmp_path / "answers")) as client:
        answer = client.get(GRACE, fields=["age"], **CASE)
        lines = list(client.many([somebody(0), somebody(1)], fields=["age"], **CASE))

    files = {one.name: one for one in (tmp_path / "answers").iterdir()}
    chunk = lines[0].disclosure_id.partition(".")[0]
    assert set(files) == {f"{answer.disclosure_id}.json", f"{chunk}.ndjson", f"{chunk}.end"}
    assert files[f"{answer.disclosure_id}.json"].read_bytes() == answer.raw
    whole = files[f"{chunk}.ndjson"].read_bytes() + files[f"{chunk}.end"].read_bytes()
    assert len(verify_answers(whole, vkey=council.signer.vkey)) == 2
    assert is_complete(whole)
    assert {stat.S_IMODE(one.stat().st_mode) for one in files.values()} == {0o600}


def test_a_name_from_outside_never_leads_out_of_the_directory(tmp_path: Path) -> None:
    DirectoryKeeper(tmp_path / "answers")("../../escaped.json", b"{}")

    assert [one.parent for one in tmp_path.rglob("*.answer")] == [tmp_path / "answers"]
    assert not list(tmp_path.glob("*.json"))


def test_an_answer_that_could_not_be_kept_is_not_returned(front: Front, council: Council) -> None:
    def full(_name: str, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with client_for(front, council, keeper=full) as client, pytest.raises(NotKeptError) as told:
        client.get(GRACE, fields=["age"], **CASE)

    assert told.value.answers[0].is_confirmed


# -- what must not be told


def test_nothing_of_a_person_shows_in_a_repr_or_a_message(client: Client, front: Front, council: Council) -> None:
    answer = client.get(GRACE, fields=FIELDS, **CASE)
    shown = [
        repr(one) for one in (client, GRACE, answer, answer.fields["full_name"], CASE["caseworker"], client.receipt(answer))
    ]
    with pytest.raises(ProblemError) as told:
        client.get(Subject("account_number", "1000042", {"surname": "Okafor"}), **CASE)
    shown += [str(told.value), repr(told.value)]

    assert (told.value.code, told.value.status) == ("request_malformed", 400)
    assert told.value.urgent_contact == "+44 113 496 0000"
    secret = front.calls_of("/v1/disclosures")[0].headers["authorization"]
    for text in shown:
        assert not [one for one in ("Okafor", "1000042", "1985", "Jo Bright", "HH-2291", secret) if one in text], text


def test_a_limit_is_told_with_when_to_come_back(client: Client) -> None:
    wrong = Subject("account_ref", "1000083", {"surname": "Nobody", "date_of_birth": "1977-02-28"})
    for _ in range(5):
        client.get(wrong, fields=["age"], **CASE)

    with pytest.raises(LimitReachedError) as told:
        client.get(wrong, fields=["age"], **CASE)

    assert told.value.code == "too_many_misses"
    assert told.value.retry_after is not None
    assert told.value.retry_after > 15

"""How are many people answered in one call? A line each, a chunk at a time, each recorded before it leaves."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from house import CASEWORKER, GRACE, HARBOUR, House, confirming, republish

from audit.checking.verify import ProofError, is_complete, verify_answer, verify_answers
from audit.stores.entries import leaves_of
from gateway.api import lines as api_lines
from gateway.api.request_bodies import parse_disclosure
from gateway.disclose_many import Lines
from gateway.journey.call import Ask
from gateway.oauth.caller import authenticate_call
from gateway.telemetry import Steps
from policies.reading.parse import parse_agreement
from schemas.agreement import Limits

PEOPLE = [("1000042", "Adeyemi"), ("1000043", "Price"), ("1000051", "Hargreaves"), ("1000061", "Rahman")]
LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"
NDJSON = {"Accept": "application/x-ndjson"}


def named(number: int, **members: Any) -> dict[str, Any]:
    """Name one of the demo's people, and beyond them people whom nobody knows."""
    ref, surname = PEOPLE[number] if number < len(PEOPLE) else (str(7_000_000 + number), "Nobody")
    return {"ref": f"r{number}", "account_ref": ref, "confirm": confirming(ref, surname), **members}


def body(subjects: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    return {"subjects": subjects, "case_reference": "HH-2291", "caseworker": CASEWORKER, **members}


def ask(house: House, subjects: list[dict[str, Any]], *, accept: str | None = None, **members: Any) -> Any:
    headers = {"Accept": accept} if accept else {}
    headers |= {"Idempotency-Key": key} if (key := members.pop("key", None)) else {}
    return house.harbour().call("POST", "/v1/disclosures", body(subjects, **members), **headers)


def people_of(answer: Any) -> dict[str, Any]:
    """Return the lines of people by their ref, of JSON or NDJSON."""
    if answer.headers["content-type"].startswith("application/x-ndjson"):
        lines = [orjson.loads(line) for line in answer.content.splitlines()]
    else:
        lines = answer.json()["lines"]
    return {line["ref"]: line["disclosure"] for line in lines if "ref" in line}


def values(disclosure: dict[str, Any]) -> dict[str, Any]:
    return {path: one["value"] for path, one in disclosure["record"]["fields"].items()}


def test_each_subject_has_a_line_that_says_what_a_call_about_them_alone_would(house: House) -> None:
    """The same members, the same values: one way to the data."""
    answer = ask(house, [named(number) for number in range(4)])
    alone = {number: house.harbour().ask({k: v for k, v in named(number).items() if k != "ref"}) for number in range(4)}

    assert answer.status_code == 200
    found = people_of(answer)
    assert list(found) == ["r0", "r1", "r2", "r3"]
    for number, one in alone.items():
        said, told = found[f"r{number}"], one.json()["disclosure"]
        assert {**said, "disclosure_id": "", "decided_at": "", "ref": ""} == {
            **told, "disclosure_id": "", "decided_at": "", "ref": "",
        }  # fmt: skip
    assert answer.json()["end"] == {"lines": 4, "chunks": 1, "outcomes": {"partial": 4}}


def test_lines_are_streamed_where_the_caller_prefers_ndjson(house: House) -> None:
    answer = ask(house, [named(0), named(1)], accept="application/x-ndjson")

    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [sorted(line) for line in lines] == [
        ["disclosure", "leaves", "ref"],
        ["disclosure", "leaves", "ref"],
        ["receipt"],
        ["end"],
    ]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json, application/x-ndjson", "application/json"),
        ("application/x-ndjson, application/json", "application/x-ndjson"),
        ("application/jsonl;q=0.9", "application/x-ndjson"),
    ],
)
def test_what_is_accepted_first_is_what_comes(house: House, accept: str, kind: str) -> None:
    assert ask(house, [named(0)], accept=accept).headers["content-type"] == kind


def test_a_chunk_is_one_entry_whose_tree_has_a_leaf_for_each(house: House) -> None:
    before = len(house.entries())

    answer = ask(house, [named(number) for number in range(130)], accept="application/x-ndjson")

    entries = house.entries()[before:]
    assert [entry["people"]["size"] for entry in entries] == [100, 30]
    assert [entry["counter"] for entry in entries] == [entries[0]["counter"], entries[0]["counter"] + 1]
    assert [len(leaves_of(house.wiring.services.reader.connection, entry["index"])[0]) for entry in entries] == [100, 30]
    assert orjson.loads(answer.content.splitlines()[-1]) == {
        "end": {"lines": 130, "chunks": 2, "outcomes": {"partial": 4, "none": 126}}
    }


@pytest.mark.parametrize("accept", [None, "application/x-ndjson"])
def test_every_line_verifies(house: House, accept: str | None) -> None:
    answer = ask(house, [named(number) for number in range(103)], accept=accept)

    verified = verify_answers(answer.content, vkey=house.vkey)

    assert [one.ref for one in verified] == [f"r{number}" for number in range(103)]
    assert {one.index for one in verified} == {entry["index"] for entry in house.entries()[-2:]}
    assert is_complete(answer.content)


def test_any_line_verifies_alone_with_its_chunks_receipt(house: House) -> None:
    lines = ask(house, [named(number) for number in range(4)], accept="application/x-ndjson").content.splitlines()

    for line in lines[:4]:
        one, receipt = orjson.loads(line), orjson.loads(lines[4])["receipt"]
        assert verify_answers(line + b"\n" + lines[4] + b"\n", vkey=house.vkey)[0].ref == one["ref"]
        assert not is_complete(line + b"\n" + lines[4])
        whole = {"disclosure": one["disclosure"], "receipt": {**receipt, "leaves": one["leaves"]}}
        assert verify_answer(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS), vkey=house.vkey).ref == one["ref"]


def test_a_line_without_its_receipt_proves_nothing(house: House) -> None:
    line = ask(house, [named(0)], accept="application/x-ndjson").content.splitlines()[0]

    with pytest.raises(ProofError, match="receipt"):
        verify_answers(line + b"\n", vkey=house.vkey)


def test_any_changed_byte_of_a_line_is_noticed(house: House) -> None:
    """In the person's line and in the receipt: each byte, one at a time."""
    lines = ask(house, [named(0), named(5)], fields=["age"], accept="application/x-ndjson").content.splitlines()
    line, receipt = lines[0], lines[2]
    whole = line + b"\n" + receipt
    assert verify_answers(whole, vkey=house.vkey)
    for place in range(0, len(whole), 7):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        with pytest.raises(ProofError):
            verify_answers(changed, vkey=house.vkey)


def test_lines_of_two_people_can_not_be_swapped(house: House) -> None:
    """Neither their refs, nor their leaves, nor what they say."""
    lines = ask(house, [named(0), named(1)], accept="application/x-ndjson").content.splitlines()
    one, other = orjson.loads(lines[0]), orjson.loads(lines[1])
    for name in ("ref", "leaves", "disclosure"):
        swapped = orjson.dumps({**one, name: other[name]}, option=orjson.OPT_SORT_KEYS)
        with pytest.raises(ProofError):
            verify_answers(swapped + b"\n" + lines[2], vkey=house.vkey)


def test_each_persons_part_is_sealed_under_their_own_key(house: House) -> None:
    """Destroying one person's key leaves everybody else's part whole."""
    ask(house, [named(number) for number in range(3)])
    entry = house.entries()[-1]
    truth = house.truth(entry)
    keys = house.rows("SELECT key_id FROM log_bundle WHERE idx = ?", entry["index"])

    refs = {truth[f"{place}/subject"]["ref"] for place in range(3)}
    assert len(refs) == 3
    assert len(keys) == 5  # three people, the caseworker, the controller
    (key,) = house.rows("SELECT key_id FROM subject_key WHERE reference = ?", bytes.fromhex(truth["1/subject"]["ref"]))[0]
    house.council.keyring.destroy([key])
    left = house.truth_that_opens(entry)
    assert "1/answer" not in left
    assert {"0/answer", "0/facts", "2/answer", "2/values", "parties"} <= set(left)


def test_the_receipt_of_a_line_can_be_had_again(house: House) -> None:
    harbour = house.harbour()
    answer = harbour.call("POST", "/v1/disclosures", body([named(0), named(1)]))
    line = next(one for one in answer.json()["lines"] if one.get("ref") == "r1")
    ask(house, [named(2)])  # the log has grown since

    receipt = harbour.call("GET", f"/v1/disclosures/{line['disclosure']['disclosure_id']}/receipt")

    assert receipt.status_code == 200
    whole = {"disclosure": line["disclosure"], "receipt": receipt.json()}
    assert verify_answer(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS), vkey=house.vkey).ref == "r1"


def test_another_client_does_not_get_a_lines_receipt(house: House) -> None:
    line = ask(house, [named(0)]).json()["lines"][0]

    got = house.calder().call("GET", f"/v1/disclosures/{line['disclosure']['disclosure_id']}/receipt")

    assert got.status_code == 404


# -- what is refused


@pytest.mark.parametrize(
    ("subjects", "told"),
    [
        ([], "subjects"),
        ([{"account_ref": "1", "confirm": {"surname": "A", "date_of_birth": "1970-01-01"}}], "ref"),
        ([named(0), {**named(1), "ref": "r0"}], "ref"),
        ([{**named(0), "ref": "a\nb"}], "control character"),
        ([{**named(0), "ref": "x" * 65}], "64"),
        ([{"ref": "r0", "account_ref": "1000042", "confirm": {}}], "confirm"),
        ([named(0), {"ref": "r1", "shoe_size": "9"}], r"subjects\[1\]"),
        ([{**named(0), "claims": {"age": "41"}}], "claims"),
        ([named(0), {**named(0), "ref": "again"}], "each once"),
        ([named(0), {**named(0, account_ref=" 1000042 "), "ref": "again"}], "each once"),
        ([named(0), {**named(0, confirm=confirming("1000042", "ADEYÉMI")), "ref": "again"}], "each once"),
        ("everybody", "subjects"),
        ([["r0"]], "subjects"),
    ],
)
def test_a_wrong_list_of_subjects_is_refused_before_anybody_is_looked_for(house: House, subjects: Any, told: str) -> None:
    before = len(house.entries())

    answer = ask(house, subjects)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    assert told.replace("\\", "") in answer.json()["detail"]
    assert len(house.entries()) == before


def test_two_people_who_share_an_account_are_not_one_named_twice(house: House) -> None:
    two = [
        {"ref": "grace", "account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}},
        {"ref": "samuel", "account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1983-09-02"}},
    ]

    found = people_of(ask(house, two))

    assert found["grace"]["identity"] == "confirmed"
    assert found["samuel"]["disclosure_id"] != found["grace"]["disclosure_id"]


def test_subject_and_subjects_do_not_go_together(house: House) -> None:
    answer = ask(house, [named(0)], subject=GRACE)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


def test_more_people_than_the_agreements_batch_are_refused(house: House) -> None:
    answer = ask(house, [named(number) for number in range(201)])

    assert (answer.status_code, answer.json()["code"]) == (400, "batch_too_large")
    assert "201" in answer.json()["detail"]
    assert "200" in answer.json()["detail"]


def test_an_agreement_without_a_batch_is_about_one_person_a_call(house: House) -> None:
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {per_minute: 60}"))

    assert ask(house, [named(0), named(1)]).json()["code"] == "batch_too_large"
    assert ask(house, [named(0)]).status_code == 200
    assert parse_agreement(house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)[1]).limits == Limits(
        per_minute=60
    )


def test_a_body_of_many_may_be_large_and_of_one_may_not(house: House) -> None:
    long = [
        named(number, confirm={"surname": "x" * 190, "date_of_birth": "1970-01-01" + " " * 100}) for number in range(4, 204)
    ]
    raw = json.dumps(body(long)).encode()
    assert len(raw) > 65_536

    many = house.harbour().call("POST", "/v1/disclosures", raw)
    one = house.harbour().call(
        "POST", "/v1/disclosures", json.dumps({"subject": GRACE, "statement": "x" * 70_000}).encode()
    )

    assert many.status_code == 200
    assert one.status_code in (400, 413)


def test_where_the_request_alone_permits_nothing_nobody_is_looked_for(house: House) -> None:
    """403, with every line and its proof; as lines were asked for, too, for no stream could say so first."""
    answer = house.harbour().call(
        "POST", "/v1/disclosures", {**body([named(0), named(5)]), "case_reference": None}, **NDJSON
    )

    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert answer.json()["code"] == "nothing_permitted"
    found = people_of(answer)
    assert {one["identity"] for one in found.values()} == {"not_confirmed"}
    assert {one["reason"] for line in found.values() for one in line["withheld"]} == {"case_reference_needed"}
    assert len(verify_answers(answer.content, vkey=house.vkey)) == 2
    entry = house.entries()[-1]
    assert (entry["kind"], entry["outcome"], entry["people"]["size"]) == ("refusal", "none", 2)


# -- limits and misses, person by person


def test_a_limit_that_one_subject_exceeds_withholds_that_subject_alone(house: House) -> None:
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {same_subject_per_day: 1, subjects_per_day: 3, batch: 9}"))
    ask(house, [named(0)])

    found = people_of(ask(house, [named(0), named(1), named(2), named(3)]))

    assert {one["reason"] for one in found["r0"]["withheld"]} == {"limit_reached"}
    assert found["r0"]["identity"] == "not_confirmed"
    assert (found["r0"]["outcome"], found["r0"]["record"]) == ("none", {"as_at": None, "fields": {}})
    assert found["r1"]["outcome"] == found["r2"]["outcome"] == "partial"
    assert {one["reason"] for one in found["r3"]["withheld"]} == {"limit_reached"}
    truth = house.last()
    assert truth["0/facts"]["limit"] == "same_subject_per_day"
    assert truth["3/facts"]["limit"] == "subjects_per_day"
    assert truth["0/facts"]["match"] == "confirmed"


def test_a_limited_line_verifies_like_any_other(house: House) -> None:
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {subjects_per_day: 1, batch: 9}"))

    answer = ask(house, [named(0), named(1), named(2)], accept="application/x-ndjson")

    assert [one.outcome for one in verify_answers(answer.content, vkey=house.vkey)] == ["partial", "none", "none"]


def test_a_key_that_missed_too_often_is_not_guessed_on_in_a_batch(house: House) -> None:
    """Six guesses at one account in one call: the sixth is not answered, though it is right."""
    wrong = [{"ref": f"w{n}", "account_ref": "1000043", "confirm": confirming("1000043", f"Wrong{n}")} for n in "abcde"]
    right = {"ref": "right", "account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}}

    found = people_of(ask(house, [*wrong, right]))

    assert {found[f"w{n}"]["identity"] for n in "abcde"} == {"not_confirmed"}
    assert (found["right"]["identity"], found["right"]["outcome"]) == ("not_confirmed", "none")
    assert {one["reason"] for one in found["right"]["withheld"]} == {"limit_reached"}


def test_a_batch_is_one_call_of_the_minute(house: House) -> None:
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {per_minute: 1, batch: 200}"))

    first = ask(house, [named(number) for number in range(120)])
    second = ask(house, [named(0), named(1)])

    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (429, "limit_reached")


def test_a_repeat_is_not_counted_chunk_by_chunk(patient: None, house: House) -> None:
    """Of a batch that broke off after its first chunk, the second counts when it comes at last."""
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {subjects_per_day: 150, batch: 200}"))
    subjects = [named(number) for number in range(130)]
    chunks = stream(house, subjects, key="k-1", chunks=1)
    assert len(chunks) == 1

    again = ask(house, subjects, key="k-1")

    assert again.json()["end"]["lines"] == 130
    used = house.rows("SELECT count FROM usage WHERE name LIKE 'subjects/%'")
    assert used == [(130,)]
    truth = house.truth(house.entries()[-2])
    assert truth["0/request"]["retry_of"] is not None
    assert house.last()["0/request"]["retry_of"] is None


def test_the_same_key_with_other_people_is_refused(house: House) -> None:
    ask(house, [named(0)], key="k-2")

    assert ask(house, [named(1)], key="k-2").json()["code"] == "idempotency_key_reused"


# -- the state moves between chunks


def stream(
    house: House, subjects: list[dict[str, Any]], *, chunks: int, between: Any = None, key: str | None = None
) -> list[Any]:
    """Take some chunks of an answer in the gateway's own loop; `between` runs before the second."""
    caller = house.harbour()
    raw = json.dumps(body(subjects)).encode()

    async def run() -> list[Any]:
        wiring = house.wiring
        request = parse_disclosure(raw)
        state = wiring.services.reader.refresh()
        call = Ask(request, authenticated(house, caller), "sha256:" + "0" * 64, key, "r", state, Steps())
        lines = Lines(digest_of(call, raw), wiring.services)
        await lines.begin()
        taken: list[Any] = []
        async for chunk in lines.each():
            taken.append(chunk)
            if len(taken) == chunks:
                break
            if between is not None and len(taken) == 1:
                await wiring.services.log.append(between(house))
        return taken

    return house.http.portal.call(run)


def digest_of(call: Ask, raw: bytes) -> Ask:
    return replace(call, body_digest="sha256:" + hashlib.sha256(raw).hexdigest())


def authenticated(house: House, caller: Any) -> Any:
    door = house.wiring.door
    headers = caller.headers("POST", "/v1/disclosures")
    return authenticate_call(
        door,
        authorization=[headers["Authorization"]],
        proofs=[headers["DPoP"]],
        method="POST",
        path="/v1/disclosures",
        audience=door.issuer,
        now=house.clock().timestamp(),
    )


def end_of(house: House) -> Any:
    return house.changes().texts.end_agreement(HARBOUR.agreement, reason="over", by="test")


def test_what_changes_during_a_batch_counts_from_the_next_chunk(patient: None, house: House) -> None:
    first, second = stream(house, [named(number) for number in range(120)], chunks=2, between=end_of)

    lines = [orjson.loads(line) for line in (*first, *second)]
    said = [{one["reason"] for one in line["disclosure"]["withheld"]} for line in lines if "ref" in line]
    assert all("agreement_not_in_force" not in reasons for reasons in said[:100])
    assert all(reasons == {"agreement_not_in_force"} for reasons in said[100:])


@pytest.mark.parametrize("place", [5, 105])
def test_a_withdrawal_during_a_long_batch_counts_from_the_next_chunk(house: House, place: int) -> None:
    """Grace stands in the first chunk, or in the second: only there is she answered as if nothing had been withdrawn."""
    given = {
        "state": "given", "dataset": "council-tax", "person": "P0000042", "purpose": "tenancy-sustainment",
        "recipients": ["harbour-housing"], "fields": ["arrears"], "text_version": "v1", "how": "in person",
    }  # fmt: skip
    consent_id = house.dpo().call("POST", "/control/v1/consents", given).json()["consent_id"]
    subjects = [named(number) for number in range(10, 120)]
    subjects[place] = {**named(0, confirm={"surname": "Okafor", "date_of_birth": "1985-02-14"}), "ref": "grace"}

    def withdraw(inside: House) -> Any:
        return inside.changes().people.withdraw_consent(consent_id, by="test", how="by telephone")

    chunks = stream(house, subjects, chunks=2, between=withdraw)

    (grace,) = [line for chunk in chunks for one in chunk if (line := orjson.loads(one)).get("ref") == "grace"]
    assert ("arrears" in grace["disclosure"]["record"]["fields"]) is (place < 100)
    withdrawn = house.entries("consent.withdrawn")[0]["index"]
    assert [entry["index"] < withdrawn for entry in house.entries() if "people" in entry] == [True, False]


def test_a_chunk_that_fails_ends_the_answer_and_those_before_it_stand(house: House) -> None:
    def revoke(inside: House) -> Any:
        return inside.changes().partners.revoke_client(HARBOUR.client_id, by="test")

    before = len(house.entries("disclosure"))
    with pytest.raises(Exception, match="revoked"):
        stream(house, [named(number) for number in range(120)], chunks=2, between=revoke)

    assert len(house.entries("disclosure")) == before + 1


def test_a_reader_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time for one part; the stream then ends without its end."""
    monkeypatch.setattr(api_lines, "SLOWEST_READER", 0.05)
    sent: list[Any] = []
    made: list[int] = []

    async def parts() -> Any:
        for number in range(10):
            made.append(number)
            yield b"x"

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) > 2:
            await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    stream = api_lines.BoundedStream(parts())
    scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
    asyncio.run(asyncio.wait_for(stream(scope, receive, send), 5))

    assert made == [0, 1]
    assert all(message.get("more_body", True) for message in sent)


def test_calls_under_no_agreement_are_bounded_too(house: House) -> None:
    """Sixty a minute of one partner: what no agreement limits could be asked for ever."""
    harbour = house.harbour()
    answers = [harbour.ask(agreement="none-of-ours", fields=["age"]).status_code for _ in range(61)]

    assert answers == [403] * 60 + [429]

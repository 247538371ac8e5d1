"""How much may a partner ask? Judged in the append transaction, recorded once a window."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hours import Clock
from house import CASEWORKER, House, confirming, make_template, open_house, republish

from gateway.background.sweeping import sweep_once

HARBOUR = "northmoor-harbour-tenancies"
LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"
PEOPLE = [("1000042", "Adeyemi"), ("1000043", "Price"), ("1000051", "Hargreaves"), ("1000061", "Rahman")]


@pytest.fixture
def council_directory(either_directory: Path) -> Path:
    """Of either database."""
    return either_directory


def limit(house: House, text: str) -> None:
    republish(house, HARBOUR, (LIMITS, f"limits: {{{text}, batch: 1}}"))


def subject(number: int) -> dict[str, object]:
    ref, surname = PEOPLE[number]
    return {"account_ref": ref, "confirm": confirming(ref, surname)}


def test_what_is_left_is_told_with_each_answer(house: House) -> None:
    limit(house, "per_minute: 3, subjects_per_day: 2")

    answer = house.harbour().ask(subject(0), fields=["age"])

    assert answer.headers["ratelimit-policy"] == '"per_minute";q=3;w=60, "subjects_per_day";q=2;w=86400'
    assert answer.headers["ratelimit"].startswith('"per_minute";r=2;t=60, "subjects_per_day";r=1;t=')


def test_calls_over_the_minutes_limit_are_refused_before_their_body_is_read(house: House) -> None:
    """The first refusal is an entry; those in between cost no write; one more entry holds the count."""
    limit(house, "per_minute: 2")
    harbour = house.harbour()
    for _ in range(2):
        assert harbour.ask(subject(0), fields=["age"]).status_code == 200

    first = harbour.ask(subject(0), fields=["age"])
    entries = len(house.entries())
    malformed = harbour.call("POST", "/v1/disclosures", b"not even JSON")

    assert (first.status_code, first.json()["code"], first.headers["retry-after"]) == (429, "limit_reached", "60")
    assert malformed.status_code == 429
    assert malformed.json()["urgent_contact"] == "+44 113 496 0000"
    assert len(house.entries()) == entries
    house.clock.move(seconds=61)
    asyncio.run(sweep_of(house))
    truth = house.last()
    assert truth["entry"]["kind"] == "refusal"
    assert truth["facts"] == {"limit": "per_minute", "window": truth["facts"]["window"], "refused": 1}
    assert {len(entry["_sd"]) for entry in house.entries("refusal")} == {10}
    house.clock.move(seconds=60)
    assert house.harbour().ask(subject(0), fields=["age"]).status_code == 200


async def sweep_of(house: House) -> None:
    """Sweep on the gateway's own loop."""
    wiring = house.wiring
    await asyncio.to_thread(house.http.portal.call, sweep_once, wiring.services, wiring.early_limits)


def test_subjects_a_day_counts_persons_not_calls(house: House) -> None:
    limit(house, "subjects_per_day: 2")
    harbour = house.harbour()
    statuses = [harbour.ask(subject(number), fields=["age"]).status_code for number in (0, 0, 1, 2, 0)]

    assert statuses == [200, 200, 200, 429, 200]


def test_one_person_may_be_asked_for_so_often_a_day(house: House) -> None:
    limit(house, "same_subject_per_day: 2")
    harbour = house.harbour()
    statuses = [harbour.ask(subject(0), fields=["age"]).status_code for _ in range(3)]
    house.clock.move(days=1)

    assert statuses == [200, 200, 429]
    assert house.harbour().ask(subject(0), fields=["age"]).status_code == 200


def test_the_day_of_a_limit_is_londons(tmp_path: Path) -> None:
    """In summer time the day turns at 23:00 UTC."""
    clock = Clock(datetime(2027, 1, 10, 12, tzinfo=UTC))
    with open_house(make_template(tmp_path / "council", clock=clock), clock=clock) as house:
        house.clock.at = datetime(2027, 3, 28, 22, 59, tzinfo=UTC)  # the clocks went forward that morning
        limit(house, "same_subject_per_day: 1")
        assert house.harbour().ask(subject(0), fields=["age"]).status_code == 200
        assert house.harbour().ask(subject(0), fields=["age"]).status_code == 429
        house.clock.move(minutes=1)
        assert house.harbour().ask(subject(0), fields=["age"]).status_code == 200


def test_an_emergency_waives_the_limits_of_a_day_and_not_of_a_minute(house: House) -> None:
    limit(house, "per_minute: 3, same_subject_per_day: 1")
    harbour = house.harbour()
    emergency = {"kind": "risk_to_life", "reason": "Threat made by telephone"}
    statuses = [
        harbour.ask(subject(0), fields=["postcode"], emergency=more).status_code
        for more in (None, emergency, emergency, emergency)
    ]

    assert statuses == [200, 200, 200, 429]


def test_an_emergency_without_a_caseworker_waives_no_limit(house: House) -> None:
    republish(
        house, HARBOUR, (LIMITS, "limits: {same_subject_per_day: 1}"), ("requires: [caseworker, case_reference]\n", ""),
        ("roles: [tenancy-sustainment-officer]\n", ""),
    )  # fmt: skip
    harbour = house.harbour()
    emergency = {"kind": "risk_to_life", "reason": "Threat made by telephone"}
    statuses = [harbour.ask(subject(0), fields=["age"], caseworker=None, emergency=emergency).status_code for _ in range(2)]

    assert statuses == [200, 429]


def test_a_limit_reached_is_one_entry_a_window(house: House) -> None:
    limit(house, "same_subject_per_day: 1")
    harbour = house.harbour()
    for _ in range(4):
        harbour.ask(subject(0), fields=["age"])

    assert [entry["kind"] for entry in house.entries()][-2:] == ["disclosure", "refusal"]
    truth = house.last()
    assert truth["facts"]["limit"] == "same_subject_per_day"
    assert (truth["fields"], truth["answer"]["digest"], truth["values"]) == ({}, None, {"_sd": []})


def test_a_repeat_is_decided_again_and_not_counted_again(house: House) -> None:
    limit(house, "same_subject_per_day: 1")
    harbour = house.harbour()
    first = harbour.ask(subject(0), fields=["age"], Idempotency_Key="k-1")
    repeat = harbour.ask(subject(0), fields=["age"], Idempotency_Key="k-1")

    assert (first.status_code, repeat.status_code) == (200, 200)
    disclosures = [one.json()["disclosure"]["disclosure_id"] for one in (first, repeat)]
    assert disclosures[0] != disclosures[1]
    assert house.verify(repeat).openings["request"]["retry_of"] == disclosures[0]
    assert house.verify(first).openings["request"]["retry_of"] is None


def test_a_call_is_repeated_ten_times_a_day_at_most(house: House) -> None:
    harbour = house.harbour()
    statuses = [harbour.ask(subject(0), fields=["age"], Idempotency_Key="k-1").status_code for _ in range(12)]

    assert statuses == [200] * 11 + [429]
    truth = house.last()
    assert truth["facts"]["limit"] == "repeats_per_day"
    assert truth["request"]["retry_of"] == house.entries("disclosure")[0]["id"]


def test_an_emergency_waives_nothing_where_no_line_opens_in_one(house: House) -> None:
    worker = {"id": "s1", "name": "Sam Field", "role": "admissions-officer"}
    emergency = {"kind": "public_health", "reason": "Measles at the school"}
    aire = house.aire()

    without = aire.ask(subject(0), fields=["surname"], caseworker=worker, emergency=emergency, case_reference=None)
    statuses = [
        aire.ask(subject(1), fields=["surname"], caseworker=worker, emergency=emergency).status_code for _ in range(5)
    ]

    assert without.json()["disclosure"]["withheld"][0]["reason"] == "case_reference_needed"
    assert statuses == [200, 200, 200, 429, 429]


def test_a_key_with_another_body_is_refused(house: House) -> None:
    harbour = house.harbour()
    harbour.ask(subject(0), fields=["age"], Idempotency_Key="k-1")
    before = len(house.entries())

    other = harbour.ask(subject(1), fields=["age"], Idempotency_Key="k-1")

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(house.entries()) == before


def test_a_key_is_free_again_after_a_day(house: House) -> None:
    harbour = house.harbour()
    harbour.ask(subject(0), fields=["age"], Idempotency_Key="k-1")
    house.clock.move(hours=24, seconds=1)

    answer = house.harbour().ask(subject(1), fields=["age"], Idempotency_Key="k-1")

    assert house.verify(answer).openings["request"]["retry_of"] is None


def test_one_partners_key_is_not_anothers(house: House) -> None:
    house.harbour().ask(subject(0), fields=["age"], Idempotency_Key="k-1")
    worker = {"id": "n1", "name": "Nell Ward", "role": "discharge-coordinator"}

    answer = house.calder().ask(subject(0), fields=["full_name"], caseworker=worker, Idempotency_Key="k-1")

    assert answer.status_code == 200


def test_a_clock_that_is_put_back_makes_no_swept_proof_good_again(house: House) -> None:
    """A clock runs ahead, the broom comes, the clock is put right: a gateway that starts anew reads what was used."""
    harbour = house.harbour()
    headers = {**harbour.headers("POST", "/v1/disclosures"), "Content-Type": "application/json"}
    body = json.dumps({"subject": subject(0), "case_reference": "HH-1", "caseworker": CASEWORKER, "fields": ["age"]})
    assert house.http.post("/v1/disclosures", content=body, headers=headers).status_code == 200
    house.clock.move(minutes=5)
    asyncio.run(sweep_of(house))
    house.clock.move(minutes=-5)

    with open_house(house.directory, clock=house.clock) as again:
        answer = again.http.post("/v1/disclosures", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "proof_replayed")


def test_what_no_longer_counts_is_dropped(house: House) -> None:
    limit(house, "per_minute: 9, same_subject_per_day: 9")
    house.harbour().ask(subject(0), fields=["age"], Idempotency_Key="k-1")
    house.clock.move(days=2)
    house.append(house.changes().tokens.revoke("t", client_id="c", by="test"))  # the log comes so far, too
    asyncio.run(sweep_of(house))

    assert [house.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("used_once", "idempotency", "usage")] == [
        1,
        0,
        0,
    ]


def test_the_newest_row_of_names_that_count_once_stays(house: House) -> None:
    """The next one's number follows from it: begun anew at 1, a row would be behind what other writers have read."""
    house.harbour().ask(subject(0), fields=["age"])
    newest = house.rows("SELECT max(number) FROM used_once")
    assert newest[0][0] > 1
    house.clock.move(days=2)
    house.append(house.changes().tokens.revoke("t", client_id="c", by="test"))
    asyncio.run(sweep_of(house))

    assert house.rows("SELECT number FROM used_once") == newest


def test_a_clock_that_ran_past_midnight_and_was_put_back_has_forgotten_no_misses(house: House) -> None:
    """Else who sets the clock lifts every lock of the day, and no entry says so."""
    house.clock.move(hours=10, minutes=30)
    wrong = {**subject(0), "confirm": {**subject(0)["confirm"], "surname": "Nobody"}}
    assert [house.harbour().ask(wrong, fields=["age"]).status_code for _ in range(6)] == [200] * 5 + [429]
    house.clock.move(hours=2)
    asyncio.run(sweep_of(house))
    house.clock.move(hours=-2)

    assert house.harbour().ask(wrong, fields=["age"]).status_code == 429

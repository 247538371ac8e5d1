"""Is every way to guess bounded, and does help get through a lock? By key, person, caseworker and client."""

from __future__ import annotations

import csv
import json
from typing import Any

import orjson
import pytest
from house import CASEWORKER, HARBOUR, Caller, House, republish, withheld
from httpx2 import Response
from typer.testing import CliRunner

from audit.checking.verify import is_complete, verify_answers
from gateway.cli import make_app
from gateway.store import locks

RIDINGS = "northmoor-ridings-placements"
EMERGENCY = {"kind": "risk_to_life", "reason": "Gas leak reported by telephone"}
LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"


class Child:
    """A child whom the export holds by two keys."""

    def __init__(self, house: House) -> None:
        (file,) = (house.directory / "903").glob("header-*.csv")
        with file.open(encoding="utf-8-sig") as opened:
            row = next(csv.DictReader(opened))
        day, month, year = row["DOB"].split("/")
        self.keys = {"child": row["CHILD"], "upn": row["UPN"]}
        self.confirm = {"surname": row["SURNAME"].strip(), "dob": f"{year}-{month}-{day}"}
        self.caller = house.caller("ridings-analysis").get_token(RIDINGS)

    def ask(self, key: str, **wrong: str) -> Response:
        subject = {key: self.keys[key], "confirm": {**self.confirm, **wrong}}
        return self.caller.ask(subject, fields=["child"], caseworker=None)


@pytest.fixture
def child(house: House) -> Child:
    return Child(house)


def identity(answer: Response) -> str:
    return str(answer.json()["disclosure"]["identity"])


def stile(house: House, *words: str) -> Any:
    whole = [*words, "--dir", str(house.directory)]
    return CliRunner().invoke(make_app(whole), whole)


def shown(house: House, *more: str) -> list[dict[str, Any]]:
    done = stile(house, "misses", "show", "--json", *more)
    assert done.exit_code == 0, done.output
    return list(json.loads(done.output)["locks"])


def guess(caller: Caller, number: int, **members: Any) -> Response:
    """Ask about somebody of the demo by wrong details, each time by another key."""
    return caller.ask(okafor("1970-01-01", account_ref=str(8_000_000 + number)), fields=["age"], **members)


# -- what has no shape is no guess


def okafor(born: str, surname: str = "Okafor", **key: str) -> dict[str, Any]:
    return {**(key or {"account_ref": "1000042"}), "confirm": {"surname": surname, "date_of_birth": born}}


MISFITS = [
    *(
        (okafor(born), "subject.confirm.date_of_birth is not a date")
        for born in ("14.2.1985", "14 February 1985", "02-14-1985", "85-02-14", "1985", "-")
    ),
    (okafor("1985-02-30"), "subject.confirm.date_of_birth is no day of the calendar"),
    (okafor("1985-02-14", surname="..."), "subject.confirm.surname is not a name"),
    (okafor("1985-02-14", uprn="R12"), "subject.uprn is not a UPRN"),
]


@pytest.mark.parametrize(("subject", "told"), MISFITS, ids=[str(number) for number in range(len(MISFITS))])
def test_what_does_not_fit_its_type_is_told_and_not_counted(house: House, subject: dict[str, Any], told: str) -> None:
    harbour, before = house.harbour(), len(house.entries())

    answers = [harbour.ask(subject, fields=["age"]) for _ in range(6)]

    assert {(one.status_code, one.json()["code"]) for one in answers} == {(400, "request_malformed")}
    assert told in answers[0].json()["detail"]
    values = [subject.get("uprn"), *subject["confirm"].values()]
    assert not [one for one in values if one and len(one) > 2 and one in answers[0].json()["detail"]]
    assert len(house.entries()) == before
    assert house.rows("SELECT name FROM usage WHERE name LIKE '%miss%'") == []
    assert harbour.ask(fields=["age"]).json()["disclosure"]["identity"] == "confirmed"


def test_what_fits_and_is_nobodys_is_a_miss(house: House) -> None:
    answer = house.harbour().ask(okafor("1985-02-15"), fields=["age"])

    assert (answer.status_code, identity(answer)) == (200, "not_confirmed")
    assert house.rows("SELECT count FROM usage WHERE name LIKE 'miss/%'") == [(1,)]


PEOPLE = [
    {"ref": "a", **okafor("1985-02-14", surname="Adeyemi")},
    {"ref": "b", **okafor("30.11.1961", surname="Price", account_ref="1000043")},
    {"ref": "c", **okafor("1961-11-30", surname="Price", account_ref="1000043")},
    {"ref": "d", **okafor("1952-06-05", surname="?", account_ref="1000051")},
]


def ask_many(house: House, people: list[dict[str, Any]], **headers: str) -> Response:
    body = {"subjects": people, "case_reference": "HH-1", "caseworker": CASEWORKER, "fields": ["age"]}
    return house.harbour().call("POST", "/v1/disclosures", body, **headers)


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_of_many_the_malformed_lines_alone_fail(house: House, accept: str) -> None:
    answer = ask_many(house, PEOPLE, Accept=accept)

    lines = [orjson.loads(one) for one in answer.content.splitlines()]
    lines = lines if accept.endswith("ndjson") else [*lines[0]["lines"], {"end": lines[0]["end"]}]
    refused = {one["ref"]: one["problem"] for one in lines if "problem" in one}
    answered = {one["ref"]: one["disclosure"]["identity"] for one in lines if "disclosure" in one}
    assert answer.status_code == 200
    assert {ref: problem["code"] for ref, problem in refused.items()} == dict.fromkeys("bd", "request_malformed")
    assert refused["b"]["detail"].startswith("subjects[1].confirm.date_of_birth is not a date")
    assert refused["d"]["detail"].startswith("subjects[3].confirm.surname is not a name")
    assert answered == dict.fromkeys("ac", "confirmed")
    assert lines[-1]["end"] == {"lines": 2, "chunks": 1, "outcomes": {"full": 2}, "refused": 2}
    assert [one.ref for one in verify_answers(answer.content, vkey=house.vkey)] == ["a", "c"]
    assert is_complete(answer.content)


def test_an_answer_that_lacks_a_refused_line_is_not_complete(house: House) -> None:
    raw = ask_many(house, PEOPLE, Accept="application/x-ndjson").content
    kept = b"".join(one for one in raw.splitlines(keepends=True) if b'"ref":"b"' not in one)

    assert is_complete(raw)
    assert not is_complete(kept)


def test_where_all_lines_are_malformed_the_call_is(house: House) -> None:
    before = len(house.entries())

    answer = ask_many(house, [PEOPLE[1], PEOPLE[3]])

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    assert answer.json()["detail"].startswith("subjects[0].confirm.date_of_birth is not a date")
    assert len(house.entries()) == before


# -- the keys of one person


def _but_ids(answer: Response) -> Any:
    body = answer.json()["disclosure"]
    for name in ("disclosure_id", "decided_at"):
        del body[name]
    openings = answer.json()["receipt"]["openings"]
    headers = {name for name in answer.headers if name != "x-request-id"}
    return answer.status_code, body, sorted(openings), {name: len(one) for name, one in openings.items()}, headers


def test_five_misses_by_one_key_lock_a_persons_other_key_without_a_word(house: House, child: Child) -> None:
    """The key itself is 429; by the other the person is not confirmed, whether or not the details are right."""
    for day in range(1, 6):
        assert identity(child.ask("child", dob=f"1999-01-0{day}")) == "not_confirmed"

    by_key, right, wrong = child.ask("child"), child.ask("upn"), child.ask("upn", dob="1999-02-01")

    assert (by_key.status_code, by_key.json()["code"], by_key.json()["limit"]) == (429, "too_many_misses", "misses_per_day")
    assert _but_ids(right) == _but_ids(wrong)
    assert identity(right) == "not_confirmed"
    found = [house.truth(one)["0/facts"]["match"] for one in house.entries("disclosure")[-2:]]
    assert found == ["too_many_misses", "mismatch"]


def test_right_and_wrong_details_count_alike_for_a_locked_person(house: House, child: Child) -> None:
    for day in range(1, 6):
        child.ask("child", dob=f"1999-01-0{day}")

    statuses = [child.ask("upn").status_code for _ in range(7)]

    assert statuses == [200] * 5 + [429] * 2


def test_misses_by_both_keys_fill_one_cup(child: Child) -> None:
    for day in range(1, 4):
        child.ask("child", dob=f"1999-01-0{day}")
    for day in range(1, 3):
        child.ask("upn", dob=f"1999-01-0{day}")

    assert [identity(child.ask(key)) for key in ("child", "upn")] == ["not_confirmed"] * 2


def test_four_misses_lock_nobody(child: Child) -> None:
    for day in range(1, 5):
        child.ask("child", dob=f"1999-01-0{day}")

    assert [identity(child.ask(key)) for key in ("upn", "child")] == ["confirmed"] * 2


def test_of_many_in_one_call_a_person_is_locked_by_the_lines_before(house: House, child: Child) -> None:
    """What the first lines count is judged for those behind them, in the same transaction."""
    wrong = [
        {"ref": f"r{day}", "child": child.keys["child"], "confirm": {**child.confirm, "dob": f"1999-01-0{day}"}}
        for day in range(1, 6)
    ]
    right = {"ref": "right", "upn": child.keys["upn"], "confirm": child.confirm}
    body = {"subjects": [*wrong, right], "case_reference": "R-1", "fields": ["child"]}

    answer = child.caller.call("POST", "/v1/disclosures", body)

    said = {one["ref"]: one["disclosure"] for one in answer.json()["lines"] if "ref" in one}
    assert said["right"]["identity"] == "not_confirmed"
    assert said["right"]["record"]["fields"] == {}
    assert len(verify_answers(answer.content, vkey=house.vkey)) == 6


def test_guesses_at_a_place_lock_nobody_by_another_key(house: House) -> None:
    """Else a guess at where somebody lives would show in whether they are found by their account."""
    harbour = house.harbour()
    for day in range(1, 6):
        place = {"uprn": "900000000042", "confirm": {"surname": "Okafor", "date_of_birth": f"1990-01-0{day}"}}
        harbour.ask(place, fields=["age"])

    assert identity(harbour.ask(fields=["age"])) == "confirmed"


def test_a_lock_ends_with_the_day(house: House, child: Child) -> None:
    for day in range(1, 6):
        child.ask("child", dob=f"1999-01-0{day}")
    house.clock.move(days=1)

    again = Child(house)

    assert [identity(again.ask(key)) for key in ("child", "upn")] == ["confirmed"] * 2


# -- caseworkers and clients


def test_the_twenty_first_miss_of_a_caseworker_is_refused(house: House) -> None:
    harbour = house.harbour()
    statuses = [guess(harbour, number).status_code for number in range(22)]

    assert statuses == [200] * 20 + [429] * 2
    refused = harbour.ask(fields=["age"])
    assert (refused.json()["code"], refused.json()["limit"]) == ("too_many_misses", "caseworker_misses_per_day")
    another = harbour.ask(fields=["age"], caseworker={**CASEWORKER, "id": "mk02"})
    assert identity(another) == "confirmed"


def test_however_a_caseworker_is_typed_the_count_is_one(house: House) -> None:
    harbour = house.harbour()
    names = ("jb17", "JB17", "jb17 ", "\uff4a\uff4217")
    statuses = [
        guess(harbour, number, caseworker={**CASEWORKER, "id": names[number % 4]}).status_code for number in range(21)
    ]

    assert statuses == [200] * 20 + [429]


def test_in_a_batch_the_lines_beyond_a_caseworkers_misses_say_nothing(house: House) -> None:
    people = [{"ref": f"r{n}", **okafor("1970-01-01", account_ref=str(8_000_000 + n))} for n in range(20)]
    known = {"ref": "known", **okafor("1961-11-30", surname="Price", account_ref="1000043")}

    answer = ask_many(house, [*people, known])

    said = {one["ref"]: one["disclosure"] for one in answer.json()["lines"] if "ref" in one}
    reasons = {ref: {one["reason"] for one in told["withheld"]} for ref, told in said.items()}
    assert reasons["r19"] == {"not_available"}
    assert reasons["known"] == {"limit_reached"}
    assert said["known"]["identity"] == "not_confirmed"


def alarms(house: House) -> float:
    return float(house.wiring.telemetry.registry.get_sample_value("stile_misses_alarms_total") or 0)


class Told:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def error(self, event: str, **members: Any) -> None:
        self.lines.append({"event": event, **members})


def test_many_misses_of_a_client_are_an_alarm_and_no_stop(house: House) -> None:
    """At twenty, and each time that they have doubled; the line names the client and the count, and nobody."""
    house.wiring.telemetry.logger = told = Told()
    harbour = house.harbour()
    for number in range(41):
        worker = {**CASEWORKER, "id": f"w{number // 10}"}
        assert guess(harbour, number, caseworker=worker).status_code == 200

    counts = [(one["event"], one["client_id"], one["count"]) for one in told.lines]
    assert counts == [("many_misses", HARBOUR.client_id, 20), ("many_misses", HARBOUR.client_id, 40)]
    assert {tuple(one) for one in told.lines} == {("event", "client_id", "count", "request_id")}
    assert alarms(house) == 2


def test_where_the_agreement_says_so_a_clients_misses_stop_it(house: House) -> None:
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {misses_per_day: 3, batch: 200}"))
    harbour = house.harbour()
    for number in range(3):
        assert guess(harbour, number).status_code == 200

    refused = harbour.ask(fields=["age"], caseworker={**CASEWORKER, "id": "mk02"})

    assert (refused.status_code, refused.json()["limit"]) == (429, "client_misses_per_day")
    assert alarms(house) == 1
    assert [one["kind"] for one in shown(house)] == ["client"]


# -- emergencies


def test_an_emergency_has_five_more_tries_at_a_locked_key(house: House) -> None:
    harbour = house.harbour()
    wrong = okafor("1985-02-15")
    for _ in range(5):
        harbour.ask(wrong, fields=["postcode"])
    assert harbour.ask(fields=["postcode"]).status_code == 429

    tries = [harbour.ask(wrong, fields=["postcode"], emergency=EMERGENCY) for _ in range(4)]
    found = harbour.ask(fields=["postcode"], emergency=EMERGENCY)
    last = [harbour.ask(wrong, fields=["postcode"], emergency=EMERGENCY).status_code for _ in range(2)]

    assert [one.status_code for one in tries] == [200] * 4
    assert identity(found) == "confirmed"
    assert last == [200, 429]
    assert harbour.ask(fields=["postcode"]).status_code == 429


# -- seeing and lifting


def test_locks_are_shown_for_whom_and_until_when_and_never_about_whom(house: House) -> None:
    harbour = house.harbour()
    for _ in range(5):
        harbour.ask(okafor("1985-02-15"), fields=["age"])
    for number in range(15):
        guess(harbour, number)

    found = shown(house)
    text = stile(house, "misses", "show").output

    assert sorted(one["kind"] for one in found) == ["caseworker", "key", "person", "person"]
    assert {one["partner"] for one in found} == {HARBOUR.partner_id}
    assert [one["caseworker"] for one in found if one["kind"] == "caseworker"] == ["jb17"]
    assert all(one["until"].endswith("Z") for one in found)
    for secret in ("1000042", "P0000042", "Okafor"):
        assert secret not in json.dumps(found) + text
    assert shown(house, "--dataset", "council-tax", "--key", "account_ref=1000042") == [
        one for one in found if one["kind"] == "key"
    ]
    assert shown(house, "--dataset", "council-tax", "--key", "account_ref=1000043") == []


def test_what_is_lifted_counts_no_more_and_is_an_entry(house: House, child: Child) -> None:
    for day in range(1, 6):
        child.ask("child", dob=f"1999-01-0{day}")
    (lock,) = [one for one in shown(house) if one["kind"] == "key"]

    done = stile(house, "misses", "lift", lock["lock"], "--reason", "The form held a wrong date")

    assert done.exit_code == 0, done.output
    entry = house.entries("misses.lifted")[-1]
    truth = house.truth(entry)
    assert truth["what"] == {**lock, "reason": "The form held a wrong date"}
    assert truth["who"]["by"].startswith("operator:")
    assert [identity(child.ask(key)) for key in ("child", "upn")] == ["confirmed"] * 2
    assert shown(house) == []


def test_lifting_a_persons_lock_opens_all_their_keys(house: House, child: Child) -> None:
    for day in range(1, 6):
        child.ask("child", dob=f"1999-01-0{day}")
    (lock,) = [one for one in shown(house) if one["kind"] == "person"]

    assert stile(house, "misses", "lift", lock["lock"]).exit_code == 0

    assert [identity(child.ask(key)) for key in ("child", "upn")] == ["confirmed"] * 2


def test_what_is_not_locked_can_not_be_lifted(house: House) -> None:
    before = len(house.entries())

    done = stile(house, "misses", "lift", "0123456789ab")

    assert done.exit_code == 1
    assert "nothing is locked now" in done.output
    assert len(house.entries()) == before


def test_the_control_api_shows_and_lifts(house: House) -> None:
    harbour, dpo = house.harbour(), house.dpo()
    for number in range(20):
        guess(harbour, number)

    (lock,) = dpo.call("GET", "/control/v1/misses").json()["locks"]
    lifted = dpo.call("POST", f"/control/v1/misses/{lock['lock']}/lifting", {"reason": "A training day"})
    again = dpo.call("POST", f"/control/v1/misses/{lock['lock']}/lifting", {"reason": "A training day"})

    assert (lock["kind"], lock["caseworker"]) == ("caseworker", "jb17")
    assert lifted.status_code == 201
    assert house.truth(house.entries("misses.lifted")[-1])["who"] == {"by": "northmoor-dpo"}
    assert again.status_code == 409
    assert identity(harbour.ask(fields=["age"])) == "confirmed"


def test_a_partner_neither_sees_nor_lifts(house: House) -> None:
    harbour = house.harbour()

    assert harbour.call("GET", "/control/v1/misses").status_code == 401
    assert harbour.call("POST", "/control/v1/misses/0123456789ab/lifting", {"reason": "x"}).status_code == 401


def test_a_lock_of_today_is_named_by_another_word_tomorrow() -> None:
    today, tomorrow = (
        locks.Lock(locks.LockKind.KEY, "miss/p/00", day, 5, partner="p", ref="00") for day in ("2026-11-30", "2026-12-01")
    )

    assert today.id != tomorrow.id


def test_a_withheld_field_of_a_locked_person_has_the_one_public_reason(child: Child) -> None:
    for day in range(1, 6):
        child.ask("child", dob=f"1999-01-0{day}")

    assert withheld(child.ask("upn")) == {"child": "not_available"}

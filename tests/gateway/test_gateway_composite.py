"""Is somebody asked about by a composite key: in which form, what is told of a slip, and what does a miss count for?"""

from __future__ import annotations

import copy
import json
from typing import Any

import pysqlite3
import pytest
from house import AIRE, HARBOUR, Caller, House, released, republish
from httpx2 import Response
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.store import locks

GRACE = {"full_name": "Grace Okafor", "date_of_birth": "1985-02-14", "postcode": "LS1 4AB"}
NINA = {"full_name": "Nina Walsh", "date_of_birth": "1994-12-11", "postcode": "LS7 2DQ"}
OFFICER = {"id": "pm4", "name": "Pat Moss", "role": "admissions-officer"}
LIMITS = "limits: {per_minute: 30, subjects_per_day: 300, same_subject_per_day: 3, batch: 100}"


def ask(caller: Caller, person: Any, **members: Any) -> Response:
    return caller.ask({"person": person}, caseworker=OFFICER, **members)


def identity(answer: Response) -> str:
    return str(answer.json()["disclosure"]["identity"])


@pytest.fixture
def aire(house: House) -> Caller:
    """Return the academies' system, which may have a postcode in full, and so may name people by it."""
    return house.aire()


# -- found


@pytest.mark.parametrize(
    "spelt",
    [
        {},
        {"full_name": " grace  OKAFOR ", "postcode": "ls14ab"},
        {"full_name": "Mrs Grace Okafor", "date_of_birth": "1985-2-14"} | {"date_of_birth": "1985-02-14"},
        {"full_name": "Grace Adeyemi"},
    ],
    ids=["as it stands", "in other letters", "with a title", "by a former name"],
)
def test_somebody_is_named_by_all_details_of_a_composite_key(house: House, aire: Caller, spelt: dict[str, str]) -> None:
    answer = ask(aire, {**GRACE, **spelt}, fields=["surname", "postcode"])

    assert (answer.status_code, identity(answer)) == (200, "confirmed")
    assert released(answer) == {"surname": "Okafor", "postcode": "LS1 4AB"}
    house.verify(answer)
    facts = house.last()["facts"]
    assert (facts["match"], facts["key"], facts["confirmed_by"]) == (
        "confirmed",
        "person",
        ["date_of_birth", "full_name", "postcode"],
    )


def test_the_reference_in_the_log_is_that_of_whoever_was_found(house: House, aire: Caller) -> None:
    ask(aire, GRACE, fields=["surname"])
    by_all = house.last()["subject"]
    aire.ask(
        {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}},
        fields=["surname"],
        caseworker=OFFICER,
    )

    assert house.last()["subject"] == by_all


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"full_name": "Grace Okafo"}, "mismatch"),
        ({"date_of_birth": "1985-02-15"}, "nobody"),
        ({"postcode": "LS1 4AD"}, "nobody"),
    ],
)
def test_what_does_not_fit_is_not_confirmed_whichever_it_is(
    house: House, aire: Caller, wrong: dict[str, str], match: str
) -> None:
    nobody = ask(aire, {**GRACE, "full_name": "Nobody", "date_of_birth": "1901-01-01"}, fields=["surname"])
    answer = ask(aire, {**GRACE, **wrong}, fields=["surname"])

    assert told(answer) == told(nobody)
    assert house.last()["facts"]["match"] == match


def told(answer: Response) -> Any:
    """Return status, headers and answer, but for ids, time, salts, proof and what is left of a limit."""
    body = copy.deepcopy(answer.json())
    body["disclosure"].pop("disclosure_id")
    body["disclosure"].pop("decided_at")
    receipt = body.pop("receipt")
    sizes = {name: len(str(value)) for name, value in receipt.items() if name in {"openings", "seed"}}
    headers = {name for name in answer.headers if name.lower() != "date"}
    return answer.status_code, headers, body, sorted(receipt), sizes


def test_whom_a_marker_protects_is_as_if_not_there(house: House, aire: Caller) -> None:
    """Her own details, all of them right, and her postcode among them: the answer is that of somebody whom nobody knows."""
    nobody = ask(aire, {**NINA, "full_name": "Nobody Known"}, fields=["surname"])
    protected = ask(aire, NINA, fields=["surname"])

    assert identity(protected) == "not_confirmed"
    assert told(protected) == told(nobody)
    assert house.last()["facts"]["match"] == "protected_by_place"


def test_two_who_fit_are_not_told_from_nobody(house: House, aire: Caller) -> None:
    connection = pysqlite3.connect(str(house.directory / "revenues.sqlite"))
    connection.execute("UPDATE ctaccount SET lead_liab_forename = 'AISHA' WHERE account_ref = '1000062'")
    connection.commit()
    connection.close()
    twins = {"full_name": "Aisha Rahman", "date_of_birth": "1999-03-21", "postcode": "LS6 3QN"}

    answer = ask(aire, twins, fields=["surname"])

    assert told(answer) == told(ask(aire, {**twins, "full_name": "Nobody"}, fields=["surname"]))
    assert identity(answer) == "not_confirmed"


def test_matching_and_verifying_go_by_it_too(house: House) -> None:
    aire = house.caller(AIRE.client_id).get_token(AIRE.agreement, actions=["match", "verify"])

    matched = ask(aire, GRACE, action="match")
    verified = ask(aire, GRACE, action="verify", claims={"surname": "Okafor"})

    assert (identity(matched), identity(verified)) == ("confirmed", "confirmed")
    assert released(verified) == {"surname": "yes"}


# -- its form

FORMS = [
    ({"person": "Grace Okafor"}, "subject.person: person is an object of full_name, date_of_birth, postcode"),
    ({"person": {}}, "subject.person: name each detail of the key once"),
    ({"person": GRACE, "confirm": {"surname": "Okafor"}}, "subject.confirm: person is given as an object"),
    ({"person": GRACE, "confirm": {}}, "subject.confirm: person is given as an object"),
    (
        {"person": {name: text for name, text in GRACE.items() if name != "postcode"}},
        "subject.person.postcode is missing: person is an object of full_name, date_of_birth, postcode",
    ),
    ({"person": {**GRACE, "uprn": "900000000042"}}, "subject.person.uprn is no detail of this key"),
    ({"person": {**GRACE, "date_of_birth": "14/02/1985"}}, "subject.person.date_of_birth is not a date"),
    ({"person": {**GRACE, "date_of_birth": "1985-02-30"}}, "subject.person.date_of_birth is no day of the calendar"),
    ({"person": {**GRACE, "postcode": "LS1"}}, "subject.person.postcode is not a postcode"),
    ({"person": {**GRACE, "full_name": "..."}}, "subject.person.full_name is not a name"),
    ({"person": {**GRACE, "full_name": ""}}, "subject.person.full_name: 1 to 200 characters"),
    ({"person": {**GRACE, "full_name": ["Grace"]}}, "subject.person.full_name: keys and details are strings"),
    ({"person": {**GRACE, "full_name": {"is": "Grace"}}}, "subject.person.full_name: keys and details are strings"),
    ({"person": {f"d{n}": "x" for n in range(17)}}, "subject.person: name each detail of the key once"),
    ({"person": GRACE, "account_ref": "1000042"}, "subject: give one key"),
    ({"account_ref": {"surname": "Okafor"}}, "subject.account_ref: this key is one string, and details go into confirm"),
]


@pytest.mark.parametrize(("subject", "words"), FORMS)
def test_a_slip_of_form_is_told_by_its_member(house: House, aire: Caller, subject: dict[str, Any], words: str) -> None:
    """Before anybody is looked for, and no miss: it tells nothing about a person."""
    before = len(house.entries())

    answer = aire.ask(subject, fields=["surname"], caseworker=OFFICER)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    assert answer.json()["detail"].startswith(words)
    assert "Okafor" not in answer.text
    assert len(house.entries()) == before


def test_it_names_somebody_only_where_a_line_can_release_the_place(house: House) -> None:
    """Harbour may have a sector, and the whole in an emergency alone: a yes to a guess at it would tell more."""
    urgent = {"emergency": {"kind": "risk_to_life", "reason": "Threat made by telephone"}}
    answer = house.harbour().ask({"person": GRACE}, fields=["age"])
    in_emergency = house.harbour().ask({"person": GRACE}, fields=["age"], **urgent)

    assert (answer.status_code, identity(answer)) == (403, "not_confirmed")
    assert answer.json()["detail"].startswith("subject.person.postcode: this agreement lets nobody be named by it")
    assert (in_emergency.status_code, identity(in_emergency)) == (200, "confirmed")


# -- many


def test_many_are_named_in_either_form_in_one_call(house: House, aire: Caller) -> None:
    alan = {"account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}}
    subjects = [
        {"ref": "a", "person": GRACE},
        {"ref": "b", **alan},
        {"ref": "c", "person": NINA},
        {"ref": "d", "person": {**GRACE, "full_name": "Grace Price"}},
        {"ref": "e", "person": {**GRACE, "date_of_birth": "14.2.1985"}},
    ]

    answer = aire.call("POST", "/v1/disclosures", many(subjects))

    lines = {one["ref"]: one for one in answer.json()["lines"] if "ref" in one}
    assert [lines[ref]["disclosure"]["identity"] for ref in "abcd"] == [
        "confirmed",
        "confirmed",
        "not_confirmed",
        "not_confirmed",
    ]
    assert lines["e"]["problem"]["detail"].startswith("subjects[4].person.date_of_birth is not a date")


def many(subjects: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    return {"subjects": subjects, "fields": ["surname"], "case_reference": "A-1", "caseworker": OFFICER, **members}


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({**GRACE, "full_name": "GRACE OKAFOR", "postcode": "LS14AB"}, "subjects[1] may be the person of subjects[0]"),
        ({**GRACE, "uprn": "1"}, "subjects[1].person.uprn is no detail of this key"),
        ("Grace", "subjects[1].person: person is an object"),
    ],
)
def test_many_are_refused_as_a_whole_for_a_slip_that_no_line_can_tell(aire: Caller, second: Any, words: str) -> None:
    answer = aire.call("POST", "/v1/disclosures", many([{"ref": "a", "person": GRACE}, {"ref": "b", "person": second}]))

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(words)


# -- misses


def missing(caller: Caller, number: int = 0, **wrong: str) -> Response:
    return ask(caller, {**GRACE, "full_name": "Grace Nobody", **wrong}, fields=["surname"])


SPELLINGS = [
    {},
    {"full_name": "GRACE NOBODY"},
    {"postcode": "ls14ab"},
    {"full_name": "Ms Grace Nobody", "postcode": "LS1-4AB"},
    {"full_name": " grace  nobody"},
]


def test_all_spellings_of_one_person_share_one_count(house: House, aire: Caller) -> None:
    republish(house, AIRE.agreement, (LIMITS, LIMITS.replace("same_subject_per_day: 3", "same_subject_per_day: 300")))

    answers = [missing(aire, **spelt) for spelt in SPELLINGS]
    sixth = missing(aire)
    another = missing(aire, full_name="Grace Somebody", date_of_birth="1985-02-15")

    assert [one.status_code for one in (*answers, another)] == [200] * 6
    assert (sixth.status_code, sixth.json()["code"]) == (429, "too_many_misses")


def test_misses_count_for_the_caseworker_and_not_for_whom_they_come_near(
    house: House, aire: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "MOST_OF_CASEWORKER", 7)
    answers = [
        *(missing(aire, full_name=f"Grace {name}") for name in ("Ash", "Birch", "Cedar")),
        *(missing(aire, full_name="Grace Okafor", postcode=f"LS1 4A{letter}") for letter in "DEF"),
    ]

    assert {identity(one) for one in answers} == {"not_confirmed"}
    assert identity(ask(aire, GRACE, fields=["surname"])) == "confirmed"
    assert missing(aire, full_name="Grace Ivy").status_code == 200
    assert missing(aire, full_name="Ivy Juniper", date_of_birth="1985-02-15").status_code == 429


GUESSES = {
    "full_name": ["Ann Ash", "Bea Birch", "Cy Cedar", "Di Elder", "Flo Fir", "Grace Okafor"],
    "date_of_birth": [f"1985-02-{day}" for day in (10, 11, 12, 13, 15, 14)],
    "postcode": [f"LS1 4A{letter}" for letter in "DEFGHB"],
}


@pytest.mark.parametrize("detail", GUESSES)
@pytest.mark.parametrize("as_one_call", [False, True], ids=["one by one", "in one call"])
def test_no_detail_is_guessed_by_what_is_known_of_the_others(
    aire: Caller,
    detail: str,
    as_one_call: bool,  # noqa: FBT001 -- a table's column
) -> None:
    """Whoever asks: each guess names another caseworker. The last is right, and is told nobody."""
    guesses = [{**GRACE, detail: text} for text in GUESSES[detail]]
    if as_one_call:
        lines = aire.call(
            "POST", "/v1/disclosures", many([{"ref": str(n), "person": one} for n, one in enumerate(guesses)])
        )
        last = next(one["disclosure"] for one in lines.json()["lines"] if one.get("ref") == "5")
        assert (last["identity"], {one["reason"] for one in last["withheld"]}) == ("not_confirmed", {"limit_reached"})
        return
    workers = [{**OFFICER, "id": f"pm{number}"} for number in range(6)]
    answers = [
        aire.ask({"person": one}, caseworker=worker, fields=["surname"])
        for one, worker in zip(guesses, workers, strict=True)
    ]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert (answers[5].json()["code"], answers[5].json()["limit"]) == ("too_many_misses", "misses_per_day")


def test_misses_of_several_people_lock_none_of_them(aire: Caller) -> None:
    """Six of whom no two share more than one detail, as in any list that is out of date."""
    people = [
        {"full_name": name, "date_of_birth": born, "postcode": "LS1 4AB"}
        for name, born in zip(GUESSES["full_name"], GUESSES["date_of_birth"], strict=True)
    ]

    answers = [ask(aire, one, fields=["surname"]) for one in people]

    assert [identity(one) for one in answers] == ["not_confirmed"] * 5 + ["confirmed"]


def shown(house: House, *words: str) -> tuple[int, str]:
    whole = ["misses", "show", "--json", "--dir", str(house.directory), *words]
    done = CliRunner().invoke(make_app(whole), whole)
    return done.exit_code, done.output


def test_an_operator_finds_the_lock_of_a_composite_key_by_its_details(house: House, aire: Caller) -> None:
    republish(house, AIRE.agreement, (LIMITS, LIMITS.replace("same_subject_per_day: 3", "same_subject_per_day: 300")))
    for spelt in SPELLINGS:
        missing(aire, **spelt)
    details = [f"--detail={name}={text}" for name, text in {**GRACE, "full_name": "grace nobody"}.items()]

    status, output = shown(house, "--dataset", "council-tax", "--key", "person", *details)
    other = shown(
        house,
        "--dataset",
        "council-tax",
        "--key",
        "person",
        *details[2:],
        "--detail=full_name=Ann",
        "--detail=date_of_birth=1985-02-15",
    )

    found = json.loads(output)["locks"]
    assert (status, [one["kind"] for one in found]) == (0, ["key"] * 3)
    assert [one["kind"] for one in json.loads(other[1])["locks"]] == []
    for one in found:
        done = CliRunner().invoke(
            make_app(words := ["misses", "lift", one["lock"], "--reason", "Rang", "--dir", str(house.directory)]), words
        )
        assert done.exit_code == 0, done.output
    assert missing(aire).status_code == 200


@pytest.mark.parametrize(
    ("words", "status", "told_"),
    [
        (
            ("--key", "person=Grace"),
            1,
            "the key person is named with a --detail for each of full_name, date_of_birth, postcode",
        ),
        (("--key", "person", "--detail", "postcode=LS1 4AB"), 1, "the key person is named with a --detail for each of"),
        (("--key", "uprn", "--detail", "postcode=LS1 4AB"), 1, "the key uprn is named with its value, and no --detail"),
        (("--key", "person"), 2, "give --key KEY=VALUE"),
        (("--detail", "postcode=LS1 4AB"), 2, "give --key KEY=VALUE"),
        (("--key", "person", "--detail", "postcode"), 2, "give --key KEY=VALUE"),
    ],
)
def test_a_slip_in_naming_a_lock_is_told(house: House, words: tuple[str, ...], status: int, told_: str) -> None:
    found = shown(house, "--dataset", "council-tax", *words)

    assert found[0] == status
    assert told_ in " ".join(found[1].replace("│", " ").split())


# -- a token for one person


def test_a_token_is_narrowed_to_one_person_by_a_composite_key(house: House) -> None:
    aire = house.caller(AIRE.client_id)
    aire.get_token(AIRE.agreement, subject={"person": {**GRACE, "postcode": "ls1 4ab"}})

    own, other = ask(aire, GRACE, fields=["surname"]), ask(aire, {**GRACE, "full_name": "Alan Price"}, fields=["surname"])

    assert identity(own) == "confirmed"
    assert other.status_code == 403
    assert "Okafor" not in aire.token


@pytest.mark.parametrize("subject", [{"person": {}}, {"person": {"full_name": "x"}}, {"person": {"a": "", "b": "c"}}])
def test_a_token_for_a_part_of_a_composite_key_is_refused(house: House, subject: dict[str, Any]) -> None:
    details = [{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement, "subject": subject}]

    answer = house.caller(HARBOUR.client_id).ask_token(authorization_details=json.dumps(details))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")

"""What of a record that holds groups and other people? Each person's own fields stand in a leaf of their own."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from house import GRACE, HARBOUR, House, released, republish

from audit.checking.verify import ProofError, verify_answer, verify_answers

JOINT = {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1983-09-02"}}
COUNT = "  - {fields: [occupations], as: count}\n"
ROWS = "  - {fields: [occupations], as: latest}\n  - {fields: [occupations.occupied_from], as: month}\n"
NAMES = "  - {fields: [full_name], as: full}\n"
OTHERS = NAMES + "  - {fields: [joint_full_name], as: full, of: joint}\n"
CEILING = ("  full_name: full\n", "  full_name: full\n  joint_full_name: full\n")


def republish_core(house: House, name: str, *changes: tuple[str, str]) -> int:
    version, text, _ = house.wiring.services.reader.find_text("core", name)
    for old, new in ((f"version: {version}\n", f"version: {version + 1}\n"), *changes):
        assert old in text
        text = text.replace(old, new, 1)
    house.append(house.changes().texts.publish_core(text, by="test"))
    return version + 1


@pytest.fixture
def others(house: House) -> House:
    """Let Harbour have the joint taxpayer's name too."""
    version = republish_core(house, "tenancy-sustainment", CEILING)
    republish(house, HARBOUR.agreement, ("tenancy-sustainment@3", f"tenancy-sustainment@{version}"), (NAMES, OTHERS))
    return house


def test_an_answer_with_a_groups_rows_verifies(house: House) -> None:
    republish(house, HARBOUR.agreement, (COUNT, ROWS))

    answer = house.harbour().ask(fields=["occupations", "occupations.occupied_from"])

    assert isinstance(released(answer)["occupations"], list)
    assert house.verify(answer).outcome == "full"


def test_another_persons_own_field_stands_in_their_own_leaf(others: House) -> None:
    """Destroying the other's key erases them, and nothing of the person who was asked for."""
    answer = others.harbour().ask(fields=["full_name", "joint_full_name"])

    assert set(released(answer)) == {"full_name", "joint_full_name"}
    truth = others.last()
    assert truth["entry"]["people"]["size"] == 2
    assert set(truth["0/fields"]) == {"full_name"}
    assert set(truth["1/fields"]) == {"joint_full_name"}
    assert truth["0/subject"]["ref"] != truth["1/subject"]["ref"]
    (key,) = others.rows("SELECT key_id FROM subject_key WHERE reference = ?", bytes.fromhex(truth["1/subject"]["ref"]))[0]
    others.council.keyring.destroy([key])
    left = others.truth_that_opens(truth["entry"])
    assert "1/values" not in left
    assert "0/values" in left


def test_such_an_answer_verifies(others: House) -> None:
    answer = others.harbour().ask(fields=["full_name", "joint_full_name"])

    assert others.verify(answer).outcome == "full"


def test_and_no_byte_of_it_can_be_changed(others: House) -> None:
    raw = others.harbour().ask(fields=["full_name", "joint_full_name"]).content
    assert verify_answer(raw, vkey=others.vkey)
    for place in range(0, len(raw), 5):
        with pytest.raises(ProofError):
            verify_answer(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :], vkey=others.vkey)


def test_a_leaf_can_not_be_left_out(others: House) -> None:
    whole = orjson.loads(others.harbour().ask(fields=["full_name", "joint_full_name"]).content)
    whole["receipt"]["leaves"] = whole["receipt"]["leaves"][:1]

    with pytest.raises(ProofError):
        verify_answer(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS), vkey=others.vkey)


def entry_size(house: House, subject: dict[str, Any]) -> tuple[int, int]:
    answer = house.harbour().ask(subject, fields=["full_name", "joint_full_name"])
    return answer.status_code, house.entries()[-1]["people"]["size"]


def test_the_number_of_leaves_tells_nothing_of_who_is_there(others: House) -> None:
    """With a joint taxpayer, without one, as the joint taxpayer, and for nobody at all: two."""
    single = {"account_ref": "1000051", "confirm": {"surname": "Hargreaves", "date_of_birth": "1952-06-05"}}
    nobody = {"account_ref": "7000001", "confirm": {"surname": "Nobody", "date_of_birth": "1970-01-01"}}

    assert {entry_size(others, one) for one in (GRACE, JOINT, single, nobody)} == {(200, 2)}


def test_of_many_subjects_each_has_the_leaves_of_their_record(others: House) -> None:
    subjects = [
        {"ref": "a", **GRACE},
        {"ref": "b", "account_ref": "1000051", "confirm": {"surname": "Hargreaves", "date_of_birth": "1952-06-05"}},
    ]
    body = {
        "subjects": subjects,
        "fields": ["full_name", "joint_full_name"],
        "case_reference": "HH-1",
        "caseworker": {"id": "jb17", "name": "Jo Bright", "role": "tenancy-sustainment-officer"},
    }

    harbour = others.harbour()
    answer = harbour.call("POST", "/v1/disclosures", body)

    assert [one.disclosure_id.partition(".")[2] for one in verify_answers(answer.content, vkey=others.vkey)] == ["0", "2"]
    line = answer.json()["lines"][1]
    again = harbour.call("GET", f"/v1/disclosures/{line['disclosure']['disclosure_id']}/receipt").json()
    whole = {"disclosure": line["disclosure"], "receipt": again}
    assert verify_answer(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS), vkey=others.vkey).ref == "b"


def test_the_receipt_of_such_an_answer_can_be_had_again(others: House) -> None:
    harbour = others.harbour()
    answer = harbour.ask(fields=["full_name", "joint_full_name"]).json()

    again = harbour.call("GET", f"/v1/disclosures/{answer['disclosure']['disclosure_id']}/receipt").json()

    whole = {"disclosure": answer["disclosure"], "receipt": again}
    assert verify_answer(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS), vkey=others.vkey).outcome == "full"


def test_and_not_once_the_other_was_erased(others: House) -> None:
    harbour = others.harbour()
    answer = harbour.ask(fields=["full_name", "joint_full_name"]).json()
    ref = others.last()["1/subject"]["ref"]
    (key,) = others.rows("SELECT key_id FROM subject_key WHERE reference = ?", bytes.fromhex(ref))[0]
    others.council.keyring.destroy([key])

    again = harbour.call("GET", f"/v1/disclosures/{answer['disclosure']['disclosure_id']}/receipt")

    assert (again.status_code, again.json()["code"]) == (410, "no_longer_opens")

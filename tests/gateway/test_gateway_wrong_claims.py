"""What do wrong claims lock, and what does the lock tell? Guesses have an end, and no two records are joined by it."""

from __future__ import annotations

from typing import Any

import pysqlite3
import pytest
from house import GRACE, HARBOUR, House, released, republish, withheld
from httpx2 import Response
from test_gateway_many import body, people_of
from test_gateway_others import CEILING, NAMES, OTHERS, republish_core

from audit.checking.verify import verify_answers

# Another account, which the tests give to the joint taxpayer of Grace's, and one of somebody else's.
HIS = {"account_ref": "1000051", "confirm": {"surname": "Hargreaves", "date_of_birth": "1952-06-05"}}
CLAIMS = {"full_name": "Sam Hargreaves", "account_status": "occupied"}
ALAN = {"surname": "Price", "date_of_birth": "1961-11-30"}
LIMITS = ("same_subject_per_day: 5", "same_subject_per_day: 500")


@pytest.fixture
def others(house: House) -> House:
    """Let Harbour have the joint taxpayer's name too, and ask about one person as often as it likes."""
    version = republish_core(house, "tenancy-sustainment", CEILING)
    republish(
        house, HARBOUR.agreement, ("tenancy-sustainment@3", f"tenancy-sustainment@{version}"), (NAMES, OTHERS), LIMITS
    )
    return house


def change(house: House, account: str, **columns: str | None) -> None:
    connection = pysqlite3.connect(str(house.directory / "revenues.sqlite"))
    for name, value in columns.items():
        connection.execute(f"UPDATE ctaccount SET {name} = ? WHERE trim(account_ref) = ?", (value, account))
    connection.commit()
    connection.close()


def join(house: House) -> None:
    """Make the holder of the other account Grace's joint taxpayer, by the source's own reference."""
    connection = pysqlite3.connect(str(house.directory / "revenues.sqlite"))
    (ref,) = connection.execute("SELECT joint_party_ref FROM ctaccount WHERE trim(account_ref) = '1000042'").fetchone()
    connection.close()
    change(house, "1000051", party_ref=ref)


def verify(house: House, subject: dict[str, Any], **claims: str) -> Response:
    caller = house.caller(HARBOUR.client_id).get_token(HARBOUR.agreement, actions=["verify"])
    answer: Response = caller.ask(subject, action="verify", claims=claims)
    return answer


def guess_at_the_joint(house: House, times: int = 5) -> None:
    for number in range(times):
        assert released(verify(house, GRACE, joint_full_name=f"Sam {number}")) == {"joint_full_name": "no"}


def whole(answer: Response) -> Any:
    """Return everything of an answer but ids, times and proofs: also names and sizes of all that it opens."""
    disclosure = {
        name: one for name, one in answer.json()["disclosure"].items() if name not in ("disclosure_id", "decided_at")
    }
    disclosure["record"] = {**disclosure["record"], "as_at": bool(disclosure["record"]["as_at"])}
    openings = {name: len(one) for name, one in answer.json()["receipt"].get("openings", {}).items()}
    leaves = [
        {name: len(one) for name, one in leaf["openings"].items()} for leaf in answer.json()["receipt"].get("leaves", ())
    ]
    headers = {
        name: one for name, one in answer.headers.items() if name not in ("x-request-id", "server-timing", "ratelimit")
    }
    del headers["content-length"]
    return answer.status_code, disclosure, openings, leaves, sorted(headers.items()), "ratelimit" in answer.headers


def test_claims_about_somebody_guessed_at_in_another_record_are_answered_as_where_nothing_is_held(others: House) -> None:
    """The whole answer, whether the claims are right or wrong."""
    join(others)
    change(others, "1000051", person_status="")
    unheld = verify(others, HIS, account_status="occupied")
    change(others, "1000051", person_status="OCC")
    guess_at_the_joint(others)

    answers = [verify(others, HIS, account_status=claim) for claim in ("occupied", "empty", "second_home")]

    assert withheld(unheld) == {"account_status": "not_available"}
    assert [whole(one) for one in answers] == [whole(unheld)] * 3


def test_of_many_such_a_line_is_that_of_somebody_of_whom_nothing_is_held(others: House) -> None:
    """Disclosure, leaves and their sizes, beside a line that is answered; and another's own field has its leaf in both."""
    join(others)
    change(others, "1000051", person_status="")
    unheld = line_of(others, "occupied")
    change(others, "1000051", person_status="OCC")
    guess_at_the_joint(others)

    lines = [line_of(others, claim) for claim in ("occupied", "empty")]

    assert unheld[1] == [("account_status", "not_available"), ("joint_full_name", "not_available")]
    assert lines == [unheld] * 2


def line_of(house: House, claim: str) -> Any:
    """Return what the line about the other account tells, but ids and times, and the sizes of its leaves."""
    claims = {"account_status": claim, "joint_full_name": "Ann Hargreaves"}
    lines = [
        {"ref": "his", **HIS, "claims": claims},
        {"ref": "another", "account_ref": "1000043", "confirm": ALAN, "claims": {"full_name": "Alan Price"}},
    ]
    caller = house.caller(HARBOUR.client_id).get_token(HARBOUR.agreement, actions=["verify"])
    answer = caller.call("POST", "/v1/disclosures", body(lines, action="verify"))
    assert verify_answers(answer.content, vkey=house.vkey)
    told = next(one for one in answer.json()["lines"] if one.get("ref") == "his")
    disclosure = {name: one for name, one in told["disclosure"].items() if name not in ("disclosure_id", "decided_at")}
    disclosure["record"] = {**disclosure["record"], "as_at": bool(disclosure["record"]["as_at"])}
    sizes = [{name: len(one) for name, one in leaf["openings"].items()} for leaf in told["leaves"]]
    return disclosure, [(one["field"], one["reason"]) for one in disclosure["withheld"]], sizes


def test_somebody_else_is_answered_as_before(others: House) -> None:
    guess_at_the_joint(others)

    assert released(verify(others, HIS, full_name="Nobody Such")) == {"full_name": "no"}


def test_such_guesses_at_one_person_have_one_end_over_all_records(others: House) -> None:
    """Three through Grace and two through himself: no sixth is answered, by whichever record."""
    join(others)
    guess_at_the_joint(others, 3)
    for number in range(2):
        assert released(verify(others, HIS, full_name=f"Sam {number}")) == {"full_name": "no"}

    assert released(verify(others, HIS, full_name="Sam 6")) == {}
    assert released(verify(others, GRACE, joint_full_name="Sam 6")) == {}


def test_by_the_key_that_the_wrong_claims_came_by_it_is_429_for_whomever(others: House) -> None:
    """The partner's own answers told it so: and it is no other for somebody whom the details don't fit."""
    guess_at_the_joint(others)
    misfit = {**GRACE, "confirm": {"surname": "Nobody", "date_of_birth": "1970-01-01"}}

    answers = [verify(others, one, full_name="Grace Okafor") for one in (GRACE, misfit)]

    assert [(one.status_code, one.json()["limit"]) for one in answers] == [(429, "wrong_claims_per_day")] * 2


def test_the_log_knows_why_nothing_was_answered(others: House) -> None:
    join(others)
    guess_at_the_joint(others)
    verify(others, HIS, full_name="Sam Hargreaves")

    assert others.last()["facts"]["reasons"] == {"full_name": "wrong_too_often"}


def test_claims_about_others_of_the_record_are_still_answered(others: House) -> None:
    """Grace's husband was guessed at elsewhere: about herself she is asked as before."""
    join(others)
    for number in range(5):
        verify(others, HIS, full_name=f"Sam {number}")

    answer = verify(others, GRACE, full_name="Grace Okafor", joint_full_name="Samuel Okafor")

    assert released(answer) == {"full_name": "yes"}
    assert withheld(answer) == {"joint_full_name": "not_available"}
    assert others.verify(answer).outcome == "partial"


def test_of_many_in_one_call_the_lines_behind_are_left_without_an_answer(others: House) -> None:
    """What the first lines count is judged for those behind them: in as many lines as each had."""
    join(others)
    guess_at_the_joint(others, 4)
    lines = [
        {"ref": "fifth", **GRACE, "claims": {"joint_full_name": "Sam 5"}},
        {"ref": "sixth", **HIS, "claims": {"full_name": "Sam 6"}},
    ]
    caller = others.caller(HARBOUR.client_id).get_token(HARBOUR.agreement, actions=["verify"])

    told = people_of(caller.call("POST", "/v1/disclosures", body(lines, action="verify")))

    assert told["fifth"]["record"]["fields"]["joint_full_name"]["value"] == "no"
    assert (told["sixth"]["identity"], told["sixth"]["record"]["fields"]) == ("confirmed", {})
    assert [one["reason"] for one in told["sixth"]["withheld"]] == ["not_available"]

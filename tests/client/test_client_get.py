"""`stile get`: what it prints was verified, and its exit status says how it went."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from client_serving import Front, answers, changes, key_of
from house import HARBOUR
from typer.testing import CliRunner

from audit.checking.verify import verify_answer, verify_answers
from gateway.cli import make_app
from gateway.commands.answer_table import in_words, plain
from gateway.council.directory import Council

GRACE = ["--subject", "account_ref=1000042", "--confirm", "surname=Okafor", "--confirm", "date_of_birth=1985-02-14"]
CASE = ["--case", "HH-2291", "--caseworker", "jb17,Jo Bright,tenancy-sustainment-officer"]
ASK = "/v1/disclosures"


def get(front: Front, council: Council, *words: str) -> Result:
    whole = [
        "get", "--issuer", front.issuer, "--client", HARBOUR.client_id, "--key", str(key_of(council)),
        "--vkey", council.signer.vkey, "--agreement", HARBOUR.agreement, *words,
    ]  # fmt: skip
    return CliRunner().invoke(make_app(["get"]), whole, env={"COLUMNS": "120"})


def test_an_answer_is_a_table(front: Front, council: Council) -> None:
    done = get(front, council, *GRACE, *CASE, "--field", "full_name", "--field", "age", "--field", "arrears")

    assert done.exit_code == 0, done.output
    for word in ("Grace Okafor", "25 up to 65", "consent_needed", "confirmed, partial", "verified: d_"):
        assert word in done.output


def test_json_prints_the_exact_bytes(front: Front, council: Council, tmp_path: Path) -> None:
    done = get(front, council, *GRACE, *CASE, "--field", "age", "--json", "--keep", str(tmp_path))

    verify_answer(done.stdout_bytes, vkey=council.signer.vkey)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [done.stdout_bytes]


def test_a_refusal_is_status_3_with_its_reasons(front: Front, council: Council) -> None:
    done = get(front, council, *GRACE, "--caseworker", "jb17,Jo Bright,tenancy-sustainment-officer", "--field", "age")

    assert (done.exit_code, "case_reference_needed" in done.output) == (3, True)


def test_what_does_not_verify_is_status_4_and_is_not_printed(front: Front, council: Council, tmp_path: Path) -> None:
    for words in ([], ["--json"]):
        front.fail(ASK, changes(lambda body: body.replace(b"Grace", b"Grade")))
        done = get(front, council, *GRACE, *CASE, *words, "--keep", str(tmp_path))

        assert done.exit_code == 4
        assert "Okafor" not in done.output
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_reached_is_status_5_with_whom_to_ring(front: Front, council: Council) -> None:
    problem = {"code": "log_unavailable", "status": 503, "detail": "d", "remedy": "r", "urgent_contact": "999"}
    front.fail(ASK, answers(503, problem, Retry_After="3600"))

    done = get(front, council, *GRACE, *CASE)

    assert (done.exit_code, "In an emergency ring 999" in done.stderr) == (5, True)


def test_another_problem_is_status_1(front: Front, council: Council) -> None:
    done = get(front, council, "--subject", "shoe_size=9", *CASE)

    assert (done.exit_code, "request_malformed" in done.stderr) == (1, True)


def test_a_claim_is_verified(front: Front, council: Council) -> None:
    done = get(front, council, *GRACE, *CASE, "--action", "verify", "--claim", "postcode=LS1 4AB")
    matched = get(front, council, *GRACE, *CASE, "--action", "match")

    assert "yes" in done.output
    assert (matched.exit_code, "confirmed, none" in matched.output) == (0, True)


CSV = "ref,account_ref,surname,date_of_birth\na,1000042,Okafor,1985-02-14\n,1000043,Price,1961-11-30\n"
NDJSON = """{"ref": "a", "account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}}

{"account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}}
"""


@pytest.mark.parametrize(("name", "text", "refs"), [("p.csv", CSV, ["a", "row-2"]), ("p.ndjson", NDJSON, ["a", "row-2"])])
def test_many_people_come_from_a_file(
    front: Front, council: Council, tmp_path: Path, name: str, text: str, refs: list[str]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")

    done = get(front, council, "--many", str(tmp_path / name), *CASE, "--field", "full_name", "--json")
    shown = get(front, council, "--many", str(tmp_path / name), *CASE, "--field", "full_name")

    assert [one.ref for one in verify_answers(done.stdout_bytes, vkey=council.signer.vkey)] == refs
    assert "row-2: confirmed, full" in shown.output


def test_claims_of_many_stand_in_their_columns(front: Front, council: Council, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "account_ref,surname,date_of_birth,claim.postcode\n1000043,Price,1961-11-30,LS1 4AB\n", encoding="utf-8"
    )

    done = get(front, council, "--many", str(tmp_path / "p.csv"), *CASE, "--action", "verify", "--json")

    assert json.loads(done.stdout.splitlines()[0])["disclosure"]["record"]["fields"]["postcode"]["value"] == "yes"


WRONG = {
    "neither": [],
    "both": [*GRACE, "--many", "x.csv"],
    "no pair": ["--subject", "1000042"],
    "a detail twice": ["--subject", "account_ref=1", "--confirm", "a=1", "--confirm", "a=2"],
    "a caseworker in part": [*GRACE, "--caseworker", "jb17"],
    "no such file": ["--many", "nowhere.csv"],
    "an action that is none": [*GRACE, "--action", "sell"],
}


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_command_line_is_told_before_any_call(front: Front, council: Council, words: list[str]) -> None:
    done = get(front, council, *words)

    assert done.exit_code == 2
    assert "Okafor" not in done.output
    assert not front.seen


@pytest.mark.parametrize("text", ["{", "[]", '{"a": "1", "b": "2"}', '{"ref": "a"}', ""], ids=range(5))
def test_a_wrong_file_is_told_by_its_line(front: Front, council: Council, tmp_path: Path, text: str) -> None:
    (tmp_path / "p.ndjson").write_text(text, encoding="utf-8")

    assert get(front, council, "--many", str(tmp_path / "p.ndjson")).exit_code == 2


def test_a_value_is_shown_in_words_and_steers_no_terminal() -> None:
    assert [in_words(one) for one in ({"from": 5}, {"below": 5}, True, [{"age": {"from": 1, "below": 2}}])] == [
        "5 or more", "below 5", "yes", "age 1 up to 2",
    ]  # fmt: skip
    assert plain("a\x1b[31mb\u202e") == "a?[31mb?"

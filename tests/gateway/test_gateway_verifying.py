"""`stile verify` of files that are anybody's: bounded, printable, and a part is not taken for the whole."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from house import GRACE, HARBOUR, House, republish
from typer.testing import CliRunner

from audit.format.entry import canonical
from gateway.cli import make_app
from gateway.commands import verifying

LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"
CASE = {
    "case_reference": "HH-2291",
    "caseworker": {"id": "jb17", "name": "Jo Bright", "role": "tenancy-sustainment-officer"},
}


def stile(*words: object, stdin: bytes | None = None) -> tuple[int, str]:
    said = [str(word) for word in words]
    result = CliRunner().invoke(make_app(said), said, input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def many(house: House) -> list[bytes]:
    """Return the lines of an answer about three people: theirs, the receipt, the end."""
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {batch: 9}"))
    people = [
        {"ref": f"r{n}", "account_ref": f"70000{n}", "confirm": {"surname": "Nobody", "date_of_birth": "1970-01-01"}}
        for n in range(3)
    ]
    body = {"subjects": people, "fields": ["full_name"], **CASE}
    answer = house.harbour().call("POST", "/v1/disclosures", body, Accept="application/x-ndjson")
    lines: list[bytes] = answer.content.splitlines(keepends=True)
    assert len(lines) == 5
    return lines


# -- a part is not the whole


@pytest.mark.parametrize("left", [(0, 1, 2, 3), (0, 3), (1, 2, 3, 4)])
def test_an_answer_that_lacks_something_is_not_complete(house: House, tmp_path: Path, left: tuple[int, ...]) -> None:
    lines = many(house)
    (tmp_path / "a").write_bytes(b"".join(lines[place] for place in left))
    people = sum(place < 3 for place in left)

    status, said = stile("verify", tmp_path / "a", "--vkey", house.vkey)

    assert (status, said.count("verified: entry"), f"{tmp_path / 'a'}: NOT COMPLETE: " in said) == (1, people, True)
    status, said = stile("verify", tmp_path / "a", "--vkey", house.vkey, "--part")
    assert (status, said.count("verified: entry"), "NOT COMPLETE" in said) == (0, people, False)


def test_a_whole_answer_is_told_line_by_line(house: House, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"".join(many(house)))

    status, said = stile("verify", tmp_path / "a", "--vkey", house.vkey)

    assert (status, said.count("verified: entry"), "NOT COMPLETE" in said) == (0, 3, False)
    assert ", d_" in said


def test_a_part_that_does_not_verify_is_not_excused(house: House, tmp_path: Path) -> None:
    lines = many(house)
    (tmp_path / "a").write_bytes(lines[0].replace(b"r0", b"r9") + lines[3])

    status, said = stile("verify", tmp_path / "a", "--vkey", house.vkey, "--part")

    assert (status, "NOT VERIFIED" in said) == (1, True)


def test_one_that_is_wrong_does_not_keep_the_others_from_being_verified(house: House, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(house.harbour().ask(GRACE).content)
    (tmp_path / "bad").write_bytes(b"{}")

    status, said = stile("verify", tmp_path / "bad", tmp_path / "good", "--vkey", house.vkey)

    assert status == 1
    assert f"{tmp_path / 'bad'}: NOT VERIFIED" in said
    assert f"{tmp_path / 'good'}: verified: entry" in said


# -- what is printed


@pytest.mark.parametrize("where", ["disclosure_id", "origin", "name of a member"])
def test_nothing_in_a_file_writes_over_what_is_printed(house: House, tmp_path: Path, where: str) -> None:
    lie = "d\x1b[2K\r\u202efile: verified: entry 7 of 9, full"
    answer = house.harbour().ask(GRACE).json()
    if where == "disclosure_id":
        answer["disclosure"]["disclosure_id"] = lie
    elif where == "origin":
        answer["receipt"]["origin"] = answer["receipt"]["checkpoint"] = lie
    else:
        answer["receipt"]["openings"][lie] = "AAAA"
    (tmp_path / "a").write_bytes(orjson.dumps(answer, option=orjson.OPT_SORT_KEYS))

    status, said = stile("verify", tmp_path / "a", "--vkey", house.vkey)

    assert (status, len(said.splitlines()), said.strip().isprintable()) == (1, 1, True)
    assert said.startswith(f"{tmp_path / 'a'}: NOT VERIFIED: ")


def test_the_name_of_a_file_writes_over_nothing_either(house: House, tmp_path: Path) -> None:
    file = tmp_path / "a\x1b[2K\rverified"
    file.write_bytes(b"{}")

    status, said = stile("verify", file, "--vkey", house.vkey)

    assert (status, said.strip().isprintable()) == (1, True)


def test_a_message_has_an_end(house: House, tmp_path: Path) -> None:
    status, said = stile("verify", "x" * 100_000, "--vkey", house.vkey)

    assert status == 1
    assert len(said) < 1_100


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("d_01KYQW3SBNPM33BQ4M8A2C7Q0Z", True),
        ("d_01KYQW3SBNPM33BQ4M8A2C7Q0Z.12", True),
        ("d_01KYQW3SBNPM33BQ4M8A2C7Q0Z: verified", False),
        ("d_01KYQW3SBNPM33BQ4M8A2C7Q0Z\n", False),
        ("d_x", False),
    ],
)
def test_only_what_looks_like_an_id_is_printed_as_one(text: str, *, is_shown: bool) -> None:
    assert (verifying._id(text) == text) is is_shown


# -- what is read


def test_an_answer_is_read_from_standard_input(house: House) -> None:
    answer = house.harbour().ask(GRACE).content

    status, said = stile("verify", "-", "--vkey", house.vkey, stdin=answer)

    assert (status, said.startswith("-: verified: entry")) == (0, True)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_regular_file_is_not_read(house: House, tmp_path: Path, make) -> None:
    make(tmp_path / "a")

    status, said = stile("verify", tmp_path / "a", "--vkey", house.vkey)

    assert (status, "could not be read, so nothing is verified: a is not a regular file" in said) == (1, True)


def test_a_file_is_read_no_further_than_its_bound(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = house.harbour().ask(GRACE).content
    (tmp_path / "a").write_bytes(answer)
    monkeypatch.setattr(verifying, "MOST_BYTES", len(answer))
    assert stile("verify", tmp_path / "a", "--vkey", house.vkey)[0] == 0
    monkeypatch.setattr(verifying, "MOST_BYTES", len(answer) - 1)

    for what, given in ((tmp_path / "a", None), ("-", answer)):
        status, said = stile("verify", what, "--vkey", house.vkey, stdin=given)
        assert (status, f"it is over {len(answer) - 1} bytes" in said) == (1, True)


def test_one_answer_that_is_too_large_is_not_parsed(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no JSON at all, and yet its size is what is wrong with it."""
    monkeypatch.setattr(verifying, "LARGEST", 1_000)
    (tmp_path / "a").write_bytes(b"[" * 1_001)

    status, said = stile("verify", tmp_path / "a", "--vkey", house.vkey)

    assert (status, "NOT VERIFIED: the answer is over 1000 bytes" in said) == (1, True)


def test_an_answer_about_many_may_be_larger_than_one_of_its_lines(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *lines, end = map(orjson.loads, many(house))
    whole = canonical({"lines": lines, **end})
    monkeypatch.setattr(verifying, "LARGEST", len(whole) - 1)
    (tmp_path / "a").write_bytes(whole)

    assert stile("verify", tmp_path / "a", "--vkey", house.vkey)[0] == 0

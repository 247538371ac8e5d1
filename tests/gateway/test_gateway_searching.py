"""What a caseworker asked for is found in the log, with what proves it; and that somebody searched is an entry."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from house import CALDER, CASEWORKER, HARBOUR, ISSUER, Caller, House
from typer.testing import CliRunner

from audit.format.commitment import digest_of, value_of
from audit.stores import search
from audit.tree.checkpoint import verify_checkpoint
from audit.tree.merkle import leaf_hash, verify_inclusion
from audit.writing.keyring import reference
from gateway.cli import make_app
from gateway.oauth.made_jwts import make_context

NELL = {"id": "n1", "name": "Nell Ward", "role": "discharge-coordinator"}


def stile_search(house: House, *more: str, partner: str = HARBOUR.partner_id, caseworker: str = "jb17") -> Any:
    words = ["log", "search", "--partner", partner, "--caseworker", caseworker, "--dir", str(house.directory), *more]
    return CliRunner().invoke(make_app(words), words)


def found(house: House, *more: str, **who: str) -> dict[str, Any]:
    done = stile_search(house, "--json", *more, **who)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.output))


def context_of(caller: Caller) -> str:
    return make_context(
        caller.key,
        client_id=caller.client_id,
        issuer=ISSUER,
        practitioner=CASEWORKER,
        organisation="E12000003",
        reason="Arrears review",
        device="desk-4",
        now=caller.house.clock().timestamp(),
    )


@pytest.fixture
def asked(house: House) -> House:
    """Jo of Harbour asks three times, once vouched for, once refused; Nell of Calder once, her id at Harbour once."""
    harbour, calder = house.harbour(), house.calder()
    assert harbour.ask(fields=["age"]).status_code == 200
    vouched = {
        "subject": {"account_ref": "1000042", "confirm": {"surname": "Okafor", "date_of_birth": "1985-02-14"}},
        "fields": ["age"],
    }
    answer = harbour.call(
        "POST", "/v1/disclosures", {**vouched, "case_reference": "HH-1"}, Stile_Context=context_of(harbour)
    )
    assert answer.status_code == 200, answer.text
    assert harbour.ask(fields=["age"], case_reference=None).status_code == 403
    assert calder.ask(fields=["full_name"], caseworker=NELL).status_code == 200
    assert harbour.ask(fields=["age"], caseworker=NELL).status_code == 403
    return house


def test_everything_that_a_caseworker_asked_for_is_found(asked: House) -> None:
    """Refusals too; the newest first; nobody else's, also not of the same id at another partner."""
    told = found(asked)

    assert [one["kind"] for one in told["rows"]] == ["refusal", "disclosure", "disclosure"]
    assert [one["caseworker"]["assurance"] for one in told["rows"]] == ["asserted", "vouched", "asserted"]
    assert {one["client"] for one in told["rows"]} == {HARBOUR.client_id}
    assert told["rows"][1]["caseworker"]["reason"] == "Arrears review"
    assert (told["rows"][0]["agreement"], told["rows"][0]["purpose"]) == (HARBOUR.agreement, "tenancy-sustainment")
    assert told["complete_to"] == len(asked.entries()) - 1
    at_calder = found(asked, partner=CALDER.partner_id, caseworker="n1")["rows"]
    assert [one["partner"] for one in at_calder] == [CALDER.partner_id]


def test_each_row_is_proved(asked: House) -> None:
    """By the checkpoint's signature, the path to it, and the entry's own commitments: nothing has to be believed."""
    told = found(asked)
    head = verify_checkpoint(told["checkpoint"], asked.vkey)

    assert told["rows"]
    for row in told["rows"]:
        entry = base64.b64decode(row["entry"])
        proof = [base64.b64decode(one) for one in row["proof"]]
        verify_inclusion(leaf_hash(entry), index=row["index"], tree_size=head.size, proof=proof, root=head.root)
        committed = set(json.loads(entry)["_sd"])
        assert {digest_of(one) for one in row["openings"].values()} <= committed
        assert value_of(row["openings"]["caseworker"]) == row["caseworker"]


def test_nothing_of_the_person_is_shown(asked: House) -> None:
    text = json.dumps(found(asked))

    for name in ("subject", "matter", "facts", "values", "answer", "request", "fields"):
        assert f'"{name}"' not in text
    assert "Okafor" not in text
    assert "HH-" not in text


def test_a_search_is_an_entry_that_names_nobody(asked: House) -> None:
    """It is sealed under a key that stays; so it holds the reference, not the name."""
    before = len(asked.entries("search"))

    found(asked)

    assert len(asked.entries("search")) == before + 1
    ref = reference(asked.council.keyring.named("index"), "caseworker", f"{HARBOUR.partner_id}/jb17").hex()
    last = asked.last()
    assert last["what"] == {"question": "caseworker", "ref": ref, "found": 3, "complete_to": last["entry"]["index"]}


def test_a_search_that_can_not_be_recorded_shows_nothing(asked: House) -> None:
    """Promise 1 holds for the council's own people, too."""
    connection = pysqlite3.connect(str(asked.council.state))
    connection.executescript(
        "CREATE TRIGGER no_search BEFORE INSERT ON log_entry WHEN NEW.kind = 'search' BEGIN SELECT RAISE(ABORT, 'no'); END;"
    )
    connection.close()

    done = stile_search(asked)

    assert done.exit_code == 1
    assert "Jo Bright" not in done.output
    assert HARBOUR.agreement not in done.output


def test_days_are_londons_and_both_belong_to_it(asked: House) -> None:
    asked.clock.move(days=3)
    asked.harbour().ask(fields=["age"])
    day = asked.clock.today.isoformat()

    assert len(found(asked, "--from", day, "--until", day)["rows"]) == 1
    assert len(found(asked, "--until", day)["rows"]) == 4
    assert found(asked, "--from", "2031-01-01")["rows"] == []


def test_of_many_the_newest_are_told(asked: House) -> None:
    told = found(asked, "--most", "2")

    assert (len(told["rows"]), told["has_more"]) == (2, True)
    assert told["rows"][0]["kind"] == "refusal"
    assert not found(asked, "--most", "3")["has_more"]
    assert "there are older ones" in stile_search(asked, "--most", "2").output


def test_it_is_told_in_words_too(asked: House) -> None:
    done = stile_search(asked)

    assert done.exit_code == 0
    assert done.output.count("Jo Bright") == 3
    assert "3 found in the log's first" in done.output
    nobody = stile_search(asked, caseworker="nobody")
    assert "0 found" in nobody.output


def test_many_people_in_one_entry_are_one_row(house: House) -> None:
    """A chunk is one entry, by one caseworker."""
    harbour = house.harbour()
    subjects = [
        {"ref": f"r{number}", "account_ref": f"100004{number}", "confirm": {"surname": "X", "date_of_birth": "1970-01-01"}}
        for number in (2, 3)
    ]
    body = {"subjects": subjects, "fields": ["age"], "case_reference": "HH-1", "caseworker": CASEWORKER}
    assert harbour.call("POST", "/v1/disclosures", body).status_code in (200, 413), "a batch, or refused as one"

    rows = found(house)["rows"]

    assert len(rows) == len(house.entries("disclosure")) + len(house.entries("refusal"))


def test_a_destroyed_key_is_found_by_nobody(asked: House) -> None:
    """As an erasure leaves it: the row of the key gone, and the key destroyed. Other caseworkers are still found."""
    ref = reference(asked.council.keyring.named("index"), "caseworker", f"{HARBOUR.partner_id}/jb17")
    assert found(asked)["rows"]
    keys = [bytes(row[0]) for row in asked.rows("SELECT key_id FROM subject_key WHERE reference = ?", ref)]
    assert keys
    asked.append(lambda c, _moment: c.one("DELETE FROM subject_key WHERE reference = ?", (ref,)) and None)
    asked.council.keyring.destroy(keys)

    assert found(asked)["rows"] == []
    assert len(found(asked, caseworker="n1")["rows"]) == 1


# -- the index


def test_the_index_follows_and_can_be_made_anew(asked: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """In portions; without its file the answer is the same."""
    monkeypatch.setattr(search, "PORTION", 3)
    first = found(asked)["rows"]
    asked.harbour().ask(fields=["age"])

    assert len(found(asked)["rows"]) == len(first) + 1
    for file in asked.directory.glob("search.sqlite*"):
        file.unlink()
    assert len(found(asked)["rows"]) == len(first) + 1
    assert (asked.council.search.stat().st_mode & 0o777) == 0o600


def test_an_index_of_another_log_is_made_anew(asked: House) -> None:
    """As after a restore: what it had followed is not what stands in the log."""
    expected = found(asked)["rows"]
    connection = pysqlite3.connect(str(asked.council.search))
    connection.executescript("UPDATE followed SET leaf = zeroblob(32); DELETE FROM entry_of_key;")
    connection.close()

    assert [one["id"] for one in found(asked)["rows"]] == [one["id"] for one in expected]


def test_the_index_holds_no_name(asked: House) -> None:
    found(asked)

    content = Path(asked.council.search).read_bytes()
    assert b"jb17" not in content
    assert b"harbour" not in content

"""Fail closed: where it can't be recorded, nothing leaves; a source that fails is told clearly, and recorded."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from house import CASEWORKER, GRACE, House, open_house, withheld

from audit.stores.checked import LogCorruptError
from audit.stores.connection import StoreError
from audit.writing.keyring import KeyringError
from gateway.api import disclosures
from gateway.council.directory import CouncilError, open_council
from gateway.store.schema import SchemaError

EMERGENCY = {"kind": "risk_to_life", "reason": "Threat made by telephone"}


def fill_disk(house: House) -> None:
    """Let the log's own connection have no page more than it holds now."""
    sequencer = house.wiring.sequencer
    house.append(lambda connection, _moment: connection.one("PRAGMA max_page_count=1") and None)
    assert sequencer is not None


def nothing_left(house: House, answer, entries: int) -> None:
    assert answer.status_code == 503
    assert answer.json()["code"] == "log_unavailable"
    assert answer.json()["urgent_contact"] == "+44 113 496 0000"
    assert "retry-after" in answer.headers
    assert b"Okafor" not in answer.content
    assert len(house.entries()) == entries


def test_no_record_no_disclosure_when_the_log_is_closed(house: House) -> None:
    harbour = house.harbour()
    entries = len(house.entries())
    house.wiring.sequencer.close()

    nothing_left(house, harbour.ask(fields=["full_name"], emergency=EMERGENCY), entries)


def test_no_record_no_disclosure_when_the_disk_is_full(house: House) -> None:
    """And when there is room again, the gateway goes on by itself."""
    harbour = house.harbour()
    entries = len(house.entries())
    fill_disk(house)
    answers = [harbour.ask(fields=["full_name"]) for _ in range(12)]
    refused = [answer for answer in answers if answer.status_code != 200]

    assert refused, "the disk was never full"
    kept = len(house.entries()) - entries
    assert kept == len(answers) - len(refused)
    assert {answer.json()["code"] for answer in refused} == {"log_unavailable"}
    # A failed batch opens its connection anew, and that one has the whole disk again.
    assert harbour.ask(fields=["full_name"]).status_code == 200


def test_no_record_no_disclosure_without_the_keyring(house: House) -> None:
    harbour = house.harbour()
    entries = len(house.entries())
    house.council.keyring.close()

    answer = harbour.ask(
        {"account_ref": "1000043", "confirm": {"surname": "Price", "date_of_birth": "1961-11-30"}}, fields=["full_name"]
    )

    nothing_left(house, answer, entries)


def test_a_source_that_is_gone_discloses_nothing_and_is_recorded(house: House) -> None:
    harbour = house.harbour()
    (house.directory / "revenues.sqlite").unlink()

    answer = harbour.ask(fields=["full_name"], emergency=EMERGENCY)

    assert (answer.status_code, answer.json()["code"]) == (502, "source_unavailable")
    assert answer.json()["urgent_contact"] == "+44 113 496 0000"
    failure = house.entries("failure")[-1]
    assert failure["id"] == answer.json()["failure_id"]
    truth = house.truth(failure)
    assert truth["what"]["code"] == "source_unavailable"
    assert truth["parties"] == {"partner": "harbour-housing", "client": "harbour-case-system"}


def test_a_source_that_is_slow_is_cut_off(house: House) -> None:
    """The mapping says for how long a source may think; then the answer is 504."""
    harbour = house.harbour()
    connection = pysqlite3.connect(str(house.directory / "revenues.sqlite"))
    connection.executescript(
        "ALTER TABLE ctaccount RENAME TO kept; CREATE VIEW ctaccount AS "
        "WITH RECURSIVE slow(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM slow WHERE n < 100000000) "
        "SELECT kept.* FROM kept WHERE (SELECT count(*) FROM slow) > 0;"
    )
    connection.close()
    begun = time.monotonic()

    answer = harbour.ask(fields=["full_name"])

    assert (answer.status_code, answer.json()["code"]) == (504, "source_slow")
    assert time.monotonic() - begun < 20
    assert house.truth(house.entries("failure")[-1])["what"]["code"] == "source_slow"


def test_a_failure_that_can_not_be_recorded_is_the_logs(house: House) -> None:
    harbour = house.harbour()
    (house.directory / "revenues.sqlite").unlink()
    house.wiring.sequencer.close()

    answer = harbour.ask(fields=["full_name"])

    assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")


def test_a_proof_is_good_for_one_call(house: House) -> None:
    harbour = house.harbour()
    headers = {**harbour.headers("POST", "/v1/disclosures"), "Content-Type": "application/json"}
    body = {"subject": GRACE, "fields": ["age"], "case_reference": "x", "caseworker": CASEWORKER}

    first = house.http.post("/v1/disclosures", json=body, headers=headers)
    entries = len(house.entries())
    second = house.http.post("/v1/disclosures", json=body, headers=headers)

    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 401, "proof_replayed")
    assert len(house.entries()) == entries


def test_a_proof_stays_used_across_a_restart(council_directory: Path) -> None:
    with open_house(council_directory) as house:
        harbour = house.harbour()
        headers = harbour.headers("GET", "/v1/agreements")
        token = harbour.token
        assert house.http.get("/v1/agreements", headers=headers).status_code == 200
    with open_house(council_directory) as house:
        assert token in headers["Authorization"]
        assert house.http.get("/v1/agreements", headers=headers).json()["code"] == "proof_replayed"


def test_a_revoked_client_is_refused_at_once(house: House) -> None:
    harbour = house.harbour()
    house.append(house.changes().partners.revoke_client("harbour-case-system", by="test"))

    assert harbour.ask(fields=["age"]).status_code == 401


def test_a_suspended_partner_is_refused_at_once(house: House) -> None:
    harbour = house.harbour()
    house.append(house.changes().partners.set_partner_status("harbour-housing", active=False, by="test"))

    assert harbour.ask(fields=["age"]).status_code == 401
    house.append(house.changes().partners.set_partner_status("harbour-housing", active=True, by="test"))
    assert harbour.ask(fields=["age"]).status_code == 200


def test_readiness_tells_when_the_log_can_not_be_written(house: House) -> None:
    assert house.http.get("/readyz").json() == {"ready": True, "log_ahead": 0}
    house.wiring.sequencer.close()

    answer = house.http.get("/readyz")

    assert (answer.status_code, answer.json()["log"]) == (503, "not writable")
    assert house.http.get("/healthz").status_code == 200


def test_without_its_keys_a_gateway_is_not_ready(house: House) -> None:
    assert house.http.get("/readyz").status_code == 200
    house.council.keyring.close()

    answer = house.http.get("/readyz")

    assert (answer.status_code, answer.json()["keys"]) == (503, "not readable")


DAMAGE = {
    "an entry was changed": "UPDATE log_entry SET entry = entry || x'20' WHERE idx = 3",
    "a node is missing": "DELETE FROM log_node WHERE level = 0 AND idx = 2",
    "the head was set back": "UPDATE log_head SET size = size - 1",
}


@pytest.mark.parametrize("what", DAMAGE, ids=str)
def test_a_damaged_log_refuses_to_start(council_directory: Path, what: str) -> None:
    """And says what is wrong, and where."""
    connection = pysqlite3.connect(str(council_directory / "state.sqlite"))
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(DAMAGE[what])
    connection.commit()
    connection.close()

    with pytest.raises(LogCorruptError, match=r"entry|node|head"), open_house(council_directory):
        pass


@pytest.mark.parametrize("name", ["keys.sqlite", "master.key", "state.sqlite", "state.lock"])
def test_a_missing_file_refuses_to_start(council_directory: Path, name: str) -> None:
    (council_directory / name).unlink()

    with pytest.raises((CouncilError, KeyringError), match=r"restore"):
        open_council(council_directory)


def test_another_councils_keys_refuse_to_start(council_directory: Path, template: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(template, other)
    (council_directory / "master.key").write_bytes(b"A" * 43 + b"=\n")

    with pytest.raises(KeyringError, match="another master key"):
        open_council(council_directory)


def test_an_unknown_schema_version_refuses_to_start(council_directory: Path) -> None:
    connection = pysqlite3.connect(str(council_directory / "state.sqlite"))
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    with pytest.raises(SchemaError, match="9999"):
        open_council(council_directory)


class Logger:
    """Keeps what operators are told."""

    def __init__(self, told: list[tuple[str, object]]) -> None:
        self.told = told

    def error(self, event: str, **members: object) -> None:
        self.told.append((event, members["guardrails"]))


def test_a_guardrail_that_trips_alarms_and_withholds(house: House) -> None:
    """A net that changes a result is a bug in what was proved: its fields stay, operators are told."""
    harbour = house.harbour()
    found = house.wiring.services.reader.find_agreement("northmoor-harbour-tenancies", house.clock.today)
    lane = found.compiled.lanes["postcode"]
    # As if the cap had been lost in compiling: the guardrail of the same meaning is compiled in once more.
    found.compiled.lanes["postcode"] = replace(lane, caps=())
    found.compiled.memo.clear()
    told: list[tuple[str, object]] = []
    house.wiring.telemetry.logger = Logger(told)

    answer = harbour.ask(
        {"account_ref": "1000081", "confirm": {"surname": "Walsh", "date_of_birth": "1994-12-11"}}, fields=["postcode"]
    )

    assert withheld(answer) == {"postcode": "not_available"}
    assert house.last()["facts"]["tripped"] == ["protected-addresses-proved"]
    assert house.wiring.telemetry.tripped._value.get() == 1
    assert told == [("guardrail_tripped", ["protected-addresses-proved"])]


def test_an_agreement_that_no_longer_holds_together_is_not_found(house: House) -> None:
    """Nobody else's token suffers from it."""
    harbour, calder = house.harbour(), house.calder()
    text = house.rows("SELECT text FROM text WHERE id = 'northmoor-harbour-tenancies'")[0][0]
    broken = text.replace("[full_name], as: full", "[full_name], as: nonsense")

    def breaking(connection, _moment):
        connection.run("UPDATE text SET text = ? WHERE id = 'northmoor-harbour-tenancies'", (broken,))
        connection.run("UPDATE state_key SET idx = (SELECT state_index FROM log_head) WHERE key LIKE 'agreement/%'")

    house.append(breaking)
    house.wiring.services.reader._kept.clear()

    assert withheld(harbour.ask(fields=["age"])) == {"age": "agreement_not_found"}
    assert calder.call("GET", "/v1/agreements").status_code == 200


def test_a_log_that_lost_what_it_had_signed_refuses_to_start(council_directory: Path, tmp_path: Path) -> None:
    """A lost write-ahead log, or an older copy put back, holds together by itself: another history would be signed."""
    shutil.copy(council_directory / "state.sqlite", tmp_path / "older.sqlite")
    with open_house(council_directory) as house:
        house.harbour().ask(fields=["age"])
        until = time.monotonic() + 20
        while not (council_directory / "state.head").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert (council_directory / "state.head").read_text().split("\n")[1] == str(len(house.entries()))
    for left in council_directory.glob("state.sqlite-*"):
        left.unlink()
    shutil.copy(tmp_path / "older.sqlite", council_directory / "state.sqlite")

    with pytest.raises(LogCorruptError, match="and had signed"), open_house(council_directory):
        pass


@pytest.mark.parametrize("path", ["/docs/api", "/v1/disclosures"])
def test_a_bug_is_told_as_a_problem_without_its_message(house: House, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """On whatever route: a traceback may hold values, and stays inside."""
    secret = "Okafor 1985-02-14"

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(secret)

    harbour = house.harbour()
    monkeypatch.setattr(house.http.app, "openapi", broken)
    monkeypatch.setattr(disclosures, "read_disclosure", broken)

    answer = house.http.get(path) if path == "/docs/api" else harbour.ask(fields=["age"])

    assert (answer.status_code, answer.json()["code"]) == (500, "fault")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert secret not in answer.text


class Silent:
    """Reads from a database that fails as it is told to."""

    def __init__(self, *, is_own: bool) -> None:
        self._failure = StoreError("it has not answered", is_own=is_own)

    def __getattr__(self, _name: str) -> Any:
        def fail(*_: Any) -> Any:
            raise self._failure

        return fail


@pytest.mark.parametrize(("is_own", "expected"), [(False, (503, "log_unavailable")), (True, (500, "fault"))])
@pytest.mark.parametrize("path", ["/v1/disclosures", "/v1/agreements"])
def test_a_database_that_does_not_answer_is_unavailable_and_no_bug(
    house: House, monkeypatch: pytest.MonkeyPatch, path: str, *, is_own: bool, expected: tuple[int, str]
) -> None:
    harbour = house.harbour()
    monkeypatch.setattr(house.wiring.services.reader, "connection", Silent(is_own=is_own))

    answer = harbour.ask() if path == "/v1/disclosures" else harbour.call("GET", path)

    assert (answer.status_code, answer.json()["code"]) == expected

"""Promise 4: when a withdrawal has been acknowledged, no later entry in the log discloses under the old state."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hours import machine_now
from house import House, open_house, released, republish, withheld

from gateway.app import make_changes, make_sequencer
from gateway.council.directory import open_council
from schemas.consent import ConsentRecord
from schemas.terms import Capacity, ConsentKind, ConsentState, GivenBy

LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"
GIVEN = {
    "state": "given",
    "dataset": "council-tax",
    "person": "P0000042",
    "purpose": "tenancy-sustainment",
    "recipients": ["harbour-housing"],
    "fields": ["arrears"],
    "text_version": "v1",
    "how": "in person",
}


@pytest.fixture
def council_directory(either_directory: Path) -> Path:
    """Of either database."""
    return either_directory


def asked(house: House, **changes: Any) -> tuple[int, dict[str, Any]]:
    answer = house.harbour().ask(fields=["arrears"])
    return answer.status_code, withheld(answer)


COVERS = {
    "this field": ({}, True),
    "the whole dataset": ({"fields": []}, True),
    "another field": ({"fields": ["date_of_birth"]}, False),
    "another recipient": ({"recipients": ["calder-nhs-trust"]}, False),
    "another purpose": ({"purpose": "discharge-planning"}, False),
    "another person": ({"person": "P0000043"}, False),
    "a refusal": ({"state": "refused"}, False),
    "given by an attorney": ({"given_by": "attorney", "authority": "LPA 7000-1", "evidence": "scan-9"}, True),
    "confidentiality alone": ({"kind": "confidentiality"}, True),
}


@pytest.mark.parametrize("case", COVERS, ids=str)
def test_a_consent_covers_what_it_names(house: House, case: str) -> None:
    changes, covers = COVERS[case]
    assert house.dpo().call("POST", "/control/v1/consents", {**GIVEN, **changes}).status_code == 201

    answer = house.harbour().ask(fields=["arrears"])

    assert bool(released(answer)) is covers


def test_a_later_refusal_is_honoured(house: House) -> None:
    dpo = house.dpo()
    dpo.call("POST", "/control/v1/consents", GIVEN)
    house.clock.move(seconds=1)
    dpo.call("POST", "/control/v1/consents", {**GIVEN, "state": "refused"})

    assert asked(house) == (403, {"arrears": "consent_needed"})


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_no_that_a_fast_clock_recorded_counts_when_the_clock_is_right_again(house: House, is_withdrawn: bool) -> None:  # noqa: FBT001 -- a case
    """It was acknowledged. An older yes must not come back for as long as the clock had run ahead."""
    dpo = house.dpo()
    given = [dpo.call("POST", "/control/v1/consents", GIVEN).json()["consent_id"] for _ in range(2)]
    house.clock.move(minutes=10)
    dpo = house.dpo()
    if is_withdrawn:
        dpo.call("POST", f"/control/v1/consents/{given[1]}/withdrawal", {"how": "by telephone"})
    else:
        dpo.call("POST", "/control/v1/consents", {**GIVEN, "state": "refused"})
    told = []
    for minutes in (0, -9, 10):
        house.clock.move(minutes=minutes)
        told.append(asked(house))

    assert told == [(403, {"arrears": "consent_needed"})] * 3


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_no_counts_against_a_yes_of_a_clock_that_ran_ahead(house: House, is_withdrawn: bool) -> None:  # noqa: FBT001 -- a case
    """Which of two answers is the newer says their order, and no clock that was put right between them."""
    first = house.dpo().call("POST", "/control/v1/consents", GIVEN).json()["consent_id"]
    house.clock.move(minutes=10)
    house.dpo().call("POST", "/control/v1/consents", GIVEN)
    house.clock.move(minutes=-9)
    dpo = house.dpo()
    if is_withdrawn:
        dpo.call("POST", f"/control/v1/consents/{first}/withdrawal", {"how": "by telephone"})
    else:
        dpo.call("POST", "/control/v1/consents", {**GIVEN, "state": "refused"})

    assert asked(house) == (403, {"arrears": "consent_needed"})
    house.clock.move(minutes=10)
    assert asked(house) == (403, {"arrears": "consent_needed"})


def test_a_yes_after_a_no_of_a_fast_clock_counts_once_the_clock_has_come_so_far(house: House) -> None:
    house.clock.move(minutes=10)
    house.dpo().call("POST", "/control/v1/consents", {**GIVEN, "state": "refused"})
    house.clock.move(minutes=-9)
    house.dpo().call("POST", "/control/v1/consents", GIVEN)

    assert asked(house) == (403, {"arrears": "consent_needed"})
    house.clock.move(minutes=10)
    assert asked(house) == (200, {})


def test_who_speaks_for_somebody_is_named(house: House) -> None:
    """Else two parents were one voice, and the yes of one would take back the no of the other."""
    dpo, parent = house.dpo(), {**GIVEN, "given_by": "parental_responsibility"}

    for state, authority in (("given", None), ("refused", None), ("given", " ")):
        refused = dpo.call("POST", "/control/v1/consents", {**parent, "state": state, "authority": authority})
        assert refused.status_code in {400, 409}, refused.text
    assert house.rows("SELECT count(*) FROM consent") == [(0,)]
    named = dpo.call("POST", "/control/v1/consents", {**parent, "authority": "mother, birth certificate"})
    assert named.status_code == 201, named.text


def test_a_consent_ends_at_its_instant(house: House) -> None:
    until = house.clock.at + timedelta(seconds=30)
    given = house.dpo().call("POST", "/control/v1/consents", {**GIVEN, "until": until.isoformat()})
    consent_id = given.json()["consent_id"]

    before = asked(house)
    house.clock.at = until
    after = asked(house)
    shown = house.dpo().call("GET", f"/control/v1/consents/{consent_id}")

    assert (before[0], after[0]) == (200, 403)
    assert shown.json()["state"] == "expired"


def test_a_consent_is_shown_as_it_was_recorded(house: House) -> None:
    dpo = house.dpo()
    consent_id = dpo.call("POST", "/control/v1/consents", {**GIVEN, "capacity": "assessed"}).json()["consent_id"]

    shown = dpo.call("GET", f"/control/v1/consents/{consent_id}").json()

    assert (shown["state"], shown["text_version"], shown["capacity"]) == ("given", "v1", "assessed")
    assert shown["recorded_by"] == "northmoor-dpo"
    assert "P0000042" not in str(shown)


def test_what_is_withdrawn_can_not_be_withdrawn_again(house: House) -> None:
    dpo = house.dpo()
    consent_id = dpo.call("POST", "/control/v1/consents", GIVEN).json()["consent_id"]
    path = f"/control/v1/consents/{consent_id}/withdrawal"

    statuses = [dpo.call("POST", path, {"how": "by telephone"}).status_code for _ in range(2)]

    assert statuses == [201, 409]
    assert dpo.call("GET", f"/control/v1/consents/c_{'0' * 24}").status_code == 404


def test_a_withdrawal_while_an_answer_waits_for_the_log_counts(house: House) -> None:
    """The transaction finds that a key of the decision's basis has moved, and decides again on the record in hand."""
    dpo, harbour = house.dpo(), house.harbour()
    consent_id = dpo.call("POST", "/control/v1/consents", GIVEN).json()["consent_id"]
    log = house.wiring.services.log
    append, settle = log.append, log.settle
    withdrawing = house.changes().people.withdraw_consent(consent_id, by="test", how="in between")

    async def late(within: Any) -> Any:
        log.settle = settle
        await append(withdrawing)
        return await settle(within)

    log.settle = late
    answer = harbour.ask(fields=["arrears", "age"])

    assert set(released(answer)) == {"age"}
    assert withheld(answer) == {"arrears": "consent_needed"}
    assert [entry["kind"] for entry in house.entries()][-2:] == ["consent.withdrawn", "disclosure"]


def test_a_consent_while_an_answer_waits_is_fetched_for(house: House) -> None:
    """What the new decision releases was not read: the call goes back to the fetch, and uses its proof once."""
    harbour = house.harbour()
    log = house.wiring.services.log
    append, settle = log.append, log.settle
    giving = house.changes().people.record_consent(a_consent(house.changes(), "P0000042", ConsentState.GIVEN))

    async def late(within: Any) -> Any:
        log.settle = settle
        await append(giving)
        return await settle(within)

    log.settle = late
    answer = harbour.ask(fields=["arrears", "age"])

    assert set(released(answer)) == {"age", "arrears"}


def a_consent(changes: Any, person: str, state: ConsentState) -> ConsentRecord:
    return ConsentRecord(
        consent_id="c_" + secrets.token_hex(12),
        subject_ref=changes.people.subject_ref("council-tax", person),
        controller="northmoor",
        dataset="council-tax",
        purpose="tenancy-sustainment",
        recipients=frozenset({"harbour-housing"}),
        fields=frozenset(),
        state=state,
        kind=ConsentKind.UK_GDPR,
        given_by=GivenBy.SELF,
        capacity=Capacity.PRESUMED,
        authority=None,
        evidence=None,
        text_version="v1",
        how="test",
        recorded_by="test",
        from_at=datetime.fromtimestamp(0, UTC),
        until=None,
    )


class Writer(threading.Thread):
    """A second process's worth of control writes: its own writer to the same log, until stopped."""

    def __init__(self, directory: Path, *, persons: list[str], pause: float) -> None:
        super().__init__(daemon=True)
        self.council = open_council(directory)
        self.persons = persons
        self.pause = pause
        self.stopping = threading.Event()
        self.acknowledged: list[tuple[str, int]] = []  # (state, index)

    def run(self) -> None:
        changes = make_changes(self.council)
        sequencer = make_sequencer(self.council, machine_now, lambda results: [done(result) for done, result in results])
        sequencer.start()
        number = 0
        while not self.stopping.is_set():
            person = self.persons[number % len(self.persons)]
            record = a_consent(changes, person, ConsentState.GIVEN)
            given = sequencer.append(changes.people.record_consent(record))
            self.acknowledged.append(("given", given.index))
            if len(self.persons) == 1:
                withdrawn = sequencer.append(changes.people.withdraw_consent(record.consent_id, by="test", how="test"))
                self.acknowledged.append(("withdrawn", withdrawn.index))
            number += 1
            time.sleep(self.pause)
        sequencer.close()
        self.council.keyring.close()


def test_no_later_entry_discloses_under_the_old_state(council_directory: Path) -> None:
    """Several writers give and withdraw consents, also other people's at 200 a second, while a partner asks."""
    directory = council_directory
    with open_house(directory, clock=machine_now) as house:
        unlimited(house)
        writers = [Writer(directory, persons=["P0000042"], pause=0.002) for _ in range(2)]
        writers.append(Writer(directory, persons=[f"P{n}" for n in range(500)], pause=0.005))
        for writer in writers:
            writer.start()
        harbour = house.harbour()
        answers = []
        until = time.monotonic() + 4
        while time.monotonic() < until or len(answers) < 60:
            answers.append(harbour.ask(fields=["arrears"]))
        for writer in writers:
            writer.stopping.set()
            writer.join(10)
        told = check_order(house)
    codes = Counter(answer.json().get("code", "disclosed") for answer in answers)

    # Where the state moves faster than can be fetched for, three times over, nothing is disclosed and that is said.
    assert set(codes) <= {"disclosed", "nothing_permitted", "state_moving"}
    assert told["disclosed"] + told["refused"] == len(answers) - codes["state_moving"]
    assert told["refused"] > 0
    assert told["changes"] > 100


def unlimited(house: House) -> None:
    republish(house, "northmoor-harbour-tenancies", (LIMITS, "limits: {batch: 1}"))


def check_order(house: House) -> dict[str, int]:
    """Walk the log: at each disclosure of arrears, some consent given before stands that was not withdrawn before."""
    live: set[str] = set()
    told = {"disclosed": 0, "refused": 0, "changes": 0}
    grace = house.changes().people.subject_ref("council-tax", "P0000042")
    for index, kind, raw in house.rows("SELECT idx, kind, entry FROM log_entry ORDER BY idx"):
        entry = {"index": index, **orjson.loads(raw)}
        if kind.startswith("consent."):
            told["changes"] += 1
            truth = house.truth(entry)
            if truth["subject"]["ref"] == grace:
                consent = truth["what"]["consent_id"]
                # The newest answer counts; a withdrawal of any of them is newer than the consents before it.
                live = {consent} if kind == "consent.given" else set()
        elif kind in {"disclosure", "refusal"}:
            fields = house.truth(entry)["fields"]
            if "form" in fields.get("arrears", {}):
                assert live, f"entry {index} discloses, and no consent stands"
                told["disclosed"] += 1
            else:
                told["refused"] += 1
    return told

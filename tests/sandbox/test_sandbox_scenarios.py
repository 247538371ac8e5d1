"""Each scenario leads to what it says, by the gateway's own code, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import HARBOUR, House, copy_template, open_house, released, withheld
from sandbox_playing import asker, play

from gateway.problems import LOG_UNAVAILABLE, NOTHING_PERMITTED, SOURCE_SLOW, SOURCE_UNAVAILABLE
from gateway.sandbox.scenario import Scenario
from gateway.sandbox.scenarios import SCENARIOS

NAMES = sorted(SCENARIOS)
RECORDED_PROBLEMS = {
    NOTHING_PERMITTED: "refusal",
    SOURCE_SLOW: "failure",
    SOURCE_UNAVAILABLE: "failure",
}
LIMITS = {"limit-reached", "day-limit-reached", "person-limit-reached", "too-many-misses", "wrong-claims"}


def kind_of_entry(scenario: Scenario) -> str | None:
    """Return what the log must hold of a scenario; None where a failure leaves nothing."""
    if scenario.name in LIMITS:
        return "refusal"
    if scenario.problem is None:
        return "disclosure"
    return RECORDED_PROBLEMS.get(scenario.problem)


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 40
    assert all(one.says.endswith(".") and one.shows.endswith(".") for one in SCENARIOS.values())


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_is_what_the_scenario_says(sandbox: House, name: str) -> None:
    scenario, caller = SCENARIOS[name], asker(sandbox, name)
    before = len(sandbox.entries())

    answer = play(caller, name)

    assert answer.headers["stile-environment"] == "sandbox"
    assert answer.headers["stile-scenario"] == f"{name};read=?1"
    if scenario.problem is not None:
        assert (answer.status_code, answer.json()["code"]) == (scenario.problem.status, scenario.problem.code)
    else:
        assert answer.status_code == 200 or answer.json()["code"] == NOTHING_PERMITTED.code
    if scenario.reason is not None:
        assert scenario.reason.value in withheld(answer).values()
    if scenario.identity is not None:
        assert answer.json()["disclosure"]["identity"] == scenario.identity.value
    if "receipt" in answer.json():
        sandbox.verify(answer)
    new = [one["kind"] for one in sandbox.entries()[before:]]
    assert new in ([kind_of_entry(scenario)], ["refusal"]) if kind_of_entry(scenario) else new == []


@pytest.fixture(scope="module")
def shared(sandbox_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One sandbox in which every scenario is played after every other."""
    with open_house(copy_template(sandbox_template, tmp_path_factory.mktemp("shared") / "sandbox")) as running:
        yield running


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_scenario_stays(shared: House, name: str) -> None:
    """The same person, asked for without the header right afterwards, is answered as before."""
    shared.clock.move(minutes=2)  # the true limit of a minute is not what this is about
    caller = asker(shared, name)
    usual = None if name == "batch-limit" else name
    before = play(caller, None, like=usual)
    played = play(caller, name)

    after = play(caller, None, like=usual)

    assert played.headers["stile-scenario"].startswith(name)
    assert "stile-scenario" not in after.headers
    assert after.status_code == before.status_code == 200
    assert standing(after) == standing(before)
    shared.verify(after)


@pytest.mark.parametrize("name", ["not-found", "limit-reached", "too-many-misses", "person-limit-reached"])
def test_a_scenario_comes_out_the_same_however_often_it_is_played(sandbox: House, name: str) -> None:
    """What it counts is not kept: five misses that were played are no reason to refuse the sixth."""
    caller, before = asker(sandbox), len(sandbox.entries())

    answers = [play(caller, name) for _ in range(8)]

    assert {one.status_code for one in answers} == {answers[0].status_code}
    assert len(sandbox.entries()) == before + 8
    assert sandbox.rows("SELECT count(*) FROM usage") == [(0,)]
    assert play(caller, None).status_code == 200


def test_no_true_limit_stands_in_a_scenarios_way(sandbox: House) -> None:
    caller = asker(sandbox)
    while play(caller, None).status_code == 200:
        pass

    assert play(caller, "consent-given").status_code == 200


def standing(answer: Any) -> dict[str, Any]:
    """Return an answer without what is another in each: its name, and the second in which it was made."""
    disclosure = answer.json()["disclosure"]
    disclosure["record"].pop("as_at")
    return {name: value for name, value in disclosure.items() if name not in {"disclosure_id", "decided_at"}}


def test_what_only_the_log_may_know_is_in_its_entry(sandbox: House) -> None:
    """Nobody, several and misfit have one answer, and three truths."""
    caller, truths, answers = asker(sandbox), [], []
    for name in ("not-found", "not-confirmed", "ambiguous"):
        answers.append(standing(play(caller, name)))
        truths.append(sandbox.last()["facts"]["match"])

    assert answers[0] == answers[1] == answers[2]
    assert truths == ["nobody", "mismatch", "several"]


def test_a_consent_opens_its_fields_alone(sandbox: House) -> None:
    caller = asker(sandbox)

    without, given = play(caller, "consent-missing"), play(caller, "consent-given")

    assert set(released(given)) - set(released(without)) == {"arrears"}


def test_a_stale_record_says_so(sandbox: House) -> None:
    record = play(asker(sandbox), "source-stale").json()["disclosure"]["record"]

    assert record["stale"] is True
    assert record["as_at"] < play(asker(sandbox), None).json()["disclosure"]["record"]["as_at"]


def test_where_a_protected_person_lives_stays(sandbox: House) -> None:
    answer = play(asker(sandbox), "protected-address")

    assert withheld(answer)["postcode"] == "not_available"
    assert "full_name" in released(answer)


def test_a_death_is_told_where_a_line_tells_it(sandbox: House) -> None:
    caller = asker(sandbox, "deceased")

    assert released(play(caller, None, like="deceased"))["deceased"] is False
    assert released(play(caller, "deceased"))["deceased"] is True


def test_the_next_version_is_announced(sandbox: House) -> None:
    answer = play(asker(sandbox), "next-version")

    assert answer.json()["disclosure"]["agreement"]["next_version_from"] is not None


def test_a_scenario_without_a_log_leaves_no_entry(sandbox: House) -> None:
    """No record, no disclosure: the promise holds for a log that can't be written by a scenario, too."""
    before = len(sandbox.entries())

    answer = play(asker(sandbox), "log-unavailable")

    assert answer.json()["code"] == LOG_UNAVAILABLE.code
    assert len(sandbox.entries()) == before


def test_a_fact_that_the_journey_never_reads_is_said_to_be_unread(sandbox: House) -> None:
    """A call that is refused for its missing caseworker asks no source, so that a source that is down does not show."""
    answer = play(asker(sandbox), "source-down", caseworker=None)

    assert answer.headers["stile-scenario"] == "source-down;read=?0"


def test_an_agreement_that_is_not_in_force_can_be_tried_as_if_it_were(sandbox: House) -> None:
    """Before it begins, or when it is over: a developer need not wait for its first day."""
    sandbox.clock.move(days=200)
    caller = asker(sandbox)

    refused, answer = play(caller, None), play(caller, "agreement-in-force")

    assert (refused.status_code, set(withheld(refused).values())) == (403, {"agreement_not_in_force"})
    assert released(answer)["full_name"] == "Grace Okafor"
    sandbox.verify(answer)


def test_what_is_written_once_for_many_answers_is_not_written_by_a_scenario(sandbox: House) -> None:
    """Parts of answers are kept by the digest of the agreement, which a scenario leaves as it is: here of two refusals."""
    caller = asker(sandbox)
    _, text, _ = sandbox.wiring.services.reader.find_text("agreement", HARBOUR.agreement)

    played = play(caller, "agreement-expired").json()["disclosure"]["agreement"]["last_day"]
    after = play(caller, None, caseworker=None).json()["disclosure"]["agreement"]["last_day"]

    assert f"ends_on: {after}" in text
    assert played < after

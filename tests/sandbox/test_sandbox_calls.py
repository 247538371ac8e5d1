"""A scenario is of one call: it holds in its transaction, for all its people, and for nobody else's call."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from house import GRACE, HARBOUR, House, released, withheld
from sandbox_playing import CASE, FIELDS, MANY, asker, play

from audit.checking.verify import verify_answers
from gateway.demo.cast import GRACE as HOLDER
from gateway.problems import SCENARIO_REFUSED
from gateway.sandbox.scenario import TOKEN
from gateway.sandbox.scenarios import SCENARIOS
from schemas.consent import ConsentRecord
from schemas.terms import Capacity, ConsentKind, ConsentState, GivenBy

AT_TOKEN = sorted(one.name for one in SCENARIOS.values() if one.oauth is not None)


def give_consent(house: House) -> str:
    """Record a yes of Grace's to everything that the harbour may ask."""
    people = house.changes().people
    record = ConsentRecord(
        consent_id="c_graces", subject_ref=people.subject_ref("council-tax", HOLDER.party_ref), controller="northmoor",
        dataset="council-tax", purpose="tenancy-sustainment", recipients=frozenset({HARBOUR.partner_id}),
        fields=frozenset(), state=ConsentState.GIVEN, kind=ConsentKind.UK_GDPR, given_by=GivenBy.SELF,
        capacity=Capacity.PRESUMED, authority=None, evidence=None, text_version="1", how="in person",
        recorded_by="test", from_at=datetime(2020, 1, 1, tzinfo=UTC), until=None,
    )  # fmt: skip
    house.append(people.record_consent(record))
    return record.consent_id


class ChangingLog:
    """The log, which finds a change written before the first item that it is given."""

    def __init__(self, house: House, change: Callable[[], Any]) -> None:
        self.house, self.change, self.log = house, change, house.wiring.services.log

    async def settle(self, judging: Any) -> Any:
        object.__setattr__(self.house.wiring.services, "log", self.log)
        self.house.wiring.sequencer.submit(self.change(), [].append)
        return await self.log.settle(judging)


def meanwhile(house: House, change: Callable[[], Any]) -> None:
    """Make a change once a call is decided, and not yet appended."""
    object.__setattr__(house.wiring.services, "log", ChangingLog(house, change))


def republished(house: House) -> Any:
    version, text, _ = house.wiring.services.reader.find_text("agreement", HARBOUR.agreement)
    return house.changes().texts.publish_agreement(
        text.replace(f"version: {version}\n", f"version: {version + 1}\n"), by="test"
    )


# -- the transaction


def test_a_withdrawal_that_is_played_holds_where_the_transaction_judges_again(sandbox: House) -> None:
    """The person's true consent, which the transaction would find, does not come through."""
    give_consent(sandbox)
    caller = asker(sandbox)
    assert "arrears" in released(play(caller, None))
    before = play(caller, None).json()["disclosure"]["agreement"]["version"]
    meanwhile(sandbox, lambda: republished(sandbox))

    answer = play(caller, "consent-withdrawn")

    assert answer.json()["disclosure"]["agreement"]["version"] == before + 1, "it was judged again"
    assert withheld(answer)["arrears"] == "consent_needed"
    sandbox.verify(answer)


def test_a_true_withdrawal_under_way_does_not_undo_a_consent_that_is_played(sandbox: House) -> None:
    consent = give_consent(sandbox)
    caller = asker(sandbox)
    meanwhile(sandbox, lambda: sandbox.changes().people.withdraw_consent(consent, by="test", how="in person"))

    played, after = play(caller, "consent-given"), play(caller, None)

    assert "arrears" in released(played)
    assert withheld(after)["arrears"] == "consent_needed"


def test_an_end_that_is_played_holds_where_the_transaction_judges_again(sandbox: House) -> None:
    """Read with true eyes there, the agreement would be in force, and the call would go back to the source for ever."""
    caller = asker(sandbox)
    before = play(caller, None).json()["disclosure"]["agreement"]["version"]
    meanwhile(sandbox, lambda: republished(sandbox))

    answer = play(caller, "agreement-ended")

    assert (answer.status_code, answer.json()["disclosure"]["agreement"]["version"]) == (403, before + 1)
    assert set(withheld(answer).values()) == {"agreement_not_in_force"}


# -- many people


def ask_many(caller: Any, name: str | None, **headers: str) -> Any:
    body = {**CASE, "fields": FIELDS, "subjects": MANY}
    played = {} if name is None else {"Stile_Scenario": name}
    return caller.call("POST", "/v1/disclosures", body, **played, **headers)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("day-limit-reached", "limit_reached"),
        ("person-limit-reached", "limit_reached"),
        ("too-many-misses", "limit_reached"),
        ("consent-withdrawn", "consent_needed"),
        ("not-confirmed", "not_available"),
    ],
)
def test_a_scenario_holds_for_everybody_of_a_call(sandbox: House, name: str, reason: str) -> None:
    answer = ask_many(asker(sandbox), name)

    lines = [one["disclosure"] for one in answer.json()["lines"] if "disclosure" in one]
    assert [reason in {one["reason"] for one in line["withheld"]} for line in lines] == [True, True]
    assert verify_answers(answer.content, vkey=sandbox.vkey)


def test_a_stream_says_which_scenario_it_is_of(sandbox: House) -> None:
    answer = ask_many(asker(sandbox), "consent-missing", Accept="application/x-ndjson")

    assert answer.headers["stile-scenario"] == "consent-missing;read=?1"
    assert json.loads(answer.text.splitlines()[-1])["end"]["lines"] == 2


def test_a_source_that_is_down_fails_all_of_a_call_with_one_entry(sandbox: House) -> None:
    caller, before = asker(sandbox), len(sandbox.entries("failure"))

    answer = ask_many(caller, "source-down")

    assert (answer.status_code, answer.json()["code"]) == (502, "source_unavailable")
    assert len(sandbox.entries("failure")) == before + 1


# -- repeats, explanations, neighbours


def test_a_repeat_without_the_scenario_is_decided_anew(sandbox: House) -> None:
    """As after a failure that has passed: the same key, the same body, a true answer, marked as a repeat."""
    caller = asker(sandbox)
    first = play(caller, "consent-given", Idempotency_Key="call-1")

    again = play(caller, None, Idempotency_Key="call-1")

    assert "arrears" in released(first)
    assert withheld(again)["arrears"] == "consent_needed"
    assert sandbox.last()["request"]["retry_of"] == first.json()["disclosure"]["disclosure_id"]


def test_a_call_that_failed_by_a_scenario_uses_up_no_key(sandbox: House) -> None:
    caller = asker(sandbox)
    play(caller, "log-unavailable", Idempotency_Key="call-2")

    play(caller, None, Idempotency_Key="call-2")

    assert sandbox.last()["request"]["retry_of"] is None


def test_an_explanation_is_under_the_scenario_too(sandbox: House) -> None:
    caller = asker(sandbox)

    played = caller.call("POST", "/v1/explain", CASE, Stile_Scenario="agreement-expired")
    without = caller.call("POST", "/v1/explain", CASE)

    assert (played.json()["permits"], without.json()["permits"]) == (False, True)
    assert {one["reason"] for one in played.json()["fields"].values()} == {"agreement_not_in_force"}
    assert played.headers["stile-scenario"] == "agreement-expired;read=?1"


def test_scenarios_in_parallel_do_not_leak_into_each_other(sandbox: House) -> None:
    caller = asker(sandbox)
    wanted = {
        "consent-given": (200, 0), "consent-withdrawn": (200, 0), "source-down": (502, 0), "agreement-ended": (403, 0),
        "limit-reached": (429, 0), "token-revoked": (401, 0), "log-unavailable": (503, 0), None: (200, 0),
    }  # fmt: skip
    names = [*wanted] * 6

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda name: play(caller, name), names))

    assert [one.status_code for one in answers] == [wanted[name][0] for name in names]
    told = [one.headers.get("stile-scenario", "").partition(";")[0] or None for one in answers]
    assert told == names
    opened = [
        name for name, one in zip(names, answers, strict=True) if one.status_code == 200 and "arrears" in released(one)
    ]
    assert opened == ["consent-given"] * 6


# -- the token endpoint


@pytest.mark.parametrize("name", AT_TOKEN)
def test_a_token_is_refused_as_the_scenario_says(sandbox: House, name: str) -> None:
    caller = sandbox.caller(HARBOUR.client_id)
    details = json.dumps([{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}])
    headers = {"DPoP": caller.proof("POST", TOKEN), "Stile-Scenario": name}

    answer = sandbox.http.post(TOKEN, data=caller.form(authorization_details=details), headers=headers)

    assert answer.status_code in (400, 401, 503)
    assert answer.json()["error"] == SCENARIOS[name].oauth
    assert answer.headers["stile-scenario"] == f"{name};read=?1"
    assert caller.get_token(HARBOUR.agreement).token, "nothing stays"


def test_the_token_endpoint_is_in_some_scenarios() -> None:
    assert len(AT_TOKEN) >= 5


@pytest.mark.parametrize(("path", "name"), [(TOKEN, "consent-given"), ("/v1/agreements", "consent-given")])
def test_a_scenario_where_it_means_nothing_is_refused(sandbox: House, path: str, name: str) -> None:
    answer = sandbox.http.post(path, headers={"Stile-Scenario": name})

    assert (answer.status_code, answer.json()["code"]) == (400, SCENARIO_REFUSED.code)
    assert "POST /v1/disclosures" in answer.json()["detail"]


def test_the_same_person_may_be_asked_for_by_others_meanwhile(sandbox: House) -> None:
    """A limit that one partner plays is nobody else's."""
    harbour, calder = asker(sandbox), sandbox.calder()
    worker = {**CASE["caseworker"], "role": "discharge-coordinator"}

    assert play(harbour, "limit-reached").status_code == 429
    assert calder.ask(GRACE, caseworker=worker, fields=["full_name"]).status_code == 200


def test_a_made_up_person_is_named_by_a_composite_key_too(sandbox: House) -> None:
    grace = {"full_name": "Grace Okafor", "date_of_birth": "1985-02-14", "postcode": "LS1 4AB"}
    officer = {"id": "pm4", "name": "Pat Moss", "role": "admissions-officer"}

    answer = sandbox.aire().ask({"person": grace}, fields=["surname"], caseworker=officer)

    assert released(answer) == {"surname": "Okafor"}

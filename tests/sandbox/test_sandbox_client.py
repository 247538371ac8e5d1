"""A partner's test of a scenario is one line: `scenario=` of our client, `--scenario` of `stile get`."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from click.testing import Result
from house import CASEWORKER, HARBOUR, copy_template, free_port
from typer.testing import CliRunner

from gateway.app import build_app
from gateway.cli import make_app
from gateway.client import AsyncClient, Caseworker, Client, Patience, ProblemError, Subject, UnexpectedReplyError
from gateway.client.asking import Said
from gateway.commands.council import at_port
from gateway.council.directory import Council, open_council
from gateway.sandbox.scenarios import SCENARIOS

GRACE = Subject("account_ref", "1000042", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
CASE: Said = {"case_reference": "HH-2291", "caseworker": Caseworker(**CASEWORKER)}
QUICK = Patience(tries=1, first_wait=0.01, longest_wait=0.02, timeout=5.0, deadline=10.0)


@contextmanager
def served(directory: Path) -> Iterator[Council]:
    port = free_port()
    council = at_port(open_council(directory), port)
    server = uvicorn.Server(uvicorn.Config(build_app(council), port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield council
    finally:
        server.should_exit = True
        thread.join()
        council.keyring.close()


def wanted(council: Council) -> dict[str, Any]:
    key = council.directory / "partners" / f"{HARBOUR.client_id}.jwk.json"
    return {
        "client_id": HARBOUR.client_id, "key": key, "vkey": council.signer.vkey, "agreement": HARBOUR.agreement,
        "patience": QUICK,
    }  # fmt: skip


@pytest.fixture(scope="module")
def playing(sandbox_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    with served(copy_template(sandbox_template, tmp_path_factory.mktemp("playing") / "sandbox")) as council:
        yield council


def test_a_scenario_is_one_word_of_a_call(playing: Council) -> None:
    with Client(playing.settings.public_url, **wanted(playing)) as gateway:
        withdrawn = gateway.get(GRACE, fields=["arrears"], scenario="consent-withdrawn", **CASE)
        given = gateway.get(GRACE, fields=["arrears"], scenario="consent-given", **CASE)
        explained = gateway.explain(scenario="agreement-expired", **CASE)

    assert withdrawn.withheld["arrears"].reason == "consent_needed"
    assert "arrears" in given.fields
    assert explained.permits is False


def test_a_problem_is_the_error_that_production_raises(playing: Council) -> None:
    with Client(playing.settings.public_url, **wanted(playing)) as gateway:
        for name, code in (("source-down", "source_unavailable"), ("log-unavailable", "log_unavailable")):
            with pytest.raises(ProblemError) as error:
                gateway.get(GRACE, scenario=name, **CASE)
            assert error.value.code == code


def test_an_event_loop_plays_it_as_well(playing: Council) -> None:
    async def ask() -> str:
        async with AsyncClient(playing.settings.public_url, **wanted(playing)) as gateway:
            answer = await gateway.get(GRACE, scenario="not-found", **CASE)
            return answer.identity

    assert asyncio.run(ask()) == "not_confirmed"


def test_many_people_play_it_together(playing: Council) -> None:
    person = Subject(GRACE.key, GRACE.value, GRACE.confirm, ref="grace")
    with Client(playing.settings.public_url, **wanted(playing)) as gateway:
        (answer,) = list(gateway.many([person], scenario="restriction", fields=["age"], **CASE))

    assert answer.withheld["age"].reason == "restricted"


@pytest.mark.parametrize("name", ["not a name", "a\r\nX-Evil: 1", "ä", "", "a" * 65])
def test_what_can_be_no_name_is_never_sent(playing: Council, name: str) -> None:
    with Client(playing.settings.public_url, **wanted(playing)) as gateway, pytest.raises(ValueError, match="scenario"):
        gateway.get(GRACE, scenario=name, **CASE)


def test_an_unknown_name_lists_those_that_there_are(playing: Council) -> None:
    with Client(playing.settings.public_url, **wanted(playing)) as gateway, pytest.raises(ProblemError) as error:
        gateway.get(GRACE, scenario="no-such", **CASE)

    assert error.value.code == "scenario_refused"
    assert [name for name in SCENARIOS if name not in str(error.value)] == []


def test_production_is_told_apart(council_directory: Path) -> None:
    with (
        served(council_directory) as council,
        Client(council.settings.public_url, **wanted(council)) as gateway,
        pytest.raises(ProblemError) as error,
    ):
        gateway.get(GRACE, scenario="consent-withdrawn", **CASE)

    assert error.value.code == "not_a_sandbox"


def test_an_answer_that_does_not_say_so_is_no_test(playing: Council, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a gateway that knows no scenarios, or a proxy that drops the header: the client does not let it pass."""
    monkeypatch.setattr("gateway.client.journeys._staged", lambda _matter: {})
    with Client(playing.settings.public_url, **wanted(playing)) as gateway, pytest.raises(UnexpectedReplyError):
        gateway.get(GRACE, scenario="consent-withdrawn", **CASE)


def get(council: Council, *words: str) -> Result:
    key = council.directory / "partners" / f"{HARBOUR.client_id}.jwk.json"
    whole = [
        "get", "--issuer", council.settings.public_url, "--client", HARBOUR.client_id, "--key", str(key),
        "--vkey", council.signer.vkey, "--agreement", HARBOUR.agreement, "--subject", "account_ref=1000042",
        "--confirm", "surname=Okafor", "--confirm", "date_of_birth=1985-02-14", "--case", "HH-2291",
        "--caseworker", "jb17,Jo Bright,tenancy-sustainment-officer",
        *words,
    ]  # fmt: skip
    return CliRunner().invoke(make_app(["get"]), whole, env={"COLUMNS": "120"})


def test_the_terminal_plays_it(playing: Council) -> None:
    answered = get(playing, "--field", "age", "--field", "arrears", "--scenario", "consent-withdrawn")
    refused = get(playing, "--scenario", "agreement-ended")
    failed = get(playing, "--scenario", "too-many-misses")

    assert (answered.exit_code, "consent_needed" in answered.output, "25 up to 65" in answered.output) == (0, True, True)
    assert (refused.exit_code, "agreement_not_in_force" in refused.output) == (3, True)
    assert (failed.exit_code, "too_many_misses" in failed.output) == (1, True)


def test_the_terminal_lists_scenarios_and_people(sandbox_template: Path) -> None:
    listed = CliRunner().invoke(make_app(["sandbox"]), ["sandbox", "scenarios", "--json"])
    people = CliRunner().invoke(make_app(["sandbox"]), ["sandbox", "people", "--dir", str(sandbox_template), "--json"])

    assert [one["name"] for one in json.loads(listed.output)] == list(SCENARIOS)
    assert {one["dataset"] for one in json.loads(people.output)} == {
        "council-tax",
        "housing-tenancies",
        "children-looked-after",
    }

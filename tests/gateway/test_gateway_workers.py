"""What one worker has written counts in every other: by two workers, each called by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_working import CONSENT, PRICE, body_of, get_token_at, lone_worker, partner_of, post_to, proof_for, republish
from house import HARBOUR, ISSUER, copy_template
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.demo.making import DPO
from gateway.demo.partner import Reply, details_of

ASK = "/v1/disclosures"


class Pair:
    """Two workers of one directory, and a partner with a token from the first."""

    def __init__(self, directory: Path, ports: tuple[int, int]) -> None:
        self.directory, self.ports = directory, ports
        self.harbour = partner_of(directory, ISSUER)
        get_token_at(ports[0], self.harbour, authorization_details=json.dumps(details_of(HARBOUR.agreement)))

    def ask(self, worker: int, **more) -> Reply:
        return post_to(self.ports[worker], self.harbour, ASK, body_of(**more))


@pytest.fixture(scope="module")
def pair(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    directory = copy_template(template, tmp_path_factory.mktemp("pair") / "council")
    with lone_worker(directory) as first, lone_worker(directory) as second:
        yield Pair(directory, (first, second))


def stile(*words: object) -> str:
    result = CliRunner().invoke(make_app([str(word) for word in words]), [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_proof_used_at_one_worker_is_refused_at_the_other(pair: Pair) -> None:
    proof = proof_for(pair.harbour, ASK)

    first = post_to(pair.ports[0], pair.harbour, ASK, body_of(), proof)
    second = post_to(pair.ports[1], pair.harbour, ASK, body_of(), proof)

    assert (first.status, second.status, second.json()["code"]) == (200, 401, "proof_replayed")


def test_a_withdrawal_at_one_worker_counts_at_once_at_the_other(pair: Pair) -> None:
    office = partner_of(pair.directory, ISSUER, DPO)
    get_token_at(pair.ports[0], office, resource=f"{ISSUER}/control")
    for number in range(6):
        here, there = number % 2, 1 - number % 2
        given = post_to(pair.ports[here], office, "/control/v1/consents", CONSENT)
        assert given.status == 201, given.body
        assert "arrears" in pair.ask(there).json()["disclosure"]["record"]["fields"]
        path = f"/control/v1/consents/{given.json()['consent_id']}/withdrawal"
        assert post_to(pair.ports[here], office, path, {"how": "by telephone"}).status == 201
        assert "arrears" not in pair.ask(there).json()["disclosure"]["record"]["fields"]


def test_what_a_command_changes_counts_at_once_in_every_worker(pair: Pair) -> None:
    stile("partner", "suspend", "harbour-housing", "--dir", pair.directory)
    assert [pair.ask(worker).status for worker in (0, 1)] == [401, 401]

    stile("partner", "resume", "harbour-housing", "--dir", pair.directory)
    assert [pair.ask(worker).status for worker in (0, 1)] == [200, 200]


def test_a_limit_is_one_for_all_workers(pair: Pair) -> None:
    republish(pair.directory, "same_subject_per_day: 500", "same_subject_per_day: 3")

    assert [pair.ask(number % 2, subject=PRICE).status for number in range(5)] == [200, 200, 200, 429, 429]

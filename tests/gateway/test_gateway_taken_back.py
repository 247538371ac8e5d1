"""Promise 4 for all that can be taken back: over several workers, under load, across a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import orjson
import pytest
from gateway_working import CONSENT, LIMITS, Asking, Served, body_of, check_log, partner_of, republish, serving, under_load
from house import HARBOUR
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.council.directory import open_council
from gateway.demo.making import DPO
from gateway.demo.partner import PartnerSystem, Reply, send
from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.made_jwts import make_assertion

WORKERS = 3


def stile(served: Served, *words: str) -> None:
    result = CliRunner().invoke(make_app(list(words)), [*words, "--dir", str(served.directory)])
    assert result.exit_code == 0, result.output


def office_of(served: Served) -> PartnerSystem:
    office = partner_of(served.directory, f"http://127.0.0.1:{served.port}", DPO)
    assert office.get_token(resource=f"{office.issuer}/control").status == 200
    return office


def token(served: Served, partner: PartnerSystem, _: str) -> None:
    form = {
        "token": partner.token,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": make_assertion(partner.key, client_id=partner.client_id, issuer=partner.issuer),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert send("POST", f"{partner.issuer}/oauth2/revoke", headers, urlencode(form).encode()).status == 200


def client(served: Served, partner: PartnerSystem, _: str) -> None:
    stile(served, "client", "revoke", partner.client_id)


def partner(served: Served, _: PartnerSystem, __: str) -> None:
    stile(served, "partner", "suspend", "harbour-housing")


def agreement(served: Served, _: PartnerSystem, __: str) -> None:
    stile(served, "agreement", "end", HARBOUR.agreement, "--reason", "a breach", "--yes")


def consent(served: Served, _: PartnerSystem, live: str) -> None:
    office = office_of(served)
    assert office.call("POST", f"/control/v1/consents/{live}/withdrawal", {"how": "by telephone"}).status == 201


def arrears_in(reply: Reply) -> bool:
    return reply.status == 200 and "arrears" in reply.json()["disclosure"]["record"]["fields"]


def disclosed(reply: Reply) -> bool:
    return reply.status == 200


@pytest.mark.parametrize(
    ("take_back", "kind", "gives"),
    [
        (token, "token.revoked", disclosed),
        (client, "client.revoked", disclosed),
        (partner, "partner.suspended", disclosed),
        (agreement, "agreement.ended", disclosed),
        (consent, "consent.withdrawn", arrears_in),
    ],
)
def test_nothing_is_disclosed_after_what_took_it_back(
    either_directory: Path, take_back: Callable, kind: str, gives: Callable[[Reply], bool]
) -> None:
    """Product, promise 4: the log's order is the judge of every answer, and the acknowledgement's time of every call."""
    directory = either_directory
    republish(
        directory, LIMITS, "limits: {per_minute: 100000, subjects_per_day: 100000, same_subject_per_day: 100000, batch: 1}"
    )
    with serving(directory, workers=WORKERS) as served:
        served.wait_for("worker_ready", WORKERS)
        harbour = partner_of(directory, f"http://127.0.0.1:{served.port}")
        assert harbour.get_token(agreement=HARBOUR.agreement).status == 200
        given = office_of(served).call("POST", "/control/v1/consents", CONSENT)
        with under_load(harbour, body_of(), threads=4) as asking:
            wait_for_more(asking, 30)
            take_back(served, harbour, given.json()["consent_id"])
            acknowledged = [len(one.replies) for one in asking]
            wait_for_more(asking, 30)
        begun_later = [
            reply for one, before in zip(asking, acknowledged, strict=True) for reply in one.replies[before + 1 :]
        ]
        replies = [reply for one in asking for reply in one.replies]

    index = index_of(directory, kind)
    gave = [reply for reply in replies if gives(reply)]
    assert len(gave) > 10
    assert len(begun_later) > 10
    assert not any(gives(reply) for reply in begun_later)
    assert max(reply.json()["receipt"]["index"] for reply in gave) < index
    if gives is disclosed:
        assert outcomes_after(directory, index) <= {"refused"}
    check_log(directory, [reply.body for reply in replies if reply.status == 200])

    with serving(directory, workers=WORKERS, port=served.port) as again:
        again.wait_for("worker_ready", WORKERS)
        after = [harbour.call("POST", "/v1/disclosures", body_of()) for _ in range(2 * WORKERS)]
    assert not any(gives(reply) for reply in after)
    assert {reply.status for reply in after} <= {200, 401, 403}


def wait_for_more(asking: list[Asking], count: int) -> None:
    """Wait until so many more calls have been answered, however busy the machine is."""
    wanted, until = sum(len(one.replies) for one in asking) + count, time.monotonic() + 60
    while sum(len(one.replies) for one in asking) < wanted:
        assert time.monotonic() < until, "the gateway has stopped answering"
        time.sleep(0.02)


def index_of(directory: Path, kind: str) -> int:
    (index,) = (index for index, entry in log_of(directory) if entry["kind"] == kind)
    return index


def outcomes_after(directory: Path, index: int) -> set[str]:
    return {entry["outcome"] for at, entry in log_of(directory) if at > index and entry["kind"] == "disclosure"}


def log_of(directory: Path) -> list[tuple[int, dict]]:
    council = open_council(directory)
    connection = council.store.open(read_only=True)
    try:
        return [(index, orjson.loads(raw)) for index, raw in connection.all("SELECT idx, entry FROM log_entry")]
    finally:
        connection.close()
        council.keyring.close()

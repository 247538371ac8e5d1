"""A client whose keys lie at its own address, over the real gateway and a real small server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from house import CASEWORKER, GRACE, HARBOUR, ISSUER, Caller, House, open_house
from joserfc import jwk
from typer.testing import CliRunner
from typing_extensions import override

from gateway.cli import make_app
from gateway.oauth.clients import Role
from gateway.oauth.made_jwts import make_context

CLIENT = "harbour-by-address"


@dataclass
class Keys:
    """What lies at the address, and who waits for it."""

    kept: list[Any] = field(default_factory=list)
    asked: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(keys: Keys) -> Iterator[str]:
    """Serve the keys; yields the host with its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.asked += 1
            keys.reached.set()
            keys.gate.wait(10)
            body = json.dumps({"keys": [one.as_dict(private=False) for one in keys.kept]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/jwk-set+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        keys.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def keys() -> Keys:
    found = Keys(kept=[jwk.generate_key("EC", "P-256", private=True)])
    found.gate.set()
    return found


@pytest.fixture
def house(council_directory: Path, keys: Keys) -> Iterator[House]:
    with (
        serving(keys) as host,
        open_house(council_directory, jwks_hosts=(host,), jwks_allow_private=True) as running,
    ):
        running.append(
            running.changes().partners.register_client(
                CLIENT,
                partner_id=HARBOUR.partner_id,
                role=Role.PARTNER,
                jwks=None,
                jwks_uri=f"http://{host}/jwks",
                by="test",
            )
        )
        yield running


def caller(house: House, key: Any) -> Caller:
    return Caller(house, CLIENT, key)


def status(house: House, key: Any) -> int:
    details = [{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}]
    return int(caller(house, key).ask_token(authorization_details=json.dumps(details)).status_code)


def test_a_client_calls_by_a_key_that_lies_at_its_address(house: House, keys: Keys) -> None:
    answer = caller(house, keys.kept[0]).get_token(HARBOUR.agreement).ask(fields=["age"])

    assert (answer.status_code, house.verify(answer).outcome) == (200, "full")
    assert status(house, jwk.generate_key("EC", "P-256", private=True)) == 401


def test_a_client_changes_its_keys_there_without_an_entry(house: House, keys: Keys) -> None:
    assert status(house, keys.kept[0]) == 200
    before, old = len(house.entries()), keys.kept[0]

    keys.kept = [jwk.generate_key("EC", "P-256", private=True)]
    house.clock.move(minutes=6)

    assert (status(house, keys.kept[0]), status(house, old)) == (200, 401)
    assert len(house.entries()) == before


def test_no_entry_discloses_by_a_fetched_key_that_the_council_revoked(house: House, keys: Keys) -> None:
    """Promise 4, though the key lies at its address still."""
    old = caller(house, keys.kept[0]).get_token(HARBOUR.agreement)
    assert old.ask(fields=["age"]).status_code == 200

    done = CliRunner().invoke(
        make_app(["client"]),
        ["client", "key", "revoke", CLIENT, keys.kept[0].thumbprint(), "--dir", str(house.directory)],
    )

    assert (done.exit_code, "revoked" in done.output) == (0, True), done.output
    assert old.ask(fields=["age"]).status_code == 401
    house.clock.move(minutes=6)
    assert status(house, keys.kept[0]) == 401
    assert house.last()["what"]["thumbprint"] == keys.kept[0].thumbprint()


def test_a_worker_that_has_no_keys_yet_fetches_them_for_a_context(house: House, keys: Keys) -> None:
    """The token came from another worker: what this one knows is nobody's keys."""
    client = caller(house, keys.kept[0]).get_token(HARBOUR.agreement)
    house.wiring.clients._sets.clear()
    stranger = jwk.generate_key("EC", "P-256", private=True)

    def context(key: Any) -> str:
        now = house.clock().timestamp()
        of = {"client_id": CLIENT, "issuer": ISSUER, "practitioner": CASEWORKER, "organisation": "E12000003"}
        return make_context(key, **of, reason="Arrears review", now=now)

    def ask(key: Any) -> Any:
        body = {"subject": GRACE, "case_reference": "HH-1", "fields": ["age"]}
        return client.call("POST", "/v1/disclosures", body, Stile_Context=context(key))

    refused, answer = ask(stranger), ask(keys.kept[0])

    assert (refused.status_code, refused.json()["code"]) == (400, "context_refused")
    assert (answer.status_code, answer.json()["disclosure"]["caseworker"]) == (200, {"assurance": "vouched"})


def test_nobody_waits_for_another_clients_address(house: House, keys: Keys) -> None:
    keys.gate.clear()
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(status(house, keys.kept[0])))
    waiting.start()
    assert keys.reached.wait(5)

    assert house.harbour().ask(fields=["age"]).status_code == 200
    assert found == []
    keys.gate.set()
    waiting.join()
    assert found == [200]


def test_an_address_that_is_not_listed_is_refused_at_registration(house: House) -> None:
    words = ["client", "add", "another", "--partner", HARBOUR.partner_id, "--dir", str(house.directory)]

    refused = CliRunner().invoke(make_app(["client"]), [*words, "--jwks-uri", "https://keys.harbour.example/jwks"])
    neither = CliRunner().invoke(make_app(["client"]), words)

    assert (refused.exit_code, "jwks_hosts does not list" in refused.output) == (1, True)
    assert (neither.exit_code, "give a client's keys, or the address" in neither.output) == (1, True)


def test_a_setting_that_lists_no_host_fetches_nothing(council_directory: Path, keys: Keys, house: House) -> None:
    """The list may have narrowed since the client was registered."""
    with open_house(council_directory) as narrowed:
        assert status(narrowed, keys.kept[0]) == 401

    assert keys.asked == 0


def test_a_failed_fetch_is_counted(council_directory: Path, keys: Keys, house: House) -> None:
    with open_house(council_directory) as narrowed:
        status(narrowed, keys.kept[0])
        registry = narrowed.wiring.telemetry.registry
        assert registry.get_sample_value("stile_client_keys_fetched_total", {"outcome": "failed"}) == 1
    status(house, keys.kept[0])
    registry = house.wiring.telemetry.registry
    assert registry.get_sample_value("stile_client_keys_fetched_total", {"outcome": "done"}) == 1

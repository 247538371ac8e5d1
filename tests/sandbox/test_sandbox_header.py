"""What a header says that anybody may send: only a name of the list is played, and only in a sandbox."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from house import House, move_clients, open_house
from sandbox_playing import asker, play

from gateway.problems import NOT_A_SANDBOX, SCENARIO_REFUSED
from gateway.sandbox.scenarios import SCENARIOS
from schemas.terms import Environment

HOSTILE = [
    b"consent-given\r\nX-Evil: 1",
    b"consent-given\nX-Evil: 1",
    b"consent-given\x00",
    b"a" * 8_192,
    "consent-gïven".encode(),
    b"\xff\xfe\xfd",
    b"",
    b"CONSENT-GIVEN",
    b"consent-given, consent-missing",
    b"consent-given;read=?1",
    b"'; DROP TABLE log_entry; --",
]


def send(house: House, *values: bytes, path: str = "/v1/disclosures") -> tuple[int, dict[bytes, bytes], bytes]:
    """Send a call with these very bytes as the header, as no client library would."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def take(message: dict[str, Any]) -> None:
        sent.append(message)

    async def call() -> None:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8080), "headers": [(b"stile-scenario", value) for value in values],
        }  # fmt: skip
        await house.http.app(scope, receive, take)

    assert house.http.portal is not None
    house.http.portal.call(call)
    body = b"".join(one.get("body", b"") for one in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body


@pytest.mark.parametrize("value", HOSTILE)
def test_what_is_no_name_is_refused_and_not_repeated(sandbox: House, value: bytes) -> None:
    status, headers, body = send(sandbox, value)

    problem = orjson.loads(body)
    assert (status, problem["code"]) == (400, SCENARIO_REFUSED.code)
    assert [name for name in SCENARIOS if name not in problem["detail"]] == []
    assert b"Evil" not in body
    assert b"DROP" not in body
    assert b"x-evil" not in headers
    assert b"stile-scenario" not in headers
    assert len(body) < 4_096


def test_a_name_given_twice_is_refused(sandbox: House) -> None:
    status, _, body = send(sandbox, b"consent-given", b"consent-given")

    assert (status, orjson.loads(body)["code"]) == (400, SCENARIO_REFUSED.code)


@pytest.mark.parametrize("value", [b"consent-withdrawn", *HOSTILE])
@pytest.mark.parametrize("path", ["/v1/disclosures", "/v1/explain", "/oauth2/token", "/healthz", "/control/consents"])
def test_production_refuses_the_header_whatever_it_says(house: House, value: bytes, path: str) -> None:
    status, headers, body = send(house, value, path=path)

    assert (status, orjson.loads(body)["code"]) == (400, NOT_A_SANDBOX.code)
    assert b"stile-environment" not in headers


def test_production_plays_nothing_also_for_a_known_caller(house: House) -> None:
    """A developer must not believe that a test ran: nothing is answered, and nothing of the call is kept."""
    caller, before = asker(house), len(house.entries())

    refused = play(caller, "consent-given")

    assert (refused.status_code, refused.json()["code"]) == (400, NOT_A_SANDBOX.code)
    assert len(house.entries()) == before


def test_a_councils_own_log_never_becomes_a_sandboxs(council_directory: Any) -> None:
    """Whoever sets the environment of a council with a log of its own can play no scenario on its people."""
    move_clients(council_directory, Environment.SANDBOX)
    with open_house(council_directory, environment=Environment.SANDBOX) as flipped:
        answer = play(asker(flipped), "consent-given")

    assert (answer.status_code, answer.json()["code"]) == (400, NOT_A_SANDBOX.code)
    assert "/sandbox" in answer.json()["detail"]


# -- what a sandbox says of itself


def test_every_answer_of_a_sandbox_says_so(sandbox: House) -> None:
    paths = ["/healthz", "/docs", "/openapi.json", "/nowhere", "/v1/agreements", "/oauth2/jwks", "/control/consents/x"]

    assert [sandbox.http.get(path).headers.get("stile-environment") for path in paths] == ["sandbox"] * len(paths)


def test_no_answer_of_production_says_it(house: House) -> None:
    paths = ["/healthz", "/docs", "/openapi.json", "/nowhere", "/v1/agreements"]

    assert [path for path in paths if "stile-environment" in house.http.get(path).headers] == []


@pytest.mark.parametrize("name", ["oauth-authorization-server", "oauth-protected-resource"])
def test_metadata_name_the_environment_of_a_sandbox_alone(sandbox: House, house: House, name: str) -> None:
    path = f"/.well-known/{name}"

    assert sandbox.http.get(path).json()["environment"] == "sandbox"
    assert "environment" not in house.http.get(path).json()


def test_the_list_is_there_in_a_sandbox_alone(sandbox: House, house: House) -> None:
    listed = sandbox.http.get("/sandbox/scenarios").json()["scenarios"]

    assert [one["name"] for one in listed] == list(SCENARIOS)
    assert all(one["says"] and one["shows"] for one in listed)
    assert house.http.get("/sandbox/scenarios").status_code == 404


def test_the_description_names_every_scenario_in_a_sandbox_alone(sandbox: House, house: House) -> None:
    described = sandbox.http.get("/openapi.json").json()
    (header,) = [
        one for one in described["paths"]["/v1/disclosures"]["post"]["parameters"] if one.get("name") == "Stile-Scenario"
    ]

    assert header["schema"]["enum"] == list(SCENARIOS)
    assert "/sandbox/scenarios" in described["paths"]
    assert "Stile-Scenario" not in house.http.get("/openapi.json").text


def test_a_partners_own_description_names_them_in_a_sandbox_alone(sandbox: House, house: House) -> None:
    described = asker(sandbox).call("GET", "/v1/openapi.json").json()
    named = [one.get("name") for one in described["paths"]["/v1/disclosures"]["post"]["parameters"]]

    assert "Stile-Scenario" in named
    assert "Stile-Scenario" not in asker(house).call("GET", "/v1/openapi.json").text

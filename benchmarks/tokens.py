"""How many tokens a second, beside Authlib's stock classes? And what does authenticating a call cost?"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from benchmarks import disclosures, load
from gateway.app import make_wiring, utc_now
from gateway.council.directory import open_council
from gateway.demo.making import HARBOUR
from gateway.demo.partner import PartnerSystem, details_of
from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.caller import authenticate_call
from gateway.oauth.made_jwts import make_assertion, make_proof
from gateway.oauth.server import answer_token_request, parse_form

GOAL: Final = 800
AUTHENTICATION_GOAL: Final = 150  # µs of a protected call, with warm caches
CONNECTIONS: Final = 16


def measure(directory: Path, *, seconds: float = 4.0) -> dict[str, Any]:
    """Return tokens a second of the gateway and of the stock classes, and µs to authenticate a call."""
    rates = {name: _rate(directory, name, seconds) for name in ("governed", "f")}
    return {
        "rate": rates["governed"],
        "stock": rates["f"],
        "ratio": rates["governed"] / rates["f"],
        "goal": GOAL,
        "authenticate": asyncio.run(authenticate(directory)),
        "authenticate, goal": AUTHENTICATION_GOAL,
    }


def _rate(directory: Path, name: str, seconds: float) -> float:
    with disclosures.served(name, directory) as port:
        load.run(port, requests_of(directory, 300), connections=CONNECTIONS, seconds=1.0)
        found = load.run(port, requests_of(directory, 5_000), connections=CONNECTIONS, seconds=seconds)
    assert found.wrong == 0, (name, found.wrong)
    return found.rate


def requests_of(directory: Path, count: int) -> list[bytes]:
    """Return token requests, each with an assertion and a proof of its own."""
    client = _client_of(directory)
    made = []
    for _ in range(count):
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": make_assertion(client.key, client_id=client.client_id, issuer=client.issuer),
            "authorization_details": json.dumps(details_of(HARBOUR.agreement)),
        }
        headers = {
            "DPoP": make_proof(client.key, method="POST", url=f"{client.issuer}/oauth2/token", token=None),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        made.append(load.http("POST", "/oauth2/token", headers, urlencode(form).encode()))
    return made


def _client_of(directory: Path) -> PartnerSystem:
    key = directory / "partners" / f"{HARBOUR.client_id}.jwk.json"
    return PartnerSystem.from_file(disclosures.ISSUER, HARBOUR.client_id, key)


async def authenticate(directory: Path, *, count: int = 3_000) -> float:
    """Return µs to authenticate one protected call: token and proof verified, the client found, nothing taken back.

    Called as the journey calls it, in this process. The proofs differ, the token and its key are known already.
    """
    wiring = make_wiring(open_council(directory), utc_now, asyncio.get_running_loop())
    client, now = _client_of(directory), time.time()
    form = parse_form(requests_of(directory, 1)[0].partition(b"\r\n\r\n")[2])
    proof = make_proof(client.key, method="POST", url=wiring.endpoint.url, token=None)
    answer = answer_token_request(wiring.endpoint, form=form, proofs=[proof], now=now)
    token = answer.body["access_token"]
    url = f"{client.issuer}/v1/disclosures"
    proofs = [disclosures.proof_of(client.key, url, token) for _ in range(count)]

    def once(proof: str) -> None:
        authenticate_call(
            wiring.door,
            authorization=[f"DPoP {token}"],
            proofs=[proof],
            method="POST",
            path="/v1/disclosures",
            audience=wiring.door.issuer,
            now=now,
        )

    for one in proofs[:300]:
        once(one)
    begun = time.perf_counter()
    for one in proofs[300:]:
        once(one)
    spent = time.perf_counter() - begun
    wiring.services.reader.connection.close()
    return spent / (count - 300) * 1e6

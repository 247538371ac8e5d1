"""How fast is a governed disclosure beside a bare endpoint, a straightforward one, and the floor?"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pysqlite3
from joserfc import jwk

from audit.writing.sequencer import Sequencer
from benchmarks import load
from gateway.app import make_changes, make_sequencer, utc_now
from gateway.council.directory import open_council
from gateway.demo.making import HARBOUR, make_demo
from gateway.demo.partner import PartnerSystem, details_of, send
from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.dpop import token_hash
from gateway.oauth.jose import sign
from gateway.oauth.made_jwts import make_assertion, make_proof
from gateway.store.state import Reader

FIELDS: Final = (
    "full_name", "age", "postcode", "account_ref", "property_type", "valuation_band", "payment_method", "account_status",
    "council_owned", "instalments", "liable_from", "occupations",
)  # fmt: skip
ISSUER: Final = "http://127.0.0.1:8080"  # of the council, whatever port it is served on here
GOALS: Final = {"a": 0.35, "b": 15.0, "c": 4.0, "d": 0.5}
CASEWORKER: Final = {"id": "jb17", "name": "Jo Bright", "role": "tenancy-sustainment-officer"}


def make_council(directory: Path) -> None:
    """Make the demo's council, with limits that a load doesn't reach, and the key that the rivals verify with."""
    make_demo(directory, port=8080, residents=2_000, seed=42, progress=lambda _done: None)
    council = open_council(directory)
    sequencer: Sequencer = make_sequencer(council, utc_now, lambda results: [done(result) for done, result in results])
    sequencer.start()
    connection = council.store.open(read_only=True)
    found = Reader(connection).find_text("agreement", HARBOUR.agreement)
    connection.close()
    assert found is not None
    lines = found[1].replace(f"version: {found[0]}", f"version: {found[0] + 1}").split("\n")
    lines = ["limits: {batch: 1000}" if line.startswith("limits:") else line for line in lines]
    sequencer.append(make_changes(council).texts.publish_agreement("\n".join(lines), by="operator:bench"))
    sequencer.close()
    council.keyring.close()
    key = jwk.generate_key("EC", "P-256", private=True)
    (directory / "bench-issuer.jwk.json").write_text(json.dumps(dict(key.as_dict(private=True))))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(name: str, directory: Path) -> Iterator[int]:
    """Serve one endpoint in a process of its own, from start to end of the block."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.serve", name, str(directory), str(port)])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def serving_pid(port: int) -> int:
    """Return the process that this one serves a port by."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"benchmarks.serve" in words and str(port).encode() in words:
                    return int(entry.name)
    raise LookupError(f"nothing serves port {port}")


def accounts(directory: Path) -> list[tuple[str, dict[str, str]]]:
    """Return accounts, each with the details by which its holder is confirmed."""
    connection = pysqlite3.connect(f"file:{directory / 'revenues.sqlite'}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT trim(account_ref), trim(lead_liab_surname), lead_birth_date FROM ctaccount WHERE account_ref >= '2000000' "
        "AND protected_ind = 'N' AND length(trim(lead_birth_date)) = 10 AND lead_birth_date LIKE '__/__/____' LIMIT 1000"
    ).fetchall()
    connection.close()
    return [
        (ref, {"surname": surname.title(), "date_of_birth": f"{born[6:]}-{born[3:5]}-{born[:2]}"})
        for ref, surname, born in rows
        if _is_a_day(born)
    ]


def _is_a_day(born: str) -> bool:
    """Tell whether a date is one of the calendar's: the made-up council has a few that are none."""
    try:
        return bool(datetime.strptime(born, "%d/%m/%Y").replace(tzinfo=UTC))
    except ValueError:
        return False


def harbour(directory: Path, issuer: str = ISSUER) -> PartnerSystem:
    """Return the partner that asks."""
    return PartnerSystem.from_file(issuer, HARBOUR.client_id, directory / "partners" / f"{HARBOUR.client_id}.jwk.json")


def governed_requests(directory: Path, port: int, count: int, *, issuer: str = ISSUER) -> list[bytes]:
    """Get a token over HTTP, then make requests with a fresh proof each."""
    client = harbour(directory, issuer)
    return requests_under(token_at(client, port), client, directory, count)


def requests_under(token: str, client: PartnerSystem, directory: Path, count: int) -> list[bytes]:
    """Make requests under a token, with a fresh proof each."""
    people = accounts(directory)
    made = []
    for number in range(count):
        ref, details = people[number % len(people)]
        body = {
            "subject": {"account_ref": ref, "confirm": details},
            "fields": FIELDS,
            "case_reference": f"HH-{number}",
            "caseworker": CASEWORKER,
        }
        headers = {
            "Authorization": f"DPoP {token}",
            "DPoP": proof_of(client.key, f"{client.issuer}/v1/disclosures", token),
            "Content-Type": "application/json",
        }
        made.append(load.http("POST", "/v1/disclosures", headers, json.dumps(body).encode()))
    return made


def token_at(client: PartnerSystem, port: int) -> str:
    """Ask at the port that is served; issuer and `htu` are the council's own address all the same."""
    headers, form = token_request(client)
    return str(send("POST", f"http://127.0.0.1:{port}/oauth2/token", headers, form).json()["access_token"])


def token_request(client: PartnerSystem) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a request for a token."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": make_assertion(client.key, client_id=client.client_id, issuer=client.issuer),
        "authorization_details": json.dumps(details_of(HARBOUR.agreement)),
    }
    proof = make_proof(client.key, method="POST", url=f"{client.issuer}/oauth2/token", token=None)
    headers = {"DPoP": proof, "Content-Type": "application/x-www-form-urlencoded"}
    return headers, urlencode(form).encode()


def proof_of(key: Any, url: str, token: str) -> str:
    """Return a DPoP proof."""
    public = {name: value for name, value in key.as_dict(private=False).items() if name in {"kty", "crv", "x", "y"}}
    claims = {"htm": "POST", "htu": url, "iat": int(time.time()), "jti": secrets.token_hex(12), "ath": token_hash(token)}
    return sign({"typ": "dpop+jwt", "alg": "ES256", "jwk": public}, claims, key)


def rival_requests(name: str, directory: Path, count: int) -> list[bytes]:
    """Make the requests of an endpoint that we are measured against."""
    people = accounts(directory)
    if name == "a":
        return [load.http("GET", f"/accounts/{people[n % len(people)][0]}", {}) for n in range(count)]
    issuer = jwk.import_key(json.loads((directory / "bench-issuer.jwk.json").read_text()))
    mine = jwk.generate_key("EC", "P-256", private=True)
    claims = {"client_id": "harbour", "exp": int(time.time()) + 600, "cnf": {"jkt": mine.thumbprint()}}
    token = sign({"typ": "at+jwt", "alg": "ES256"}, claims, issuer)
    made = []
    for number in range(count):
        path = f"/accounts/{people[number % len(people)][0]}"
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof_of(mine, path, token) if name != "d" else "-"}
        made.append(load.http("POST", path, headers))
    return made


def measure(directory: Path, *, connections: int = 16, seconds: float = 4.0) -> dict[str, Any]:
    """Measure all five, one after the other, and the governed one before and after: the machine may have moved."""
    if not directory.exists():  # another part may have made it
        make_council(directory)
    found: dict[str, load.Measured] = {}
    counts = {"a": 40_000, "b": 3_000, "c": 6_000, "d": 30_000}
    first = governed(directory, connections=connections, seconds=seconds)
    for name in "abcd":
        requests = rival_requests(name, directory, counts[name])
        with served(name, directory) as port:
            load.run(port, requests[:300], connections=connections, seconds=1.0)
            found[name] = load.run(port, requests[300:], connections=connections, seconds=seconds)
    second = governed(directory, connections=connections, seconds=seconds)
    rate = (first["rate"] + second["rate"]) / 2
    return {
        "governed": {"rate": rate, "runs": [first, second]},
        "rivals": {
            name: {"rate": one.rate, "wrong": one.wrong, "p99": one.percentile(0.99)} for name, one in found.items()
        },
        "ratios": {name: {"ratio": rate / one.rate, "goal": GOALS[name]} for name, one in found.items()},
    }


def governed(directory: Path, *, connections: int, seconds: float) -> dict[str, Any]:
    """Measure the governed disclosure, with where its time goes."""
    with served("governed", directory) as port:
        load.run(port, governed_requests(directory, port, 400), connections=connections, seconds=2.0)
        found = load.run(port, governed_requests(directory, port, 12_000), connections=connections, seconds=seconds)
    return {
        "rate": found.rate,
        "answers": found.answers,
        "wrong": found.wrong,
        "p50": found.percentile(0.5),
        "p99": found.percentile(0.99),
    }

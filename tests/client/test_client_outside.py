"""Do the examples run, and do OAuth clients that we did not write get an answer that verifies?"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from client_serving import CASE, GRACE, Front, answers, client_for, key_of, served, settings_for
from hours import machine_seconds
from house import HARBOUR, copy_template
from joserfc import jwk

from audit.checking.verify import verify_answer
from gateway.client import AsyncClient
from gateway.commands.common import office
from gateway.council.directory import Council
from gateway.demo.partner import PartnerSystem
from gateway.oauth.made_jwts import make_proof
from gateway.store.registrations import new_token, read_registrations, token_hash

EXAMPLES = Path(__file__).parents[2] / "examples"
BESIDE = str(Path(sys.executable).parent)
PACKAGES = ("oauth4webapi", "openid-client")


def run(words: list[str], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{BESIDE}:/usr/bin:/bin", "PYTHONPATH": str(EXAMPLES.parent), "HOME": str(cwd)}
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def vkey_file(council: Council, tmp_path: Path) -> Path:
    file = tmp_path / "log.vkey"
    file.write_text(council.signer.vkey + "\n", encoding="ascii")
    return file


def test_the_python_example_prints_what_it_verified(
    front: Front, council: Council, vkey_file: Path, tmp_path: Path
) -> None:
    words = [sys.executable, str(EXAMPLES / "client_partner.py"), front.issuer, str(key_of(council)), str(vkey_file)]

    done = run([*words, str(tmp_path / "kept")], cwd=tmp_path)

    assert "full_name: Grace Okafor (full)" in done.stdout, done.stderr
    assert "arrears: withheld, consent_needed" in done.stdout
    (kept,) = (tmp_path / "kept").iterdir()
    verify_answer(kept.read_bytes(), vkey=council.signer.vkey)


def test_the_python_example_says_whom_to_ring(front: Front, council: Council, vkey_file: Path, tmp_path: Path) -> None:
    problem = {"code": "log_unavailable", "status": 503, "urgent_contact": "999"}
    front.fail("/v1/disclosures", answers(503, problem, Retry_After="3600"))
    words = [sys.executable, str(EXAMPLES / "client_partner.py"), front.issuer, str(key_of(council)), str(vkey_file)]

    done = run(words, cwd=tmp_path)

    assert (done.returncode, "In an emergency ring 999" in done.stderr) == (1, True)


def test_the_asynchronous_example_prints_each_line(front: Front, council: Council, vkey_file: Path, tmp_path: Path) -> None:
    words = [sys.executable, str(EXAMPLES / "async_client_partner.py"), front.issuer, str(key_of(council)), str(vkey_file)]

    done = run(words, cwd=tmp_path)

    assert done.stdout.splitlines() == ["row-1: Grace Okafor, verified", "row-2: Alan Price, verified"], done.stderr


def test_the_curl_example_verifies_its_answer(front: Front, council: Council, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    out = tmp_path / "answer.json"
    words = ["sh", str(EXAMPLES / "curl_partner.sh"), front.issuer, str(key_of(council)), council.signer.vkey, str(out)]

    done = run(words, cwd=tmp_path)

    assert "verified: entry" in done.stdout, done.stderr
    assert verify_answer(out.read_bytes(), vkey=council.signer.vkey).outcome == "partial"


# -- JavaScript, where node is


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        pytest.skip("node is older than 20: its WebCrypto is not global")
    return found


@pytest.fixture(scope="module")
def packages(node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the npm packages lie."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("npm")
    words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", *PACKAGES]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm could not install {', '.join(PACKAGES)} in time")
    if done.returncode != 0:
        pytest.skip(f"npm could not install {', '.join(PACKAGES)}")
    return folder


def run_script(node: str, name: str, front: Front, council: Council, folder: Path, out: Path) -> None:
    script = folder / name
    shutil.copy(EXAMPLES / name, script)

    done = run([node, str(script), front.issuer, str(key_of(council)), str(out)], cwd=folder)

    assert done.returncode == 0, done.stdout + done.stderr
    assert verify_answer(out.read_bytes(), vkey=council.signer.vkey).outcome == "partial"


def test_webcrypto_alone_gets_an_answer_that_verifies(node: str, front: Front, council: Council, tmp_path: Path) -> None:
    run_script(node, "webcrypto_partner.mjs", front, council, tmp_path, tmp_path / "answer.json")


@pytest.mark.parametrize("name", ["oauth4webapi_partner.mjs", "openid_client_partner.mjs"])
def test_a_javascript_library_gets_an_answer_that_verifies(
    node: str, packages: Path, front: Front, council: Council, tmp_path: Path, name: str
) -> None:
    run_script(node, name, front, council, packages, tmp_path / "answer.json")


REGISTERING = """
import { writeFile } from "node:fs/promises";
import * as oauth from "oauth4webapi";

const [issuerAddress, invitation, out] = process.argv.slice(2);
const options = issuerAddress.startsWith("http:") ? { [oauth.allowInsecureRequests]: true } : {};
const issuer = new URL(issuerAddress);
const found = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...options });
const server = await oauth.processDiscoveryResponse(issuer, found);
const { privateKey, publicKey } = await oauth.generateKeyPair("ES256", { extractable: true });
const asked = {
  client_name: "Rents",
  stile_system: "rents",
  token_endpoint_auth_method: "private_key_jwt",
  grant_types: ["client_credentials"],
  jwks: { keys: [await crypto.subtle.exportKey("jwk", publicKey)] },
};
const heard = await oauth.dynamicClientRegistrationRequest(server, asked, { initialAccessToken: invitation, ...options });
const client = await oauth.processDynamicClientRegistrationResponse(heard);
await writeFile(out, JSON.stringify({ client, key: await crypto.subtle.exportKey("jwk", privateKey) }));
"""


def test_a_javascript_library_registers_a_client_that_is_let_in_once_it_is_approved(
    node: str, packages: Path, front: Front, council: Council, tmp_path: Path
) -> None:
    """oauth4webapi knows RFC 7591 and nothing of us; the council approves by its own command."""
    (packages / "register.mjs").write_text(REGISTERING, encoding="utf-8")
    with office(council.directory) as here:
        token = new_token()
        here.append(here.changes.registrations.invite(HARBOUR.partner_id, token_hash(token), days=1, by="test"))

    done = run([node, "register.mjs", front.issuer, token, str(tmp_path / "told.json")], cwd=packages)

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["client"]["stile_status"] == "pending"
    key = {name: told["key"][name] for name in ("kty", "crv", "x", "y", "d")}
    system = PartnerSystem(front.issuer, told["client"]["client_id"], jwk.import_key(key))
    assert system.get_token(agreement=HARBOUR.agreement).json()["error"] == "invalid_client"
    with office(council.directory) as here:
        digest = read_registrations(here.reader.connection)[0].digest
        approve = here.changes.registrations.approve
        here.append(approve(system.client_id, digest=digest, by="test", check_uri=lambda _uri: None))
    assert system.get_token(agreement=HARBOUR.agreement).status == 200
    assert system.call("GET", "/v1/agreements").status == 200


# -- a gateway that asks for its nonce in every proof (RFC 9449, section 8)


@pytest.fixture(scope="module")
def strict(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Front, Council]]:
    with served(copy_template(template, tmp_path_factory.mktemp("strict") / "council"), dpop_nonces=True) as running:
        yield running


def test_our_clients_bring_the_nonce(strict: tuple[Front, Council]) -> None:
    front, council = strict
    with client_for(front, council) as client:
        assert [client.get(GRACE, fields=["age"], **CASE).outcome for _ in range(2)] == ["full", "full"]

    async def ask() -> list[str]:
        async with AsyncClient(**settings_for(front, council)) as client:
            return [(await client.get(GRACE, fields=["age"], **CASE)).outcome for _ in range(2)]

    assert asyncio.run(ask()) == ["full", "full"]
    assert any("nonce" in one.proof() for one in front.calls_of("/oauth2/token"))


def test_webcrypto_alone_brings_the_nonce(node: str, strict: tuple[Front, Council], tmp_path: Path) -> None:
    run_script(node, "webcrypto_partner.mjs", *strict, tmp_path, tmp_path / "answer.json")


@pytest.mark.parametrize("name", ["oauth4webapi_partner.mjs", "openid_client_partner.mjs"])
def test_a_javascript_library_brings_the_nonce(
    node: str, packages: Path, strict: tuple[Front, Council], tmp_path: Path, name: str
) -> None:
    run_script(node, name, *strict, packages, tmp_path / "answer.json")


# -- Authlib, which has no DPoP


@pytest.fixture
def authlib_session(front: Front, council: Council) -> OAuth2Session:
    """Authlib's client with its own private_key_jwt.

    It takes the address that it is given for `aud`: so, the issuer. Its own hour of life is refused; and given claims it
    uses one `jti` for all assertions, so a session of it gets one token.
    """
    key = jwk.import_key(json.loads(key_of(council).read_text()))  # as text it would be taken for RSA
    method = PrivateKeyJWT(front.issuer, claims={"exp": int(machine_seconds()) + 60}, alg="ES256")
    return OAuth2Session(HARBOUR.client_id, key, token_endpoint_auth_method=method)


DETAILS = json.dumps([{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}])


def test_authlib_gets_a_token_where_the_proof_is_handed_to_it(
    front: Front, council: Council, authlib_session: OAuth2Session
) -> None:
    """Its assertion is accepted. Proofs it can't make, and with a token of type DPoP it does not know what to do."""
    url = f"{front.issuer}/oauth2/token"
    key = jwk.import_key(json.loads(key_of(council).read_text()))
    with authlib_session as session:
        token = session.fetch_token(
            url,
            grant_type="client_credentials",
            authorization_details=DETAILS,
            headers={
                "DPoP": make_proof(key, method="POST", url=url, token=None),
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )

    assert token["token_type"] == "DPoP"
    listed = f"{front.issuer}/v1/agreements"
    value = token["access_token"]
    headers = {"Authorization": f"DPoP {value}", "DPoP": make_proof(key, method="GET", url=listed, token=value)}
    assert requests.get(listed, headers=headers, timeout=20).status_code == 200


def test_authlib_alone_is_refused_for_want_of_a_proof(front: Front, authlib_session: OAuth2Session) -> None:
    with authlib_session as session, pytest.raises(Exception, match="invalid_dpop_proof"):
        session.fetch_token(f"{front.issuer}/oauth2/token", grant_type="client_credentials", authorization_details=DETAILS)

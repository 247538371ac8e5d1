"""Which certificate a call had is told by a proxy that the council trusts, and by nobody else: RFC 9440."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from certificates import Certified, certified
from house import CASEWORKER, GRACE, HARBOUR, Caller, House, free_port, open_house, released
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.commands.demo import serving
from gateway.council.directory import open_council
from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.made_jwts import make_assertion
from gateway.settings import SettingsError, load_settings

PROXY, STRANGER = "10.20.0.5", "10.20.0.99"


@pytest.fixture(scope="module")
def own() -> Certified:
    return certified("harbour-case-system")


@pytest.fixture(scope="module")
def others() -> Certified:
    return certified("harbour-case-system")


@pytest.fixture
def house(council_directory: Path) -> Iterator[House]:
    with open_house(council_directory, certificate_hops=("10.20.0.0/28", "2001:db8::5"), forwarded_hops=(PROXY,)) as house:
        house.append(house.changes().partners.set_binding(HARBOUR.client_id, to_certificate=True, by="test"))
        yield house


def over(house: House, peer: str | None) -> None:
    """Let the calls that follow come from a peer."""
    house.http._transport.client = (peer, 40_000) if peer is not None else None


def ask_token(caller: Caller, *, proof: bool = False, **headers: str) -> Any:
    details = [{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}]
    sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    if proof:
        sent["DPoP"] = caller.proof("POST", "/oauth2/token")
    form = caller.form(authorization_details=json.dumps(details))
    return caller.house.http.post("/oauth2/token", content=urlencode(form), headers=sent)


def ask(house: House, token: str, **headers: str) -> Any:
    body = {"subject": GRACE, "case_reference": "HH-1", "caseworker": CASEWORKER, "fields": ["full_name"]}
    return house.http.post("/v1/disclosures", json=body, headers={"Authorization": f"Bearer {token}", **headers})


def test_a_call_over_the_bound_connection_is_answered(house: House, own: Certified) -> None:
    """The token is sent as Bearer, and the receipt verifies as any other."""
    over(house, PROXY)
    caller = house.caller(HARBOUR.client_id)
    token = ask_token(caller, **{"Client-Cert": own.header}).json()["access_token"]

    answers = [ask(house, token, **{"Client-Cert": own.header}) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 200], answers[0].text
    assert released(answers[0]) == {"full_name": "Grace Okafor"}
    assert [house.verify(one).outcome for one in answers] == ["full", "full"]


@pytest.mark.parametrize("peer", [STRANGER, "127.0.0.1", "testclient", "", "10.20.0.16", "::ffff:10.20.0.99", None])
def test_a_strangers_word_is_no_certificate(house: House, own: Certified, peer: str | None) -> None:
    """Neither at the token endpoint nor at a call, whatever it says of whom it forwards for."""
    caller = house.caller(HARBOUR.client_id)
    over(house, PROXY)
    token = ask_token(caller, **{"Client-Cert": own.header}).json()["access_token"]
    over(house, peer)
    spoofed = {"Client-Cert": own.header, "X-Forwarded-For": PROXY, "Forwarded": f"for={PROXY}"}

    refused = ask_token(caller, **spoofed)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    answer = ask(house, token, **spoofed)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
    assert 'Bearer error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("peer", [PROXY, "10.20.0.0", "10.20.0.15", "2001:db8::5", "::ffff:10.20.0.5"])
def test_each_hop_that_is_named_is_believed(house: House, own: Certified, peer: str) -> None:
    over(house, peer)

    assert ask_token(house.caller(HARBOUR.client_id), **{"Client-Cert": own.header}).status_code == 200


def test_what_a_proxy_says_of_others_does_not_change_who_is_connected(house: House, own: Certified) -> None:
    """X-Forwarded-For from a proxy that is believed in that, too, names the client and not the hop."""
    over(house, PROXY)

    answer = ask_token(house.caller(HARBOUR.client_id), **{"Client-Cert": own.header, "X-Forwarded-For": STRANGER})

    assert answer.status_code == 200


def test_a_stolen_token_is_of_no_use_over_another_connection(house: House, own: Certified, others: Certified) -> None:
    over(house, PROXY)
    token = ask_token(house.caller(HARBOUR.client_id), **{"Client-Cert": own.header}).json()["access_token"]
    size = len(house.entries())

    for headers in ({}, {"Client-Cert": others.header}, {"Client-Cert": "junk"}):
        answer = ask(house, token, **headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
    assert len(house.entries()) == size


def test_a_bound_client_with_a_proof_is_bound_to_both(house: House, own: Certified) -> None:
    over(house, PROXY)
    caller = house.caller(HARBOUR.client_id)
    answer = ask_token(caller, proof=True, **{"Client-Cert": own.header})
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP")
    caller.token = answer.json()["access_token"]

    assert caller.call("GET", "/v1/agreements").status_code == 401
    assert caller.call("GET", "/v1/agreements", **{"Client-Cert": own.header}).status_code == 200


def test_a_change_of_binding_counts_at_once(house: House, own: Certified) -> None:
    """Promise 4: no later entry discloses by a token of before; the change is an entry."""
    over(house, PROXY)
    token = ask_token(house.caller(HARBOUR.client_id), **{"Client-Cert": own.header}).json()["access_token"]
    assert ask(house, token, **{"Client-Cert": own.header}).status_code == 200

    house.append(house.changes().partners.set_binding(HARBOUR.client_id, to_certificate=False, by="test"))

    assert house.last()["what"] == {"client": HARBOUR.client_id, "certificate_bound": False}
    assert ask(house, token, **{"Client-Cert": own.header}).status_code == 401


def test_other_clients_are_not_concerned(house: House) -> None:
    assert house.calder().call("GET", "/v1/agreements").status_code == 200


# -- the operator's side


def run(directory: Path, *arguments: str) -> Any:
    return CliRunner().invoke(make_app(["client"]), ["client", *arguments, "--dir", str(directory)])


def test_binding_needs_a_proxy_that_is_trusted(council_directory: Path) -> None:
    done = run(council_directory, "bind", HARBOUR.client_id)

    assert done.exit_code == 1
    assert "set certificate_hops" in done.output


def test_a_client_is_bound_and_shown_so(council_directory: Path) -> None:
    with (council_directory / "stile.toml").open("a") as file:
        file.write('certificate_hops = ["10.20.0.0/28"]\n')

    bound = run(council_directory, "bind", HARBOUR.client_id)
    assert (bound.exit_code, "bound to its certificate" in bound.output) == (0, True), bound.output
    assert json.loads(run(council_directory, "show", HARBOUR.client_id).output)["certificate_bound"] is True
    again = run(council_directory, "bind", HARBOUR.client_id)
    assert (again.exit_code, "bound so already" in again.output) == (1, True)
    assert run(council_directory, "bind", HARBOUR.client_id, "--no-certificate").exit_code == 0


@pytest.mark.parametrize("setting", ["certificate_hops", "forwarded_hops"])
@pytest.mark.parametrize("hop", ["proxy.example", "10.20.0.1/28", "10.20.0", "*", "10.20.0.0/40"])
def test_a_hop_is_an_address_or_a_network(council_directory: Path, hop: str, setting: str) -> None:
    """Everybody is none: what they say of where they come from would then be believed."""
    with (council_directory / "stile.toml").open("a") as file:
        file.write(f'{setting} = ["{hop}"]\n')

    with pytest.raises(SettingsError, match=setting):
        load_settings(council_directory)


# -- a real proxy, which ends TLS


@dataclass
class TlsProxy:
    """Asks each connection for its certificate, and hands calls on with it; what a client wrote of one is replaced."""

    authority: Certified
    directory: Path
    upstream: int

    def context(self) -> ssl.SSLContext:
        server = certified("localhost", self.authority)
        (self.directory / "server.pem").write_bytes(server.pem)
        (self.directory / "authority.pem").write_bytes(self.authority.pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.pem")
        context.load_verify_locations(self.directory / "authority.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one request on, and the answer back: each connection has one call."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
            kept = [one for one in head if not one.lower().startswith(("client-cert", "connection:"))]
            length = next((int(one.split(":")[1]) for one in head if one.lower().startswith("content-length:")), 0)
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            kept += [f"Client-Cert: :{ssl_base64(der)}:", "Connection: close"]
            inner, outer = await asyncio.open_connection("127.0.0.1", self.upstream)
            outer.write("\r\n".join(kept).encode("latin-1") + b"\r\n\r\n" + await reader.readexactly(length))
            writer.write(await inner.read())
            outer.close()
            await writer.drain()
        writer.close()


def ssl_base64(der: bytes) -> str:
    return "".join(ssl.DER_cert_to_PEM_cert(der).splitlines()[1:-1])


@contextlib.contextmanager
def proxied(proxy: TlsProxy) -> Iterator[int]:
    """Serve on a thread of its own while the block runs."""
    loop, port = asyncio.new_event_loop(), free_port()
    server = loop.run_until_complete(asyncio.start_server(proxy.handle, "localhost", port, ssl=proxy.context()))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0.1))  # what is under way closes its connections
        loop.close()


def test_the_whole_way_over_real_tls(council_directory: Path, tmp_path: Path) -> None:
    """Two clients of one authority, a proxy that ends TLS, a gateway behind it, and a client library we did not write."""
    authority, inner_port = certified("authority"), free_port()
    (tmp_path / "own.pem").write_bytes(certified("harbour", authority).pem)
    (tmp_path / "thief.pem").write_bytes(certified("thief", authority).pem)
    council = open_council(council_directory)
    with proxied(TlsProxy(authority, tmp_path, inner_port)) as port:
        issuer = f"https://localhost:{port}"
        settings = council.settings.model_copy(update={"public_url": issuer, "certificate_hops": ("127.0.0.1",)})
        with open_house(council_directory) as house:
            caller = house.caller(HARBOUR.client_id)
            house.append(house.changes().partners.set_binding(HARBOUR.client_id, to_certificate=True, by="test"))
        with serving(replaced(council, settings=settings), port=inner_port), requests.Session() as session:
            session.trust_env = False
            session.verify, session.cert = str(tmp_path / "authority.pem"), str(tmp_path / "own.pem")
            token = _token(session, issuer, caller.key)
            url, headers = f"{issuer}/v1/agreements", {"Authorization": f"Bearer {token}"}

            own = session.get(url, headers=headers)
            assert own.status_code == 200, own.text
            assert HARBOUR.agreement in own.text
            spoof = {"Client-Cert": certified("harbour").header}
            session.cert = str(tmp_path / "thief.pem")
            stolen = session.get(url, headers=headers | spoof)
            assert (stolen.status_code, stolen.json()["code"]) == (401, "token_refused")
            beside = session.get(f"http://127.0.0.1:{inner_port}/v1/agreements", headers=headers)
            assert beside.status_code == 401
    council.keyring.close()


def _token(session: requests.Session, issuer: str, key: Any) -> str:
    details = [{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}]
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": make_assertion(key, client_id=HARBOUR.client_id, issuer=issuer),
        "authorization_details": json.dumps(details),
    }
    answer = session.post(f"{issuer}/oauth2/token", data=form)
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "Bearer"
    return str(answer.json()["access_token"])

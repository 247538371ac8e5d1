"""A client registers itself by an invitation, waits, and is let in by the council alone: RFC 7591, RFC 7592."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from house import CALDER, HARBOUR, ISSUER, Caller, House, open_house, released
from joserfc import jwk
from two_people import ask_for_two, office
from typer.testing import CliRunner

from gateway.api import registration as registration_api
from gateway.cli import make_app
from gateway.oauth.clients import Role
from gateway.store.entries import ChangeRefusedError
from gateway.store.expiring import drop_expired
from gateway.store.registrations import MOST_PENDING, find_registration, new_token, token_hash
from schemas.terms import Environment

PATH = "/oauth2/register"


def a_key(kid: str = "k1") -> Any:
    return jwk.generate_key("EC", "P-256", {"kid": kid}, private=True)


def public(*keys: Any) -> dict[str, Any]:
    return {"keys": [one.as_dict(private=False) for one in keys]}


def invite(house: House, partner_id: str = HARBOUR.partner_id, *, days: int = 7) -> str:
    token = new_token()
    house.append(house.changes().registrations.invite(partner_id, token_hash(token), days=days, by="test"))
    return token


def send(house: House, method: str, path: str, token: str | None, body: Any = None, **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {token}"} if token is not None else {}
    content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    kind = {"Content-Type": "application/json"} if content is not None else {}
    return house.http.request(method, path, content=content, headers={**kind, **sent, **headers})


def metadata(*keys: Any, **more: Any) -> dict[str, Any]:
    said = {"client_name": "Harbour rents", "jwks": public(*(keys or (a_key(),))), "stile_system": "rents", **more}
    return {name: value for name, value in said.items() if value is not None}


def register(house: House, **more: Any) -> dict[str, Any]:
    answer = send(house, "POST", PATH, invite(house), metadata(**more))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def own(house: House, told: dict[str, Any], method: str = "GET", body: Any = None) -> Any:
    return send(house, method, f"{PATH}/{told['client_id']}", told["registration_access_token"], body)


def digest_of(house: House, told: dict[str, Any]) -> str:
    found = find_registration(house.wiring.services.reader.connection, told["client_id"])
    return found.digest if found else ""


def approve(house: House, client_id: str) -> None:
    digest = digest_of(house, {"client_id": client_id})
    register = house.changes().registrations.approve(client_id, digest=digest, by="test", check_uri=lambda _uri: None)
    house.append(register)


def test_a_registration_waits_and_is_no_client(house: House) -> None:
    """RFC 7591, section 3.2.1: what it said comes back, with its token; its assertions are an unknown client's."""
    key = a_key()
    told = register(house, jwks=public(key), contacts=["dev@harbour.example"], software_id="rents", unknown="member")

    assert told["stile_status"] == "pending"
    assert told["registration_client_uri"] == f"{ISSUER}{PATH}/{told['client_id']}"
    assert (told["token_endpoint_auth_method"], told["grant_types"]) == ("private_key_jwt", ["client_credentials"])
    assert "unknown" not in told
    assert own(house, told).json() == told
    assert house.wiring.services.reader.find_client(told["client_id"]) is None
    answer = Caller(house, told["client_id"], key).ask_token()
    unknown = Caller(house, "nobody", key).ask_token()
    assert (answer.status_code, answer.json()) == (unknown.status_code, unknown.json()) == (401, unknown.json())


def test_an_approved_client_asks_as_any_other(house: House) -> None:
    """With its keys, in one transaction with its entry; the DPO's own command says so."""
    key = a_key()
    told = register(house, jwks=public(key))

    shown = json.loads(stile(house, "registration", "show", told["client_id"]).output)
    done = stile(house, "registration", "approve", told["client_id"], "--digest", shown["digest"])

    assert done.exit_code == 0, done.output
    assert house.vkey in done.output
    what = house.truth(house.entries("client.registered")[-1])["what"]
    assert (what["client"], what["partner"], what["system"]) == (told["client_id"], HARBOUR.partner_id, "rents")
    assert own(house, told).json()["stile_status"] == "approved"
    answer = Caller(house, told["client_id"], key).get_token(HARBOUR.agreement).ask(fields=["full_name"])
    assert released(answer) == {"full_name": "Grace Okafor"}


def test_where_two_decide_a_client_is_let_in_by_another_than_proposed_it(house: House) -> None:
    """One call proposes as it let in before; the client waits until somebody else approves exactly that."""
    key = a_key()
    told = register(house, jwks=public(key))
    ask_for_two(house)
    keeper, owner = office(house, "the-keeper", Role.ADMINISTRATOR), office(house, "the-owner", Role.APPROVER)
    body = {"digest": digest_of(house, told), "reason": "asked the partner by telephone"}

    proposed = keeper.post(f"registrations/{told['client_id']}/approval", body)
    assert (proposed.status_code, own(house, told).json()["stile_status"]) == (202, "pending")
    change = {"change": proposed.json()["change"], "digest": proposed.json()["change_digest"]}
    shown = owner.get(f"changes/{change['change']}").json()
    assert shown["changes"]["metadata"]["client_name"] == "Harbour rents"
    assert keeper.approve(change).status_code == 409
    assert owner.approve(change).status_code == 201

    assert own(house, told).json()["stile_status"] == "approved"
    last = house.last()
    assert (last["entry"]["kind"], last["approval"]["proposed_by"]) == ("client.registered", "the-keeper")
    Caller(house, told["client_id"], key).get_token(HARBOUR.agreement)


def test_a_registration_that_says_other_things_by_then_is_stale(house: House) -> None:
    told = register(house)
    ask_for_two(house)
    keeper, owner = office(house, "the-keeper", Role.ADMINISTRATOR), office(house, "the-owner", Role.APPROVER)
    content = {"kind": "registration", "client": told["client_id"], "client_digest": digest_of(house, told)}
    change = keeper.propose(content)
    said = {"client_id": told["client_id"], **metadata(jwks=public(a_key("another")))}
    assert own(house, told, "PUT", said).status_code == 200

    refused = owner.approve(change)

    assert (refused.status_code, f"registration {told['client_id']}" in refused.json()["detail"]) == (409, True)


def test_what_is_approved_is_what_was_seen(house: House) -> None:
    """A key that was put in its place after the office looked is not let in."""
    told = register(house)
    shown = json.loads(stile(house, "registration", "show", told["client_id"]).output)
    said = {"client_id": told["client_id"], **metadata(jwks=public(a_key("another")))}
    assert own(house, told, "PUT", said).status_code == 200

    done = stile(house, "registration", "approve", told["client_id"], "--digest", shown["digest"])

    assert (done.exit_code, "look at it again" in done.output) == (1, True)
    assert house.rows("SELECT count(*) FROM client_key WHERE kid = 'another'") == [(0,)]


def test_a_refused_registration_is_over(house: House) -> None:
    told = register(house)
    house.append(house.changes().registrations.refuse(told["client_id"], by="test"))

    assert own(house, told).status_code == 401
    with pytest.raises(ChangeRefusedError, match="no registration"):
        approve(house, told["client_id"])


# -- who may register


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer x", "DPoP x", "Basic eA==", "Bearer " + "a" * 200]
)
def test_a_stranger_gets_no_word(house: House, authorization: str | None) -> None:
    """Before a byte of the body is looked at: this one is not even JSON."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = house.http.post(PATH, content=b"{", headers=headers)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["cache-control"] == "no-store"


def test_an_invitation_is_used_once(house: House) -> None:
    token = invite(house)

    answers = [send(house, "POST", PATH, token, metadata()) for _ in range(2)]

    assert [one.status_code for one in answers] == [201, 401]


def test_of_two_at_once_one_registers(house: House) -> None:
    """Also where both were let in at the door."""
    token, statuses = invite(house), []

    def race() -> None:
        statuses.append(send(house, "POST", PATH, token, metadata()).status_code)

    threads = [threading.Thread(target=race) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(statuses) == [201, 401, 401, 401]


def test_an_invitation_is_over_in_time(house: House) -> None:
    token = invite(house, days=2)
    house.clock.move(days=2, seconds=1)

    assert send(house, "POST", PATH, token, metadata()).status_code == 401


def test_a_refused_call_leaves_the_invitation(house: House) -> None:
    """Bad input loses nothing."""
    token = invite(house)

    assert send(house, "POST", PATH, token, metadata(jwks=None)).status_code == 400
    assert send(house, "POST", PATH, token, metadata()).status_code == 201


def test_a_registration_is_its_inviters_partners(house: House) -> None:
    """Whatever it says of itself: role, partner, id and status are not its to say."""
    said = metadata(
        partner_id=CALDER.partner_id, role="administrator", client_id="me", stile_status="approved", is_active=True
    )

    told = send(house, "POST", PATH, invite(house), said).json()

    assert told["client_id"] != "me"
    assert told["stile_status"] == "pending"
    (row,) = house.rows("SELECT partner_id, status FROM registration WHERE client_id = ?", told["client_id"])
    assert row == (HARBOUR.partner_id, "pending")
    approve(house, told["client_id"])
    assert house.wiring.services.reader.refresh() >= 0
    client = house.wiring.services.reader.find_client(told["client_id"])
    assert (client.role.value, client.partner_id) == ("partner", HARBOUR.partner_id)


def test_only_so_many_wait(house: House) -> None:
    for number in range(MOST_PENDING):
        register(house, stile_system=f"system-{number}")

    answer = send(house, "POST", PATH, invite(house), metadata())

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert "wait already" in answer.json()["error_description"]


def test_what_waits_for_long_is_dropped(house: House) -> None:
    told, invitation = register(house), invite(house)
    house.clock.move(days=31)
    house.append(lambda connection, moment: drop_expired(connection, house.clock(), forgotten=moment.once.forgotten))

    assert own(house, told).status_code == 401
    assert house.rows("SELECT count(*) FROM registration") == [(0,)]
    assert house.rows("SELECT count(*) FROM invitation") == [(0,)]
    assert send(house, "POST", PATH, invitation, metadata()).status_code == 401


def test_what_has_waited_too_long_counts_no_more_though_it_was_not_swept(house: House) -> None:
    told = register(house)
    house.clock.move(days=30)

    assert own(house, told).status_code == 401
    with pytest.raises(ChangeRefusedError, match="no registration"):
        approve(house, told["client_id"])


def test_a_suspended_partners_client_is_not_let_in(house: House) -> None:
    told = register(house)
    house.append(house.changes().partners.set_partner_status(HARBOUR.partner_id, active=False, by="test"))

    with pytest.raises(ChangeRefusedError, match="is suspended"):
        approve(house, told["client_id"])


def test_no_token_is_kept(house: House) -> None:
    told, invitation = register(house), invite(house)
    content = b"".join(one.read_bytes() for one in Path(house.directory).glob("state.sqlite*"))

    assert told["registration_access_token"].encode() not in content
    assert invitation.encode() not in content


# -- what it may say


def private_set() -> dict[str, Any]:
    return {"keys": [a_key().as_dict(private=True)]}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no keys": ({"jwks": None}, "invalid_client_metadata"),
    "keys and an address": ({"jwks_uri": "https://keys.harbour.example/"}, "invalid_client_metadata"),
    "a private key": ({"jwks": private_set()}, "invalid_client_metadata"),
    "a symmetric key": ({"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}}, "invalid_client_metadata"),
    "a weak key": ({"jwks": {"keys": [{"kty": "RSA", "n": "w" * 171, "e": "AQAB"}]}}, "invalid_client_metadata"),
    "no key in the set": ({"jwks": {"keys": []}}, "invalid_client_metadata"),
    "five keys": ({"jwks": public(*(a_key(f"k{n}") for n in range(5)))}, "invalid_client_metadata"),
    "two keys of one kid": ({"jwks": public(a_key(), a_key())}, "invalid_client_metadata"),
    "keys that are a list": ({"jwks": [1]}, "invalid_client_metadata"),
    "an address of a private network": ({"jwks": None, "jwks_uri": "https://10.0.0.1/"}, "invalid_client_metadata"),
    "an address without TLS": ({"jwks": None, "jwks_uri": "http://keys.harbour.example/"}, "invalid_client_metadata"),
    "an address that is a file": ({"jwks": None, "jwks_uri": "file:///etc/passwd"}, "invalid_client_metadata"),
    "an address that is a number": ({"jwks": None, "jwks_uri": 7}, "invalid_client_metadata"),
    "a redirect": ({"redirect_uris": ["https://evil.example/"]}, "invalid_redirect_uri"),
    "a statement": ({"software_statement": "e30.e30.AA"}, "unapproved_software_statement"),
    "a secret's way": ({"token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
    "no authentication": ({"token_endpoint_auth_method": "none"}, "invalid_client_metadata"),
    "another grant": ({"grant_types": ["authorization_code", "client_credentials"]}, "invalid_client_metadata"),
    "another response": ({"response_types": ["code"]}, "invalid_client_metadata"),
    "another algorithm": ({"token_endpoint_auth_signing_alg": "HS256"}, "invalid_client_metadata"),
    "unbound tokens": ({"dpop_bound_access_tokens": False}, "invalid_client_metadata"),
    "a certificate that nobody tells of": ({"tls_client_certificate_bound_access_tokens": True}, "invalid_client_metadata"),
    "a flag that is a text": ({"dpop_bound_access_tokens": "yes"}, "invalid_client_metadata"),
    "another environment": ({"stile_environment": "sandbox"}, "invalid_client_metadata"),
    "a system that is a path": ({"stile_system": "../x"}, "invalid_client_metadata"),
    "a name with an escape": ({"client_name": "a\x1b[2J"}, "invalid_client_metadata"),
    "a name with a forged line": ({"client_name": "a\nlevel=error"}, "invalid_client_metadata"),
    "a name of 201": ({"client_name": "n" * 201}, "invalid_client_metadata"),
    "a name that is a list": ({"client_name": ["a"]}, "invalid_client_metadata"),
    "six contacts": ({"contacts": ["a@b.example"] * 6}, "invalid_client_metadata"),
    "a contact with an escape": ({"contacts": ["\x1b[2J@b.example"]}, "invalid_client_metadata"),
    "a contact with an escape of one character": ({"contacts": ["\x9b2J@b.example"]}, "invalid_client_metadata"),
    "a contact that is written backwards": ({"contacts": ["a\u202eb@b.example"]}, "invalid_client_metadata"),
    "a contact with a line": ({"contacts": ["a@b.example\nBcc: c@d.example"]}, "invalid_client_metadata"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_can_not_be_is_refused(house: House, wrong: str) -> None:
    """By the standard's code, in words that repeat nothing that was sent; nothing is kept."""
    members, error = WRONG[wrong]

    answer = send(house, "POST", PATH, invite(house), metadata(**members))

    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text
    for value in members.values():
        if isinstance(value, str) and len(value) > 3:
            assert value not in answer.text
    assert house.rows("SELECT count(*) FROM registration") == [(0,)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"[]", 400), (b"null", 400), (b'{"a":1,"a":2}', 400), (b'{"a":', 400), (b"\xff", 400),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", 413), (b'{"a":"' + b"x" * 70_000 + b'"}', 413),
    ],
)  # fmt: skip
def test_a_body_is_bounded_strict_json(house: House, body: bytes, status: int) -> None:
    answer = send(house, "POST", PATH, invite(house), body)

    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_client_metadata")


def test_a_form_is_no_registration(house: House) -> None:
    headers = {"Authorization": f"Bearer {invite(house)}", "Content-Type": "application/x-www-form-urlencoded"}

    assert house.http.post(PATH, content=b"client_name=a", headers=headers).status_code == 415


def test_another_clients_key_is_refused(house: House) -> None:
    """When it registers; and again when it is approved, where somebody was quicker."""
    taken = house.caller(CALDER.client_id).key
    answer = send(house, "POST", PATH, invite(house), metadata(jwks={"keys": [_public_of(taken)]}))
    assert (answer.status_code, "registered already" in answer.json()["error_description"]) == (400, True)
    key = a_key()
    first, second = register(house, jwks=public(key)), register(house, jwks=public(key), stile_system="other")
    approve(house, first["client_id"])

    with pytest.raises(ChangeRefusedError, match="registered"):
        approve(house, second["client_id"])

    assert own(house, second).json()["stile_status"] == "pending"


def _public_of(key: Any) -> dict[str, Any]:
    return {name: value for name, value in key.as_dict(private=False).items() if name in {"kty", "crv", "x", "y"}}


def test_a_system_has_one_client(house: House) -> None:
    first, second = register(house), register(house)
    approve(house, first["client_id"])

    with pytest.raises(ChangeRefusedError, match="already"):
        approve(house, second["client_id"])


def test_a_sandbox_registers_its_own(council_directory: Path) -> None:
    with open_house(council_directory, environment=Environment.SANDBOX) as house:
        told = register(house, stile_environment="sandbox")
        approve(house, told["client_id"])
        assert house.rows("SELECT environment FROM client WHERE client_id = ?", told["client_id"]) == [("sandbox",)]


def test_a_certificate_bound_client_is_one_where_a_proxy_is_trusted(council_directory: Path) -> None:
    with open_house(council_directory, certificate_hops=("10.20.0.5",)) as house:
        told = register(house, tls_client_certificate_bound_access_tokens=True)
        approve(house, told["client_id"])
        house.wiring.services.reader.refresh()
        assert house.wiring.services.reader.find_client(told["client_id"]).is_certificate_bound


INSIDE = "https://10.0.0.1/keys"


def test_an_address_is_taken_at_a_host_that_is_listed_and_public(council_directory: Path) -> None:
    """When it registers and when it is approved, each against what the setting lists then."""
    with open_house(council_directory, jwks_hosts=("keys.harbour.example", "10.0.0.1")) as house:
        inside = send(house, "POST", PATH, invite(house), metadata(jwks=None, jwks_uri=INSIDE))
        told = register(house, jwks=None, jwks_uri="https://keys.harbour.example/keys")
        other = register(house, jwks=None, jwks_uri="https://keys.harbour.example/more", stile_system="other")
        assert (inside.status_code, "not public" in inside.json()["error_description"]) == (400, True)

        unlisted = stile(house, "registration", "approve", told["client_id"], "--digest", digest_of(house, told))
        assert (unlisted.exit_code, "jwks_hosts does not list" in unlisted.output) == (1, True), unlisted.output
        with (house.directory / "stile.toml").open("a") as file:
            file.write('jwks_hosts = ["keys.harbour.example"]\n')
        done = stile(house, "registration", "approve", other["client_id"], "--digest", digest_of(house, other))
        assert done.exit_code == 0, done.output
        uri = house.rows("SELECT jwks_uri FROM client WHERE client_id = ?", other["client_id"])
        assert uri == [("https://keys.harbour.example/more",)]


# -- its own registration: RFC 7592


def test_a_registration_can_be_replaced_while_it_waits(house: House) -> None:
    """Its token with it: the old one counts no more."""
    told, key = register(house), a_key("k2")
    said = {"client_id": told["client_id"], **metadata(jwks=public(key), client_name="Rents, again")}

    answer = own(house, told, "PUT", said)

    assert answer.status_code == 200, answer.text
    renewed = answer.json()
    assert renewed["client_name"] == "Rents, again"
    assert renewed["registration_access_token"] != told["registration_access_token"]
    assert own(house, told).status_code == 401
    assert own(house, renewed).json()["jwks"] == {"keys": [{**_public_of(key), "kid": "k2"}]}


def test_an_approved_client_changes_nothing_that_lets_it_in(house: House) -> None:
    key = a_key()
    told = register(house, jwks=public(key))
    approve(house, told["client_id"])
    same = {"client_id": told["client_id"], **metadata(jwks=public(key))}

    for change in ({"jwks": public(a_key())}, {"stile_system": "other"}):
        answer = own(house, told, "PUT", {**same, **change})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
        assert "as it was approved" in answer.json()["error_description"]
    assert own(house, told, "PUT", {**same, "client_name": "Rents 2"}).json()["client_name"] == "Rents 2"


def test_a_replacement_that_the_approval_overtakes_changes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call was let in while the registration waited, and reaches the transaction once it is approved."""
    approved, other = a_key(), a_key("other")
    told = register(house, jwks=public(approved))
    read = registration_api._metadata

    def overtaken(given: Any, wiring: Any) -> Any:
        found = find_registration(house.wiring.services.reader.connection, told["client_id"])
        approve = house.changes().registrations.approve
        change = approve(told["client_id"], digest=found.digest, by="test", check_uri=lambda _uri: None)
        house.wiring.sequencer.submit(change, lambda _result: None)
        return read(given, wiring)

    monkeypatch.setattr(registration_api, "_metadata", overtaken)
    answer = own(house, told, "PUT", {**metadata(other), "client_id": told["client_id"]})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    status, kept = house.rows("SELECT status, metadata FROM registration")[0]
    assert (status, json.loads(kept)["jwks"]) == ("approved", told["jwks"])


@pytest.mark.parametrize(
    "wrong", [{"client_id": "another"}, {}, {"registration_access_token": "x"}, {"client_id_issued_at": 1}]
)
def test_a_replacement_names_its_client_and_nothing_of_ours(house: House, wrong: dict[str, Any]) -> None:
    """RFC 7592, section 2.2."""
    told = register(house)
    said = {**({"client_id": told["client_id"]} if "client_id" not in wrong and wrong else {}), **metadata(), **wrong}

    assert own(house, told, "PUT", said).status_code == 400


def test_a_registration_is_taken_back(house: House) -> None:
    told = register(house)

    assert own(house, told, "DELETE").status_code == 204
    assert [own(house, told, method).status_code for method in ("GET", "DELETE")] == [401, 401]
    with pytest.raises(ChangeRefusedError):
        approve(house, told["client_id"])


def test_taking_an_approved_one_back_revokes_it(house: House) -> None:
    """At once, and as an entry: its token discloses nothing from there on."""
    key = a_key()
    told = register(house, jwks=public(key))
    approve(house, told["client_id"])
    caller = Caller(house, told["client_id"], key).get_token(HARBOUR.agreement)
    assert caller.ask(fields=["age"]).status_code == 200

    assert own(house, told, "DELETE").status_code == 204

    assert house.entries("client.revoked")
    assert caller.ask(fields=["age"]).status_code == 401


def test_a_client_that_the_council_revoked_has_no_registration(house: House) -> None:
    told = register(house)
    approve(house, told["client_id"])
    house.append(house.changes().partners.revoke_client(told["client_id"], by="test"))

    assert own(house, told).status_code == 401


def test_anothers_token_opens_nothing(house: House) -> None:
    mine, theirs = register(house), register(house, stile_system="other")
    stolen = {**theirs, "registration_access_token": mine["registration_access_token"]}

    for method in ("GET", "DELETE"):
        assert own(house, stolen, method).status_code == 401
    assert own(house, theirs).status_code == 200
    assert send(house, "GET", f"{PATH}/nobody", mine["registration_access_token"]).status_code == 401


def test_an_access_token_is_no_registrations(house: House) -> None:
    """Nor the other way round."""
    harbour, told = house.harbour(), register(house)

    assert send(house, "POST", PATH, harbour.token, metadata()).status_code == 401
    refused = house.http.get("/v1/agreements", headers={"Authorization": f"Bearer {told['registration_access_token']}"})
    assert refused.status_code == 401


# -- the operator's side


def stile(house: House, *words: str) -> Any:
    said = [*words, "--dir", str(house.directory)]
    return CliRunner().invoke(make_app(said), said)


def test_the_operator_invites_lists_shows_and_refuses(house: House) -> None:
    invited = stile(house, "partner", "invite", HARBOUR.partner_id)
    assert invited.exit_code == 0, invited.output
    token = invited.output.strip().splitlines()[-1]
    told = send(house, "POST", PATH, token, metadata()).json()

    assert f"{told['client_id']}: harbour-housing, Harbour rents" in stile(house, "registration", "list").output
    shown = json.loads(stile(house, "registration", "show", told["client_id"]).output)
    assert (shown["partner"], shown["status"], shown["stile_system"]) == (HARBOUR.partner_id, "pending", "rents")
    assert stile(house, "registration", "refuse", told["client_id"]).exit_code == 0
    assert house.last()["what"]["decided"] == "refused"
    again = stile(house, "registration", "approve", told["client_id"], "--digest", shown["digest"])
    assert (again.exit_code, "no registration" in again.output) == (1, True)
    assert stile(house, "registration", "show", "nobody").exit_code == 1
    assert stile(house, "partner", "invite", "nobody").exit_code == 1
    assert stile(house, "partner", "invite", HARBOUR.partner_id, "--days", "90").exit_code == 1

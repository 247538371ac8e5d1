"""Attacks on the token request: its form, its grant, its ways of authentication. RFC 6749."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from gateway.attack.attack import Attack, Needs
from gateway.attack.forging import LEFT_OUT
from gateway.attack.judging import Expected, NotApplicableError
from gateway.attack.target import TOKEN_PATH, Target
from gateway.attack.wire import Heard

FORM: Final = "RFC 6749, section 3.2: a well-formed form, each parameter once"
GRANT: Final = "RFC 6749, section 4.4: client credentials, and no other grant"
ONE_WAY: Final = "RFC 6749, section 2.3: one way of authentication in a request"
STRONG: Final = "FAPI 2.0, section 5.3.2.1: private_key_jwt alone"
BOUND: Final = "RFC 9449, section 5: a token is bound to the one proof that asked for it"
RESOURCE: Final = "RFC 8707, section 2: a token is for what the client may ask for, and nothing else"
NOT_IN_ADDRESS: Final = "RFC 6749, section 2.3.1: nothing secret in an address"

NOBODYS: Final = "a"  # a secret of nobody's

BAD_FORM: Final = Expected((400,), "invalid_request", looks_for="no token")
NO_CLIENT: Final = Expected((401,), "invalid_client", looks_for="no token")
NO_GRANT: Final = Expected((400,), "unsupported_grant_type", looks_for="no token")
NO_PROOF: Final = Expected((400,), "invalid_dpop_proof", looks_for="no token")
NO_TARGET: Final = Expected((400,), "invalid_target", looks_for="no token")
NO_METHOD: Final = Expected((405,), "method_not_allowed")

Act = Callable[[Target], Heard]
Row = tuple[str, str, str, Expected, Act]


def _changed(**changes: Any) -> Act:
    return lambda t: t.ask_token(t.form(**changes))


def _twice(name: str, value: Callable[[Target], str]) -> Act:
    return lambda t: t.ask_token([*t.form().items(), (name, value(t))])


def _typed(kind: str) -> Act:
    return lambda t: t.post_form(TOKEN_PATH, t.form(), [("DPoP", t.proof("POST", TOKEN_PATH))], kind)


def _raw(make: Callable[[bytes], bytes]) -> Act:
    return lambda t: t.ask_token(make(urlencode(t.form()).encode()))


def _beside(name: str, value: str) -> Act:
    return lambda t: t.ask_token(headers=[(name, value)])


def _resource(make: Callable[[Target], str]) -> Act:
    return lambda t: t.ask_token(t.form(resource=make(t)))


def _another(t: Target) -> str:
    return t.assertion()


def _in_address(t: Target) -> Heard:
    proof = ("DPoP", t.proof("POST", TOKEN_PATH))
    return t.post_form(f"{TOKEN_PATH}?{urlencode(t.form())}", b"", [proof])


def _with_query(t: Target) -> Heard:
    return t.post_form(f"{TOKEN_PATH}?a=1", t.form(), [("DPoP", t.proof("POST", TOKEN_PATH))])


def _without_nonce(t: Target) -> Heard:
    if t.nonce is None:
        raise NotApplicableError("this gateway asks for no nonces")
    return t.ask_token(proofs=[t.proof("POST", TOKEN_PATH, nonce=LEFT_OUT)])


def _as_other(t: Target) -> Heard:
    if t.other is None:
        raise NotApplicableError("there is no second client")
    return t.ask_token(t.form(client_id=t.other.client_id))


ROWS: Final[tuple[Row, ...]] = (
    ("twice-grant", "grant_type given twice", FORM, BAD_FORM, _twice("grant_type", lambda _t: "client_credentials")),
    ("twice-assertion", "two assertions, both good", FORM, BAD_FORM, _twice("client_assertion", _another)),
    ("twice-details", "authorization_details given twice", FORM, BAD_FORM,
     _twice("authorization_details", lambda _t: "[]")),
    ("twice-resource", "resource given twice, once /control", FORM, BAD_FORM, lambda t: t.ask_token(
        [*t.form(resource=t.issuer).items(), ("resource", f"{t.issuer}/control")])),
    ("twice-encoded", "a parameter twice, once percent-encoded", FORM, BAD_FORM, _raw(
        lambda form: form + b"&%67rant_type=password")),
    ("many-parameters", "33 parameters", FORM, BAD_FORM,
     _raw(lambda form: form + b"".join(b"&p%d=1" % n for n in range(33)))),
    ("flood-parameters", "10,000 empty parameters", FORM, BAD_FORM, _raw(lambda form: form + b"&a" * 10_000)),
    ("large", "a form of 70 KB", "Promise: bounds before parsing", Expected((413,), "invalid_request"), _raw(
        lambda form: form + b"&more=" + b"a" * 70_000)),
    ("not-ascii", "bytes that are not ASCII", FORM, BAD_FORM, _raw(lambda form: form + b"&more=\xc3\xa9")),
    ("invalid-utf8", "percent-encoded bytes that are not UTF-8", FORM, BAD_FORM, _raw(lambda form: form + b"&more=%ff%fe")),
    ("semicolons", "semicolons between parameters", FORM, Expected((400, 401)),
     _raw(lambda form: form.replace(b"&", b";"))),
    ("empty", "an empty form", FORM, Expected((400, 401)), lambda t: t.ask_token(b"")),
    ("query", "all parameters in the address", NOT_IN_ADDRESS, BAD_FORM, _in_address),
    ("query-beside", "a parameter in the address as well", NOT_IN_ADDRESS, BAD_FORM, _with_query),
    ("kind-none", "no Content-Type", FORM, BAD_FORM, _typed("")),
    ("kind-json", "a form that says it is JSON", FORM, BAD_FORM, _typed("application/json")),
    ("kind-text", "a form that says it is text", FORM, BAD_FORM, _typed("text/plain")),
    ("kind-multipart", "a form that says it is multipart", FORM, BAD_FORM, _typed("multipart/form-data; boundary=a")),
    ("kind-prefix", "a longer type that begins alike", FORM, BAD_FORM, _typed("application/x-www-form-urlencoded-evil")),
    ("grant-none", "no grant_type", GRANT, Expected((400,)), _changed(grant_type=LEFT_OUT)),
    ("grant-password", "a password grant", GRANT, NO_GRANT, _changed(grant_type="password", password=NOBODYS)),
    ("grant-code", "an authorisation code", GRANT, NO_GRANT, _changed(grant_type="authorization_code", code="a")),
    ("grant-refresh", "a refresh token", GRANT, NO_GRANT, _changed(grant_type="refresh_token", refresh_token=NOBODYS)),
    ("grant-jwt-bearer", "the assertion as an authorisation grant", GRANT, NO_GRANT, lambda t: t.ask_token(t.form(
        grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=t.assertion()))),
    ("grant-device", "a device code", GRANT, NO_GRANT, _changed(
        grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code="a")),
    ("grant-case", "the grant in capitals", GRANT, NO_GRANT, _changed(grant_type="CLIENT_CREDENTIALS")),
    ("scope", "a scope", "Promise: a token is for agreements, not scopes", Expected((400,), "invalid_scope"), _changed(
        scope="admin")),
    ("two-ways-secret", "a secret beside the assertion", ONE_WAY, BAD_FORM, _changed(client_secret=NOBODYS)),
    ("two-ways-basic", "Basic beside the assertion", ONE_WAY, BAD_FORM, _beside("Authorization", "Basic YTph")),
    ("two-ways-bearer", "a bearer token beside the assertion", ONE_WAY, BAD_FORM, _beside("Authorization", "Bearer a")),
    ("secret-alone", "a secret in place of the assertion", STRONG, Expected((400, 401)), _changed(
        client_assertion=LEFT_OUT, client_assertion_type=LEFT_OUT, client_id="a", client_secret=NOBODYS)),
    ("no-authentication", "a client id alone", STRONG, NO_CLIENT, lambda t: t.ask_token(t.form(
        client_assertion=LEFT_OUT, client_assertion_type=LEFT_OUT, client_id=t.client.client_id))),
    ("saml", "an assertion that says it is SAML", STRONG, NO_CLIENT, _changed(
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer")),
    ("type-none", "an assertion of no type", STRONG, NO_CLIENT, _changed(client_assertion_type=LEFT_OUT)),
    ("client-id-other", "client_id is another than the assertion's", STRONG, NO_CLIENT,
     _changed(client_id="another-client")),
    ("client-id-nul", "NUL behind client_id", STRONG, NO_CLIENT, lambda t: t.ask_token(
        t.form(client_id=t.client.client_id + "\0"))),
    ("client-id-second", "client_id of the second client", STRONG, NO_CLIENT, _as_other),
    ("proof-none", "no proof", BOUND, NO_PROOF, lambda t: t.ask_token(proofs=[])),
    ("proof-two", "two proofs", BOUND, NO_PROOF, lambda t: t.ask_token(proofs=[t.proof("POST", TOKEN_PATH) for _ in "ab"])),
    ("proof-joined", "two proofs in one field", BOUND, NO_PROOF, lambda t: t.ask_token(
        proofs=[",".join(t.proof("POST", TOKEN_PATH) for _ in "ab")])),
    ("proof-endpoint", "a proof for another endpoint", BOUND, NO_PROOF, lambda t: t.ask_token(
        proofs=[t.proof("POST", "/oauth2/introspect")])),
    ("proof-method", "a proof for GET", BOUND, NO_PROOF, lambda t: t.ask_token(proofs=[t.proof("GET", TOKEN_PATH)])),
    ("proof-old", "a proof of two minutes ago", BOUND, NO_PROOF, lambda t: t.ask_token(
        proofs=[t.proof("POST", TOKEN_PATH, iat=t.claims()["iat"] - 120)])),
    ("proof-is-assertion", "the assertion as its proof", BOUND, NO_PROOF, lambda t: t.ask_token(proofs=[t.assertion()])),
    ("proof-nonce", "no nonce, where one is asked for", BOUND, Expected((400,), "use_dpop_nonce"), _without_nonce),
    ("resource-control", "a partner asks for /control", RESOURCE, NO_TARGET, _resource(lambda t: f"{t.issuer}/control")),
    ("resource-foreign", "a resource elsewhere", RESOURCE, NO_TARGET, _resource(lambda _t: "https://another.example")),
    ("resource-dataset", "a dataset that is not the client's", RESOURCE, NO_TARGET, _resource(
        lambda t: f"{t.issuer}/datasets/no-such-dataset")),
    ("resource-traversal", "a dataset by dots", RESOURCE, NO_TARGET,
     _resource(lambda t: f"{t.issuer}/datasets/../control")),
    ("resource-case", "the issuer in capitals", RESOURCE, NO_TARGET, _resource(lambda t: t.issuer.upper())),
    ("resource-empty", "an empty resource", RESOURCE, NO_TARGET, _resource(lambda _t: "")),
    ("resource-fragment", "a resource with a fragment", RESOURCE, NO_TARGET, _resource(lambda t: f"{t.issuer}#control")),
)  # fmt: skip
METHODS: Final = ("GET", "PUT", "DELETE", "OPTIONS")


def attacks() -> list[Attack]:
    """Return the attacks on the token request."""
    sends = f"POST {TOKEN_PATH}, honest but for this"
    found = [Attack(f"token-{i}", f"Token request: {n}", p, sends, e, act) for i, n, p, e, act in ROWS]
    return found + [
        Attack(
            f"token-method-{method.lower()}",
            f"Token request: by {method}",
            "RFC 6749, section 3.2: by POST alone",
            f"{method} {TOKEN_PATH}?{quote('grant_type')}=client_credentials",
            NO_METHOD,
            _by(method),
            Needs.NOTHING,
        )
        for method in METHODS
    ]


def _by(method: str) -> Act:
    return lambda t: t.send(method, f"{TOKEN_PATH}?grant_type=client_credentials")

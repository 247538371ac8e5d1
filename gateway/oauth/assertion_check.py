"""What exactly is wrong with this client assertion? Each check of the token endpoint, in its order, and what was found.

Whether a client is there is not told: who holds none of its keys gets the same words for an unknown client, after the
same number of signature checks.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from joserfc import jwk

from gateway.oauth import jose
from gateway.oauth.assertion import AFTER_KEY, ASSERTION_TYPE, BEFORE_KEY, TYPES, Given, audiences
from gateway.oauth.clients import MOST_LIVE_KEYS, Client, ClientKey, Clients

MOST_A_MINUTE: Final = 10
MOST_NAMES: Final = 10_000
UNSIGNED: Final = (
    "no live key registered for this client_id signed it, or there is no such client: compare kid, key pair and client_id "
    "with what the council registered. Of a client with a jwks_uri, the keys are those that were fetched last"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """One check: of which claim, whether it holds, what was found in kind, and what to do."""

    claim: str
    ok: bool
    found: str
    detail: str | None = None


@dataclass(slots=True)
class PerMinute:
    """How many tests a name may still make in this minute, in this process. A bounded number of names is remembered."""

    _counts: OrderedDict[str, tuple[int, int]] = field(default_factory=OrderedDict)  # name -> (minute, count)

    def wait(self, name: str, now: float) -> int:
        """Count one test; return 0, or the seconds until the next is taken."""
        minute = int(now // 60)
        since, count = self._counts.pop(name, (minute, 0))
        count = count + 1 if since == minute else 1
        self._counts[name] = (minute, count)
        if len(self._counts) > MOST_NAMES:
            self._counts.popitem(last=False)
        return 0 if count <= MOST_A_MINUTE else max(1, math.ceil((minute + 1) * 60 - now))


def claimed_client(form: Mapping[str, str]) -> str:
    """Return whose assertion it says it is, unverified, or nothing where that can't be read."""
    try:
        name = jose.read(form.get("client_assertion", "")).payload.get("sub")
    except jose.JoseRefusedError:
        return ""
    return name if isinstance(name, str) else ""


def check_assertion(form: Mapping[str, str], *, issuer: str, clients: Clients, now: float) -> list[Checked]:
    """Return every check in the token endpoint's own order; after an assertion that can't be read there are no more."""
    kind = form.get("client_assertion_type")
    wanted = f"send client_assertion_type={ASSERTION_TYPE}"
    is_right = kind == ASSERTION_TYPE
    checks = [Checked("client_assertion_type", is_right, kind_of(kind), None if is_right else wanted)]
    try:
        jws = jose.read(form.get("client_assertion", ""))
    except jose.JoseRefusedError as refused:
        unread = "no compact JWS that can be read"
        return [*checks, Checked("client_assertion", ok=False, found=unread, detail=str(refused))]
    checks.append(Checked("client_assertion", ok=True, found="a compact JWS"))
    given = Given(jws.header, dict(jws.payload), form.get("client_id"), (issuer,), int(now))
    client = clients.find_client(claimed_client(form))
    key = _signing_key_evenly(jws, client, now)
    checks += [_made(name, check, given) for name, check in BEFORE_KEY]
    checks += [_alg(jws, is_known=key is not None), _signature(is_known=key is not None)]
    if client is not None and key is not None:
        given = Given(jws.header, given.claims, given.form_client_id, audiences(client, issuer), int(now))
    return checks + [_made(name, check, given) for name, check in AFTER_KEY]


def _made(name: str, check: Callable[[Given], None], given: Given) -> Checked:
    try:
        check(given)
    except jose.JoseRefusedError as refused:
        return Checked(name, ok=False, found=_found(name, given), detail=str(refused))
    return Checked(name, ok=True, found=_found(name, given))


def _alg(jws: jose.Jws, *, is_known: bool) -> Checked:
    alg = jws.header.get("alg")
    wanted = f"alg must be one of {', '.join(jose.ALGORITHMS)}"
    if not isinstance(alg, str) or alg not in jose.COMPATIBLE:
        return Checked("alg", ok=False, found=kind_of(alg), detail=wanted)
    if alg in jose.ALGORITHMS or is_known:
        return Checked("alg", ok=True, found=alg)
    return Checked("alg", ok=False, found=alg, detail=f"{wanted}; the council can allow {alg} for a client")


def _signature(*, is_known: bool) -> Checked:
    if is_known:
        return Checked("client, kid, signature", ok=True, found="signed by a live key of this client")
    return Checked("client, kid, signature", ok=False, found="not signed by a live key of this client", detail=UNSIGNED)


def _signing_key_evenly(jws: jose.Jws, client: Client | None, now: float) -> ClientKey | None:
    """Return the key that signed, after as many signature checks as the largest client has keys, whoever it is."""
    kid, alg = jws.header.get("kid"), jws.header.get("alg")
    kind = jose.COMPATIBLE.get(alg) if isinstance(alg, str) else None
    if kind is None:
        return None
    keys = client.keys if client is not None and client.is_active and alg in client.algorithms else ()
    meant = [one for one in keys if kid is None or one.kid is None or one.kid == kid]
    meant = [one for one in meant if one.counts(now) and one.key.key_type == kind]
    signed: ClientKey | None = None
    for number in range(max(MOST_LIVE_KEYS, len(meant))):
        one = meant[number] if number < len(meant) else None
        key = one.key if one is not None else _spare_key(kind)
        if jose.is_signed_by(key, jws.signing_input, jws.signature, alg=alg, allowed=jose.COMPATIBLE) and one is not None:
            signed = signed or one
    return signed


@lru_cache
def _spare_key(kind: str) -> Any:
    """Return a key that nobody signs by, to be checked against where a client has none."""
    if kind == "RSA":
        return jwk.generate_key("RSA", 2048)
    return jwk.generate_key("EC", "P-256") if kind == "EC" else jwk.generate_key("OKP", "Ed25519")


# -- what was found, in kind: a developer has the value, and nobody else needs it


def kind_of(value: object) -> str:
    """Name what a value is, without repeating it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return f"a string of {len(value)} characters"
        case list():
            return f"an array of {len(value)}"
        case _:
            return "an object"


def _found(name: str, given: Given) -> str:
    claims = given.claims
    match name:
        case "typ":
            typ = given.header.get("typ")
            return str(typ) if isinstance(typ, str) and typ in TYPES else kind_of(typ)
        case "iss, sub":
            same = "equal" if claims.get("iss") == claims.get("sub") else "different"
            return f"iss {kind_of(claims.get('iss'))}, sub {kind_of(claims.get('sub'))}, {same}"
        case "client_id":
            return kind_of(given.form_client_id)
        case "aud":
            return _found_audience(claims.get("aud"), given.issuer)
        case "exp" | "iat" | "nbf":
            return _found_time(claims.get(name), given.now)
        case _:
            return kind_of(claims.get(name))


def _found_audience(aud: object, issuer: str) -> str:
    if aud == issuer:
        return "the issuer"
    if aud == f"{issuer}/oauth2/token":
        return "the token endpoint's address, not the issuer"
    if isinstance(aud, list) and issuer in aud:
        return f"an array of {len(aud)} that holds the issuer"
    return f"{kind_of(aud)} that is not the issuer" if isinstance(aud, str) else kind_of(aud)


def _found_time(value: object, now: int) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**40:
        return kind_of(value)
    distance = int(value) - now
    return f"{distance} seconds from now" if distance >= 0 else f"{-distance} seconds ago"

"""A client's keys as the tests of their life handle them: made, brought, revoked, used."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from house import HARBOUR, ISSUER, Caller, House
from joserfc import jwk
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.oauth.made_jwts import make_assertion, make_key_proof
from gateway.store.client_keys import Term, public_keys

CLIENT = HARBOUR.client_id


def new_key() -> Any:
    return jwk.generate_key("EC", "P-256", private=True)


def public(key: Any, **members: str) -> dict[str, Any]:
    return {**key.as_dict(private=False), **members}


def add(house: House, key: Any, *, client: str = CLIENT, term: Term | None = None, **members: str) -> None:
    keys = public_keys(public(key, **members))
    house.append(house.changes().client_keys.add_keys(client, keys, term=term or Term(), by="test"))


def revoke(house: House, key: Any) -> None:
    """Revoke a key that has no kid of its own: it goes by its thumbprint."""
    house.append(house.changes().client_keys.revoke_key(CLIENT, key.thumbprint(), by="test"))


def caller(house: House, key: Any) -> Caller:
    return Caller(house, CLIENT, key)


def ask_token(house: House, key: Any) -> Any:
    details = [{"type": "stile_disclosure_v1", "agreement": HARBOUR.agreement}]
    return caller(house, key).ask_token(authorization_details=json.dumps(details))


def bring(house: House, by: Any, key: Any, **changed: str) -> Any:
    """Bring a key as the client does: signed in by one key, with a proof by the other."""
    now = house.clock().timestamp()
    form = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": make_assertion(by, client_id=CLIENT, issuer=ISSUER, now=now, vouches_for=key),
        "jwk": json.dumps(public(key)),
        "proof": make_key_proof(key, client_id=CLIENT, issuer=ISSUER, now=now),
        **changed,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return house.http.post("/oauth2/keys", content=urlencode(form), headers=headers)


def stile(*words: Any) -> tuple[int, str]:
    done = CliRunner().invoke(make_app([str(words[0])]), [str(one) for one in words])
    return done.exit_code, done.output

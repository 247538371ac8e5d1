"""Does an OAuth client that we did not write get along with us? And is what we publish about ourselves true?"""

from __future__ import annotations

import json

import pytest
from hours import machine_seconds
from jwskate import Jwk
from oauth_scene import DETAIL, ISSUER
from requests_oauth2client import DPoPKey, PrivateKeyJwt

from gateway.oauth.details import TYPE
from gateway.oauth.dpop import token_hash
from gateway.oauth.jose import import_public_key
from gateway.oauth.metadata import authorization_server, protected_resource


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
def test_another_clients_assertion_and_proofs_are_accepted(scene, alg: str) -> None:
    """requests_oauth2client signs all three; it knows nothing of us, and its clock is the real one."""
    own, proving = Jwk.generate(alg=alg).with_kid_thumbprint(), DPoPKey.generate(alg=alg)
    scene.register.add("outsider", import_public_key(dict(own.public_jwk())))
    form = scene.form(PrivateKeyJwt("outsider", own, alg=alg).client_assertion(ISSUER))
    now = machine_seconds()

    refused = scene.ask(form, proofs=[str(proving.proof("POST", scene.endpoint.url))], now=now)

    assert refused.body["error"] == "invalid_authorization_details", "authenticated, and without an agreement"
    assert refused.client_id == "outsider"


def test_another_clients_whole_journey(scene) -> None:
    """Assertion, proof, token, and a proof with the token's hash."""
    own, proving = Jwk.generate(alg="ES256").with_kid_thumbprint(), DPoPKey.generate(alg="PS256")
    scene.register.add("harbour", import_public_key(dict(own.public_jwk())))
    form = scene.form(PrivateKeyJwt("harbour", own, alg="ES256").client_assertion(ISSUER), details=[DETAIL])
    now = machine_seconds()

    answer = scene.ask(form, proofs=[str(proving.proof("POST", f"{scene.endpoint.url}?a=b"))], now=now)
    assert answer.status == 200, answer.body
    token = answer.body["access_token"]
    proof = str(proving.proof("GET", f"{ISSUER}/v1/agreements", ath=token_hash(token)))

    assert scene.call(token, proof=proof, now=now).client.client_id == "harbour"


# -- metadata


def test_the_authorization_servers_metadata_has_what_rfc_8414_asks_for() -> None:
    """Section 2: required members, URLs under the issuer itself; no member with null, and no promise without a value."""
    metadata = authorization_server(ISSUER)

    assert metadata["issuer"] == ISSUER
    assert metadata["response_types_supported"] == []
    for name, value in metadata.items():
        assert value is not None
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith(f"{ISSUER}/")
    assert json.loads(json.dumps(metadata)) == metadata


def test_nothing_is_promised_that_is_not_there() -> None:
    """What later versions may have (PAR) is not named before it exists."""
    named = set(authorization_server(ISSUER))

    assert named == {
        "issuer",
        "token_endpoint",
        "jwks_uri",
        "registration_endpoint",
        *(f"{one}_endpoint" for one in ("introspection", "revocation")),
        *(f"{one}_endpoint_auth_methods_supported" for one in ("introspection", "revocation")),
        *(f"{one}_endpoint_auth_signing_alg_values_supported" for one in ("introspection", "revocation")),
        "introspection_signing_alg_values_supported",
        "response_types_supported",
        "grant_types_supported",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "dpop_signing_alg_values_supported",
        "authorization_details_types_supported",
        "protected_resources",
        "service_documentation",
    }


def test_every_algorithm_that_is_published_works(scene) -> None:
    metadata = authorization_server(ISSUER)
    published = metadata["token_endpoint_auth_signing_alg_values_supported"]

    assert published
    assert metadata["dpop_signing_alg_values_supported"] == published
    for alg in published:
        form = scene.form(scene.assertion(scene.keys.named(alg), header={"alg": alg}))
        proof = scene.proof(scene.keys.named(alg), header={"alg": alg})
        assert scene.ask(form, proofs=[proof]).status == 200, alg


def test_every_type_of_details_that_is_published_is_granted(scene) -> None:
    published = authorization_server(ISSUER)["authorization_details_types_supported"]

    assert published == [TYPE]
    assert scene.ask(scene.form(details=[{**DETAIL, "type": published[0]}])).status == 200


def test_what_is_published_of_grant_and_method_works(scene) -> None:
    metadata = authorization_server(ISSUER)

    assert metadata["grant_types_supported"] == [scene.form()["grant_type"]]
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert metadata["token_endpoint"] == scene.endpoint.url


@pytest.mark.parametrize("path", ["", "/control"])
def test_a_protected_resources_metadata_has_what_rfc_9728_asks_for(path: str) -> None:
    """Section 2: the resource by the audience of its tokens, and no way to send a bearer token."""
    metadata, server = protected_resource(ISSUER, path), authorization_server(ISSUER)

    assert metadata["resource"] == ISSUER + path
    assert metadata["resource"] in server["protected_resources"]
    assert metadata["authorization_servers"] == [ISSUER]
    assert metadata["bearer_methods_supported"] == []
    assert metadata["dpop_bound_access_tokens_required"] is True
    assert (
        metadata["dpop_signing_alg_values_supported"] == authorization_server(ISSUER)["dpop_signing_alg_values_supported"]
    )
    assert metadata.get("authorization_details_types_supported") == (None if path else [TYPE])

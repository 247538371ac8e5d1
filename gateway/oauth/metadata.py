"""What does this gateway's OAuth offer? RFC 8414, RFC 9728. Nothing is named that is not there."""

from __future__ import annotations

from typing import Any

from gateway.oauth.access_token import environment_member
from gateway.oauth.details import TYPE
from gateway.oauth.jose import ALGORITHMS
from schemas.terms import Environment


def authorization_server(
    issuer: str, environment: Environment = Environment.PRODUCTION, *, binds_certificates: bool = False
) -> dict[str, Any]:
    """Return the metadata of RFC 8414, section 2, with RFC 9449 section 5.1 and RFC 9396 section 10.

    `binds_certificates`: a proxy is trusted to tell of certificates (RFC 8705, section 3.3).
    """
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth2/token",
        "jwks_uri": f"{issuer}/oauth2/jwks",
        "introspection_endpoint": f"{issuer}/oauth2/introspect",
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt"],
        "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "introspection_signing_alg_values_supported": ["ES256"],
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "registration_endpoint": f"{issuer}/oauth2/register",
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "authorization_details_types_supported": [TYPE],
        "protected_resources": [issuer, f"{issuer}/control"],
        "service_documentation": f"{issuer}/docs",
        **_certificates(binds_certificates=binds_certificates),
        **environment_member(environment),
    }


def protected_resource(
    issuer: str, path: str, environment: Environment = Environment.PRODUCTION, *, binds_certificates: bool = False
) -> dict[str, Any]:
    """Return the metadata of RFC 9728, section 2, of all of `/v1` (path ""), of one dataset of it, or of `/control`."""
    return {
        "resource": issuer + path,
        "authorization_servers": [issuer],
        # Where no token is bound to a certificate alone, there is none that is sent as Bearer: section 2.
        "bearer_methods_supported": ["header"] if binds_certificates else [],
        "dpop_bound_access_tokens_required": not binds_certificates,
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        **_certificates(binds_certificates=binds_certificates),
        **({} if path == "/control" else {"authorization_details_types_supported": [TYPE]}),
        **environment_member(environment),
    }


def _certificates(*, binds_certificates: bool) -> dict[str, bool]:
    return {"tls_client_certificate_bound_access_tokens": True} if binds_certificates else {}

"""Which addresses do partners call?"""

from __future__ import annotations

from starlette.routing import Route

from gateway.api import client_keys, describing, disclosures, documents, health, log, oauth, registration, sandbox
from gateway.settings import Settings
from schemas.terms import Environment


def routes(settings: Settings) -> list[Route]:
    """Return the routes of what partners call, and of what anybody may read. A sandbox has more."""
    prefix = log_path(settings)
    well_known = "/.well-known"
    return [
        Route("/v1/disclosures", disclosures.post_disclosure, methods=["POST"]),
        Route("/v1/disclosures/{disclosure_id}/receipt", disclosures.get_receipt, methods=["GET"]),
        Route("/v1/explain", disclosures.post_explain, methods=["POST"]),
        Route("/v1/agreements", disclosures.get_agreements, methods=["GET"]),
        *describing.routes(),
        Route("/oauth2/token", oauth.post_token, methods=["POST"]),
        Route("/oauth2/introspect", oauth.post_introspection, methods=["POST"]),
        Route("/oauth2/revoke", oauth.post_revocation, methods=["POST"]),
        Route("/oauth2/keys", client_keys.post_key, methods=["POST"]),
        Route(registration.PATH, registration.post_registration, methods=["POST"]),
        Route(f"{registration.PATH}/{{client_id}}", registration.registration, methods=["GET", "PUT", "DELETE"]),
        Route("/oauth2/test-assertion", client_keys.post_assertion_test, methods=["POST"]),
        Route("/oauth2/jwks", oauth.get_jwks, methods=["GET"]),
        Route(f"{well_known}/oauth-authorization-server", oauth.get_authorization_server, methods=["GET"]),
        Route(f"{well_known}/oauth-protected-resource", oauth.get_protected_resource, methods=["GET"]),
        Route(f"{well_known}/oauth-protected-resource/datasets/{{dataset}}", oauth.get_dataset_resource, methods=["GET"]),
        Route(f"{well_known}/oauth-protected-resource/control", oauth.get_protected_resource, methods=["GET"]),
        Route(f"{prefix}/checkpoint", log.get_checkpoint, methods=["GET"]),
        Route(f"{prefix}/tile/{{path:path}}", log.get_tile, methods=["GET"]),
        Route("/healthz", health.get_health, methods=["GET"]),
        Route("/readyz", health.get_readiness, methods=["GET"]),
        *documents.routes(),
        *(sandbox.routes() if settings.environment is Environment.SANDBOX else ()),
    ]


def log_path(settings: Settings) -> str:
    """Return where the log is served: the path of its origin."""
    path = settings.origin.partition("/")[2]
    return f"/{path}" if path else ""

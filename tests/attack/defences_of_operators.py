"""What guards a bound client's connection and a signed-in operator's session, and what happens where it is taken out?"""

from __future__ import annotations

from datetime import timedelta

from breaking import Break

CERTIFICATE, DOOR, OFFICES = "gateway.oauth.certificate", "gateway.console.door", "gateway.control.door"
EVERY_HOP = {"gateway.web.hops:_TOLD": frozenset()}  # no header is taken from anybody

CONNECTIONS = (
    Break(
        "whose word of a certificate counts",
        (
            *("cert-token-right", "cert-token-anothers", "cert-token-chain", "cert-token-forwarded"),
            *("cert-proof-right", "cert-proof-anothers", "cert-call-right", "cert-call-chain", "cert-ask"),
        ),
        "gateway.web.hops:Hops.__call__",
        "peer is None or not self._is_believed(peer[0])",
        "False",
    ),
    Break(
        "a certificate that is there",
        ("cert-proof-none", "cert-proof-right", "cert-proof-junk", "cert-proof-other-headers"),
        "gateway.oauth.server:_certificate_of",
        "if found is None",
        "if False",
    ),
    Break(
        "the certificate of a token",
        ("cert-call-none", "cert-call-right", "cert-call-twice", "cert-call-chain-alone", "cert-ask"),
        f"{CERTIFICATE}:is_bound_to",
        "thumbprint is not None and hmac.compare_digest(expected, thumbprint)",
        "True",
    ),
    Break(
        "one certificate, where every hop is believed",
        ("cert-token-twice", "cert-token-two", "cert-call-twice"),
        f"{CERTIFICATE}:Certificates.find",
        "len(headers) > 1",
        "False",
        EVERY_HOP,
    ),
    Break(
        "the form of a certificate, where every hop is believed",
        ("cert-token-parameter", "cert-token-joined", "cert-call-parameter"),
        f"{CERTIFICATE}:read_certificate",
        "_BYTES.fullmatch(header)",
        "_BYTES.match(header)",
        EVERY_HOP,
    ),
    Break(
        "whose certificate it is, where every hop is believed",
        ("cert-call-anothers",),
        f"{CERTIFICATE}:is_bound_to",
        "hmac.compare_digest(expected, thumbprint)",
        "True",
        EVERY_HOP,
    ),
)
# What the header's own form withstands, also where every hop is believed.
STRICT = (
    "twice",
    "two",
    "joined",
    "bare",
    "pem",
    "half",
    "parameter",
    "junk",
    "empty",
    "long",
    "chain-alone",
    "underscore",
)

SESSIONS = (
    Break(
        "the roles of an operator",
        (
            *("session-role-misses", "session-role-lift", "session-role-publish", "session-role-spoofed"),
            *("session-page-publish", "session-page-publish-check", "session-page-keys", "session-page-keys-client"),
        ),
        "gateway.store.operator_rows:roles_of",
        "Role(one) for one in json.loads(text)",
        "Role",
    ),
    Break(
        "the role at the control API",
        ("session-role-misses", "session-role-consents", "session-role-revoke-client", "session-role-spoofed"),
        f"{OFFICES}:_by_session",
        "_require(rule, session.roles)",
        "()",
    ),
    Break(
        "the page that sends",
        ("session-csrf-origin", "session-csrf-null", "session-csrf-prefix", "session-csrf-none", "session-csrf-site"),
        f"{OFFICES}:_by_session",
        "not cross_site.is_own_page(request, operators.public_url)",
        "False",
    ),
    Break(
        "the page that sends a form",
        ("session-csrf-form-origin",),
        f"{DOOR}:_require_own_page",
        "not cross_site.is_own_page(request, wiring.operators.public_url)",
        "False",
    ),
    Break(
        "the token of a call",
        ("session-csrf-missing", "session-csrf-made-up", "session-csrf-read"),
        f"{OFFICES}:_by_session",
        "len(given) != 1 or not cross_site.is_token(operators.csrf_key, cookie, given[0])",
        "False",
    ),
    Break(
        "the token of a form",
        ("session-csrf-form-made-up",),
        f"{DOOR}:_checked_form",
        "cookie is None or not cross_site.is_token(wiring.operators.csrf_key, cookie, given)",
        "False",
    ),
    Break(
        "the session after a forged form",
        ("session-csrf-form-missing", "session-csrf-lives"),
        f"{DOOR}:_checked_form",
        "cookie is None or not cross_site.is_token(wiring.operators.csrf_key, cookie, given)",
        "False",
    ),
    Break(
        "one cookie",
        ("session-twice",),
        "gateway.operators.cookies:read",
        "len(found) == 1 and",
        "found and",
    ),
    Break(
        "a session or a token",
        ("session-token",),
        f"{OFFICES}:authenticate_control",
        "has_token and has_session",
        "False",
    ),
    Break(
        "a sign-in of a short while ago",
        (
            *("session-step-up-publish", "session-step-up-let-in", "session-step-up-publish-now"),
            *("session-step-up-revoke", "session-step-up-keys-client"),
        ),
        values={"gateway.store.operator_rows:FRESH": timedelta(days=1)},
    ),
    Break(
        "the end of a session",
        ("session-end-page", "session-end-control", "session-end-form"),
        values={"gateway.store.sign_ins:end": lambda _key: lambda _connection, _moment: None},
    ),
)

"""What says who calls, and what happens where it is taken out? Tokens, proofs and assertions."""

from __future__ import annotations

from breaking import Break

OAUTH = "gateway.oauth"
TOKENS, CALLER, PROOF = f"{OAUTH}.access_token:Tokens", f"{OAUTH}.caller", f"{OAUTH}.dpop"
WHO, SERVER = f"{OAUTH}.assertion", f"{OAUTH}.server"

CALLERS = (
    # -- tokens
    Break(
        "a token's end",
        ("token-end-waited",),
        f"{TOKENS}.inspect",
        "found.expires <= now",
        "found.expires + 3600 <= now",
        {f"{SERVER}:LIFETIME": 0},
    ),
    Break("a token's longest life", ("token-end-life",), values={f"{SERVER}:LIFETIME": 3_600}),
    Break(
        "a token's signature",
        ("access-forged",),
        f"{TOKENS}._read",
        "if not jose.is_signed_by(",
        "if () and jose.is_signed_by(",
    ),
    Break("a token's part", ("role-dpo-partners",), f"{TOKENS}.verify", "found.audience != audience and", "False and"),
    Break(
        "tokens that are revoked",
        ("access-revoked",),
        f"{CALLER}:_find_holder",
        "if clients.is_token_revoked(token.jti)",
        "if False",
    ),
    Break(
        "one Authorization", ("access-two",), f"{CALLER}:authenticate_call", "len(authorization) != 1", "not authorization"
    ),
    Break(
        "the scheme DPoP",
        ("access-bearer",),
        f"{CALLER}:authenticate_call",
        'if scheme.lower() != "dpop" and not is_bearer',
        "if False",
    ),
    Break(
        "tokens of others, told of",
        ("introspect-seconds",),
        f"{OAUTH}.standing:_find",
        "found.client_id != client.client_id",
        "False",
    ),
    Break(
        "tokens of others, revoked",
        ("revoke-seconds",),
        f"{OAUTH}.standing:_find",
        "found.client_id != client.client_id",
        "False",
    ),
    # -- proofs
    Break(
        "one proof", ("proof-two",), f"{CALLER}:authenticate_call", "len(proofs) != (0 if is_bearer else 1)", "not proofs"
    ),
    Break(
        "the proof's key is the token's",
        ("proof-key-strangers",),
        f"{CALLER}:_check_proof",
        "found.jkt != known.jkt",
        "False",
    ),
    Break(
        "a proof's signature",
        ("proof-key-other",),
        f"{PROOF}:check_proof",
        "if not jose.is_signed_by(",
        "if () and jose.is_signed_by(",
    ),
    Break(
        "a proof's method",
        ("proof-htm-other", "proof-htm-none"),
        f"{PROOF}:check_proof",
        'claims.get("htm") != method',
        "False",
    ),
    Break(
        "a proof's address",
        ("proof-htu-host", "proof-htu-none"),
        f"{PROOF}:check_proof",
        'not is_same_address(claims.get("htu"), url)',
        "False",
    ),
    Break(
        "a proof's host",
        ("proof-htu-host",),
        f"{PROOF}:is_same_address",
        'and (given.hostname or "") == (ours.hostname or "")',
        "",
    ),
    Break("a proof's port", ("proof-htu-port",), f"{PROOF}:is_same_address", "same_port\n        and", "True\n        and"),
    Break(
        "a proof's path",
        ("proof-htu-path",),
        f"{PROOF}:is_same_address",
        'and (given.path or "/") == (ours.path or "/")',
        "",
    ),
    Break(
        "a proof's token",
        ("proof-ath-other", "proof-ath-none"),
        f"{PROOF}:check_proof",
        "access_token is not None and",
        "False and",
    ),
    Break(
        "the length of a proof's jti",
        ("proof-jti-long",),
        f"{PROOF}:check_proof",
        "not 0 < len(jti) <= LONGEST_JTI",
        "not jti",
    ),
    Break("a proof's age", ("proof-iat-just-old",), f"{PROOF}:_check_time", "now - PROOF_AGE", "now - 2 * PROOF_AGE"),
    Break("a proof from the future", ("proof-iat-future",), f"{PROOF}:_check_time", "now + AHEAD", "now + 600"),
    Break(
        "proofs are used once",
        ("replay-proof", "replay-assertion", "replay-proof-at-once"),
        values={"gateway.log.used_once:remember": lambda *_: True},
    ),
    # -- assertions
    Break(
        "an assertion's signature",
        ("assertion-key-stranger",),
        f"{WHO}:signing_key",
        "if jose.is_signed_by(one.key,",
        "if () == () or jose.is_signed_by(one.key,",
    ),
    Break(
        "an assertion's type", ("assertion-typ-token", "assertion-typ-context"), f"{WHO}:_typ", "typ not in TYPES", "False"
    ),
    Break("iss is sub", ("assertion-iss-other",), f"{WHO}:_iss_sub", 'given.claims.get("iss") != name', "False"),
    Break(
        "the form's client is the assertion's",
        ("token-client-id-other",),
        f"{WHO}:_client_id",
        'given.form_client_id != given.claims.get("sub")',
        "False",
    ),
    Break("an assertion's audience", ("assertion-aud-other",), f"{WHO}:_aud", "aud not in given.audiences", "False"),
    Break(
        "an assertion's end",
        ("assertion-exp-just-past",),
        f"{WHO}:_exp",
        "expires <= given.now",
        "expires + 3600 <= given.now",
    ),
    Break(
        "an assertion's longest life",
        ("assertion-exp-longer",),
        f"{WHO}:_exp",
        "> given.now + LONGEST + AHEAD",
        "> given.now + 10 * LONGEST",
    ),
    Break(
        "the length of an assertion's jti",
        ("assertion-jti-long",),
        f"{WHO}:_jti",
        "not 0 < len(jti) <= LONGEST_JTI",
        "not jti",
    ),
    Break(
        "one way of authentication",
        ("token-two-ways-secret", "token-two-ways-basic"),
        f"{SERVER}:_Server._authenticate_by_assertion",
        'request.has_authorization or "client_secret" in form',
        "False",
    ),
)

# Each of these alone can't be seen from outside: the reason says what still holds, or what an attack would need.
UNSEEN = (
    Break(
        "an audience that is no text",
        ("assertion-aud-array", "assertion-aud-object"),
        f"{WHO}:_aud",
        "not isinstance(aud, str) or aud not in given.audiences",
        "aud != given.issuer",
    ),
    Break(
        "an algorithm of a proof",
        ("proof-alg-none-signed", "proof-key-p384", "proof-alg-other-type"),
        f"{PROOF}:ProofKeys.load",
        "not isinstance(alg, str) or alg not in jose.ALGORITHMS",
        "False",
    ),
    Break(
        "the members of an address that nobody names",
        ("proof-htu-userinfo-empty",),
        f"{PROOF}:is_same_address",
        "given.port or _port(given.scheme)",
        "given.port",
    ),
)

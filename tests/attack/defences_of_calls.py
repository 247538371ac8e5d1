"""What bounds a call, and what happens where it is taken out? What is asked for, by whom in which role, and how often."""

from __future__ import annotations

from typing import Any

from breaking import Break

from gateway.control import door
from gateway.oauth.clients import Role
from gateway.web.offices import EVERYDAY, Rule


def rules(part: str, *roles: Role) -> dict[str, Any]:
    """Return the control API's table with one part opened to more roles."""
    known = door.RULE_OF.get(part, EVERYDAY)
    return {**door.RULE_OF, part: Rule(known.roles | set(roles))}


CONTEXT, KEYS = "gateway.oauth.context", "gateway.oauth.client_keys"
DETAILS, SERVER, READING = "gateway.oauth.details", "gateway.oauth.server", "gateway.api.request_bodies"
BODIES = "gateway.web.bodies"
POSSESSION = f"{KEYS}:_check_possession"
RULES = "gateway.control.door:RULE_OF"
STEPS = "gateway.control.door:RULE_OF_STEP"

CALLS = (
    # -- what a token is for
    Break(
        "each parameter once", ("token-twice-details",), f"{SERVER}:parse_form", "len(set(names)) != len(names)", "False"
    ),
    Break(
        "a resource elsewhere",
        ("token-resource-foreign",),
        f"{SERVER}:_granted",
        "if audience != endpoint.issuer",
        "if False",
    ),
    Break(
        "the purpose is the agreement's",
        ("details-purpose-other",),
        f"{DETAILS}:_grant_one",
        "detail.purpose not in (None, agreement.purpose)",
        "False",
    ),
    Break(
        "the dataset is the agreement's",
        ("details-dataset-other",),
        f"{DETAILS}:_grant_one",
        "detail.dataset not in (None, agreement.dataset)",
        "False",
    ),
    Break(
        "fields are narrowed",
        ("details-wider",),
        f"{DETAILS}:_fields",
        "sorted(set(asked) & agreement.fields)",
        "sorted(set(asked))",
    ),
    Break(
        "actions that there are",
        ("details-actions-unknown",),
        f"{DETAILS}:_actions",
        "not asked or not set(asked) <= {action.value for action in Action}",
        "not asked",
    ),
    # -- contexts
    Break("a context's type", ("context-typ-none",), f"{CONTEXT}:read_context", 'jws.header.get("typ") != TYPE', "False"),
    Break(
        "a context's signature",
        ("context-stranger",),
        f"{CONTEXT}:read_context",
        "signing_key(jws, client, now) is None",
        "False",
    ),
    Break(
        "a context's client",
        ("context-iss-other",),
        f"{CONTEXT}:read_context",
        'claims.get("iss") != client.client_id',
        "False",
    ),
    Break(
        "a context's audience",
        ("context-aud-other", "context-aud-array"),
        f"{CONTEXT}:read_context",
        'claims.get("aud") != issuer',
        "False",
    ),
    Break("a context's end", ("context-expired",), f"{CONTEXT}:_check_times", "expires <= now", "expires + 3600 <= now"),
    Break(
        "a context's longest life",
        ("context-longer",),
        f"{CONTEXT}:_check_times",
        "issued + LONGEST",
        "issued + 10 * LONGEST",
    ),
    Break(
        "a context from the future",
        ("context-future",),
        f"{CONTEXT}:_check_times",
        "issued > now + AHEAD",
        "issued > now + 600",
    ),
    Break(
        "a context's claims",
        ("context-claim-unknown",),
        f"{CONTEXT}:read_context",
        "claims.keys() - _CLAIMS",
        "claims.keys() - claims.keys()",
    ),
    # -- keys that come
    Break(
        "whom an assertion vouches for",
        ("vouch-none", "vouch-other", "vouch-own"),
        f"{KEYS}:check_vouched_for",
        "named != new.thumbprint",
        "False",
    ),
    Break("a key's proof is of its type", ("vouch-proof-typ",), POSSESSION, 'jws.header.get("typ") != PROOF_TYPE', "False"),
    Break(
        "a key's proof is by the key",
        ("vouch-proof-by-old",),
        POSSESSION,
        "if not jose.is_signed_by(",
        "if () and jose.is_signed_by(",
    ),
    Break(
        "whose proof of a key it is",
        ("vouch-proof-iss", "vouch-proof-aud", "vouch-proof-other"),
        POSSESSION,
        "claims.get(name) != wanted",
        "False",
    ),
    Break("the end of a key's proof", ("vouch-proof-expired",), POSSESSION, "not now < expires <=", "not expires <="),
    # -- guesses and limits
    Break("guesses at one key", ("guess-key",), values={"gateway.store.locks:MOST_MISSES": 50}),
    Break(
        "guesses of one caseworker",
        ("guess-caseworker", "guess-caseworker-case"),
        values={"gateway.store.locks:MOST_OF_CASEWORKER": 500},
    ),
    Break(
        "one caseworker by any spelling",
        ("guess-caseworker-case",),
        "schemas.unseen:label_form",
        'return " ".join(text.lower().split())',
        "return text",
    ),
    Break(
        "calls a minute",
        ("calls-a-minute",),
        "gateway.limits.counting:Counting.call_reached",
        "<= self._limits.per_minute:",
        "<= self._limits.per_minute * 10:",
        held_first=False,
    ),
    Break("repeats of a call", ("repeats-a-day",), values={"gateway.limits.counting:MOST_REPEATS": 1_000}),
    Break(
        "people a call",
        ("body-subjects-over-batch",),
        "gateway.journey.check_people:_check_batch",
        "if count > most",
        "if False",
    ),
    # -- roles and others
    Break("who reads the log", ("role-approver-entries",), values={RULES: rules("entries", Role.APPROVER)}),
    Break(
        "who publishes", ("role-administrator-publish", "role-auditor-publish"), values={RULES: rules("agreements", *Role)}
    ),
    Break(
        "who decides what was proposed",
        ("role-auditor-approve", "role-author-reject", "role-duty-approve"),
        values={STEPS: {one: Rule(frozenset(Role)) for one in ("approval", "rejection", "advice")}},
    ),
    Break("who advises", ("role-approver-advise",), values={STEPS: {"advice": Rule(frozenset(Role))}}),
    Break(
        "that somebody else decides",
        ("two-people-own",),
        "gateway.store.acting:require_another",
        "is_another(connection, by, than=proposal.proposed_by, person=proposal.person)",
        "True",
    ),
    Break(
        "that what is decided was seen",
        ("two-people-digest",),
        "gateway.store.decisions:_waiting",
        "digest is not None and digest != found.digest",
        "False",
        {"gateway.store.decisions:require_another": lambda *_: 2},
    ),
    Break("who revokes a client", ("role-dpo-revoke-client",), values={RULES: rules("clients", Role.DPO)}),
    Break(
        "who records consents",
        ("role-auditor-consents", "role-auditor-consent"),
        values={RULES: rules("consents", Role.AUDITOR)},
    ),
    Break(
        "roles at all",
        ("role-auditor-misses", "role-approver-incidents"),
        "gateway.control.door:_require",
        "not rule.lets(roles)",
        "False",
    ),
    Break(
        "whose receipt it is",
        ("receipt-anothers",),
        "gateway.journey.receipt_again:load_receipt",
        "not _is_of(client, sealed, entry_id, services)",
        "False",
    ),
    Break(
        "no scenario but in a sandbox",
        ("scenario-consent",),
        "gateway.journey.wiring:refuse_scenarios",
        "raise ProblemError(NOT_A_SANDBOX)",
        "return _wiring",
    ),
    # -- what is sent
    Break("each member once", ("body-twice", "body-twice-inner"), f"{BODIES}:decode", "_has_duplicates(body)", "False"),
    Break(
        "one subject or many",
        ("body-both-subjects",),
        f"{READING}:parse_disclosure",
        "(given.subject is None) == (given.subjects is None)",
        "False",
    ),
    Break(
        "each label once",
        ("body-subjects-ref-twice",),
        f"{READING}:_about_many",
        "len({one.ref for one in subjects}) != len(subjects)",
        "False",
    ),
    Break(
        "a form's address has no query",
        ("token-query-beside",),
        f"{BODIES}:read_form",
        "if request.url.query",
        "if False",
    ),
    Break(
        "a form's type",
        ("token-kind-text",),
        f"{BODIES}:read_form",
        'kind != "application/x-www-form-urlencoded"',
        "False",
    ),
)

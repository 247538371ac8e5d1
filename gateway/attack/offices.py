"""Attacks of an office's client on what its role may not do: the control API, and what is the partners'."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from gateway.attack.attack import Attack, Needs
from gateway.attack.forging import LEFT_OUT
from gateway.attack.judging import Expected, NotApplicableError, json_of
from gateway.attack.target import LIST, Target
from gateway.attack.wire import Heard

ROLES: Final = "Promise: each part of the control API is for the roles that it names"
APART: Final = "RFC 8707, section 2: a token for one part opens no other"
WRONG: Final = Expected((403,), "wrong_role")
OFFICES: Final = ("dpo", "approver", "administrator", "auditor", "author", "duty")
EVERYDAY: Final = frozenset({"dpo", "administrator"})
EMERGENCIES: Final = EVERYDAY | {"duty"}
PROPOSERS: Final = frozenset({"author", "dpo", "approver", "administrator"})
DECIDERS: Final = frozenset({"approver", "dpo", "administrator"})
CONTROL: Final = "/control/v1"
ROLES_TOLD: Final = "x-stile-roles"
HARMLESS: Final = b'{"attack": true}'  # which no part takes, so that nothing is changed where the door is open

# id, method, path, who may: as docs/operations.md promises, not as the gateway under attack has it
PARTS: Final[tuple[tuple[str, str, str, frozenset[str]], ...]] = (
    ("consents", "POST", "/consents", EVERYDAY),
    ("consent", "GET", "/consents/c_000000000000000000000000", EVERYDAY),
    ("withdraw", "POST", "/consents/c_000000000000000000000000/withdrawal", EVERYDAY),
    ("consents-of", "POST", "/consents/search", EVERYDAY),
    ("restrictions", "POST", "/restrictions", EVERYDAY),
    ("restrictions-of", "POST", "/restrictions/search", EVERYDAY),
    ("misses", "GET", "/misses", EVERYDAY),
    ("lift", "POST", "/misses/none/lifting", EVERYDAY),
    ("incidents", "POST", "/incidents", EMERGENCIES),
    ("close", "POST", "/incidents/none/closing", EMERGENCIES),
    ("emergencies", "GET", "/emergencies", EMERGENCIES),
    ("review", "POST", "/emergencies/none/review", EMERGENCIES),
    ("emergency-bounds", "POST", "/emergency-bounds", EMERGENCIES),
    ("publish", "POST", "/agreements", frozenset({"author", "dpo", "approver"})),
    ("propose", "POST", "/changes", PROPOSERS),
    ("withdraw-change", "POST", "/changes/none/withdrawal", PROPOSERS),
    ("approve", "POST", "/changes/none/approval", DECIDERS),
    ("reject", "POST", "/changes/none/rejection", DECIDERS),
    ("advise", "POST", "/changes/none/advice", frozenset({"dpo"})),
    ("revoke-client", "POST", "/clients/no-such-client/revocation", frozenset({"administrator"})),
    ("revoke-key", "POST", "/clients/no-such-client/keys/none/revocation", frozenset({"administrator"})),
    ("issuer-keys", "POST", "/issuer-keys", frozenset({"administrator"})),
    ("registrations", "GET", "/registrations", EVERYDAY),
    ("let-in", "POST", "/registrations/no-such-client/approval", EVERYDAY),
    ("keep-out", "POST", "/registrations/no-such-client/refusal", EVERYDAY),
    ("entries", "GET", "/entries?partner=none&caseworker=none", frozenset({"auditor", "dpo"})),
)


_TEMPLATES: Final = {  # where a part of the address is somebody's or something's
    "consent": f"{CONTROL}/consents/{{consent_id}}",
    "withdraw": f"{CONTROL}/consents/{{consent_id}}/withdrawal",
    "lift": f"{CONTROL}/misses/{{lock}}/lifting",
    "close": f"{CONTROL}/incidents/{{incident}}/closing",
    "review": f"{CONTROL}/emergencies/{{item}}/review",
    "withdraw-change": f"{CONTROL}/changes/{{change_id}}/withdrawal",
    "approve": f"{CONTROL}/changes/{{change_id}}/approval",
    "reject": f"{CONTROL}/changes/{{change_id}}/rejection",
    "advise": f"{CONTROL}/changes/{{change_id}}/advice",
    "revoke-client": f"{CONTROL}/clients/{{client_id}}/revocation",
    "revoke-key": f"{CONTROL}/clients/{{client_id}}/keys/{{kid}}/revocation",
    "let-in": f"{CONTROL}/registrations/{{client_id}}/approval",
    "keep-out": f"{CONTROL}/registrations/{{client_id}}/refusal",
}


def as_office(t: Target, role: str) -> Target:
    """Return the target as an office's client sees it."""
    office = t.offices.get(role)
    if office is None:
        raise NotApplicableError(f"it needs an office's client: --office {role}=CLIENT=FILE")
    found = Target(t.place, t.issuer, partner=office, nonce=t.nonce)
    # So that what is sent is refused for its role, and by nothing before it.
    found.keep(found.new_token(authorization_details=LEFT_OUT, resource=f"{t.issuer}/control"))
    return found


def _part(role: str, method: str, path: str) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        office = as_office(t, role)
        signed = office.signed(method, f"{CONTROL}{path}".partition("?")[0])
        if method == "GET":
            return office.send(method, CONTROL + path, signed)
        return office.send(method, CONTROL + path, [*signed, ("Content-Type", "application/json")], HARMLESS)

    return act


def _at_partners(role: str) -> Callable[[Target], Heard]:
    return lambda t: as_office(t, role).call("GET", LIST)


def _described(t: Target) -> Heard:
    """Return the description without its examples, which look like tokens and disclosures, and are none."""
    heard = t.send("GET", "/openapi.json")
    content = json_of(heard.first)
    paths = content.get("paths") if isinstance(content, dict) else None
    kept = {path: one for path, one in paths.items() if path.startswith(CONTROL)} if isinstance(paths, dict) else {}
    named = {path: {how: {ROLES_TOLD: _told(one)} for how, one in methods.items()} for path, methods in kept.items()}
    return replace(heard, answers=(replace(heard.first, body=json.dumps({"paths": named}).encode()),))


def _told(operation: Any) -> Any:
    return operation.get(ROLES_TOLD) if isinstance(operation, dict) else None


def _opened(heard: Heard) -> str | None:
    """Compare whom the gateway's own description names at each part with who may."""
    content = json_of(heard.first)
    paths = content.get("paths") if isinstance(content, dict) else None
    told = paths if isinstance(paths, dict) else {}
    for name, method, path, roles in PARTS:
        described = told.get(_TEMPLATES.get(name, CONTROL + path.partition("?")[0]))
        operation = described.get(method.lower()) if isinstance(described, dict) else None
        named = _told(operation)
        if not isinstance(named, list):
            return f"it does not say who may call {name}"
        if not set(named) <= roles:
            return f"{name} is open to a role that it is not for"
    return None


def attacks() -> list[Attack]:
    """Return the attacks of offices' clients: each role at each part that is not for it, with a body that none takes."""
    found = [
        Attack(f"role-{role}-{i}", f"Roles: {role} at {i}", ROLES, f"{method} {CONTROL}{path.partition('?')[0]}", WRONG,
               _part(role, method, path))
        for role in OFFICES
        for i, method, path, roles in PARTS
        if role not in roles
    ]  # fmt: skip
    refused = Expected((401,), "token_refused", "invalid_token")
    told = Expected((200,), look=_opened, looks_for="each part for the roles that it is for")
    found.append(
        Attack("role-told", "Roles: whom the gateway's own description lets in", ROLES, "GET /openapi.json", told,
               _described, Needs.NOTHING)
    )  # fmt: skip
    return found + [
        Attack(f"role-{role}-partners", f"Roles: {role} at what is the partners'", APART, f"GET {LIST}", refused,
               _at_partners(role))
        for role in OFFICES
    ]  # fmt: skip

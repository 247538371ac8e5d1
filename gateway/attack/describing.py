"""What does the gateway say of itself to this client? Its agreement, its details, whether it is a sandbox."""

from __future__ import annotations

from gateway.attack import made_up
from gateway.attack.judging import HonestCallError, json_of
from gateway.attack.target import LIST, Target


def describe(target: Target) -> None:
    """Ask, and keep what is said; HonestCallError where the agreement is not listed."""
    heard = target.call("GET", LIST).first
    target.is_sandbox = heard.header("stile-environment") == "sandbox"
    content = json_of(heard)
    listed = content.get("agreements") if isinstance(content, dict) else None
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("id") == target.client.agreement:
            target.described = one
            break
    else:
        raise HonestCallError("GET /v1/agreements does not list the agreement")
    openapi = json_of(target.call("GET", "/v1/openapi.json").first)
    target.examples = made_up.examples_of(openapi, target.client.agreement)


def second(t: Target) -> Target:
    """Return the target as the second client sees it."""
    found = Target(t.place, t.issuer, partner=t.other, nonce=t.nonce)
    describe(found)
    return found

"""Attacks on receipts of others: a real one, of an answer about nobody, asked for by the second client."""

from __future__ import annotations

from typing import Final

from gateway.attack.attack import Attack, Needs
from gateway.attack.describing import second
from gateway.attack.judging import Expected, HonestCallError, json_of
from gateway.attack.target import Target
from gateway.attack.wire import Heard

NOT_YOURS: Final = "Promise: no disclosure of others is told of"
NOT_FOUND: Final = Expected((404,), "not_found", looks_for="as if there were none")
SENDS: Final = "POST /v1/disclosures about somebody made up, then GET of its receipt by the second client"


def attacks() -> list[Attack]:
    """Return the attack on another's receipt."""
    name = "Receipt: of the first client, for the second"
    return [Attack("receipt-anothers", name, NOT_YOURS, SENDS, NOT_FOUND, _anothers, Needs.OTHER)]


def _anothers(t: Target) -> Heard:
    content = json_of(t.ask(t.matter(subject=t.nobody(), caseworker=t.anybody())).first)
    told = content.get("disclosure") if isinstance(content, dict) else None
    name = told.get("disclosure_id") if isinstance(told, dict) else None
    path = f"/v1/disclosures/{name}/receipt"
    if not isinstance(name, str) or t.call("GET", path).first.status != 200:  # noqa: PLR2004 -- HTTP's own number
        raise HonestCallError("an honest call about nobody brought no answer with a receipt")
    return second(t).call("GET", path)

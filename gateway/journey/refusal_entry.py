"""What does the log hold of a limit that was reached? A refusal with all ten names, of a call that released nothing."""

from __future__ import annotations

from typing import Any

from audit.format.commitment import seal
from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment
from gateway.journey.entry_names import choose_keys, claim_keys, names_of_ask
from gateway.journey.equipment import Ask, Services
from gateway.journey.judge import Judgement
from gateway.limits.reached import Reached

NOTHING: dict[str, Any] = {}


def refuse_at_limit(
    judged: Judgement, reached: Reached, ask: Ask, services: Services, *, connection: Connection, retry_of: str | None
) -> Draft:
    """Return the entry of the first call of a window that a limit refused. Claims its keys in the transaction."""
    keys = choose_keys(judged, ask, services, connection)
    if not claim_keys([keys], services, connection):
        keys = choose_keys(judged, ask, services, connection)
        claim_keys([keys], services, connection)
    entry_id = services.new_id("d", judged.at)
    names = {
        **names_of_ask(judged, ask, services, keys),
        "fields": (keys.controller, NOTHING),
        "request": (keys.subject, {"digest": ask.body_digest, "retry_of": retry_of}),
        "answer": (keys.subject, {"digest": None}),
        "facts": (keys.subject, {"match": judged.found.match.value, "limit": reached.limit, "window": reached.window}),
    }
    return Draft(
        kind=Kind.REFUSAL,
        entry_id=entry_id,
        sealed=seal(entry_id, names, (), keys.subject),
        outcome="none",
        recipient=ask.caller.client.partner_id,
    )


def refuse_in_window(client: tuple[str, str | None], facts: dict[str, Any], services: Services, moment: Moment) -> Draft:
    """Return the entry that counts a window's further refusals. `client`: its id and its partner's."""
    entry_id = services.new_id("e", moment.at)
    controller = services.keyring.controller()
    names = dict.fromkeys(
        ("caseworker", "basis", "fields", "subject", "matter", "request", "answer"), (controller, NOTHING)
    )
    parties = {"partner": client[1], "client": client[0]}
    sealed = seal(entry_id, {**names, "parties": (controller, parties), "facts": (controller, facts)}, (), controller)
    return Draft(kind=Kind.REFUSAL, entry_id=entry_id, sealed=sealed, outcome="none", recipient=client[1])

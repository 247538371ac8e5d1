"""What does the log hold of a limit that was reached? A refusal with all ten names, of a call that released nothing."""

from __future__ import annotations

from typing import Any

from audit.format.commitment import SealingKey, seal_answer
from audit.format.entry import Kind
from audit.stores.subject_keys import Whose
from audit.writing.item import Draft, Moment
from gateway.journey.call import Ask
from gateway.journey.entry_keys import KeyOf, choose_keys
from gateway.journey.entry_names import names_of_ask
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement
from gateway.limits.reached import Reached

NOTHING: dict[str, Any] = {}


def refuse_at_limit(
    judged: Judgement, reached: Reached, ask: Ask, services: Services, *, key_of: KeyOf, entry_id: str, retry_of: str | None
) -> tuple[Draft, dict[Whose, SealingKey]]:
    """Return the entry of the first call of a window that a limit refused, and the keys that it claims."""
    keys = choose_keys(judged, ask, services, key_of)
    names = {
        **names_of_ask(judged, ask, services, keys),
        "fields": (keys.controller, NOTHING),
        "request": (keys.subject, {"digest": ask.body_digest, "retry_of": retry_of}),
        "answer": (keys.subject, {"digest": None}),
        "facts": (keys.subject, {"match": judged.found.match.value, "limit": reached.limit, "window": reached.window}),
    }
    draft = Draft(
        kind=Kind.REFUSAL,
        entry_id=entry_id,
        sealed=seal_answer(entry_id, names, (), keys.subject),
        outcome="none",
        recipient=ask.caller.client.partner_id,
    )
    return draft, dict(keys.claims)


def refuse_in_window(client: tuple[str, str | None], facts: dict[str, Any], services: Services, moment: Moment) -> Draft:
    """Return the entry that counts a window's further refusals. `client`: its id and its partner's."""
    entry_id = services.new_id("e", moment.at)
    controller = services.keyring.controller()
    names = dict.fromkeys(
        ("caseworker", "basis", "fields", "subject", "matter", "request", "answer"), (controller, NOTHING)
    )
    parties = {"partner": client[1], "client": client[0]}
    sealed = seal_answer(
        entry_id, {**names, "parties": (controller, parties), "facts": (controller, facts)}, (), controller
    )
    return Draft(kind=Kind.REFUSAL, entry_id=entry_id, sealed=sealed, outcome="none", recipient=client[1])

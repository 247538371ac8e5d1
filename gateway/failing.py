"""How is a failure recorded? In the same detail as a refusal, and it releases nothing."""

from __future__ import annotations

from typing import Any

from audit.commitment import seal
from audit.entry import Kind
from audit.sequencer import Draft, Moment
from gateway.answer import choose_keys, claim_keys
from gateway.appending import remember
from gateway.judgement import Judgement
from gateway.services import Ask, Services


async def record_failure(ask: Ask, judged: Judgement, services: Services, code: str, *, is_first: bool) -> str | None:
    """Append a `failure` entry and return its id; None where the proof was used before. Raises what the log raises."""
    keys = choose_keys(judged, ask, services, services.reader.connection)
    entry_id = services.new_id("f", judged.at)
    client = ask.caller.client
    sealed = seal(
        entry_id,
        {
            "parties": (keys.controller, {"partner": client.partner_id, "client": client.client_id}),
            "what": (keys.controller, {"code": code, "agreement": judged.agreement_id}),
            "subject": (keys.subject, {"ref": judged.subject_ref}),
            "request": (keys.subject, {"digest": ask.body_digest}),
        },
        (),
        None,
    )

    def within(connection: Any, moment: Moment) -> Draft | None:
        if is_first and not remember(connection, (ask.caller.seen,), moment.at):
            return None
        claim_keys(keys, services, connection)
        return Draft(kind=Kind.FAILURE, entry_id=entry_id, sealed=sealed, outcome="none", recipient=client.partner_id)

    return entry_id if await services.log.append(within) else None

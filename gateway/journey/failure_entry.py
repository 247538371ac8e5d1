"""How is a failure recorded? In the same detail as a refusal, and it releases nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit.format.commitment import seal
from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.writing.item import Draft, Moment
from gateway.journey.entry_names import choose_keys, claim_keys
from gateway.journey.equipment import Ask, Services
from gateway.journey.judge import Judgement
from gateway.journey.transaction import remember


async def record_failure(
    asks: Sequence[Ask],
    judged: Sequence[Judgement],
    services: Services,
    code: str,
    *,
    facts: Mapping[str, str],
    is_first: bool,
) -> str | None:
    """Append a `failure` entry and return its id; None where the proof was used before. Raises what the log raises.

    It names everybody whom the failed chunk was about, each under their own key. `facts` says why: nothing personal.
    """
    connection, call = services.reader.connection, asks[0]
    keys = [choose_keys(one, ask, services, connection) for ask, one in zip(asks, judged, strict=True)]
    entry_id = services.new_id("f", judged[0].at)
    client, controller = call.caller.client, keys[0].controller
    names = ["subject"] if len(asks) == 1 else [f"subject/{number}" for number in range(len(asks))]
    subjects = {name: (key.subject, {"ref": one.subject_ref}) for name, key, one in zip(names, keys, judged, strict=True)}
    sealed = seal(
        entry_id,
        {
            "parties": (controller, {"partner": client.partner_id, "client": client.client_id}),
            "what": (controller, {"code": code, "agreement": judged[0].agreement_id}),
            "facts": (controller, dict(facts)),
            "request": (keys[0].subject, {"digest": call.body_digest}),
            **subjects,
        },
        (),
        None,
    )

    def within(connection: Connection, moment: Moment) -> Draft | None:
        if is_first and not remember(moment, (call.caller.seen,)):
            return None
        claim_keys(keys, services, connection)
        return Draft(kind=Kind.FAILURE, entry_id=entry_id, sealed=sealed, outcome="none", recipient=client.partner_id)

    return entry_id if await services.log.append(within) else None

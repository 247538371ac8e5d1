"""What does an entry hold of a call? All ten names, whatever became of it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from audit.format.commitment import SealingKey
from gateway.journey.call import Ask
from gateway.journey.entry_keys import Keys
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement
from gateway.limits.reached import Reached
from policies.deciding.consents import refused
from policies.deciding.restrictions import restricted
from schemas.decision import Record, Shaped, Withhold
from schemas.instants import as_text
from schemas.reasons import Reason
from schemas.request import Caseworker
from schemas.terms import Assurance


def keyed_digest(secret: bytes, raw: bytes) -> str:
    """Return what stands in a table for what can be guessed: an HMAC-SHA256 (RFC 2104) under a secret of the key file."""
    return "hmac-sha256:" + hmac.digest(secret, raw, "sha256").hex()


def digest(raw: bytes) -> str:
    """Return the SHA-256 of bytes, as entries write digests."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def names_of_call(
    judged: Judgement, ask: Ask, services: Services, keys: Keys, lawful: str | list[str] | None
) -> dict[str, tuple[SealingKey, Any]]:
    """Return what an entry holds of who asked, and on which basis; `lawful` are the lines of law that it rests on."""
    client, caseworker = ask.caller.client, ask.request.caseworker
    return {
        "parties": (keys.controller, {"partner": client.partner_id, "client": client.client_id}),
        "caseworker": (
            keys.caseworker,
            {
                "id": caseworker.id,
                "name": caseworker.name,
                "role": caseworker.role,
                "organisation_code": caseworker.organisation_code,
                "assurance": caseworker.assurance.value,
                **_vouched(caseworker),
            }
            if caseworker
            else {},
        ),
        "basis": (keys.controller, _written_basis(judged, services, lawful)),
    }


def _vouched(caseworker: Caseworker) -> dict[str, str | None]:
    """Return what a signed context alone tells; an asserted caseworker's commitment stays as it was."""
    if caseworker.assurance is Assurance.ASSERTED:
        return {}
    return {"device": caseworker.device, "reason": caseworker.reason}


def names_of_ask(judged: Judgement, ask: Ask, services: Services, keys: Keys) -> dict[str, tuple[SealingKey, Any]]:
    """Return what an entry holds of who asked, for what, about whom: the same whatever became of it."""
    return {
        **names_of_call(judged, ask, services, keys, judged.decision.lawful),
        "subject": (keys.subject, {"ref": judged.subject_ref}),
        "matter": (keys.subject, matter_of(ask)),
    }


def _written_basis(judged: Judgement, services: Services, lawful: str | list[str] | None) -> Any:
    live = judged.live
    if live is None:  # then the agreement's name is the caller's own word, and of those there is no end
        return _basis(judged, services, lawful)
    rules, emergency = live.compiled.rules.rules_digest, judged.circumstances.emergency
    texts = (live.agreement.digest, rules, live.mapping_digest)
    known = ("basis", judged.state_index, *texts, str(lawful), emergency)
    return services.phrases.written(known, lambda: _basis(judged, services, lawful))


def _basis(judged: Judgement, services: Services, lawful: str | list[str] | None) -> dict[str, Any]:
    live = judged.live
    common = {"build": services.build_digest, "state_index": judged.state_index, "subject_view": "show"}
    if live is None:
        return {**common, "agreement": judged.agreement_id}
    rules, agreement, emergency = live.compiled.rules, live.agreement, judged.circumstances.emergency
    return {
        **common,
        "agreement": agreement.id,
        "agreement_digest": agreement.digest,
        "rules_digest": rules.rules_digest,
        "mapping_digest": live.mapping_digest,
        "purpose": agreement.purpose,
        "lawful": lawful,
        "dataset": f"{live.dataset.id}@{live.dataset.version}",
        "retention_class": agreement.retention_class,
        **({"emergency": emergency.value} if emergency is not None else {}),
    }


def fields_of(shaped: Shaped, services: Services) -> Any:
    """Return what an entry says of each field: its form and line, or the public reason."""

    def make() -> dict[str, Any]:
        released = {path: {"form": form, "line": line} for path, (form, line) in shaped.lines.items()}
        return {**released, **{path: {"reason": reason.value} for path, reason in shaped.withheld.items()}}

    return services.phrases.written(("fields", tuple(shaped.lines.items()), tuple(shaped.withheld.items())), make)


def matter_of(ask: Ask) -> dict[str, Any]:
    """Return the case that a call is for."""
    request = ask.request
    emergency = request.emergency
    return {
        "case_reference": request.case_reference,
        "statement": request.statement,
        "assessment": request.assessment,
        "emergency": {"kind": emergency.kind.value, "reason": emergency.reason} if emergency else None,
    }


def facts_of(
    judged: Judgement, record: Record | None, shaped: Shaped, ask: Ask, reached: Reached | None = None
) -> dict[str, Any]:
    """Return what only the council may know: every fact that the decision rested on, and the true reasons."""
    circumstances = judged.circumstances
    consents = [one for records in circumstances.consents.values() for one in records]
    restrictions = [one for records in circumstances.restrictions.values() for one in records]
    limit = {"limit": reached.limit, "window": reached.window} if reached else {}
    return {
        **limit,
        # With the texts and the state as of `state_index`, what the decision can be replayed from.
        "at": as_text(judged.at),
        "asked": list(circumstances.asked) if circumstances.asked is not None else None,
        "token_fields": sorted(circumstances.token_fields) if circumstances.token_fields is not None else None,
        "action": circumstances.action.value,
        **({"assurances": sorted(one.value for one in circumstances.assurances)} if circumstances.assurances else {}),
        "match": judged.found.match.value,
        "key": ask.request.subject.key,
        "confirmed_by": sorted(ask.request.subject.confirm),
        "found_as": judged.found.subject,
        "role": circumstances.role,
        "consents": {one.consent_id: one.state.value for one in consents},
        **_refused_by(judged),
        "restrictions": {one.restriction_id: one.kind.value for one in restrictions},
        "markers": dict(shaped.markers),
        "reasons": {path: reason.value for path, reason in shaped.true_reasons.items()},
        "tripped": list(shaped.tripped),
        "as_at": as_text(record.as_at) if record else None,
        "stale": record.stale if record else None,
    }


def _refused_by(judged: Judgement) -> dict[str, list[str]]:
    """Return whose word fields stayed for, other than that of who was asked about; the partner is not told of it."""
    c = judged.circumstances
    if not (c.consents or c.restrictions):
        return {}
    stayed = {path for path, one in judged.decision.fields.items() if _is_anothers(one)}
    if judged.live is None or not stayed:
        return {}
    held = restricted(judged.live.compiled, c)
    roles = {*refused(judged.live.compiled, c, stayed), *(one.person for one in held if one.path in stayed)}
    others = sorted(roles - {c.subject})
    return {"refused_by": others} if others else {}


def _is_anothers(one: object) -> bool:
    return isinstance(one, Withhold) and one.reason is Reason.NOT_AVAILABLE

"""What does the partner get? The record shaped as decided, and the disclosure that says so."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from gateway.journey.call import Ask
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement
from gateway.sources.claims import typed_claims
from gateway.store.live import LiveAgreement
from policies.deciding.claims import compare, matched, without_answers
from policies.deciding.forms import pseudonym_key, pseudonym_value
from policies.deciding.shape import shape
from schemas.decision import Record, Shaped
from schemas.instants import as_text, london_day
from schemas.reasons import REMEDY_OF, Reason
from schemas.terms import Action, Identity, Match, Outcome

_pseudonym_key = lru_cache(maxsize=1_024)(pseudonym_key)


def outcome_of(shaped: Shaped) -> Outcome:
    """Say how much of what was asked has left."""
    if not shaped.fields:
        return Outcome.NONE
    return Outcome.PARTIAL if shaped.withheld else Outcome.FULL


def shape_of(
    judged: Judgement, record: Record | None, ask: Ask, services: Services, *, guessed_at: frozenset[str]
) -> Shaped:
    """Return what leaves, in its forms: values to read, yes and no to verify, nothing to match.

    `guessed_at` are references of those about whom claims were wrong too often today, and none is answered.
    """
    shaped = _shape(judged, record, services)
    if ask.request.action is Action.READ or judged.live is None or not judged.decision.permits:
        return shaped
    if ask.request.action is Action.MATCH:
        return matched(shaped)
    claims, dataset = ask.request.claims or {}, judged.live.dataset
    typed = typed_claims(dataset, claims)
    answered = compare(shaped, dataset, typed=typed, as_typed=claims, on=london_day(judged.at))
    return without_answers(answered, [path for path in answered.fields if judged.whose(path) in guessed_at])


def _shape(judged: Judgement, record: Record | None, services: Services) -> Shaped:
    if judged.live is None:
        reasons = {path: field.reason for path, field in judged.decision.fields.items()}  # type: ignore[union-attr]  # without an agreement every field is withheld
        return Shaped(fields={}, lines={}, withheld=reasons, true_reasons={}, markers={})
    recipient, agreement = judged.circumstances.recipient, judged.live.agreement
    on = london_day(judged.at)
    epoch = str(on.year)

    def pseudonym(path: str, value: str) -> str:
        return pseudonym_value(_pseudonym_key(services.secrets.pseudonym, recipient, agreement.id, path, epoch), value)

    return shape(
        record,
        judged.decision,
        judged.live.compiled,
        people=frozenset(judged.refs),
        on=on,
        emergency=judged.circumstances.emergency,
        recipient=recipient,
        pseudonym=pseudonym,
    )


def disclosure_of(
    disclosure_id: str,
    judged: Judgement,
    record: Record | None,
    shaped: Shaped,
    released: dict[str, Any],
    ask: Ask,
    services: Services,
) -> dict[str, Any]:
    """Return the disclosure, JSON-ready; `released` are the shaped fields, written."""
    confirmed = judged.found.match is Match.CONFIRMED
    answer: dict[str, Any] = {
        **_standing(judged, services),
        "disclosure_id": disclosure_id,
        "outcome": str(outcome_of(shaped)),
        "decided_at": as_text(judged.at.replace(microsecond=0)),
        "identity": str(Identity.CONFIRMED if confirmed else Identity.NOT_CONFIRMED),
        "record": {"as_at": as_text(record.as_at) if record else None, "fields": released},
        "withheld": [
            services.phrases.written((path, reason), partial(withheld, path, reason))
            for path, reason in sorted(shaped.withheld.items())
        ],
        "caseworker": {"assurance": str(ask.request.caseworker.assurance)} if ask.request.caseworker else None,
    }
    if record is not None and record.stale:
        answer["record"]["stale"] = True
    return answer


def _standing(judged: Judgement, services: Services) -> dict[str, Any]:
    """Return what stands in every answer under one version of an agreement."""
    live, settings = judged.live, services.settings
    if live is None:
        contacts = {"dpo": settings.dpo_contact, "urgent": settings.urgent_contact}
        nothing = dict.fromkeys(("purpose", "lawful", "conditions"))
        return {"agreement": _agreement(judged), "contacts": contacts, **nothing}
    known, phrases = (live.agreement.digest, live.next_from, judged.decision.lawful), services.phrases
    dpo = live.agreement.contacts.get("controller_dpo", settings.dpo_contact)
    return {
        "agreement": phrases.written(("agreement", *known), lambda: _agreement(judged)),
        "purpose": live.agreement.purpose,
        "lawful": phrases.written(("lawful", *known), lambda: _lawful(judged)),
        "conditions": phrases.written(("conditions", *known), lambda: _conditions(live)),
        "contacts": phrases.written(("contacts", *known), lambda: {"dpo": dpo, "urgent": settings.urgent_contact}),
    }


def withheld(path: str, reason: Reason) -> dict[str, str]:
    """Say why a field stays, and what would change that."""
    remedy, detail = REMEDY_OF[reason]
    return {
        "field": path,
        "reason": reason.value,
        "remedy": remedy.value,
        "detail": detail,
        "see": f"/docs/reasons/{reason.value}",
    }


def _agreement(judged: Judgement) -> dict[str, Any]:
    if judged.live is None:
        return {
            "id": judged.agreement_id,
            "version": None,
            "digest": None,
            "last_day": None,
            "next_version_from": None,
        }
    agreement = judged.live.agreement
    return {
        "id": agreement.id,
        "version": agreement.version,
        "digest": agreement.digest,
        "last_day": agreement.ends_on.isoformat(),
        "next_version_from": judged.live.next_from.isoformat() if judged.live.next_from else None,
    }


def _lawful(judged: Judgement) -> dict[str, str | None] | None:
    if judged.live is None or judged.decision.lawful is None:
        return None
    line = next(one for one in judged.live.agreement.lawful if one.id == judged.decision.lawful)
    return {"basis": line.discloser.basis.value, "power": line.discloser.power}


def _conditions(live: LiveAgreement) -> dict[str, Any]:
    agreement = live.agreement
    return {
        "use_for": [agreement.purpose],
        "onward": agreement.onward,
        "retain": {"rule": f"{agreement.retain.duration} from {agreement.retain.from_}", "until": None},
    }

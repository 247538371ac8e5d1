"""What does the partner get, and what does its entry hold? Both are made of the same judgement and record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from audit.commitment import Sealed, SealingKey, seal
from audit.entry import Kind, canonical, written
from audit.keyring import reference
from audit.sequencer import Draft
from gateway.judgement import Judgement
from gateway.services import Ask, Services
from gateway.store.state import LiveAgreement
from policies.forms import pseudonym_key, pseudonym_value
from policies.shape import shape
from schemas.decision import Record, Shaped
from schemas.instants import as_text, london_day
from schemas.terms import REMEDY_OF, Identity, Match, Outcome, Reason


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that one entry is sealed under, and the references that they are claimed by."""

    controller: SealingKey
    subject: SealingKey
    caseworker: SealingKey
    subject_ref: bytes
    caseworker_ref: bytes | None
    retention_class: str
    year: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """An answer ready to be recorded. It leaves only with the receipt of its entry."""

    disclosure: bytes  # RFC 8785 bytes
    sealed: Sealed
    draft: Draft
    keys: Keys
    status: int
    tripped: tuple[str, ...]


def prepare(
    judged: Judgement,
    record: Record | None,
    ask: Ask,
    services: Services,
    *,
    connection: Any,
    retry_of: str | None = None,
) -> Prepared:
    """Shape the record, write the disclosure, seal the entry. `retry_of` names the entry that this call repeats."""
    shaped = _shape(judged, record, services)
    entry_id = services.new_id("d", judged.at)
    released = {path: written(dict(one)) for path, one in shaped.fields.items()}
    disclosure = canonical(_disclosure(entry_id, judged, record, shaped, released, ask, services))
    keys = choose_keys(judged, ask, services, connection)
    outcome = outcome_of(shaped)
    names = _names(judged, record, shaped, ask, services, disclosure, keys, retry_of)
    sealed = seal(entry_id, names, list(released.items()), keys.subject)
    kind = Kind.DISCLOSURE if judged.decision.permits else Kind.REFUSAL
    return Prepared(
        disclosure=disclosure,
        sealed=sealed,
        draft=Draft(
            kind=kind,
            entry_id=entry_id,
            sealed=sealed,
            outcome=outcome.value,
            recipient=ask.caller.client.partner_id,
        ),
        keys=keys,
        status=200 if judged.decision.permits else 403,
        tripped=shaped.tripped,
    )


_pseudonym_key = lru_cache(maxsize=1_024)(pseudonym_key)


def outcome_of(shaped: Shaped) -> Outcome:
    """Say how much of what was asked has left."""
    if not shaped.fields:
        return Outcome.NONE
    return Outcome.PARTIAL if shaped.withheld else Outcome.FULL


def choose_keys(judged: Judgement, ask: Ask, services: Services, connection: Any) -> Keys:
    """Look up the keys of subject, caseworker and controller; new ones are reserved, and claimed in the append."""
    retention_class = judged.live.agreement.retention_class if judged.live else "P6Y"
    year = london_day(judged.at).year
    subject_ref = bytes.fromhex(judged.subject_ref)
    subject, _ = services.keyring.key_for(connection, subject_ref, retention_class, year)
    controller = services.keyring.controller()
    caseworker, caseworker_ref = controller, None
    if ask.request.caseworker is not None:
        name = f"{ask.caller.client.partner_id}/{ask.request.caseworker.id}"
        caseworker_ref = reference(services.secrets.index, "caseworker", name)
        caseworker, _ = services.keyring.key_for(connection, caseworker_ref, retention_class, year)
    return Keys(controller, subject, caseworker, subject_ref, caseworker_ref, retention_class, year)


def claim_keys(keys: Keys, services: Services, connection: Any) -> bool:
    """Claim the keys inside the append transaction; False where another writer's key holds instead."""
    claims = [((keys.subject_ref, keys.retention_class, keys.year), keys.subject)]
    if keys.caseworker_ref is not None:
        claims.append(((keys.caseworker_ref, keys.retention_class, keys.year), keys.caseworker))
    held = services.keyring.claim_all(connection, claims)
    return all(one.key_id == key.key_id for one, (_, key) in zip(held, claims, strict=True))


def _shape(judged: Judgement, record: Record | None, services: Services) -> Shaped:
    if judged.live is None:
        reasons = {path: field.reason for path, field in judged.decision.fields.items()}  # type: ignore[union-attr]  # without an agreement every field is withheld
        return Shaped(fields={}, lines={}, withheld=reasons, true_reasons={}, markers={})
    recipient, agreement = judged.circumstances.recipient, judged.live.agreement
    epoch = str(london_day(judged.at).year)

    def pseudonym(path: str, value: str) -> str:
        return pseudonym_value(_pseudonym_key(services.secrets.pseudonym, recipient, agreement.id, path, epoch), value)

    return shape(
        record,
        judged.decision,
        judged.live.compiled,
        people=frozenset(judged.refs),
        on=london_day(judged.at),
        emergency=judged.circumstances.emergency,
        recipient=recipient,
        pseudonym=pseudonym,
    )


def _disclosure(
    entry_id: str,
    judged: Judgement,
    record: Record | None,
    shaped: Shaped,
    released: dict[str, Any],
    ask: Ask,
    services: Services,
) -> dict[str, Any]:
    confirmed = judged.found.match is Match.CONFIRMED
    answer: dict[str, Any] = {
        **_standing(judged, services),
        "disclosure_id": entry_id,
        "outcome": outcome_of(shaped).value,
        "decided_at": as_text(judged.at.replace(microsecond=0)),
        "identity": (Identity.CONFIRMED if confirmed else Identity.NOT_CONFIRMED).value,
        "record": {"as_at": as_text(record.as_at) if record else None, "fields": released},
        "withheld": [
            services.phrases.written((path, reason), partial(withheld, path, reason))
            for path, reason in sorted(shaped.withheld.items())
        ],
        "caseworker": {"assurance": "asserted"} if ask.request.caseworker else None,
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


def digest(raw: bytes) -> str:
    """Return the SHA-256 of bytes, as entries write digests."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def _names(
    judged: Judgement,
    record: Record | None,
    shaped: Shaped,
    ask: Ask,
    services: Services,
    disclosure: bytes,
    keys: Keys,
    retry_of: str | None,
) -> dict[str, tuple[SealingKey, Any]]:
    return {
        **names_of_ask(judged, ask, services, keys),
        "fields": (keys.controller, _fields(shaped, services)),
        "request": (keys.subject, {"digest": ask.body_digest, "retry_of": retry_of}),
        "answer": (keys.subject, {"digest": digest(disclosure)}),
        "facts": (keys.subject, _facts(judged, record, shaped, ask)),
    }


def names_of_ask(judged: Judgement, ask: Ask, services: Services, keys: Keys) -> dict[str, tuple[SealingKey, Any]]:
    """Return what an entry holds of who asked, for what, about whom: the same whatever became of it."""
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
                "assurance": "asserted",
            }
            if caseworker
            else {},
        ),
        "basis": (keys.controller, _written_basis(judged, services)),
        "subject": (keys.subject, {"ref": judged.subject_ref}),
        "matter": (keys.subject, _matter(ask)),
    }


def _written_basis(judged: Judgement, services: Services) -> Any:
    live = judged.live
    if live is None:  # then the agreement's name is the caller's own word, and of those there is no end
        return _basis(judged, services)
    rules, lawful = live.compiled.rules.rules_digest, judged.decision.lawful
    known = ("basis", judged.state_index, live.agreement.digest, rules, live.mapping_digest, lawful)
    return services.phrases.written(known, lambda: _basis(judged, services))


def _basis(judged: Judgement, services: Services) -> dict[str, Any]:
    live = judged.live
    common = {"build": services.build_digest, "state_index": judged.state_index, "subject_view": "show"}
    if live is None:
        return {**common, "agreement": judged.agreement_id}
    rules, agreement = live.compiled.rules, live.agreement
    return {
        **common,
        "agreement": agreement.id,
        "agreement_digest": agreement.digest,
        "rules_digest": rules.rules_digest,
        "mapping_digest": live.mapping_digest,
        "purpose": agreement.purpose,
        "lawful": judged.decision.lawful,
        "dataset": f"{live.dataset.id}@{live.dataset.version}",
        "retention_class": agreement.retention_class,
    }


def _fields(shaped: Shaped, services: Services) -> Any:
    def make() -> dict[str, Any]:
        released = {path: {"form": form, "line": line} for path, (form, line) in shaped.lines.items()}
        return {**released, **{path: {"reason": reason.value} for path, reason in shaped.withheld.items()}}

    return services.phrases.written(("fields", tuple(shaped.lines.items()), tuple(shaped.withheld.items())), make)


def _matter(ask: Ask) -> dict[str, Any]:
    request = ask.request
    emergency = request.emergency
    return {
        "case_reference": request.case_reference,
        "statement": request.statement,
        "assessment": request.assessment,
        "emergency": {"kind": emergency.kind.value, "reason": emergency.reason} if emergency else None,
    }


def _facts(judged: Judgement, record: Record | None, shaped: Shaped, ask: Ask) -> dict[str, Any]:
    circumstances = judged.circumstances
    consents = [one for records in circumstances.consents.values() for one in records]
    restrictions = [one for records in circumstances.restrictions.values() for one in records]
    return {
        # With the texts and the state as of `state_index`, what the decision can be replayed from.
        "at": as_text(judged.at),
        "asked": list(circumstances.asked) if circumstances.asked is not None else None,
        "token_fields": sorted(circumstances.token_fields) if circumstances.token_fields is not None else None,
        "action": circumstances.action.value,
        "match": judged.found.match.value,
        "key": ask.request.subject.key,
        "confirmed_by": sorted(ask.request.subject.confirm),
        "found_as": judged.found.subject,
        "role": circumstances.role,
        "consents": {one.consent_id: one.state.value for one in consents},
        "restrictions": {one.restriction_id: one.kind.value for one in restrictions},
        "markers": dict(shaped.markers),
        "reasons": {path: reason.value for path, reason in shaped.true_reasons.items()},
        "tripped": list(shaped.tripped),
        "as_at": as_text(record.as_at) if record else None,
        "stale": record.stale if record else None,
    }

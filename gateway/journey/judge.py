"""What is known of a request, and what follows from it? Reads the state; pure but for that.

The same function is called before the fetch, over the reader's connection, and again inside the append
transaction where the state has moved, over the transaction's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from audit.writing.keyring import reference
from gateway.journey.equipment import Ask, Services
from gateway.oauth.details import covers_subject
from gateway.problems import AGREEMENT_UNCLEAR, ProblemError
from gateway.sources.comparing import lenient, one_key, typed_form
from gateway.sources.contract import Found
from gateway.store.emergencies import incident_of
from gateway.store.live import LiveAgreement
from gateway.store.state import Reader
from policies.deciding.decide import decide
from schemas.dataset import Field
from schemas.decision import Decision, Withhold
from schemas.incident import Incident
from schemas.instants import london_day
from schemas.organisation import live_levels, next_end
from schemas.reasons import Reason
from schemas.request import Circumstances, SubjectQuery
from schemas.terms import Action, Assurance, AssuranceLevel, Match

# Refusals that no fact about a person could change: then nobody is looked for.
PERSONAL_REASONS = frozenset({Reason.CONSENT_NEEDED, Reason.RESTRICTED})
NOBODY = Found(Match.NOBODY)  # nobody was looked for; a search that finds nobody gives another of its kind


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision with everything that it rests on.

    `state_index` is S: every fact stands as of that entry. `basis` are the state keys it rests on;
    `subject_ref` names the person in the log, also where nobody was found.
    """

    at: datetime
    state_index: int
    agreement_id: str | None
    live: LiveAgreement | None
    found: Found
    refs: dict[str, str]
    subject_ref: str
    key_ref: str
    guess_refs: tuple[str, ...]  # what a miss counts for
    circumstances: Circumstances
    decision: Decision
    holds_until: datetime
    basis: tuple[str, ...]
    incident: Incident | None = None  # which covers the call's emergency

    @property
    def read(self) -> frozenset[str]:
        """Return the paths to fetch; to match, none: that the person was found is all that leaves."""
        return frozenset() if self.circumstances.action is Action.MATCH else self.decision.read

    def whose(self, path: str) -> str:
        """Return the reference of whose field it is: another's own is theirs, all else the subject's."""
        field = self.live.dataset.fields.get(path) if self.live is not None else None
        return self.refs.get((field.of if field is not None else None) or "", self.subject_ref)

    @property
    def asked_by(self) -> tuple[str, int, str] | None:
        """Return what the source is asked by: dataset, its version, and the mapping's digest."""
        return (self.live.dataset.id, self.live.dataset.version, self.live.mapping_digest) if self.live else None


def agreement_asked(ask: Ask) -> str | None:
    """Return the agreement that a call is under; None where the token does not cover the one it names."""
    details = ask.caller.token.details
    if ask.request.agreement is not None:
        return ask.request.agreement if ask.request.agreement in details else None
    if len(details) != 1:
        raise ProblemError(AGREEMENT_UNCLEAR, f"name one of: {', '.join(sorted(details))}")
    return next(iter(details))


def judge(reader: Reader, ask: Ask, services: Services, *, found: Found, at: datetime, state_index: int) -> Judgement:
    """Gather the circumstances as of now and decide. S (`state_index`) was read before anything else of the state."""
    return judge_all(reader, [ask], services, found=[found], at=at, state_index=state_index)[0]


def judge_all(
    reader: Reader, asks: Sequence[Ask], services: Services, *, found: Sequence[Found], at: datetime, state_index: int
) -> list[Judgement]:
    """Judge each person of one call, as of one instant and one state."""
    call = asks[0]
    agreement_id = agreement_asked(call)
    live = reader.find_agreement(agreement_id, london_day(at)) if agreement_id else None
    token_ends = datetime.fromtimestamp(call.caller.token.expires, UTC)
    if live is not None and live.holds_until is not None:
        token_ends = min(token_ends, live.holds_until)
    partner = reader.find_partner(call.caller.client.partner_id or "")
    assurances: frozenset[AssuranceLevel] = frozenset()
    if partner is not None and partner.assurances and live is not None and live.agreement.assurance:
        assurances = live_levels(partner.assurances, at)
        token_ends = min(token_ends, next_end(partner.assurances, at) or token_ends)
    incident = incident_asked(reader, call, at)
    if incident is not None:
        token_ends = min(token_ends, incident.ends)
    # Who was found, but not confirmed, must not matter: what a restriction does would tell that somebody is there.
    refs = [_references(services, live, one) if one.match is Match.CONFIRMED else {} for one in found]
    known = reader.answered_by(refs)
    return [
        _judge_one(
            reader, ask, services, one, theirs, known, agreement_id, live, at, state_index, token_ends, assurances, incident
        )
        for ask, one, theirs in zip(asks, found, refs, strict=True)
    ]


def _judge_one(
    reader: Reader,
    ask: Ask,
    services: Services,
    found: Found,
    refs: dict[str, str],
    known: frozenset[str],
    agreement_id: str | None,
    live: LiveAgreement | None,
    at: datetime,
    state_index: int,
    ends: datetime,
    assurances: frozenset[AssuranceLevel],
    incident: Incident | None,
) -> Judgement:
    key_ref = _key_reference(ask, services, live)
    consents, restrictions = reader.answers_of(refs, known)
    circumstances = Circumstances(
        at=at,
        subject=found.subject,
        people=frozenset(refs),
        consents=consents,
        restrictions=restrictions,
        assurances=assurances,
        in_incident=incident is not None,
        **_of_the_call(services, ask, agreement_id),
    )
    if live and live.ended:
        decision = _ended(live, circumstances)
    else:
        decision = decide(live.compiled if live else None, circumstances)
    return Judgement(
        at=at,
        state_index=state_index,
        agreement_id=agreement_id,
        live=live,
        found=found,
        refs=refs,
        subject_ref=refs.get(found.subject or "", key_ref),
        key_ref=key_ref,
        guess_refs=_guess_references(ask, services, live, key_ref),
        circumstances=circumstances,
        decision=decision,
        holds_until=ends if decision.holds_until is None else min(ends, decision.holds_until),
        basis=_basis(ask, live, refs),
        incident=incident,
    )


def about(judged: Judgement, ask: Ask, services: Services) -> Judgement:
    """Return what was judged of somebody whom nobody looked for, as it stands of another of the same call."""
    key_ref = _key_reference(ask, services, judged.live)
    guess_refs = _guess_references(ask, services, judged.live, key_ref)
    return replace(judged, subject_ref=key_ref, key_ref=key_ref, guess_refs=guess_refs)


def no_person_could_change(decision: Decision) -> bool:
    """Tell whether the refusal stands whoever the person is: then the council's system is not asked."""
    if decision.permits:
        return False
    reasons = {field.reason for field in decision.fields.values() if isinstance(field, Withhold)}
    return not reasons & PERSONAL_REASONS


def _references(services: Services, live: LiveAgreement | None, found: Found) -> dict[str, str]:
    dataset = live.dataset.id if live else ""
    return {
        role: reference(services.secrets.index, dataset, source_ref).hex()
        for role, source_ref in (found.people or {}).items()
    }


def _key_reference(ask: Ask, services: Services, live: LiveAgreement | None) -> str:
    dataset = live.dataset.id if live else ""
    known = ("key", dataset)
    if known not in ask.noted:
        fields = live.dataset.fields if live else {}
        ask.noted[known] = key_reference(services.secrets.index, dataset, fields, ask.request.subject)
    found: str = ask.noted[known]
    return found


def _guess_references(ask: Ask, services: Services, live: LiveAgreement | None, key_ref: str) -> tuple[str, ...]:
    if live is None or not ask.request.subject.is_composite:
        return (key_ref,)
    known = ("guesses", live.dataset.id)
    if known not in ask.noted:
        ask.noted[known] = guess_references(
            services.secrets.index, live.dataset.id, live.dataset.fields, ask.request.subject
        )
    found: tuple[str, ...] = ask.noted[known]
    return found


def guess_references(secret: bytes, dataset: str, fields: Mapping[str, Field], query: SubjectQuery) -> tuple[str, ...]:
    """Name what a miss counts for: the key; of a composite one, its details but for each one of them.

    So that no detail can be guessed by what is known of the others. It rests on what was typed alone, and tells of nobody.
    """
    if not query.is_composite:
        return (key_reference(secret, dataset, fields, query),)
    rests = [{name: text for name, text in query.confirm.items() if name != left} for left in sorted(query.confirm)]
    return tuple(key_reference(secret, dataset, fields, replace(query, confirm=rest)) for rest in rests)


def key_reference(secret: bytes, dataset: str, fields: Mapping[str, Field], query: SubjectQuery) -> str:
    """Name an identifier that found nobody: it has a reference, and so a key, like any person."""
    if query.is_composite:
        return reference(secret, dataset, f"?{query.key}={_all_details(fields, query.confirm)}").hex()
    # However it is spelt: else each spelling would have its own count of misses.
    same = one_key(fields[query.key], query.value) if query.key in fields else None
    # And however a source might read it: `007` finds 7 where the key is a number there.
    return reference(secret, dataset, f"?{query.key}={lenient(same or query.value)}").hex()


def _all_details(fields: Mapping[str, Field], details: Mapping[str, str]) -> str:
    """Return what all spellings of one person by a composite key share, and no two people who could be told apart."""
    forms = {name: typed_form(fields[name], text) if name in fields else None for name, text in details.items()}
    return json.dumps([[name, forms[name] or f"?{lenient(details[name])}"] for name in sorted(forms)])


def _of_the_call(services: Services, ask: Ask, agreement_id: str | None) -> dict[str, Any]:
    """Return the circumstances that token and request alone make; but for whom it is about, the same for all people."""
    known = ("call", agreement_id or "")
    if known not in ask.noted_of_call:
        ask.noted_of_call[known] = _told_by_the_call(ask, agreement_id)
    told: dict[str, Any] = ask.noted_of_call[known]
    request, detail = ask.request, ask.caller.token.details.get(agreement_id or "", {})
    query = request.subject
    if request.claims is not None:
        told = {**told, "asked": tuple(request.claims)}
    if query.key:
        told = {**told, "key": query.key, "details": frozenset(query.confirm)}
    if query.key and not covers_subject(detail, services.secrets.index, key=query.key, value=_named(query)):
        told = {**told, "token_fields": frozenset()}  # the token was narrowed to another person
    return told


def _named(query: SubjectQuery) -> str | Mapping[str, str]:
    return query.confirm if query.is_composite else query.value


def _told_by_the_call(ask: Ask, agreement_id: str | None) -> dict[str, Any]:
    request, token = ask.request, ask.caller.token
    detail = token.details.get(agreement_id or "", {})
    fields = detail.get("fields")
    return {
        "recipient": ask.caller.client.partner_id or "",
        "token_purpose": detail.get("purpose", ""),
        "token_dataset": detail.get("dataset", ""),
        "token_fields": None if fields is None else frozenset(fields),
        "token_actions": frozenset(Action(action) for action in detail.get("actions", ())),
        "action": request.action,
        "asked": request.fields,
        "role": request.caseworker.role if request.caseworker else None,
        "has_caseworker": request.caseworker is not None,
        "has_case_reference": request.case_reference is not None,
        "has_statement": request.statement is not None,
        "has_assessment": request.assessment is not None,
        "emergency": request.emergency.kind if request.emergency else None,
        "is_vouched": request.caseworker is not None and request.caseworker.assurance is Assurance.VOUCHED,
    }


def incident_asked(reader: Reader, ask: Ask, at: datetime) -> Incident | None:
    """Return the declared incident that covers the emergency of a call."""
    emergency, partner = ask.request.emergency, ask.caller.client.partner_id
    if emergency is None or ask.request.caseworker is None or partner is None:
        return None
    return incident_of(reader.connection, partner, emergency.kind, at)


def _basis(ask: Ask, live: LiveAgreement | None, refs: dict[str, str]) -> tuple[str, ...]:
    client, token = ask.caller.client, ask.caller.token
    fixed = (f"client/{client.client_id}", f"partner/{client.partner_id}", f"token/{token.jti}")
    # An incident that is declared, or closed, while a call is under way.
    incident = (f"incident/{client.partner_id}",) if ask.request.emergency is not None else ()
    people = [key for ref in refs.values() for key in (f"consent/{ref}", f"restriction/{ref}")]
    return (*fixed, *(live.basis if live else ()), *incident, *people)


def _ended(live: LiveAgreement, circumstances: Circumstances) -> Decision:
    """Say of each field that an agreement was ended early, rather than that there is none."""
    asked = live.compiled.asked_by_default if circumstances.asked is None else circumstances.asked
    decision = decide(None, replace(circumstances, asked=asked))
    withheld = Withhold(Reason.AGREEMENT_NOT_IN_FORCE)
    return replace(decision, fields=dict.fromkeys(decision.fields, withheld))

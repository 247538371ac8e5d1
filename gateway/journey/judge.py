"""What follows from what is known of a call and of whom it is about? Pure: over facts, whoever read them, and when.

The same functions judge before the fetch, and again inside the append transaction where the state has moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from audit.writing.keyring import reference
from gateway.journey.call import Ask
from gateway.journey.equipment import Services
from gateway.journey.facts import NO_PERSON, CallFacts, PersonFacts
from gateway.oauth.details import covers_subject
from gateway.sources.comparing import lenient, one_key, typed_form
from gateway.sources.contract import Found
from gateway.store.live import LiveAgreement
from policies.deciding.decide import decide
from schemas.dataset import Dataset, Field
from schemas.decision import Decision, Withhold
from schemas.incident import Incident
from schemas.reasons import Reason
from schemas.request import Circumstances, SubjectQuery
from schemas.terms import Action, Assurance, Match

# Refusals that no fact about a person could change: then nobody is looked for.
PERSONAL_REASONS = frozenset({Reason.CONSENT_NEEDED, Reason.RESTRICTED})
NOBODY = Found(Match.NOBODY)  # nobody was looked for; a search that finds nobody gives another of its kind


@dataclass(frozen=True, slots=True)
class Named:
    """How somebody is named in the log by what a call says of them alone, whether or not they are found.

    `guess_refs` is what a miss counts for. It is the same as long as the dataset is.
    """

    dataset: Dataset | None
    key_ref: str
    guess_refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision with everything that it rests on.

    `basis` are the state keys it rests on; `subject_ref` names the person in the log, also where nobody was found.
    """

    call: CallFacts
    found: Found
    refs: Mapping[str, str]
    named: Named
    subject_ref: str
    circumstances: Circumstances
    decision: Decision
    holds_until: datetime
    basis: tuple[str, ...]
    at: datetime  # the call's, as of which it was judged
    live: LiveAgreement | None  # the call's: the agreement as it counts, where there is one

    @property
    def state_index(self) -> int:
        """Return S: every fact stands as of that entry."""
        return self.call.state_index

    @property
    def agreement_id(self) -> str | None:
        """Return the agreement that the call is under."""
        return self.call.agreement_id

    @property
    def incident(self) -> Incident | None:
        """Return the declared incident that covers the call's emergency."""
        return self.call.incident

    @property
    def key_ref(self) -> str:
        """Return the reference of the key that the person was looked for by."""
        return self.named.key_ref

    @property
    def guess_refs(self) -> tuple[str, ...]:
        """Return what a miss counts for."""
        return self.named.guess_refs

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


def judge_all(
    call: CallFacts,
    asks: Sequence[Ask],
    services: Services,
    *,
    found: Sequence[Found],
    people: Sequence[PersonFacts],
    before: Sequence[Judgement] = (),
) -> list[Judgement]:
    """Judge each person of one call. `before` is what was judged of them earlier: how they are named follows from that."""
    told = _told_by_the_call(asks[0], call.agreement_id)
    earlier: Sequence[Named | None] = [one.named for one in before] or [None] * len(asks)
    return [
        _judge_one(call, ask, services, told, found=one, person=person, named=_named_as(ask, call.live, services, named))
        for ask, one, person, named in zip(asks, found, people, earlier, strict=True)
    ]


def judge_as(judged: Judgement, found: Found, ask: Ask, services: Services) -> Judgement:
    """Judge somebody again as if they had been found otherwise, and nobody were confirmed; all else stands."""
    told = _told_by_the_call(ask, judged.agreement_id)
    return _judge_one(judged.call, ask, services, told, found=found, person=NO_PERSON, named=judged.named)


def _judge_one(
    call: CallFacts,
    ask: Ask,
    services: Services,
    told: Mapping[str, Any],
    *,
    found: Found,
    person: PersonFacts,
    named: Named,
) -> Judgement:
    live = call.live
    circumstances = Circumstances(
        at=call.at,
        subject=found.subject,
        people=frozenset(person.refs),
        consents=person.consents,
        restrictions=person.restrictions,
        assurances=call.assurances,
        in_incident=call.incident is not None,
        **_told_of_the_person(told, ask, call.agreement_id, services),
    )
    if live and live.ended:
        decision = _ended(live, circumstances)
    else:
        decision = decide(live.compiled if live else None, circumstances)
    return Judgement(
        call=call,
        found=found,
        refs=person.refs,
        named=named,
        subject_ref=person.refs.get(found.subject or "", named.key_ref),
        circumstances=circumstances,
        decision=decision,
        holds_until=call.ends if decision.holds_until is None else min(call.ends, decision.holds_until),
        basis=_basis(ask, live, person.refs),
        at=call.at,
        live=live,
    )


def about(judged: Judgement, ask: Ask, services: Services) -> Judgement:
    """Return what was judged of somebody whom nobody looked for, as it stands of another of the same call."""
    named = _named_as(ask, judged.live, services, None)
    return replace(judged, named=named, subject_ref=named.key_ref)


def no_person_could_change(decision: Decision) -> bool:
    """Tell whether the refusal stands whoever the person is: then the council's system is not asked."""
    if decision.permits:
        return False
    reasons = {field.reason for field in decision.fields.values() if isinstance(field, Withhold)}
    return not reasons & PERSONAL_REASONS


def _named_as(ask: Ask, live: LiveAgreement | None, services: Services, before: Named | None) -> Named:
    dataset = live.dataset if live is not None else None
    if before is not None and before.dataset is dataset:
        return before
    secret, name, fields = services.secrets.index, dataset.id if dataset else "", dataset.fields if dataset else {}
    key_ref = key_reference(secret, name, fields, ask.request.subject)
    if dataset is None or not ask.request.subject.is_composite:
        return Named(dataset, key_ref, (key_ref,))
    return Named(dataset, key_ref, guess_references(secret, name, fields, ask.request.subject))


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


def _told_of_the_person(told: Mapping[str, Any], ask: Ask, agreement_id: str | None, services: Services) -> dict[str, Any]:
    """Return the circumstances that token and request make, with those that whom it is about makes."""
    request, detail = ask.request, ask.caller.token.details.get(agreement_id or "", {})
    query, own = request.subject, dict(told)
    if request.claims is not None:
        own["asked"] = tuple(request.claims)
    if query.key:
        own |= {"key": query.key, "details": frozenset(query.confirm)}
        named = query.confirm if query.is_composite else query.value
        if not covers_subject(detail, services.secrets.index, key=query.key, value=named):
            own["token_fields"] = frozenset()  # the token was narrowed to another person
    return own


def _told_by_the_call(ask: Ask, agreement_id: str | None) -> dict[str, Any]:
    """Return the circumstances that token and request alone make; but for whom it is about, the same for all people."""
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


def _basis(ask: Ask, live: LiveAgreement | None, refs: Mapping[str, str]) -> tuple[str, ...]:
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

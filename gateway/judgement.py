"""What is known of a request, and what follows from it? Reads the state; pure but for that.

The same function is called before the fetch, over the reader's connection, and again inside the append
transaction where the state has moved, over the transaction's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from audit.keyring import reference
from gateway.oauth.details import covers_subject
from gateway.problems import AGREEMENT_UNCLEAR, REQUEST_MALFORMED, ProblemError
from gateway.services import Ask, Services
from gateway.sources.cleaning import key_form
from gateway.sources.contract import Found
from gateway.store.state import LiveAgreement, Reader
from policies.decide import decide
from schemas.decision import Decision, Withhold
from schemas.instants import london_day
from schemas.request import Circumstances
from schemas.terms import Action, Match, Reason

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
    circumstances: Circumstances
    decision: Decision
    holds_until: datetime
    basis: tuple[str, ...]

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
    agreement_id = agreement_asked(ask)
    live = reader.find_agreement(agreement_id, london_day(at)) if agreement_id else None
    # Who was found, but not confirmed, must not matter: what a restriction does would tell that somebody is there.
    refs = _references(services, live, found) if found.match is Match.CONFIRMED else {}
    key_ref = _key_reference(ask, services, live)
    circumstances = _circumstances(reader, services, ask, found, refs, agreement_id, at)
    decision = decide(live.compiled if live and not live.ended else None, circumstances)
    if live and live.ended:
        decision = _ended(decision)
    token_ends = datetime.fromtimestamp(ask.caller.token.expires, UTC)
    others = (decision.holds_until, live.holds_until if live else None)
    ends = [token_ends, *(instant for instant in others if instant is not None)]
    return Judgement(
        at=at,
        state_index=state_index,
        agreement_id=agreement_id,
        live=live,
        found=found,
        refs=refs,
        subject_ref=refs.get(found.subject or "", key_ref),
        key_ref=key_ref,
        circumstances=circumstances,
        decision=decision,
        holds_until=min(ends),
        basis=_basis(ask, live, refs),
    )


def no_person_could_change(decision: Decision) -> bool:
    """Tell whether the refusal stands whoever the person is: then the council's system is not asked."""
    reasons = {field.reason for field in decision.fields.values() if isinstance(field, Withhold)}
    return not decision.permits and not reasons & PERSONAL_REASONS


def check_query(ask: Ask, live: LiveAgreement) -> None:
    """Raise ProblemError unless key, confirming details and fields are the dataset's."""
    query, dataset = ask.request.subject, live.dataset
    key = dataset.keys.get(query.key)
    if key is None:
        raise ProblemError(REQUEST_MALFORMED, f"subject: the keys of {dataset.id} are {', '.join(dataset.keys)}")
    unknown = [name for name in query.confirm if name not in key.confirm]
    if unknown or len(query.confirm) < key.at_least:
        raise ProblemError(
            REQUEST_MALFORMED,
            f"subject.confirm: {query.key} wants at least {key.at_least} of {', '.join(key.confirm)}",
        )
    check_fields(ask, live)


def check_fields(ask: Ask, live: LiveAgreement) -> None:
    """Raise ProblemError where a field is not in the dataset at all."""
    if any(path not in live.dataset.fields for path in ask.request.fields or ()):
        raise ProblemError(REQUEST_MALFORMED, f"fields: not all of them are in {live.dataset.id}; see GET /v1/agreements")


def _references(services: Services, live: LiveAgreement | None, found: Found) -> dict[str, str]:
    dataset = live.dataset.id if live else ""
    return {
        role: reference(services.secrets.index, dataset, source_ref).hex()
        for role, source_ref in (found.people or {}).items()
    }


def _key_reference(ask: Ask, services: Services, live: LiveAgreement | None) -> str:
    """Name an identifier that found nobody: it has a reference, and so a key, like any person."""
    dataset = live.dataset.id if live else ""
    known = ("key", dataset)
    if known not in ask.noted:
        query = ask.request.subject
        field = live.dataset.fields.get(query.key) if live else None
        # However it is spelt: else each spelling would have its own count of misses.
        same = key_form(field, query.value) if field is not None else None
        typed = "".join((same or query.value).split()).casefold()
        ask.noted[known] = reference(services.secrets.index, dataset, f"?{query.key}={typed}").hex()
    found: str = ask.noted[known]
    return found


def _circumstances(
    reader: Reader, services: Services, ask: Ask, found: Found, refs: dict[str, str], agreement_id: str | None, at: datetime
) -> Circumstances:
    known = ("call", agreement_id or "")
    if known not in ask.noted:
        ask.noted[known] = _of_the_call(services, ask, agreement_id)
    consents, restrictions = reader.answers_of(refs)
    return Circumstances(at=at, subject=found.subject, consents=consents, restrictions=restrictions, **ask.noted[known])


def _of_the_call(services: Services, ask: Ask, agreement_id: str | None) -> dict[str, Any]:
    """Return the circumstances that token and request alone make."""
    request, token = ask.request, ask.caller.token
    detail = token.details.get(agreement_id or "", {})
    fields = detail.get("fields")
    query = request.subject
    if query.key and not covers_subject(detail, services.secrets.index, key=query.key, value=query.value):
        fields = ()  # the token was narrowed to another person
    return {
        "recipient": ask.caller.client.partner_id or "",
        "token_purpose": detail.get("purpose", ""),
        "token_dataset": detail.get("dataset", ""),
        "token_fields": None if fields is None else frozenset(fields),
        "token_actions": frozenset(Action(action) for action in detail.get("actions", ())),
        "action": Action.READ,
        "asked": request.fields,
        "role": request.caseworker.role if request.caseworker else None,
        "has_caseworker": request.caseworker is not None,
        "has_case_reference": request.case_reference is not None,
        "has_statement": request.statement is not None,
        "has_assessment": request.assessment is not None,
        "emergency": request.emergency.kind if request.emergency else None,
    }


def _basis(ask: Ask, live: LiveAgreement | None, refs: dict[str, str]) -> tuple[str, ...]:
    client, token = ask.caller.client, ask.caller.token
    fixed = (f"client/{client.client_id}", f"partner/{client.partner_id}", f"token/{token.jti}")
    people = [key for ref in refs.values() for key in (f"consent/{ref}", f"restriction/{ref}")]
    return (*fixed, *(live.basis if live else ()), *people)


def _ended(decision: Decision) -> Decision:
    """Say that an agreement was ended early, rather than that there is none."""
    withheld = Withhold(Reason.AGREEMENT_NOT_IN_FORCE)
    return replace(decision, fields=dict.fromkeys(decision.fields, withheld))

"""`stile consent` and `stile restriction`: what residents allow, refuse and object to."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, Office, office, operator, said, show
from gateway.commands.persons import list_consents, list_restrictions, looked_up, tell_looked
from gateway.desk.knowing import Looked
from gateway.desk.standing import consent_told
from gateway.store.changes import ChangeRefusedError
from gateway.store.people import find_consent
from schemas.consent import ConsentRecord, Restriction
from schemas.instants import end_of
from schemas.terms import (
    Capacity,
    ConsentKind,
    ConsentState,
    GivenBy,
    ObjectionDecision,
    OptOutScheme,
    RestrictionKind,
)

consent = typer.Typer(no_args_is_help=True, help="Consent records: a person's yes or no.")
restriction = typer.Typer(no_args_is_help=True, help="Restrictions: objections, opt-outs, Article 18.")

Person = Annotated[str, typer.Option(help="The source's own reference of the person.")]
Dataset = Annotated[str, typer.Option(help="The dataset the person's reference is of.")]
Recipients = Annotated[list[str], typer.Option("--recipient", help="A partner; may be given again.")]
Fields = Annotated[list[str] | None, typer.Option("--field", help="A field; none means the whole dataset.")]
Until = Annotated[
    str | None,
    typer.Option(
        help="The last day on which it counts (2027-06-30, of London's), or the instant from which it no longer does: "
        "2027-06-30T17:00 by London's clock, or with an offset."
    ),
]
FIRST = datetime.fromtimestamp(0, UTC)


@consent.command("give")
def give(
    person: Person,
    dataset: Dataset,
    purpose: Annotated[str, typer.Option()],
    recipient: Recipients,
    text_version: Annotated[str, typer.Option(help="Which wording the person was shown.")],
    how: Annotated[str, typer.Option(help="How it was given, for example: in person, form CT-7.")],
    directory: Directory = Path(),
    field: Fields = None,
    until: Until = None,
    kind: ConsentKind = ConsentKind.UK_GDPR,
    given_by: GivenBy = GivenBy.SELF,
    capacity: Capacity = Capacity.PRESUMED,
    authority: Annotated[str | None, typer.Option()] = None,
    evidence: Annotated[str | None, typer.Option()] = None,
) -> None:
    """Record a consent. It counts from the entry that this command prints."""
    with office(directory) as here:
        looked = looked_up(here, dataset, person)
        record = _record(here, ConsentState.GIVEN, looked, dataset, purpose, recipient, field, until, text_version, how)
        record = _with(record, kind, given_by, capacity, authority, evidence)
        said(f"{record.consent_id} given", here.append(here.changes.people.record_consent(record)))
        tell_looked(looked, person)


@consent.command("refuse")
def refuse(
    person: Person,
    dataset: Dataset,
    purpose: Annotated[str, typer.Option()],
    recipient: Recipients,
    text_version: Annotated[str, typer.Option(help="Which wording the person was shown.")],
    how: Annotated[str, typer.Option(help="How it was refused.")],
    directory: Directory = Path(),
    field: Fields = None,
) -> None:
    """Record a refusal: it is kept, and honoured."""
    with office(directory) as here:
        looked = looked_up(here, dataset, person)
        record = _record(here, ConsentState.REFUSED, looked, dataset, purpose, recipient, field, None, text_version, how)
        said(f"{record.consent_id} refused", here.append(here.changes.people.record_consent(record)))
        tell_looked(looked, person)


@consent.command("withdraw")
def withdraw(
    consent_id: str, directory: Directory = Path(), how: Annotated[str, typer.Option()] = "at the council"
) -> None:
    """Withdraw a consent: no later entry discloses under it."""
    with office(directory) as here:
        appended = here.append(here.changes.people.withdraw_consent(consent_id, by=operator(), how=how))
        said(f"{consent_id} withdrawn", appended)


@consent.command("show")
def show_consent(consent_id: str, directory: Directory = Path()) -> None:
    """Show a consent as it stands: what it counts for now, and what outweighs it."""
    with office(directory) as here:
        record = find_consent(here.reader.connection, consent_id)
        if record is None:
            raise ChangeRefusedError("no consent has this id")
        show(consent_told(record, here.reader, utc_now()))


consent.command("list")(list_consents)
restriction.command("list")(list_restrictions)


@restriction.command("set")
def set_restriction(
    person: Person,
    dataset: Dataset,
    kind: Annotated[RestrictionKind, typer.Option()],
    directory: Directory = Path(),
    field: Fields = None,
    recipient: Annotated[list[str] | None, typer.Option("--recipient")] = None,
    until: Until = None,
    scheme: Annotated[OptOutScheme | None, typer.Option(help="Of an opt-out: whose rules say what it is from.")] = None,
    purpose: Annotated[
        list[str] | None, typer.Option("--purpose", help="Of an opt-out: from what; none, everything.")
    ] = None,
) -> None:
    """Hold back the use of a person's data: a restriction, an objection or an opt-out, each by its own law."""
    with office(directory) as here:
        looked = looked_up(here, dataset, person)
        one = Restriction(
            restriction_id="r_" + secrets.token_hex(12),
            subject_ref=here.changes.people.subject_ref(dataset, looked.person),
            dataset=dataset,
            kind=kind,
            fields=frozenset(field or ()),
            recipients=frozenset(recipient or ()),
            from_at=FIRST,
            until=_end(until),
            recorded_by=operator(),
            scheme=scheme,
            purposes=frozenset(purpose or ()),
            unchecked=looked.unchecked,
        )
        said(f"{one.restriction_id} set", here.append(here.changes.people.set_restriction(one)))
        tell_looked(looked, person)


@restriction.command("decide")
def decide_objection(
    restriction_id: str,
    outcome: Annotated[
        ObjectionDecision, typer.Option(help="Why the objection holds nothing back: UK GDPR Article 21(1).")
    ],
    reason: Annotated[str, typer.Option(help="The grounds, as they stand in the entry.")],
    officer: Annotated[str, typer.Option(help="Who decided.")],
    directory: Directory = Path(),
) -> None:
    """Decide against an objection: from the entry on it holds nothing back. One that is upheld stays as it is."""
    with office(directory) as here:
        people = here.changes.people
        within = people.decide_objection(restriction_id, outcome=outcome, reason=reason, officer=officer, by=operator())
        said(f"{restriction_id} decided: {outcome.value}", here.append(within))


@restriction.command("lift")
def lift_restriction(restriction_id: str, directory: Directory = Path()) -> None:
    """Lift a restriction."""
    with office(directory) as here:
        appended = here.append(here.changes.people.lift_restriction(restriction_id, by=operator()))
        said(f"{restriction_id} lifted", appended)


def _record(
    here: Office,
    state: ConsentState,
    looked: Looked,
    dataset: str,
    purpose: str,
    recipients: list[str],
    fields: list[str] | None,
    until: str | None,
    text_version: str,
    how: str,
) -> ConsentRecord:
    return ConsentRecord(
        consent_id="c_" + secrets.token_hex(12),
        subject_ref=here.changes.people.subject_ref(dataset, looked.person),
        controller=here.council.settings.controller,
        dataset=dataset,
        purpose=purpose,
        recipients=frozenset(recipients),
        fields=frozenset(fields or ()),
        state=state,
        kind=ConsentKind.UK_GDPR,
        given_by=GivenBy.SELF,
        capacity=Capacity.PRESUMED,
        authority=None,
        evidence=None,
        text_version=text_version,
        how=how,
        recorded_by=operator(),
        from_at=FIRST,
        until=_end(until),
        unchecked=looked.unchecked,
    )


def _with(
    record: ConsentRecord,
    kind: ConsentKind,
    given_by: GivenBy,
    capacity: Capacity,
    authority: str | None,
    evidence: str | None,
) -> ConsentRecord:
    return replace(record, kind=kind, given_by=given_by, capacity=capacity, authority=authority, evidence=evidence)


def _end(until: str | None) -> datetime | None:
    """Return the instant that an `--until` means, or say how it is written."""
    if until is None:
        return None
    try:
        return end_of(until)
    except ValueError as error:
        raise ChangeRefusedError("--until: write a day (2027-06-30) or an instant (2027-06-30T17:00+01:00)") from error

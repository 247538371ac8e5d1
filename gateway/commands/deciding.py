"""`stile decide` and `stile vkey`: what would this partner get, and by which key are its receipts verified?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, office, show, telling
from gateway.council import open_council
from gateway.explaining import condition_text
from gateway.store.changes import ChangeRefusedError
from policies.decide import decide as decide_on
from schemas.consent import ConsentRecord
from schemas.decision import Release
from schemas.instants import london_day
from schemas.request import Circumstances
from schemas.terms import (
    Action,
    AssuranceLevel,
    Capacity,
    ConsentKind,
    ConsentState,
    EmergencyKind,
    GivenBy,
)


def vkey(directory: Directory = Path()) -> None:
    """Print the log's key, for partners and auditors to keep."""
    with telling():
        typer.echo(open_council(directory).signer.vkey)


def decide(
    agreement: Annotated[str, typer.Argument(help="The agreement's id.")],
    recipient: Annotated[str, typer.Option(help="The partner that would ask.")],
    directory: Directory = Path(),
    role: Annotated[str | None, typer.Option(help="The caseworker's role.")] = None,
    field: Annotated[list[str] | None, typer.Option("--field", help="A field; none asks for all.")] = None,
    suppose_consent: Annotated[bool, typer.Option("--suppose-consent", help="As if consent were given.")] = False,  # noqa: FBT002 -- a flag of the command line
    suppose_emergency: Annotated[EmergencyKind | None, typer.Option(help="As if this were declared.")] = None,
) -> None:
    """Say what this partner would get, without data and about nobody. Facts about a person are suppositions."""
    with office(directory) as here:
        now = utc_now()
        live = here.reader.find_agreement(agreement, london_day(now))
        if live is None:
            raise ChangeRefusedError(f"no agreement called {agreement} is published")
        parsed = live.agreement
        consent = ConsentRecord(
            consent_id="supposed",
            subject_ref="",
            controller=parsed.controller,
            dataset=live.dataset.id,
            purpose=parsed.purpose,
            recipients=frozenset({recipient}),
            fields=frozenset(),
            state=ConsentState.GIVEN,
            kind=ConsentKind.UK_GDPR,
            given_by=GivenBy.SELF,
            capacity=Capacity.PRESUMED,
            authority=None,
            evidence=None,
            text_version="",
            how="",
            recorded_by="",
            from_at=now,
            until=None,
        )
        subject = next(iter(live.dataset.people), None)
        decision = decide_on(
            live.compiled,
            Circumstances(
                at=now,
                recipient=recipient,
                token_purpose=parsed.purpose,
                token_dataset=live.dataset.id,
                token_fields=None,
                token_actions=frozenset({Action.READ}),
                action=Action.READ,
                asked=tuple(field) if field else None,
                role=role or next(iter(parsed.roles), None),
                has_caseworker=True,
                has_case_reference=True,
                emergency=suppose_emergency,
                assurances=frozenset(AssuranceLevel),
                subject=subject,
                consents={subject: (consent,)} if subject and suppose_consent else {},
            ),
        )
        show(
            {
                path: [
                    {"form": one.form, "line": one.line, "if": [condition_text(term) for term in one.record]}
                    for one in found.options
                ]
                if isinstance(found, Release)
                else {"withheld": found.reason.value, "nearest": found.nearest}
                for path, found in decision.fields.items()
            }
        )

"""`stile decide` and `stile vkey`: what would this partner get, and by which key are its receipts verified?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, Office, office, read_text, show, telling
from gateway.council.directory import open_council
from gateway.desk.aloud import rules_of
from gateway.desk.shelf import find_published, list_published, state_text
from gateway.desk.supposing import Outlook, Supposed, outlook
from gateway.store.changes import ChangeRefusedError
from gateway.store.draft_checks import check_draft
from policies.deciding.compile import Compiled, compile_rules
from policies.reading.findings import did_you_mean
from policies.telling.wording import day_text, spoken
from schemas.instants import LONDON, london_day
from schemas.terms import EmergencyKind, RestrictionKind, TextState


def vkey(directory: Directory = Path()) -> None:
    """Print the log's key, for partners and auditors to keep."""
    with telling():
        typer.echo(open_council(directory).signer.vkey)


def decide(
    agreement: Annotated[str, typer.Argument(help="The agreement's id, ID@VERSION, or a draft's FILE.yaml.")],
    recipient: Annotated[str, typer.Option(help="The partner that would ask.")],
    directory: Directory = Path(),
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day in London; today without it.")] = None,
    role: Annotated[str | None, typer.Option(help="The caseworker's role.")] = None,
    about: Annotated[
        str | None, typer.Option(help="Which person of the record is asked about; the first without it.")
    ] = None,
    field: Annotated[list[str] | None, typer.Option("--field", help="A field; none asks for all.")] = None,
    suppose_consent: Annotated[bool, typer.Option("--suppose-consent", help="As if all had consented.")] = False,  # noqa: FBT002 -- a flag of the command line
    suppose_restriction: Annotated[RestrictionKind | None, typer.Option(help="As if this were set.")] = None,
    suppose_statement: Annotated[bool, typer.Option("--suppose-statement", help="As if a task were stated.")] = False,  # noqa: FBT002 -- a flag of the command line
    suppose_assessment: Annotated[bool, typer.Option("--suppose-assessment", help="As if one were named.")] = False,  # noqa: FBT002 -- a flag of the command line
    suppose_emergency: Annotated[EmergencyKind | None, typer.Option(help="As if this were declared.")] = None,
    suppose_age: Annotated[int | None, typer.Option(help="As if they were of this age.", min=0, max=130)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """Say what this partner would get, without data and about nobody. Facts about a person are suppositions."""
    supposed = Supposed(
        recipient=recipient,
        about=about,
        role=role,
        fields=tuple(field) if field else None,
        consent=suppose_consent,
        restriction=suppose_restriction,
        statement=suppose_statement,
        assessment=suppose_assessment,
        emergency=suppose_emergency,
        age=suppose_age,
    )
    with office(directory) as here:
        judged = _judged(here, agreement, on.date() if on else None)
        _check(judged.compiled, supposed, here.reader.partner_kinds())
        found = outlook(judged.compiled, supposed, judged.at, is_ended=judged.is_ended)
        if as_json:
            show(_document(judged, found))
        else:
            typer.echo("\n".join(_told(judged, found)))


@dataclass(frozen=True, slots=True)
class _Judged:
    """Which text is judged, as at which instant, and where it stands."""

    compiled: Compiled
    at: datetime
    says: str
    is_draft: bool = False
    is_ended: bool = False

    @property
    def name(self) -> str:
        agreement = self.compiled.rules.agreement
        return f"{agreement.id}@{agreement.version}"


def _judged(here: Office, name: str, on: date | None) -> _Judged:
    now = utc_now()
    if name.endswith((".yaml", ".yml")):
        compiled = compile_rules(check_draft(here.reader, read_text(Path(name))))
        starts_on = compiled.rules.agreement.starts_on
        # A draft that begins later says the most on its first day; a day that was asked for counts as it is.
        day = on or (starts_on if starts_on > london_day(now) else None)
        return _Judged(compiled, _instant(day, now), "Draft: not published.", is_draft=True)
    at = _instant(on, now)
    texts = list_published("agreement", here.reader, here.council.keyring, london_day(at))
    one = find_published("agreement", name, texts)
    compiled = compile_rules(rules_of(here.reader, one))
    return _Judged(compiled, at, state_text(one, london_day(at)), is_ended=one.state is TextState.ENDED)


def _instant(on: date | None, now: datetime) -> datetime:
    """Return now, or noon of a day in London: some lines of law turn at midnight, and none does at noon."""
    return now if on is None or on == london_day(now) else datetime.combine(on, time(12), LONDON)


def _check(compiled: Compiled, supposed: Supposed, partners: Collection[str]) -> None:
    """Refuse what nobody has heard of: a slip would read as a decision."""
    rules = compiled.rules
    if supposed.recipient not in {*partners, *rules.agreement.recipients}:
        told = did_you_mean(supposed.recipient, rules.agreement.recipients)
        raise ChangeRefusedError(f"no partner is called {supposed.recipient}. {told}")
    unknown = [one for one in supposed.fields or () if one not in rules.dataset.fields]
    if unknown:
        raise ChangeRefusedError(f"no field is called {unknown[0]}. {did_you_mean(unknown[0], rules.dataset.fields)}")
    if supposed.about is not None and supposed.about not in rules.dataset.people:
        told = did_you_mean(supposed.about, rules.dataset.people)
        raise ChangeRefusedError(f"nobody in the record is called {supposed.about}. {told}")


def _document(judged: _Judged, found: Outlook) -> dict[str, object]:
    agreement = judged.compiled.rules.agreement
    return {
        "agreement": agreement.id,
        "version": agreement.version,
        "draft": judged.is_draft,
        "says": judged.says,
        "on": found.on.isoformat(),
        "recipient": found.supposed.recipient,
        "supposed": found.supposed.facts(),
        "fields": found.document(),
    }


def _told(judged: _Judged, found: Outlook) -> list[str]:
    recipient = found.supposed.recipient
    kind = judged.compiled.rules.recipient_kinds.get(recipient)
    who = f"{recipient} ({spoken(kind.value)})" if kind else recipient
    return [
        judged.says,
        f"{judged.name} on {day_text(found.on)}, for {who}, about nobody in particular.",
        f"Supposed: {_suppositions(found.supposed)}.",
        "Taken as given: a caseworker who is vouched for, a case reference, the recipient's assurances.",
        "",
        *found.lines(),
    ]


def _suppositions(supposed: Supposed) -> str:
    said = [
        *(["everybody's consent"] if supposed.consent else []),
        *([f"a restriction ({spoken(supposed.restriction.value)})"] if supposed.restriction else []),
        *(["a statement of a public task"] if supposed.statement else []),
        *(["the reference of an assessment"] if supposed.assessment else []),
        *([f"an emergency ({spoken(supposed.emergency.value)})"] if supposed.emergency else []),
        *([f"an age of {supposed.age}"] if supposed.age is not None else []),
    ]
    return ", ".join(said) if said else "nothing; no consent, restriction or emergency"

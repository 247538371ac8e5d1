"""`stile emergency` and `stile incident`: who asked in an emergency, who looks at it, and when may many be asked about?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, office, operator, said, show
from gateway.commands.signed_in import load_login
from gateway.desk.emergencies import told_incident, told_items
from gateway.store.emergencies import Outcome, new_incident_id, open_incidents
from gateway.store.staffing import TWO, how_many_decide
from schemas.instants import LONDON
from schemas.terms import EmergencyKind

emergency = typer.Typer(no_args_is_help=True, help="Emergencies: what waits for a second person, and a day's bound.")
incident = typer.Typer(
    no_args_is_help=True, help="Declared incidents: many people in one call, for some partners and hours."
)
AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]


@emergency.command("list")
def list_emergencies(
    directory: Directory = Path(),
    reviewed: Annotated[bool, typer.Option("--reviewed", help="Those that were reviewed, the newest first.")] = False,  # noqa: FBT002 -- a flag of the command line
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """List what waits for a review: what is past two working days first. Nobody that it was about is shown."""
    with office(directory) as here:
        council = here.council
        found = told_items(here.reader, at=utc_now(), keyring=council.keyring, index=council.search, is_open=not reviewed)
    if as_json:
        show({"emergencies": found})
        return
    for one in found:
        kinds = ", ".join(kind.replace("_", " ") for kind in one["kinds"])
        what = f"incident declared by {one['declared_by']}" if "declared_by" in one else f"by {_whom(one)}"
        due = "OVERDUE since" if one["overdue"] else "review by"
        state = f"{one['outcome'].replace('_', ' ')}, by {one['reviewed_by']}" if reviewed else f"{due} {one['due']}"
        people = f"{one['people']} {'person' if one['people'] == 1 else 'people'}"
        typer.echo(f"{one['id']}  {one['at'][:16]}Z  {kinds}: {people}; {what}; {state}")
    if not found:
        typer.echo("Nothing was reviewed." if reviewed else "Nothing waits for a review.")


def _whom(one: dict[str, Any]) -> str:
    return f"{one['caseworker'] or 'somebody whose key is gone'} of {one['partners'][0]} under {one['agreement']}"


@emergency.command("review")
def review_emergency(
    item: Annotated[str, typer.Argument(help="As `stile emergency list` names it.")],
    outcome: Annotated[Outcome, typer.Option(help="What you found.")],
    directory: Directory = Path(),
    note: Annotated[str, typer.Option(help="What was looked at, and why so: it stands in the entry. Name nobody.")] = "",
) -> None:
    """Close an open item. Somebody else than who is named in it does so; the review is an entry of the log.

    Where two people decide, you do so as who has signed in: `stile login`.
    """
    with office(directory) as here:
        if how_many_decide(here.reader.connection) == TWO:
            login = load_login(here.council.settings.public_url)
            login.call("POST", f"/control/v1/emergencies/{item}/review", {"outcome": outcome.value, "note": note})
            typer.echo(f"{item} reviewed: {outcome.value}")
            return
        within = here.changes.emergencies.review(item, outcome=outcome, note=note, by=operator())
        said(f"{item} reviewed: {outcome.value}", here.append(within, rests_on=("staffing",)))


@emergency.command("raise")
def raise_bound(
    agreement: Annotated[str, typer.Argument(help="Whose `emergencies: {people_per_day}` is reached.")],
    client: Annotated[str, typer.Option(help="Which client may ask on.")],
    people: Annotated[int, typer.Option(help="By how many people, today.")],
    reason: Annotated[str, typer.Option(help="Why: it stands in the entry. Name nobody.")],
    directory: Directory = Path(),
) -> None:
    """Let a client ask about more people in emergencies today than its agreement's bound."""
    with office(directory) as here:
        within = here.changes.emergencies.raise_bound(agreement, client, people=people, reason=reason, by=operator())
        said(f"{client} may ask about {people} more under {agreement} today", here.append(within))


@incident.command("declare")
def declare_incident(
    what: Annotated[str, typer.Argument(help="Which area or which people, in words.")],
    partner: Annotated[list[str], typer.Option(help="Whose calls it covers; may be given again.")],
    kind: Annotated[list[EmergencyKind], typer.Option(help="Which kinds of emergency; may be given again.")],
    people: Annotated[int, typer.Option(help="At most so many people.")],
    hours: Annotated[int, typer.Option(help="For so many hours, 24 at most.")],
    directory: Directory = Path(),
) -> None:
    """Declare an incident: its partners may ask about many people in one call, and find people by place."""
    name = new_incident_id()
    with office(directory) as here:
        within = here.changes.emergencies.declare(
            what,
            partners=frozenset(partner),
            kinds=frozenset(kind),
            most_people=people,
            hours=hours,
            by=operator(),
            incident_id=name,
        )
        said(f"{name} declared for {hours} hours", here.append(within))


@incident.command("close")
def close_incident(incident_id: str, directory: Directory = Path()) -> None:
    """Close an incident before its time: from the entry on nothing rests on it."""
    with office(directory) as here:
        appended = here.append(here.changes.emergencies.close(incident_id, by=operator()))
        said(f"{incident_id} closed", appended)


@incident.command("list")
def list_incidents(directory: Directory = Path(), as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """List the incidents that are open now."""
    with office(directory) as here:
        found = open_incidents(here.reader.connection, utc_now())
    if as_json:
        show({"incidents": [told_incident(one) for one in found]})
        return
    for one in found:
        until = one.ends.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")
        kinds = ", ".join(sorted(kind.value.replace("_", " ") for kind in one.kinds))
        partners = ", ".join(sorted(one.partners))
        typer.echo(f"{one.incident_id}  {one.what}: {kinds}; {partners}; {one.most_people} people; until {until}, London")
    if not found:
        typer.echo("No incident is open.")

"""Whom do `stile consent` and `stile restriction` name? Looked up in the source first, and listed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, Office, office, operator
from gateway.commands.common import show as show_json
from gateway.council.sources import SourceRegistry
from gateway.desk.knowing import Looked, SourceOf, look_up
from gateway.desk.listing import Listed, Listing

Person = Annotated[str, typer.Option(help="The source's own reference of the person.")]
Of = Annotated[str | None, typer.Option("--dataset", help="The dataset the reference is of; none, every published one.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
T = TypeVar("T")


def looked_up(here: Office, dataset: str, person: str) -> Looked:
    """Return whom a reference names, as the dataset's source says, or raise PersonUnknownError."""
    return _asking(here, lambda source_of: look_up(dataset, person, reader=here.reader, source_of=source_of))


def tell_looked(looked: Looked, person: str) -> None:
    """Say where what was recorded is not for what was typed, or nobody knows whom it is for."""
    if looked.unchecked:
        typer.echo(
            f"warning: it counts, and is unchecked: {looked.why_not}. "
            "Whether the source knows this person is looked at again by `list --person`"
        )
    elif looked.person != person.strip():
        typer.echo(f"recorded for {looked.person}, as the source spells it")


def list_consents(person: Person, directory: Directory = Path(), dataset: Of = None, as_json: Json = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """List every consent of a person, and which of them count now."""
    with office(directory) as here:
        listed = _listed(here, lambda listing: listing.consents(person, dataset, utc_now()))
        _tell("consents", listed, _consent_line, as_json=as_json)


def list_restrictions(person: Person, directory: Directory = Path(), dataset: Of = None, as_json: Json = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """List every restriction of a person that was not lifted, and which of them hold something back now."""
    with office(directory) as here:
        listed = _listed(here, lambda listing: listing.restrictions(person, dataset, utc_now()))
        _tell("restrictions", listed, _restriction_line, as_json=as_json)


def _listed(here: Office, work: Callable[[Listing], Awaitable[Listed]]) -> Listed:
    people = here.changes.people
    listed = _asking(here, lambda source_of: work(Listing(people, here.reader, source_of, operator())))
    for within in listed.checked:
        here.append(within)
    return listed


def _asking(here: Office, work: Callable[[SourceOf], Awaitable[T]]) -> T:
    async def asking() -> T:
        registry = SourceRegistry(here.council, utc_now)
        try:
            return await work(registry.source_of)
        finally:
            await registry.aclose()

    return asyncio.run(asking())


def _tell(what: str, listed: Listed, line: Callable[[dict[str, Any]], str], *, as_json: bool) -> None:
    if as_json:
        show_json({what: listed.records, "notes": listed.notes})
        return
    for one in listed.records:
        typer.echo(line(one))
    if not listed.records:
        typer.echo(f"no {what} of this person")
    for note in listed.notes:
        typer.echo(f"note: {note}")


def _consent_line(one: dict[str, Any]) -> str:
    by = [f"outweighed by {other['consent_id']} ({other['state']})" for other in one["outweighed_by"]]
    why = ", ".join([*(word.replace("_", " ") for word in one["why_not"] if word != "outweighed"), *by])
    counts = "counts" if one["counts"] else f"does not count: {why}"
    scope = f"{one['dataset']} {one['purpose']} for {_all(one['recipients'], 'everybody')}"
    return _line(one["consent_id"], one["state"], counts, scope, one)


def _restriction_line(one: dict[str, Any]) -> str:
    counts = f"decided against: {one['decided']}" if one["decided"] else "not in force"
    scope = f"{one['dataset']} for {_all(one['recipients'], 'everybody')}"
    scope += f" {one['scheme'] or ''}{' '.join(one['purposes'])}".rstrip()
    return _line(one["restriction_id"], one["kind"], "counts" if one["counts"] else counts, scope, one)


def _line(name: str, state: str, counts: str, scope: str, one: dict[str, Any]) -> str:
    span = f"from {one['from'] or 'its entry on'}" + (f" until {one['until']}" if one["until"] else "")
    unchecked = "; unchecked" if one["unchecked"] else ""
    return f"{name}  {state}, {counts}{unchecked}; {scope}; {_all(one['fields'], 'the whole dataset')}; {span}"


def _all(names: Sequence[str], none: str) -> str:
    return ", ".join(names) or none

"""`list` and `show` of agreements, cores, datasets and sources: what is published, and where does it stand?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, Office, office, read_text
from gateway.commands.common import show as show_json
from gateway.desk.aloud import reading
from gateway.desk.shelf import Kind, document, find_published, list_published, text_of
from gateway.store.draft_checks import check_draft
from policies.telling.explain import explain_agreement
from schemas.agreement import RuleSet
from schemas.instants import london_day
from schemas.terms import TextState

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
OnDay = Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="As on a day in London, not today.")]
Yaml = Annotated[bool, typer.Option("--yaml", help="Print the published text, byte for byte: its digest is the entries'.")]
Name = Annotated[str, typer.Argument(help="ID@VERSION, or an id: then the version that counts today.")]
Draft = Annotated[str, typer.Argument(help="ID@VERSION, an id (the version that counts today), or a draft's FILE.yaml.")]
HEADINGS = ("id@version", "state", "first day", "last day", "review", "days left", "")


def list_agreements(directory: Directory = Path(), on: OnDay = None, as_json: Json = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """List every published version of every agreement: live, future, over, or ended by whom and when."""
    _list("agreement", directory, on, as_json=as_json)


def list_cores(directory: Directory = Path(), on: OnDay = None, as_json: Json = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """List every published version of every common core, and of the council's own rules."""
    _list("core", directory, on, as_json=as_json)


def list_datasets(directory: Directory = Path(), on: OnDay = None, as_json: Json = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """List every published version of every dataset."""
    _list("dataset", directory, on, as_json=as_json)


def list_sources(directory: Directory = Path(), on: OnDay = None, as_json: Json = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """List every published version of every mapping, and the dataset that it is of."""
    _list("source", directory, on, as_json=as_json)


def show_agreement(name: Draft, directory: Directory = Path(), on: OnDay = None, as_yaml: Yaml = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """Read an agreement aloud, in plain English, with where it stands first."""
    with office(directory) as here:
        if not name.endswith((".yaml", ".yml")):
            _show(here, "agreement", name, on, as_yaml=as_yaml)
            return
        text = read_text(Path(name))
        rules = check_draft(here.reader, text)
        typer.echo(text if as_yaml else f"Draft: not published.\n\n{explain_agreement(rules)}", nl=not as_yaml)
        if not as_yaml:
            warn_of_review(rules)


def show_core(name: Name, directory: Directory = Path(), on: OnDay = None, as_yaml: Yaml = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """Read a core, or the council's own rules, aloud, with where it stands first."""
    with office(directory) as here:
        _show(here, "core", name, on, as_yaml=as_yaml)


def show_dataset(name: Name, directory: Directory = Path(), on: OnDay = None, as_yaml: Yaml = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """Show a dataset field by field, with where it stands first, and where minimisation happens."""
    with office(directory) as here:
        _show(here, "dataset", name, on, as_yaml=as_yaml)


def show_source(name: Name, directory: Directory = Path(), on: OnDay = None, as_yaml: Yaml = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """Say what a mapping gives of which dataset, with where it stands first."""
    with office(directory) as here:
        _show(here, "source", name, on, as_yaml=as_yaml)


def warn_of_review(rules: RuleSet) -> None:
    """Say that a review is overdue: a warning, where a term that is over is a refusal."""
    review_on = rules.agreement.review_on
    if review_on is not None and review_on < london_day(utc_now()):
        typer.echo(f"warning: the review of {review_on} is overdue. Review the agreement, and publish it with a new date.")


def _list(kind: Kind, directory: Path, on: datetime | None, *, as_json: bool) -> None:
    with office(directory) as here:
        day = _day(on)
        found = [document(one, day) for one in list_published(kind, here.reader, here.council.keyring, day)]
        if as_json:
            show_json(found)
        elif not found:
            typer.echo(f"no {kind} is published yet")
        else:
            typer.echo(_table([_row(one) for one in found]), nl=False)


def _show(here: Office, kind: Kind, name: str, on: datetime | None, *, as_yaml: bool) -> None:
    day = _day(on)
    one = find_published(kind, name, list_published(kind, here.reader, here.council.keyring, day))
    if as_yaml:
        # Bytes, not a printed text: what stands there may end without a newline, and its digest must be the entries'.
        sys.stdout.buffer.write(text_of(one).encode())
        return
    typer.echo(reading(here.reader, one, day), nl=False)


def _day(on: datetime | None) -> date:
    return on.date() if on else london_day(utc_now())


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    remark = one["says"] if one["state"] in {TextState.ENDED, TextState.UNREADABLE} else one.get("dataset", "")
    kind = "council rules" if one["kind"] == "council" else ""
    left = "" if one["days_left"] is None else str(one["days_left"])
    name = f"{one['id']}@{one['version']}"
    return (name, one["state"], one["first_day"], one["last_day"] or "", one["review_on"] or "", left, remark or kind)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (HEADINGS, *rows))
    return "".join(line.rstrip() + "\n" for line in lines)

"""`stile sandbox`: a council of made-up people for partners' developers, like one that there is or like the demo's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.commands.common import Directory, operator, show, telling
from gateway.council.directory import CouncilError
from gateway.demo.known import known_people
from gateway.demo.likeness import likeness_of_council, likeness_of_demo
from gateway.demo.sandbox import make_sandbox
from gateway.sandbox.scenarios import SCENARIOS
from gateway.settings import load_settings
from schemas.terms import Environment

sandbox = typer.Typer(no_args_is_help=True, help="A council of made-up people, for partners' developers.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@sandbox.command("init")
def init(
    directory: Annotated[Path, typer.Argument(help="A new directory for the sandbox.")],
    like: Annotated[Path | None, typer.Option(help="The directory of the council that it is to be like.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Like the demo's council instead.")] = False,  # noqa: FBT002 -- a flag of the command line
    public_url: Annotated[str, typer.Option(help="Where developers reach it.")] = "http://127.0.0.1:8090",
    people: Annotated[int, typer.Option(help="How many people to make up, for each dataset.", min=11, max=100_000)] = 60,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 42,
) -> None:
    """Make a sandbox: another council's texts and partners, with keys, a log and made-up people of its own.

    Of the other council texts, partners and settings are read; neither its key file nor its sources are opened.
    """
    if (like is None) != demo:
        raise typer.BadParameter("give either --like or --demo")
    with telling():
        likeness = likeness_of_demo() if like is None else likeness_of_council(like)
        made = make_sandbox(directory, likeness, public_url=public_url, people=people, seed=seed, by=operator())
    typer.echo(f"{directory} is ready, with made-up people for: {', '.join(made.peopled) or 'no dataset'}")
    for one in made.left_out:
        typer.secho(f"Left out: {one}", fg="yellow", err=True)
    typer.echo(f"Its log's key, for developers to keep:\n{made.vkey}")
    typer.echo(f"Next: stile client add, for each developer; then stile serve --dir {directory} --port 8090")


@sandbox.command("people")
def people(
    directory: Directory = Path(),
    most: Annotated[int, typer.Option(help="How many of each dataset.", min=1)] = 20,
    as_json: Json = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """List made-up people to ask about, and what comes of each. All of them are made up, identifiers too."""
    with telling():
        if load_settings(directory).environment is not Environment.SANDBOX:
            raise CouncilError(f"{directory} is no sandbox: its people are not for anybody to list")
        found = known_people(directory, most=most)
    if as_json:
        show([one.document() for one in found])
        return
    for one in found:
        typer.echo(f"{one.dataset}: {json.dumps(one.subject, ensure_ascii=False)}\n    {one.says}")


@sandbox.command("scenarios")
def scenarios(
    as_json: Json = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """List what `Stile-Scenario` may name, and what comes of each."""
    if as_json:
        show([one.document() for one in SCENARIOS.values()])
        return
    for one in SCENARIOS.values():
        typer.echo(f"{one.name}: {one.says}")

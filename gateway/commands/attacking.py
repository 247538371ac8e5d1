"""`stile attack`: does a gateway withstand the attacks that it promises to? A dated report for a security team."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gateway.attack import CannotRunError, Result, Run, Verdict, aim, attacks, document, markdown, place_of, run
from gateway.attack.target import Target
from gateway.commands.answer_table import plain
from gateway.commands.attack_given import bound_of, client_of, offices_of, person_by_keys, person_of, session_of

BROKEN: Final = 1
COULD_NOT_RUN: Final = 3


def attack(
    url: Annotated[str, typer.Argument(help="The gateway's address: scheme, host and port.")],
    client_id: Annotated[str | None, typer.Option("--client", help="A partner's client, of a sandbox or demo.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private JWK.")] = None,
    agreement: Annotated[str | None, typer.Option(help="An agreement of its own.")] = None,
    other_client: Annotated[str | None, typer.Option(help="A second client, to attack in place of the first.")] = None,
    other_key: Annotated[Path | None, typer.Option(help="Its private JWK.")] = None,
    other_agreement: Annotated[str | None, typer.Option(help="An agreement of its own.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Whom the bodies name: key=value. Somebody made up, if not given.")
    ] = None,
    confirm: Annotated[list[str] | None, typer.Option(help="A detail of the subject, name=value.")] = None,
    other_subject: Annotated[
        list[str] | None,
        typer.Option(help="A second person of a sandbox, to be locked: key=value, once for each of two keys."),
    ] = None,
    other_confirm: Annotated[list[str] | None, typer.Option(help="A detail of the second person, name=value.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report: FILE as .md and as .json.")] = None,
    deadline: Annotated[float, typer.Option(help="Seconds until no more attacks are made.", min=1, max=3_600)] = 600,
    slow: Annotated[bool, typer.Option("--slow", help="Also the slow ones: a minute more.")] = False,  # noqa: FBT002 -- a flag of the command line
    quick: Annotated[bool, typer.Option("--quick", help="Not those that wait five minutes for a token's end.")] = False,  # noqa: FBT002 -- the same
    office: Annotated[
        list[str] | None,
        typer.Option(help="An office's client, to try what its role may not: role=client=its private JWK."),
    ] = None,
    bound_client: Annotated[str | None, typer.Option(help="A client whose tokens are bound to a certificate.")] = None,
    bound_key: Annotated[Path | None, typer.Option(help="Its private JWK.")] = None,
    bound_agreement: Annotated[str | None, typer.Option(help="An agreement of its own.")] = None,
    bound_certificate: Annotated[Path | None, typer.Option(help="Its certificate, PEM or DER, without its key.")] = None,
    bound_token: Annotated[
        Path | None, typer.Option(help="A live token of it, got through the proxy just before: as if it were stolen.")
    ] = None,
    operator_session: Annotated[
        str | None,
        typer.Option(help="An operator's session, which the run ends: role,role=a file with the value of __Host-stile."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON, and no progress.")] = False,  # noqa: FBT002 -- the same
    allowed: Annotated[
        str | None, typer.Option("--i-may-attack-this-host", help="The exact host, where it is not this machine.")
    ] = None,
) -> None:
    """Attack a gateway that you may attack, and report what held. Only of a sandbox is anything asked that could disclose.

    Exit status: 0 all held, 1 some broke, 3 it could not run, or not to its end.
    """
    begun = datetime.now(UTC)
    try:
        place = place_of(url, allowed_host=allowed)
        target = aim(
            place,
            partner=client_of(client_id, key, agreement, "--client, --key and --agreement"),
            other=client_of(other_client, other_key, other_agreement, "--other-client, --other-key and --other-agreement"),
            subject=person_of(subject, confirm or []),
            locked=person_by_keys(other_subject or [], other_confirm or []),
            offices=offices_of(office or []),
            bound=bound_of(bound_client, bound_key, bound_agreement, bound_certificate, bound_token),
            session=session_of(operator_session),
        )
        ran = _run(target, deadline=deadline, with_slow=slow, with_waits=not quick, quiet=json_)
    except CannotRunError as error:
        typer.secho(plain(str(error)), err=True, fg="red")
        raise typer.Exit(COULD_NOT_RUN) from error
    content = document(ran, target, url=url, begun=begun, ended=datetime.now(UTC))
    _tell(ran, content, report, as_json=json_)
    raise typer.Exit(status_of(ran))


def status_of(ran: Run) -> int:
    """Return the exit status of a run."""
    if ran.count(Verdict.BROKEN):
        return BROKEN
    return COULD_NOT_RUN if ran.was_cut_short else 0


def _run(target: Target, *, deadline: float, with_slow: bool, with_waits: bool, quiet: bool) -> Run:
    every = attacks()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task("Attacking", total=len(every))

        def done(result: Result) -> None:
            if result.verdict is Verdict.BROKEN and not quiet:
                progress.console.print(f"broken: {result.attack.id}: {result.why}", style="red", markup=False)
            progress.advance(task)

        return run(target, every, deadline=deadline, with_slow=with_slow, with_waits=with_waits, progress=done)


def _tell(ran: Run, content: dict[str, Any], report: Path | None, *, as_json: bool) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=True) + "\n"
    if report is not None:
        _write(report, content, text)
    if as_json:
        typer.echo(text, nl=False)
        return
    typer.echo(", ".join(f"{ran.count(verdict)} {verdict}" for verdict in Verdict) + f", of {len(ran.results)} attacks")
    if ran.was_cut_short:
        typer.echo("The deadline cut the run short: give --deadline")
    if report is not None:
        typer.echo(f"{report.with_suffix('.md')} and {report.with_suffix('.json')} hold the report")


def _write(report: Path, content: dict[str, Any], text: str) -> None:
    """Write both forms of the report, side by side under one name."""
    try:
        report.with_suffix(".md").write_text(markdown(content), encoding="utf-8")
        report.with_suffix(".json").write_text(text, encoding="utf-8")
    except OSError as error:
        typer.secho(f"{report}: {error.strerror}: the report was not written", err=True, fg="red")
        raise typer.Exit(COULD_NOT_RUN) from error

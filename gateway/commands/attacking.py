"""`stile attack`: does a gateway withstand the attacks that it promises to? A dated report for a security team."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from joserfc import jwk
from joserfc.errors import JoseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gateway.attack import CannotRunError, Client, Result, Run, Verdict, aim, attacks, document, markdown, place_of, run
from gateway.attack.offices import OFFICES
from gateway.attack.target import Target
from gateway.commands.answer_table import plain
from gateway.commands.asked_about import person_of
from gateway.oauth.jose import JoseRefusedError, import_public_key

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
    report: Annotated[Path | None, typer.Option(help="Write the report: FILE as .md and as .json.")] = None,
    deadline: Annotated[float, typer.Option(help="Seconds until no more attacks are made.", min=1, max=3_600)] = 600,
    slow: Annotated[bool, typer.Option("--slow", help="Also the slow ones: a minute more.")] = False,  # noqa: FBT002 -- a flag of the command line
    quick: Annotated[bool, typer.Option("--quick", help="Not those that wait five minutes for a token's end.")] = False,  # noqa: FBT002 -- the same
    office: Annotated[
        list[str] | None,
        typer.Option(help="An office's client, to try what its role may not: role=client=its private JWK."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON, and no progress.")] = False,  # noqa: FBT002 -- the same
    allowed: Annotated[
        str | None, typer.Option("--i-may-attack-this-host", help="The exact host, where it is not this machine.")
    ] = None,
) -> None:
    """Attack a gateway that you may attack, and report what held. Nothing is asked that could disclose.

    Exit status: 0 all held, 1 some broke, 3 it could not run, or not to its end.
    """
    begun = datetime.now(UTC)
    try:
        place = place_of(url, allowed_host=allowed)
        partner = _client(client_id, key, agreement, "--client, --key and --agreement")
        second = _client(other_client, other_key, other_agreement, "--other-client, --other-key and --other-agreement")
        whom, offices = _subject(subject, confirm or []), _offices(office or [])
        target = aim(place, partner=partner, other=second, subject=whom, offices=offices)
        ran = _run(target, deadline=deadline, with_slow=slow, with_waits=not quick, quiet=json_)
    except CannotRunError as error:
        typer.secho(plain(str(error)), err=True, fg="red")
        raise typer.Exit(COULD_NOT_RUN) from error
    content = document(ran, target, url=url, begun=begun, ended=datetime.now(UTC))
    _tell(ran, content, report, as_json=json_)
    raise typer.Exit(_status(ran))


def _status(ran: Run) -> int:
    if ran.count(Verdict.BROKEN):
        return BROKEN
    return COULD_NOT_RUN if ran.was_cut_short else 0


def _client(client_id: str | None, key: Path | None, agreement: str | None, options: str) -> Client | None:
    if client_id is None and key is None and agreement is None:
        return None
    if client_id is None or key is None or agreement is None:
        raise CannotRunError(f"{options} belong together: give all three, or none")
    return Client(client_id, _private(key), agreement)


def _offices(given: list[str]) -> dict[str, Client]:
    found = {}
    for one in given:
        role, _, rest = one.partition("=")
        client_id, _, file = rest.partition("=")
        if role not in OFFICES or not client_id or not file:
            raise CannotRunError(f"--office is role=client=file, and a role is one of: {', '.join(OFFICES)}")
        found[role] = Client(client_id, _private(Path(file)), "")
    return found


def _private(key: Path) -> Any:
    try:
        read = jwk.import_key(json.loads(key.read_text(encoding="utf-8-sig")))
        import_public_key(dict(read.as_dict(private=False)))
    except JoseRefusedError as error:
        raise CannotRunError(f"{key}: {error}") from error
    except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
        raise CannotRunError(f"{key}: no private JWK can be read there") from error
    if not read.is_private:
        raise CannotRunError(f"{key}: that is the public half: give the private one")
    return read


def _subject(subject: str | None, confirm: list[str]) -> dict[str, Any] | None:
    if subject is None:
        return None
    return person_of(subject, confirm).body()


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

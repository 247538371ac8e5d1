"""`stile change`: what one person proposes and another decides, as who has signed in by `stile login`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.commands.common import Directory, office, operator, read_text, said, show, telling
from gateway.commands.second_person import told_in_lines
from gateway.commands.signed_in import load_login
from gateway.store.change_kinds import CHANGE_KINDS, kind_called
from gateway.store.changes import ChangeRefusedError
from gateway.store.proposal_rows import Advised

change = typer.Typer(no_args_is_help=True, help="Changes that need a second person: proposed, advised on, decided.")
ChangeId = Annotated[str, typer.Argument(help="As `stile change list` names it.")]
Digest = Annotated[str, typer.Option(help="The digest that `show` printed: what you decide is what you saw.")]
Why = Annotated[str, typer.Option("--reason", help="Why: it stands in the log. Name nobody.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]
PATH = "/control/v1/changes"
KEYS = ("staffing",)


@change.command("list")
def list_changes(
    decided: Annotated[bool, typer.Option("--decided", help="Those that were decided, the newest first.")] = False,  # noqa: FBT002 -- a flag of the command line
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """List what waits for a second person, the oldest first."""
    with telling():
        found = load_login().call("GET", PATH, query="?decided=true" if decided else "")
    if as_json:
        show(found)
        return
    for one in found["changes"]:
        typer.echo(f"{one['change']}  {one['about']}: {_stands(one)}; {one['reason']}")
    if not found["changes"]:
        typer.echo("Nothing was decided." if decided else "Nothing waits.")
    if found["people"] == 1:
        typer.echo("One person decides here: this council says that it is too small for two.")


@change.command("show")
def show_change(change_id: ChangeId, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """Show a change: why, what it would change line by line, how it reads, and what is advised."""
    with telling():
        found = load_login().call("GET", f"{PATH}/{change_id}")
    if as_json:
        show(found)
        return
    for line in told_in_lines(found):
        typer.echo(line)


@change.command("propose")
def propose(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(CHANGE_KINDS)}.")],
    reason: Why,
    file: Annotated[Path | None, typer.Argument(help="Of a text: a YAML file, or - for standard input.")] = None,
    client: Annotated[str | None, typer.Option(help="Of a registration: which client.")] = None,
    digest: Annotated[str | None, typer.Option(help="Of a registration: its digest as it was shown.")] = None,
) -> None:
    """Propose a change, from wherever the gateway can be reached."""
    with telling():
        wanted = kind_called(kind).members
        content: dict[str, Any] = {"text": read_text(file)} if file is not None else {}
        content |= {"unchecked": True} if "unchecked" in wanted else {}
        content |= {"client": client, "client_digest": digest} if client is not None else {}
        told = load_login().call("POST", PATH, {"kind": kind, "reason": reason, **content})
    typer.echo(f"{told['about']} proposed as {told['change']}, for another person to approve")


@change.command("approve")
def approve(
    change_id: ChangeId,
    digest: Digest,
    reason: Why = "",
    against_advice: Annotated[  # noqa: FBT002 -- a flag of the command line
        bool, typer.Option("--against-advice", help="You have read that it is advised against, and approve it.")
    ] = False,
) -> None:
    """Approve what somebody else proposed. It needs a sign-in of the last five minutes."""
    body = {"digest": digest, "reason": reason, "against_advice": against_advice}
    _decided(change_id, "approval", body)


@change.command("reject")
def reject(change_id: ChangeId, digest: Digest, reason: Why) -> None:
    """Reject what somebody else proposed. It needs a sign-in of the last five minutes."""
    _decided(change_id, "rejection", {"digest": digest, "reason": reason})


@change.command("withdraw")
def withdraw(change_id: ChangeId) -> None:
    """Take your own proposal back."""
    _decided(change_id, "withdrawal", None)


@change.command("advise")
def advise(
    change_id: ChangeId,
    advice: Annotated[Advised, typer.Argument(help="What you advise.")],
    digest: Digest,
    reason: Why,
) -> None:
    """Advise, as data protection officer, on what somebody else proposed."""
    with telling():
        load_login().call("POST", f"{PATH}/{change_id}/advice", {"digest": digest, "advice": advice.value, "words": reason})
    typer.echo(f"advised to {advice.value}")


@change.command("people")
def people(
    number: Annotated[str, typer.Argument(help="two, or one of a council that is too small for two.")],
    reason: Why,
    directory: Directory = Path(),
) -> None:
    """Say how many people decide what matters here. From two back to one takes two: `stile change propose one-person`."""
    with office(directory) as here:
        staffing = here.changes.staffing
        if number == "two":
            said(
                "two people decide from now on", here.append(staffing.say_two(reason=reason, by=operator()), rests_on=KEYS)
            )
            return
        if number != "one":
            raise ChangeRefusedError("say `one` or `two`")
        appended = here.append(staffing.say_one(reason=reason, by=operator()), rests_on=KEYS)
        said("one person decides from now on, and each entry of such a step says so", appended)


def _decided(change_id: str, step: str, body: dict[str, Any] | None) -> None:
    with telling():
        told = load_login().call("POST", f"{PATH}/{change_id}/{step}", body)
    typer.echo(f"{told['about']}: {_stands(told)} (entry {told.get('index')})")


def _stands(one: dict[str, Any]) -> str:
    if one["status"] != "pending":
        alone = ", as one person's step" if one["people"] == 1 else ""
        title = f", {one['decided_as']}" if one["decided_as"] else ""
        return f"{one['status']}{alone} by {one['decided_by']}{title}"
    if one["stale"]:
        return f"stale, for {', '.join(one['stale'])} changed"
    return f"advised to {one['advice'][-1]['advice']}" if one["advice"] else "waits, without advice yet"

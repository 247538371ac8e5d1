"""`stile get`: ask a gateway as a partner does, and print what was verified. Needs neither a council nor a database."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from gateway.client import (
    Action,
    Answer,
    Client,
    DirectoryKeeper,
    IncompleteError,
    NotVerifiedError,
    StileError,
    Subject,
    UnavailableError,
    UnreachableError,
    Vouch,
)
from gateway.client.keeping import Keeper
from gateway.commands.answer_table import plain, show_answer
from gateway.commands.asked_about import caseworker_of, emergency_of, pair_of, pairs_of, people_of, person_of

FAILED: Final = 1
REFUSED: Final = 3
NOT_VERIFIED: Final = 4
UNREACHABLE: Final = 5


def get(
    issuer: Annotated[str, typer.Option(help="The gateway's public address.")],
    client_id: Annotated[str, typer.Option("--client", help="Your client id.")],
    key: Annotated[Path, typer.Option(help="The client's private JWK.")],
    vkey: Annotated[str, typer.Option(help="The log's key as it was handed to you, or a file that holds it.")],
    agreement: Annotated[str, typer.Option(help="The agreement to ask under.")],
    subject: Annotated[
        str | None, typer.Option(help="Whom: a key of the dataset, key=value; a composite key by its name alone.")
    ] = None,
    confirm: Annotated[
        list[str] | None, typer.Option(help="A detail that confirms whose it is, or of the composite key: name=value.")
    ] = None,
    field: Annotated[list[str] | None, typer.Option(help="A field; all that you may have where none is named.")] = None,
    case: Annotated[str | None, typer.Option(help="Your case reference.")] = None,
    caseworker: Annotated[str | None, typer.Option(help="Who asks: id,name,role[,organisation code].")] = None,
    vouch: Annotated[str | None, typer.Option(help="Vouch for the caseworker: organisation code=reason.")] = None,
    emergency: Annotated[str | None, typer.Option(help="kind=reason; recorded, for the council to review.")] = None,
    action: Annotated[Action, typer.Option(help="What to do.")] = Action.READ,
    claim: Annotated[list[str] | None, typer.Option(help="To verify: field=value.")] = None,
    many: Annotated[Path | None, typer.Option(help="People from a file, .csv or NDJSON, in place of --subject.")] = None,
    scenario: Annotated[str | None, typer.Option(help="Play this in a sandbox, such as consent-withdrawn.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep each answer's exact bytes in this directory.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the exact bytes, which verify, and no table.")] = False,  # noqa: FBT002 -- an option of the command line
    description: Annotated[bool, typer.Option(help="Print your own OpenAPI description, and ask nothing.")] = False,  # noqa: FBT002 -- the same
    collection: Annotated[bool, typer.Option(help="Print your own Postman collection, and ask nothing.")] = False,  # noqa: FBT002 -- the same
) -> None:
    """Ask about one person or many, and print only what its receipt proves.

    Exit status: 0 answered, 3 refused (403), 4 not verified, 5 unreachable or incomplete, 1 any other problem. What stands
    on a command line can be seen by others on this machine; --many reads a file.
    """
    if (subject is None) == (many is None) and not (description or collection):
        raise typer.BadParameter("give either --subject or --many")
    matter: dict[str, Any] = {
        "case_reference": case,
        "caseworker": caseworker_of(caseworker),
        "emergency": emergency_of(emergency),
        "scenario": scenario,
    }
    if vouch:
        matter["vouch"] = Vouch(*pair_of(vouch, "--vouch"))
    if field:
        matter["fields"] = field
    keeper = _Output(DirectoryKeeper(keep) if keep else None, prints=json_)
    try:
        with Client(issuer, client_id=client_id, key=key, vkey=_vkey(vkey), agreement=agreement, keeper=keeper) as client:
            if description or collection:
                sys.stdout.buffer.write(client.description(collection=collection) + b"\n")
                return
            people = people_of(many) if many else [person_of(subject or "", confirm or [])]
            claims = pairs_of(claim or (), "--claim")
            answers = _asked(client, people, action, claims, matter, is_many=many is not None)
            raise typer.Exit(_told(answers, shows=not json_))
    except StileError as error:
        raise typer.Exit(_failed(error)) from error
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


class _Output:
    """Keeps, and prints the exact bytes where that was asked for: after they were verified."""

    def __init__(self, keeper: Keeper | None, *, prints: bool) -> None:
        self._keeper = keeper
        self._prints = prints

    def __call__(self, name: str, content: bytes) -> None:
        if self._keeper:
            self._keeper(name, content)
        if self._prints:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()


def _vkey(given: str) -> str:
    if given.count("+") >= 2:  # noqa: PLR2004 -- name+id+key: C2SP signed-note
        return given
    try:
        return Path(given).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter("--vkey wants the log's key, name+id+key, or a file that holds it") from error


def _asked(
    client: Client,
    people: list[Subject],
    action: Action,
    claims: dict[str, str],
    matter: dict[str, Any],
    *,
    is_many: bool,
) -> Iterable[Answer]:
    if is_many:
        return client.many(people, action=action, **matter)
    if action is Action.VERIFY:
        return [client.verify(people[0], claims, **matter)]
    return [client.match(people[0], **matter) if action is Action.MATCH else client.get(people[0], **matter)]


def _told(answers: Iterable[Answer], *, shows: bool) -> int:
    """Print each as it comes; return the exit status: refused where all were."""
    console = Console()
    refused = []
    for answer in answers:
        refused.append(answer.refused)
        if shows:
            show_answer(console, answer)
    return REFUSED if all(refused) else 0


def _failed(error: StileError) -> int:
    typer.secho(plain(str(error)), err=True, fg="red")
    if error.urgent_contact and error.urgent_contact not in str(error):
        typer.secho(plain(f"In an emergency ring {error.urgent_contact}"), err=True)
    if isinstance(error, NotVerifiedError):
        return NOT_VERIFIED
    return UNREACHABLE if isinstance(error, (UnreachableError, UnavailableError, IncompleteError)) else FAILED

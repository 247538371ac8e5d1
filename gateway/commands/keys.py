"""`stile client key`, `stile key-proof`, `stile issuer-key`: how keys of clients and of the gateway turn over."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer

from gateway.app import utc_now
from gateway.commands.common import Directory, Office, office, operator, read_text, said, show
from gateway.commands.proving import KeyFile, load_private_key
from gateway.council.issuer_keys import make_next, turns_of
from gateway.oauth.assertion import ASSERTION_TYPE
from gateway.oauth.client_keys import KeyRefusedError, NewKey, check_possession
from gateway.oauth.issuer_keys import Turn, on_duty
from gateway.oauth.made_jwts import make_assertion, make_key_proof
from gateway.store.changes import ChangeRefusedError
from gateway.store.client_keys import Term, public_keys
from gateway.store.key_rows import KeyRow, read_client_keys
from schemas.instants import as_text, instant_after, london_day

WARNED_DAYS: Final = 30

client_key = typer.Typer(no_args_is_help=True, help="A client's public keys: two live ones, while it turns over.")
issuer_key = typer.Typer(no_args_is_help=True, help="The keys by which this gateway signs its tokens.")
ClientId = Annotated[str, typer.Argument(help="The client's id.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day such as 2027-03-31.")]


@client_key.command("add")
def add_key(
    client_id: ClientId,
    jwks: Annotated[Path, typer.Option(help="The new public key, as a JWK or a JWK set.")],
    directory: Directory = Path(),
    proof: Annotated[str | None, typer.Option(help="What `stile key-proof` made with the new key.")] = None,
    starts_on: Day = None,
    expires_on: Day = None,
) -> None:
    """Add a key beside those that the client has; each counts from the entry on, or from its first day."""
    with office(directory) as here:
        keys = public_keys(read_json(jwks))
        if proof is not None:
            _check_proof(here, client_id, keys, proof)
        term = Term(_day(starts_on), _day(expires_on))
        appended = here.append(here.changes.client_keys.add_keys(client_id, keys, term=term, by=operator()))
        said(f"{client_id}: {', '.join(one.kid for one in keys)} registered", appended)
        if proof is None:
            typer.echo("Nobody showed that the client holds it: ask for a proof of possession, or take it by hand only.")


@client_key.command("revoke", context_settings={"ignore_unknown_options": True})  # a thumbprint may begin with a hyphen
def revoke_key(
    client_id: ClientId, kid: Annotated[str, typer.Argument(help="The key's kid.")], directory: Directory = Path()
) -> None:
    """Revoke a key: assertions by it, and tokens got with it or bound to it, are refused from the next entry on."""
    with office(directory) as here:
        before = {one.kid: one for one in read_client_keys(here.reader.connection, client_id)}
        appended = here.append(here.changes.client_keys.revoke_key(client_id, kid, by=operator()))
        said(f"{client_id}: {kid} revoked", appended)
        if kid not in before:  # it lies at the client's own address, and so may others
            return
        now = utc_now()
        rest = [one for one in before.values() if one.kid != kid and one.is_live(now)]
        brought = [one.kid for one in rest if one.added_by == f"key:{before[kid].thumbprint}"]
        if brought:
            typer.echo(f"It brought a key that still counts, {', '.join(brought)}: revoke that too if this one was stolen.")
        if not rest:
            typer.echo(f"{client_id} has no live key left and can't ask for tokens: `stile client key add`.")


@client_key.command("list")
def list_keys(client_id: ClientId, directory: Directory = Path()) -> None:
    """Show every key that the client has had, and warn of what ends soon."""
    with office(directory) as here:
        rows = read_client_keys(here.reader.connection, client_id)
        now = utc_now()
        show([described(one, now) for one in rows])
        if warning := warning_of(rows, now):
            typer.secho(warning, err=True, fg="yellow")


def described(row: KeyRow, now: datetime) -> dict[str, Any]:
    """Return what a person is shown of a key."""
    has_begun = row.starts_on is None or row.starts_on <= london_day(now)
    live = "live" if has_begun else "not yet"
    return {
        "kid": row.kid,
        "thumbprint": row.thumbprint,
        "state": "revoked" if row.revoked_at else live if row.is_live(now) else "expired",
        "added_at": as_text(row.added_at),
        "added_by": row.added_by,
        "starts_on": row.starts_on,
        "expires_on": row.expires_on,
        "revoked_at": as_text(row.revoked_at) if row.revoked_at else None,
    }


def warning_of(rows: list[KeyRow], now: datetime) -> str | None:
    """Return what to do where the last key ends within a month, or none is left."""
    live = [one for one in rows if one.is_live(now)]
    if rows and not live:
        return "No key is live: the client can't ask for tokens. Add one with `stile client key add`."
    ends = [one.expires_on for one in live if one.expires_on is not None]
    if len(ends) < len(live) or not ends:
        return None
    left = (instant_after(max(ends)) - now).days
    return f"The last key ends in {left} days: add the next one now." if left < WARNED_DAYS else None


def key_proof(
    client_id: Annotated[str, typer.Option("--client")],
    key: KeyFile,
    issuer: Annotated[str, typer.Option(help="The gateway's public address.")],
    by: Annotated[Path | None, typer.Option(help="Your live key: prints the whole form for POST /oauth2/keys.")] = None,
) -> None:
    """Print the proof that you hold a new key, for the council; with --by, the form with which you bring it yourself."""
    new = load_private_key(key)
    proof = make_key_proof(new, client_id=client_id, issuer=issuer)
    if by is None:
        typer.echo(proof)
        return
    assertion = make_assertion(load_private_key(by), client_id=client_id, issuer=issuer, vouches_for=new)
    form = {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        "jwk": json.dumps(dict(new.as_dict(private=False))),
        "proof": proof,
    }
    typer.echo(urlencode(form))


@issuer_key.command("rotate")
def rotate(
    *,
    directory: Directory = Path(),
    now: Annotated[bool, typer.Option("--now", help="The keys so far may be in other hands: their tokens end.")] = False,
) -> None:
    """Make the next key: published at once, signing a day later, without a restart. With --now it replaces the others."""
    with office(directory) as here:
        turns = turns_of(here.reader.issuer_turns(), here.council.issuer_key)
        number = len(turns) + 1
        kid, within = make_next(here.council, here.changes.issuer_keys, number=number, now=now, by=operator())
        appended = here.append(within)
        if now:
            said(f"{kid} signs, and every token signed before is refused", appended)
            return
        said(f"{kid} is published, and signs a day from now", appended)


@issuer_key.command("list")
def list_issuer_keys(directory: Directory = Path()) -> None:
    """Show the gateway's keys, and which of them counts how."""
    with office(directory) as here:
        turns, now = turns_of(here.reader.issuer_turns(), here.council.issuer_key), utc_now().timestamp()
        duty = on_duty(turns, now)
        show([_described_turn(one, duty.signing, duty.accepted, duty.published) for one in turns])


def _described_turn(turn: Turn, signing: Turn, accepted: tuple[Turn, ...], published: tuple[Turn, ...]) -> dict[str, Any]:
    state = "signs" if turn == signing else "accepted" if turn in accepted else "next" if turn in published else "over"
    signs_at = as_text(datetime.fromtimestamp(turn.signs_at, UTC)) if turn.signs_at else None
    return {"kid": turn.kid, "state": "revoked" if turn.revoked_at is not None else state, "signs_at": signs_at}


def read_json(file: Path) -> Any:
    """Return what a JSON file holds, or say what is wrong."""
    try:
        return json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise ChangeRefusedError(f"{file} is not JSON: give a JWK set") from error


def _check_proof(here: Office, client_id: str, keys: tuple[NewKey, ...], proof: str) -> None:
    if len(keys) != 1:
        raise ChangeRefusedError("a proof is of one key: give that key alone")
    try:
        issuer = here.council.settings.public_url
        check_possession(proof, keys[0], client_id=client_id, issuer=issuer, now=utc_now().timestamp())
    except KeyRefusedError as refused:
        raise ChangeRefusedError(str(refused)) from refused


def _day(given: datetime | None) -> date | None:
    return given.date() if given is not None else None

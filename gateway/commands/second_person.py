"""How does a command make a change that needs a second person? At once where one decides; else it proposes, by a login."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gateway.commands.common import Office, operator, said
from gateway.commands.signed_in import load_login
from gateway.desk.proposed import made_by
from gateway.store.change_kinds import ChangeKind
from gateway.store.changes import ChangeRefusedError
from gateway.store.staffing import how_many_decide

Reason = Annotated[str, typer.Option(help="Why: needed where two people decide, and it stands in the entry. Name nobody.")]


def make_or_propose(here: Office, kind: ChangeKind, content: Mapping[str, Any], *, done: str, reason: str) -> bool:
    """Make the change, and say so; or propose it as who has signed in. Tell whether it was made."""
    if how_many_decide(here.reader.connection) == 1:
        alone = here.changes.proposals.make_alone(kind.name, content, by=operator(), reason=reason)
        said(done, here.append(alone, rests_on=("staffing",)))
        typer.echo(made_by(1))
        return True
    login = load_login(here.council.settings.public_url)
    if not reason.strip():
        raise ChangeRefusedError("two people decide here: give --reason, by which the other knows why")
    told = login.call("POST", "/control/v1/changes", {"kind": kind.name, "reason": reason, **content})
    typer.echo(f"{told['about']} proposed as {told['change']}, for another person to approve (entry {told.get('index')})")
    typer.echo(f"They look at it with `stile change show {told['change']}`.")
    return False


def told_in_lines(one: Mapping[str, Any]) -> list[str]:
    """Return a change as it is read at a terminal."""
    said = [
        f"{one['about']} ({one['change']}): {one['status']}",
        f"Why: {one['reason']}",
        f"Proposed at {one['proposed_at']} by {one['proposed_by']}",
        f"Digest: {one['digest']}",
        *(f"Stale: {name} is another than it was" for name in one["stale"]),
        *(f"Advised by {told['by']} to {told['advice']}: {told['words']}" for told in one["advice"]),
    ]
    if one["decided_by"]:
        said.append(f"Decided at {one['decided_at']} by {one['decided_by']}, {one['decided_as']}: {one['because'] or ''}")
        said += [made_by(1)] if one["people"] == 1 else []
    if one["advice_followed"] is not None:
        said.append(f"The advice was {'followed' if one['advice_followed'] else 'not followed'}.")
    changes = one.get("changes", {})
    said += ["", *changes.get("diff", ())]
    said += [f"{name}: {value}" for name, value in sorted(changes.get("metadata", {}).items())]
    return [*said, *(["", changes["reading"]] if changes.get("reading") else [])]

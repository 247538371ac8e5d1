"""What was proposed, what would it change, and what became of it? As operators are told it, by page, call and command."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from gateway.oauth.clients import Role
from gateway.store.change_kinds import CHANGE_KINDS
from gateway.store.draft_checks import check_draft
from gateway.store.entries import ChangeRefusedError
from gateway.store.proposal_rows import Advice, Proposal, ProposalStatus, advice_on
from gateway.store.registrations import find_registration
from gateway.store.resting import moved
from gateway.store.staffing import TWO
from gateway.store.state import Reader
from policies.reading.findings import TextError
from policies.telling.explain import explain_agreement
from policies.telling.explain_core import explain_core
from schemas.instants import as_text

_SHELF: Final = {"source": "mapping"}  # where a kind's texts stand, where that has another name
Titles = Mapping[Any, str]


def told_proposal(proposal: Proposal, reader: Reader, titles: Titles) -> dict[str, Any]:
    """Return what is listed of a proposal. `titles`: what roles are called here."""
    role = proposal.decided_role
    return {
        "change": proposal.change_id,
        "kind": proposal.kind,
        "about": proposal.about,
        "digest": proposal.digest,
        "reason": proposal.reason,
        "proposed_by": proposal.proposed_by,
        "proposed_at": as_text(proposal.proposed_at),
        "status": proposal.status.value,
        "stale": stale_by(proposal, reader),
        "advice": [_told_advice(one) for one in advice_on(reader.connection, proposal.change_id)],
        "decided_by": proposal.decided_by,
        "decided_as": titles.get(role, role) if role else None,
        "decided_at": as_text(proposal.decided_at) if proposal.decided_at else None,
        "because": proposal.decided_why,
        "advice_followed": proposal.followed,
        "people": proposal.people,
    }


def told_whole(proposal: Proposal, reader: Reader, titles: Titles, roles: AbstractSet[Role]) -> dict[str, Any]:
    """Return all of a proposal, with what it would change: to who may see that."""
    told = told_proposal(proposal, reader, titles)
    if CHANGE_KINDS[proposal.kind].readers.isdisjoint(roles):
        return told
    return {**told, "content": dict(proposal.content), "changes": _changes(proposal, reader)}


def stale_by(proposal: Proposal, reader: Reader) -> list[str]:
    """Return what is another than when it was proposed; nothing of one that is decided."""
    if proposal.status is not ProposalStatus.PENDING:
        return []
    try:
        return moved(proposal.rests_on, now=CHANGE_KINDS[proposal.kind].rests_on(reader, proposal.content))
    except (TextError, ChangeRefusedError):
        return ["what is published"]


def made_by(people: int) -> str:
    """Say how many people a step took, where that was one."""
    return "" if people == TWO else "It was one person's step: this council says that it is too small for two."


def _told_advice(one: Advice) -> dict[str, Any]:
    return {"advice": one.advised.value, "words": one.words, "by": one.given_by, "at": as_text(one.given_at)}


def _changes(proposal: Proposal, reader: Reader) -> dict[str, Any]:
    if "text" in proposal.content:
        return {"diff": _difference(proposal, reader), "reading": _aloud(proposal, reader)}
    if proposal.kind == "registration":
        found = find_registration(reader.connection, proposal.content["client"])
        return {"diff": [], "reading": None, "metadata": dict(found.metadata) if found is not None else {}}
    return {"diff": [], "reading": "From then on one person decides what two decide now."}


def _difference(proposal: Proposal, reader: Reader) -> list[str]:
    """Return the lines of the text that differ from the newest published version; all of them where there is none."""
    name = proposal.about.partition(" ")[2].partition(", version")[0]
    kind = proposal.about.partition(" ")[0]
    shelf = _SHELF.get(kind, kind)
    published = reader.find_text(shelf, name if shelf == "mapping" else name.partition("@")[0])
    before = published[1].splitlines() if published is not None else []
    there = f"version {published[0]}" if published is not None else "nothing"
    found = difflib.unified_diff(before, proposal.content["text"].splitlines(), there, "proposed", lineterm="")
    return list(found)


def _aloud(proposal: Proposal, reader: Reader) -> str | None:
    """Return the text in plain English, where it can be read so among what is published now."""
    try:
        match proposal.kind:
            case "agreement":
                return explain_agreement(check_draft(reader, proposal.content["text"]))
            case "core":
                return explain_core(reader.readings.core(proposal.content["text"]))
            case _:
                return None
    except (TextError, ChangeRefusedError):
        return None

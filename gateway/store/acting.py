"""Who acts on a change: may their office, are they another person than who proposed it, and do they say why?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from audit.stores.connection import Connection
from gateway.oauth.clients import Role
from gateway.store.account_persons import is_another, require_person
from gateway.store.entries import ChangeRefusedError
from gateway.store.proposal_rows import Proposal
from gateway.store.staffing import TWO, how_many_decide

LONGEST_REASON: Final = 1_000


class WrongOfficeError(ChangeRefusedError):
    """Somebody whose office does not do this to a change of this kind."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and in which roles: an operator's session, or a token's client."""

    by: str
    roles: frozenset[Role]

    def require_office(self, needed: frozenset[Role], what: str) -> None:
        """Raise WrongOfficeError where none of their roles is one of these."""
        if self.roles.isdisjoint(needed):
            raise WrongOfficeError(f"{what} is for: {', '.join(sorted(needed))}")

    def acts_as(self, needed: frozenset[Role]) -> str:
        """Return in which of these roles they act: as the asset owner where they are one."""
        held = self.roles & needed
        return Role.APPROVER.value if Role.APPROVER in held else min(held).value


def require_another(connection: Connection, proposal: Proposal, by: str) -> int:
    """Return 2 where somebody else than the proposer acts, 1 where one person may; else raise ChangeRefusedError."""
    if is_another(connection, by, than=proposal.proposed_by, person=proposal.person):
        return TWO
    if how_many_decide(connection) == 1:
        return 1
    require_person(connection, by)
    if proposal.person is None:
        raise ChangeRefusedError(
            "it was proposed when one person decided here, by an account that may be yours: propose anew"
        )
    raise ChangeRefusedError("you proposed it, by this account or by another of yours: somebody else decides")


def one_line(said: str) -> str:
    """Return a reason as it is kept: one line that can be read; ChangeRefusedError for none."""
    found = " ".join(said.split())
    if not found or len(found) > LONGEST_REASON or not found.isprintable():
        raise ChangeRefusedError(f"a reason is one line of 1 to {LONGEST_REASON} characters: say why")
    return found

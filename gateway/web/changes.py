"""How is a change made for whoever has come in? In the transaction that asks once more whether they still count."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from audit.stores.connection import Connection
from audit.writing.item import Appended, Draft, Moment, Within
from audit.writing.sequencer import LogUnavailableError, NotDurableError
from gateway.journey.wiring import Wiring
from gateway.oauth.clients import Role
from gateway.problems import CONFLICT, TEXT_REFUSED, WRONG_ROLE, ProblemError, log_unavailable
from gateway.store.acting import Actor, WrongOfficeError
from gateway.store.changes import ChangeRefusedError
from gateway.store.operator_rows import Session
from gateway.store.proposal_rows import find_proposal
from policies.reading.findings import Finding, TextError

MOST_FINDINGS: Final = 50


@dataclass(frozen=True, slots=True)
class ControlCaller:
    """An authenticated caller. `by` is who entries name; `still_counts` judges again inside a transaction."""

    by: str
    roles: frozenset[Role]
    still_counts: Callable[[Connection, Moment], None]
    session: Session | None = None  # of an operator who has signed in

    @property
    def actor(self) -> Actor:
        """Return who acts on changes that need a second person."""
        return Actor(self.by, self.roles)


async def make_change(
    wiring: Wiring, caller: ControlCaller, within: Within, *, rests_on: Collection[str] = ()
) -> Appended | None:
    """Make a change durable where its caller still counts at that moment, or raise the problem; a text's with findings.

    `rests_on` names state keys whose rows must be what the log says of them.
    """

    def guarded(connection: Connection, moment: Moment) -> Draft | None:
        caller.still_counts(connection, moment)
        state = wiring.services.reader.over(connection)
        for key in rests_on:
            state.check(key)
        return within(connection, moment)

    try:
        return await wiring.services.log.append(guarded)
    except TextError as error:
        raise ProblemError(TEXT_REFUSED, findings=[told_finding(one) for one in error.findings[:MOST_FINDINGS]]) from error
    except WrongOfficeError as error:
        raise ProblemError(WRONG_ROLE, str(error)) from error
    except ChangeRefusedError as error:
        raise ProblemError(CONFLICT, str(error)) from error
    except (NotDurableError, LogUnavailableError) as error:
        raise log_unavailable() from error


def rows_of_deciding(wiring: Wiring, caller: ControlCaller, change_id: str | None = None) -> tuple[str, ...]:
    """Return the state keys that it rests on who may decide: how many people, whose accounts, and what was proposed."""
    found = find_proposal(wiring.services.reader.connection, change_id) if change_id is not None else None
    proposal = (found.state_key, f"account/{found.proposed_by}") if found is not None else ()
    return ("staffing", f"account/{caller.by}", *proposal)


def told_finding(one: Finding) -> dict[str, Any]:
    """Return a flaw of a text as its author is told it."""
    return {"line": one.line, "column": one.column, "message": one.message, "remedy": one.remedy}

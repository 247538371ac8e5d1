"""How is a change made for whoever has come in? In the transaction that asks once more whether they still count."""

from __future__ import annotations

from collections.abc import Callable
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


async def make_change(wiring: Wiring, caller: ControlCaller, within: Within) -> Appended | None:
    """Make a change durable where its caller still counts at that moment, or raise the problem; a text's with findings."""

    def guarded(connection: Connection, moment: Moment) -> Draft | None:
        caller.still_counts(connection, moment)
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


def told_finding(one: Finding) -> dict[str, Any]:
    """Return a flaw of a text as its author is told it."""
    return {"line": one.line, "column": one.column, "message": one.message, "remedy": one.remedy}

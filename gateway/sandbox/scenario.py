"""What is a scenario? A name for a change of facts, with what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.problems import Problem
from gateway.sandbox.facts import Facts
from schemas.reasons import Reason
from schemas.terms import Identity

ASKED: Final = ("/v1/disclosures", "/v1/explain")
TOKEN: Final = "/oauth2/token"  # noqa: S105 -- an address


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named change of facts. Either `problem` comes, or an answer; `reason` is then one of its withheld fields'.

    `where` says for which agreement or call the fact matters: elsewhere the answer is as without it. `oauth` is the
    error of the token endpoint, where the scenario can be played there too.
    """

    name: str
    says: str
    shows: str
    facts: Facts
    problem: Problem | None = None
    reason: Reason | None = None
    identity: Identity | None = None
    where: str = "any"
    oauth: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the addresses at which it can be played."""
        return ASKED if self.oauth is None else (*ASKED, TOKEN)

    def document(self) -> dict[str, object]:
        """Return what /sandbox/scenarios lists, JSON-ready."""
        return {
            "name": self.name,
            "says": self.says,
            "shows": self.shows,
            "where": self.where,
            "status": self.problem.status if self.problem else 200,
            "problem": self.problem.code if self.problem else None,
            "reason": self.reason.value if self.reason else None,
            "identity": self.identity.value if self.identity else None,
            "token_error": self.oauth,
            "at": list(self.paths),
        }

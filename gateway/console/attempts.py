"""How often may somebody try? Counted for the account and for the network, in rows that all workers share."""

from __future__ import annotations

from typing import Final

from gateway.console.door import Visit, append
from gateway.problems import TOO_MANY_ATTEMPTS, ProblemError
from gateway.store.sign_ins import Limit

# In a quarter of an hour. More for an account than for a network, so that no single network can lock somebody out.
MOST_FOR_ACCOUNT: Final = 30
MOST_FROM_NETWORK: Final = 10
MOST_BEGUN: Final = 60  # sign-ins at the provider, from one network


async def count_attempt(visit: Visit, name: str) -> None:
    """Count an attempt at a local account before it is looked at, or raise the 429."""
    operators = visit.wiring.operators
    account = Limit(operators.attempts_at(name), MOST_FOR_ACCOUNT)
    network = Limit(operators.attempts_from(visit.request, "local"), MOST_FROM_NETWORK)
    await _count(visit, (network, account), "local")


async def count_beginning(visit: Visit) -> None:
    """Count a sign-in that is begun at the provider, or raise the 429."""
    await _count(visit, (Limit(visit.wiring.operators.attempts_from(visit.request, "oidc"), MOST_BEGUN),), "oidc")


async def _count(visit: Visit, limits: tuple[Limit, ...], method: str) -> None:
    reached: list[int] = []
    facts = {"method": method, "why": "limit"}
    await append(visit.wiring, visit.wiring.changes.sign_ins.count(limits, facts, reached))
    if reached:
        visit.wiring.telemetry.sign_ins.labels(method, "limited").inc()
        raise ProblemError(TOO_MANY_ATTEMPTS, headers={"Retry-After": str(max(reached))})

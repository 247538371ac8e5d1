"""Attacks by Stile-Scenario: facts are changed for a call in a sandbox alone, and there by a closed list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.attack.attack import Attack
from gateway.attack.judging import Expected, NotApplicableError
from gateway.attack.target import ASK, TOKEN_PATH, Target
from gateway.attack.wire import Heard

PLAYED: Final = "Promise: no gateway but a sandbox plays a scenario"
CLOSED_LIST: Final = "Promise: a sandbox plays the scenarios of its list, one a call"
NOT_A_SANDBOX: Final = Expected((400,), "not_a_sandbox")
REFUSED: Final = Expected((400,), "scenario_refused")
HEADER: Final = "Stile-Scenario"

ELSEWHERE: Final = (
    ("consent", "a consent that nobody gave", "consent-given"),
    ("ended", "an agreement that has ended", "agreement-ended"),
    ("unknown", "a name that there is not", "no-such-scenario"),
    ("empty", "no name", ""),
)
HERE: Final = (
    ("unknown", "a name that there is not", ("no-such-scenario",)),
    ("case", "a name in capitals", ("CONSENT-GIVEN",)),
    ("two", "two of them", ("consent-given", "deceased")),
    ("list", "two in one field", ("consent-given, deceased",)),
)


def _asked(*names: str, sandbox: bool) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        _only(t, sandbox=sandbox)
        return t.ask(t.matter(subject=t.nobody()), *((HEADER, name) for name in names))

    return act


def _only(t: Target, *, sandbox: bool) -> None:
    if t.is_sandbox != sandbox:
        raise NotApplicableError("this is no sandbox" if sandbox else "this is a sandbox")


def _for_token(t: Target) -> Heard:
    _only(t, sandbox=False)
    return t.ask_token(headers=[(HEADER, "agreement-not-yet")])


def attacks() -> list[Attack]:
    """Return the attacks by a scenario."""
    sends = f"POST {ASK} about somebody made up, with {HEADER}"
    found = [
        Attack(f"scenario-{i}", f"Scenario: {n}", PLAYED, sends, NOT_A_SANDBOX, _asked(name, sandbox=False))
        for i, n, name in ELSEWHERE
    ]
    found += [
        Attack(f"scenario-list-{i}", f"Scenario, in a sandbox: {n}", CLOSED_LIST, sends, REFUSED,
               _asked(*names, sandbox=True))
        for i, n, names in HERE
    ]  # fmt: skip
    refused = Expected((400,), looks_for="no token")
    return [
        *found,
        Attack("scenario-token", "Scenario: at the token endpoint", PLAYED, f"POST {TOKEN_PATH} with {HEADER}", refused,
               _for_token),
    ]  # fmt: skip

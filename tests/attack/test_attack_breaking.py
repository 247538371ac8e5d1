"""Is each defence missed where it is taken out? One by one, in a gateway that is attacked over real connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from attack_serving import CALDER, HARBOUR, broken_among, client_of, gateway_at, register_offices, tried
from breaking import Break, broken
from defences_of_callers import CALLERS, UNSEEN
from defences_of_calls import CALLS
from defences_of_operators import CONNECTIONS, SESSIONS
from house import copy_template, open_house, republish

from gateway.attack import Run, Verdict, aim, attacks, place_of
from gateway.attack.target import Target
from gateway.commands.attacking import status_of

BREAKS = (*CALLERS, *CALLS)
ROOT = Path(__file__).parents[2]
# Four lines that a security team changed, each alone: the file, the line, the defence above that it is, what notices.
FOUR = (
    ("gateway/store/locks.py", "MOST_MISSES: Final = 5 ", "guesses at one key", "guess-key"),
    ("gateway/oauth/access_token.py", "if found.expires <= now:", "a token's end", "token-end-waited"),
    ("gateway/limits/counting.py", "self._calls() + 1 <= self._limits.per_minute:", "calls a minute", "calls-a-minute"),
    (
        "gateway/web/offices.py",
        "AUDITING: Final = Rule(frozenset({Role.AUDITOR, Role.DPO}))",
        "who reads the log",
        "role-told",
    ),
)
ATTACKS = {one.id: one for one in attacks()}


@pytest.fixture(scope="module")
def target(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A gateway whose first agreement takes many calls a minute: what is tried here is tried often."""
    directory = copy_template(template, tmp_path_factory.mktemp("broken") / "council")
    with open_house(directory) as house:
        republish(house, HARBOUR.agreement, ("per_minute: 60", "per_minute: 3000"))
    offices = register_offices(directory)
    with gateway_at(directory) as url:
        yield aim(place_of(url), partner=client_of(directory), other=client_of(directory, CALDER), offices=offices)


def verdicts(target: Target, names: Sequence[str]) -> dict[str, tuple[Verdict, str]]:
    results = tried(target, [ATTACKS[one] for one in names])
    return {name: (one.verdict, one.why) for name, one in results.items()}


def test_at_least_eighty_defences_are_broken() -> None:
    """Here and in test_attack_given.py; those of a sandbox come on top."""
    every = [*BREAKS, *CONNECTIONS, *SESSIONS]

    assert len({one.name for one in every}) == len(every) >= 80


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.name.replace(" ", "-"))
def test_a_defence_that_is_taken_out_is_noticed(target: Target, one: Break) -> None:
    """By each attack that it withstands, which holds before: so it is this defence that is missed."""
    waits = any(ATTACKS[name].waits for name in one.noticed_by)
    if one.held_first and not waits:
        before = verdicts(target, one.noticed_by)
        assert {verdict for verdict, _ in before.values()} == {Verdict.HELD}, before
    with broken(one):
        after = verdicts(target, one.noticed_by)

    assert {verdict for verdict, _ in after.values()} == {Verdict.BROKEN}, after


@pytest.mark.parametrize("one", UNSEEN, ids=lambda one: one.name.replace(" ", "-"))
def test_what_is_not_seen_from_outside_still_holds(target: Target, one: Break) -> None:
    with broken(one):
        after = verdicts(target, one.noticed_by)

    assert {verdict for verdict, _ in after.values()} == {Verdict.HELD}, after


@pytest.mark.parametrize(("file", "line", "name", "attack"), FOUR, ids=[one[3] for one in FOUR])
def test_four_lines_that_were_broken_on_purpose_end_the_command_with_one(
    target: Target, council_directory: Path, file: str, line: str, name: str, attack: str
) -> None:
    """With two clients and no office: a part that is opened stands in the gateway's own description, of the same table."""
    assert (ROOT / file).read_text().count(line) == 1
    (one,) = (one for one in BREAKS if one.name == name)
    with broken(one), ExitStack() as held:
        seen = replace(target, offices={})
        if attack == "role-told":  # what a gateway says of itself is made as it starts
            seen = aim(place_of(held.enter_context(gateway_at(council_directory))), partner=None)
        results = tried(seen, [ATTACKS[attack], ATTACKS["stranger-1"]])

    assert status_of(Run(tuple(results.values()))) == 1
    assert broken_among(results) == {attack}


def test_a_tokens_end_holds(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a token lives for no second, so that the test need not wait for five minutes."""
    monkeypatch.setattr("gateway.oauth.server.LIFETIME", 0)

    assert verdicts(target, ["token-end-waited"]) == {"token-end-waited": (Verdict.HELD, "")}


def test_calls_a_minute_hold(target: Target) -> None:
    assert verdicts(target, ["calls-a-minute", "still-serves"]) == dict.fromkeys(
        ("calls-a-minute", "still-serves"), (Verdict.HELD, "")
    )

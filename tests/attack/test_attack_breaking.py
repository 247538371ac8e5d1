"""Is each defence missed where it is taken out? One by one, in a gateway that is attacked over real connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from attack_serving import CALDER, HARBOUR, client_of, gateway_at, register_offices
from breaking import Break, broken
from defences_of_callers import CALLERS, UNSEEN
from defences_of_calls import CALLS
from house import copy_template, open_house, republish

from gateway.attack import Verdict, aim, attacks, place_of, run
from gateway.attack.target import Target

BREAKS = (*CALLERS, *CALLS)
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
    ran = run(target, [ATTACKS[one] for one in names], deadline=60, with_waits=True)
    return {one.attack.id: (one.verdict, one.why) for one in ran.results}


def test_at_least_forty_defences_are_broken() -> None:
    assert len({one.name for one in BREAKS}) == len(BREAKS) >= 40


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


def test_a_part_that_is_opened_is_noticed_without_an_office(council_directory: Path) -> None:
    """By the gateway's own description, which is made of the same table."""
    opened = next(one for one in CALLS if one.name == "who reads the log")
    with broken(opened), gateway_at(council_directory) as url:
        ran = run(aim(place_of(url), partner=None), [ATTACKS["role-told"]], deadline=60)

    assert [one.verdict for one in ran.results] == [Verdict.BROKEN]


def test_a_tokens_end_holds(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a token lives for a second, so that the test need not wait for five minutes."""
    monkeypatch.setattr("gateway.oauth.server.LIFETIME", 1)

    assert verdicts(target, ["token-end-waited"]) == {"token-end-waited": (Verdict.HELD, "")}


def test_calls_a_minute_hold(target: Target) -> None:
    assert verdicts(target, ["calls-a-minute", "still-serves"]) == dict.fromkeys(
        ("calls-a-minute", "still-serves"), (Verdict.HELD, "")
    )

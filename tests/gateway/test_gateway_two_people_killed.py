"""Each step of a change that takes two people is killed, before it is durable and after, and is taken up again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from house import House, open_house
from two_people import Office, ask_for_two, next_agreement, office, published

from gateway.oauth.clients import Role

STEPS = ("propose", "advise", "approve", "reject")
# What a process does that is killed: it makes one step, and ends itself inside of the transaction or after it.
SCRIPT = """
import json, os, signal, sys
from pathlib import Path
from gateway.commands.common import office
from gateway.oauth.clients import Role
from gateway.store.acting import Actor
from gateway.store.proposal_rows import Advised

directory, step, when, change, digest, text = sys.argv[1:]
with office(Path(directory)) as here:
    proposals, decisions = here.changes.proposals, here.changes.decisions
    author, owner, adviser = (
        Actor(name, frozenset({role}))
        for name, role in (("the-author", Role.AUTHOR), ("the-owner", Role.APPROVER), ("the-adviser", Role.DPO))
    )
    within = {
        "propose": proposals.propose("agreement", {"text": text}, reason="why", actor=author, made=[]),
        "advise": decisions.advise(change, digest=digest, advised=Advised.APPROVE, words="good", actor=adviser),
        "approve": decisions.approve(change, digest=digest, actor=owner, why="", against_advice=False, made=[]),
        "reject": decisions.reject(change, digest=digest, actor=owner, why="no", made=[]),
    }[step]

    def killed(connection, moment):
        within(connection, moment)
        os.kill(os.getpid(), signal.SIGKILL)

    here.append(killed if when == "before" else within)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def people_of(house: House) -> tuple[Office, Office, Office]:
    return (
        office(house, "the-author", Role.AUTHOR),
        office(house, "the-owner", Role.APPROVER),
        office(house, "the-adviser", Role.DPO),
    )


def take_up(step: str, people: tuple[Office, Office, Office], change: dict[str, Any], content: dict[str, Any]) -> int:
    """Make the step as whoever had no answer makes it again."""
    author, owner, adviser = people
    if step == "propose":
        return author.post("changes", {**content, "reason": "why"}).status_code
    if step == "advise":
        return adviser.advise(change, "approve", "good").status_code
    return (owner.approve if step == "approve" else owner.reject)(change).status_code


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_killed_is_taken_up_again(council_directory: Path, step: str, when: str) -> None:
    with open_house(council_directory) as house:
        ask_for_two(house)
        people, content, before = people_of(house), next_agreement(house), published(house)
        change = {"change": "none", "digest": "none"} if step == "propose" else people[0].propose(content, reason="why")
    words = [str(council_directory), step, when, change["change"], change["digest"], content["text"]]

    done = subprocess.run([sys.executable, "-c", SCRIPT, *words], timeout=120, check=False)

    assert done.returncode == -signal.SIGKILL
    with open_house(council_directory) as house:
        for one in people:
            one.caller.house = house
            one.caller.get_token()
        status = take_up(step, people, change, content)
        # What was decided is told to be decided; proposing or advising again does no harm.
        assert status == (409 if when == "after" and step in {"approve", "reject"} else 201)
        assert published(house) - before == (step == "approve")
        assert len(house.rows("SELECT change_id FROM proposal")) == 1
        kinds = [one["kind"] for one in house.entries() if one["kind"].startswith("agreement.")]
        assert kinds.count("agreement.proposed") == 1
        assert kinds.count("agreement.rejected") == (step == "reject")

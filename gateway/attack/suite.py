"""Which attacks are there? All of them, in the order in which they are run."""

from __future__ import annotations

from gateway.attack import (
    addresses,
    alike,
    assertions,
    bodies,
    certificates,
    console,
    contexts,
    details,
    endings,
    framing,
    guesses,
    limits,
    locks,
    offices,
    others,
    proofs,
    receipts,
    registrations,
    replays,
    scenarios,
    second_person,
    sessions,
    shapes,
    slow,
    token_forms,
    tokens,
    vouching,
)
from gateway.attack.attack import Attack
from gateway.attack.judging import Expected
from gateway.attack.target import LIST, Target
from gateway.attack.wire import Heard


def attacks() -> list[Attack]:
    """Return every attack; the last looks whether the gateway still serves."""
    rooms = (
        certificates,  # first, for a token that was stolen lives for five minutes
        addresses,
        framing,
        assertions,
        shapes,
        token_forms,
        details,
        replays,
        proofs,
        tokens,
        bodies,
        contexts,
        registrations,
        others,
        vouching,
        scenarios,
        receipts,
        offices,
        second_person,
        console,
        slow,
    )
    found = [one for room in rooms for one in room.attacks()]
    return [*found, *_closing(), _still_serves()]


def _closing() -> list[Attack]:
    """Return what uses up, locks or ends something: what others need comes before what closes it to them."""
    return [
        *alike.attacks(),
        *guesses.attacks(),
        *locks.of_a_person(),
        *limits.attacks(),
        *locks.of_the_client(),
        *limits.of_the_day(),
        *endings.attacks(),
        *sessions.attacks(),
    ]


def _still_serves() -> Attack:
    def act(t: Target) -> Heard:
        t.new_token()
        return t.call("GET", LIST)

    return Attack(
        "still-serves",
        "After all of them, an honest call",
        "Promise: an attacker does not keep others from being served",
        f"POST /oauth2/token and GET {LIST}, honestly",
        Expected((200,), looks_for="the agreements"),
        act,
    )

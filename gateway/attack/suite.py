"""Which attacks are there? All of them, in the order in which they are run."""

from __future__ import annotations

from gateway.attack import (
    addresses,
    assertions,
    bodies,
    console,
    contexts,
    details,
    endings,
    framing,
    guesses,
    offices,
    others,
    proofs,
    receipts,
    registrations,
    replays,
    scenarios,
    shapes,
    slow,
    token_forms,
    tokens,
    vouching,
)
from gateway.attack.judging import Attack, Expected
from gateway.attack.target import LIST, Target
from gateway.attack.wire import Heard


def attacks() -> list[Attack]:
    """Return every attack; the last looks whether the gateway still serves."""
    rooms = (
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
        console,
        slow,
        guesses,
        endings,
    )
    found = [one for room in rooms for one in room.attacks()]
    return [*found, _still_serves()]


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

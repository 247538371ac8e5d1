"""Attacks by slowness: heads and bodies that never end. Bounded by the gateway's own limits of ten seconds."""

from __future__ import annotations

from typing import Final

from gateway.attack.attack import Attack, Needs
from gateway.attack.judging import CLOSED, Expected
from gateway.attack.target import ASK, TOKEN_PATH, Target
from gateway.attack.wire import Heard, head_of

IN_TIME: Final = "Promise: a head or a body that does not end is cut off after ten seconds"
WAIT: Final = 20.0  # seconds until a gateway that still waits has lost
CUT: Final = Expected((400, 408, CLOSED), looks_for=f"within {WAIT:.0f} seconds")


def attacks() -> list[Attack]:
    """Return the attacks by slowness."""
    rows = (
        ("head", "Slow: a head that never ends", "half a head, and nothing more", Needs.NOTHING, _half_a_head),
        ("head-drip", "Slow: a head that drips", "a header field every two seconds", Needs.NOTHING, _dripping_head),
        ("form", "Slow: a form that never ends", f"POST {TOKEN_PATH}, half a body", Needs.NOTHING, _half_a_form),
        ("body", "Slow: a body that never ends", f"POST {ASK} with a good token, half a body", Needs.CLIENT, _half_a_body),
        ("silence", "Slow: a connection that says nothing", "nothing", Needs.NOTHING, _silence),
    )
    return [Attack(f"slow-{i}", n, IN_TIME, sends, CUT, act, needs, is_slow=True) for i, n, sends, needs, act in rows]


def _half_a_head(t: Target) -> Heard:
    return t.place.exchange(b"GET /healthz HTTP/1.1\r\nHost: x\r\n", limit=WAIT)


def _dripping_head(t: Target) -> Heard:
    drops = [b"X-Drop: %d\r\n" % number for number in range(8)]
    return t.place.exchange(b"GET /healthz HTTP/1.1\r\nHost: x\r\n", *drops, limit=WAIT, pause=2.0)


def _half_a_form(t: Target) -> Heard:
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    head = head_of("POST", TOKEN_PATH, [("Host", t.place.authority), kind, ("Content-Length", "100")])
    return t.place.exchange(head + b"grant_type=", limit=WAIT)


def _half_a_body(t: Target) -> Heard:
    headers = [
        ("Host", t.place.authority),
        *t.signed("POST", ASK),
        ("Content-Type", "application/json"),
        ("Content-Length", "100"),
    ]
    return t.place.exchange(head_of("POST", ASK, headers) + b'{"subject":', limit=WAIT)


def _silence(t: Target) -> Heard:
    return t.place.exchange(limit=WAIT)

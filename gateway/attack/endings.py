"""Attacks with what has ended: does a token count past its life?"""

from __future__ import annotations

import time
from typing import Any, Final

from gateway.attack.attack import Attack
from gateway.attack.judging import Expected, HonestCallError, NotApplicableError, json_of
from gateway.attack.target import ASK, LIST, Target
from gateway.attack.wire import Heard

ENDS: Final = "RFC 6749, section 10.3: a token is short-lived, and no token counts past its end"
LONGEST: Final = 300  # seconds
REFUSED: Final = Expected((401,), "token_refused", "invalid_token")


def _ended(t: Target) -> Heard:
    """Get a token, wait till it has ended by its own word, and call with it."""
    answer = json_of(t.ask_token().first)
    life = _life(answer)
    if life is None:
        raise HonestCallError("an honest token request brought no token with its life")
    time.sleep(life + 1)
    return t.send("GET", LIST, t.signed("GET", LIST, token=str(answer["access_token"])))


def _life(answer: Any) -> int | None:
    life = answer.get("expires_in") if isinstance(answer, dict) else None
    return life if isinstance(life, int) and "access_token" in answer else None


def _long(heard: Heard) -> str | None:
    life = _life(json_of(heard.first))
    return None if life is not None and 0 < life <= LONGEST else "its life is another"


def _played(t: Target) -> Heard:
    """Have a sandbox put its clock past the token's end."""
    if not t.is_sandbox:
        raise NotApplicableError("only a sandbox moves its clock for a call")
    return t.ask(t.matter(subject=t.nobody()), ("Stile-Scenario", "token-expired"))


def attacks() -> list[Attack]:
    """Return the attacks with tokens that have ended."""
    life = Expected((200,), look=_long, looks_for=f"a life of at most {LONGEST} seconds", gives_token=True)
    return [
        Attack("token-end-life", "Token's end: one that lives too long", ENDS, "POST /oauth2/token", life,
               lambda t: t.ask_token()),
        Attack("token-end-played", "Token's end: past it, by a sandbox's clock", ENDS, f"POST {ASK}, Stile-Scenario",
               REFUSED, _played),
        Attack("token-end-waited", "Token's end: a second after it", ENDS, f"GET {LIST}, after the token's life", REFUSED,
               _ended, waits=True),
    ]  # fmt: skip

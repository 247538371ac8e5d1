"""Attacks by trying: guesses at people, claims that are guessed, and more calls than are agreed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from gateway.attack.describing import second
from gateway.attack.forging import LEFT_OUT
from gateway.attack.judging import Attack, Expected, HonestCallError, Look, NotApplicableError, json_of
from gateway.attack.target import ASK, DETAIL, Target
from gateway.attack.wire import Heard

KEY_MISSES: Final = 5  # a day for one value of a key, after which the next is refused
WORKER_MISSES: Final = 20  # a day of one caseworker
WRONG_CLAIMS: Final = 5  # a day about one person
MOST_A_MINUTE: Final = 300  # beyond which trying it would be a load
OK: Final = 200
TOO_MANY: Final = 429

GUESSES: Final = "Promise: guesses at a person are counted, and locked for the day"
CLAIMS: Final = "Promise: claims about a person can't be tried till one fits"
CALLS: Final = "Promise: an agreement's calls a minute are bounded"
MATTER: Final = f"POST {ASK}"


def _limited(code: str, limit: str) -> Expected:
    return Expected((TOO_MANY,), code, look=_names(limit), looks_for=f"limit {limit}")


def _names(limit: str) -> Look:
    def look(heard: Heard) -> str | None:
        content = json_of(heard.first)
        return None if isinstance(content, dict) and content.get("limit") == limit else "another limit was reached"

    return look


def _missed(heard: Heard) -> None:
    if heard.first.status != OK:
        raise HonestCallError(f"a guess before the last was answered {heard.first.status}")


def _key(t: Target) -> Heard:
    """Guess at one value of a key, each time as another caseworker: the key's own lock holds."""
    nobody = t.nobody()
    for _ in range(KEY_MISSES):
        _missed(t.ask(t.matter(subject=nobody, caseworker=t.anybody())))
    return t.ask(t.matter(subject=nobody, caseworker=t.anybody()))


def _worker(t: Target, how: Callable[[str], str] = str) -> Heard:
    """Guess at many keys as one caseworker: first as many people at once, then one more."""
    batch = t.described.get("limits", {}).get("batch")
    if not isinstance(batch, int) or batch < WORKER_MISSES:
        raise NotApplicableError(f"the agreement asks about fewer than {WORKER_MISSES} people at once")
    worker = t.anybody()
    people = [{**t.nobody(), "ref": f"r{n}"} for n in range(WORKER_MISSES)]
    _missed(t.ask(t.matter(subject=LEFT_OUT, subjects=people, caseworker=worker)))
    return t.ask(t.matter(subject=t.nobody(), caseworker={**worker, "id": how(worker["id"])}))


def _calls(t: Target) -> Heard:
    """Call till the limit a minute holds, as the second client where there is one: the first stays open."""
    by = second(t) if t.other is not None else t
    most = by.described.get("limits", {}).get("per_minute")
    if not isinstance(most, int) or most > MOST_A_MINUTE:
        raise NotApplicableError(f"the agreement has no limit a minute up to {MOST_A_MINUTE}")
    heard = Heard(())
    for _ in range(most + most // 2 + 5):  # what a minute before has left of its count fades while it is tried
        heard = by.ask(_cheap(by))
        if heard.first.status == TOO_MANY:
            break
    return heard


def _cheap(t: Target) -> dict[str, Any]:
    if not t.described.get("roles"):
        return t.matter(subject=t.nobody())
    return t.matter(subject=t.nobody(), caseworker={"id": "attack", "name": "Attack Suite", "role": "no-such-role"})


def _wrong(t: Target) -> Heard:
    """Claim of one of a sandbox's people what is wrong, till no more may be claimed."""
    if not t.is_sandbox or t.subject is None:
        raise NotApplicableError(
            "it discloses: it is tried on a sandbox, with --subject and --confirm of one of its people"
        )
    plain = [
        field for line in t.described.get("releases", ()) if line.get("form") == "full" and not line.get("when")
        for field in line.get("fields", ())
    ]  # fmt: skip
    if not plain:
        raise NotApplicableError("the agreement releases nothing in full whose claim would be answered")
    details = [{"type": DETAIL, "agreement": t.client.agreement, "actions": ["verify"]}]
    token = t.new_token(authorization_details=json.dumps(details))
    heard = Heard(())
    for _ in range(WRONG_CLAIMS + 1):
        body = json.dumps(t.matter(action="verify", claims={plain[0]: "Nobody Atall"}, caseworker=t.anybody())).encode()
        signed = t.signed("POST", ASK, ("Content-Type", "application/json"), token=token)
        heard = t.send("POST", ASK, signed, body)
        if heard.first.status != OK:
            break
    return heard


def attacks() -> list[Attack]:
    """Return the attacks by trying. They come late: what they lock stays locked till the minute or the day ends."""
    key, worker = _limited("too_many_misses", "misses_per_day"), _limited("too_many_misses", "caseworker_misses_per_day")
    calls, wrong = _limited("limit_reached", "per_minute"), _limited("too_many_misses", "wrong_claims_per_day")
    many = f"{MATTER} about {WORKER_MISSES} people made up, then about one"
    return [
        Attack("guess-key", "Guesses: the sixth for one key", GUESSES, f"{MATTER}, six times", key, _key),
        Attack("guess-caseworker", "Guesses: a caseworker's twenty-first", GUESSES, many, worker, _worker),
        Attack("guess-caseworker-case", "Guesses: the same caseworker in capitals and blanks", GUESSES, many, worker,
               lambda t: _worker(t, lambda name: f" {name.upper()} ")),
        Attack("guess-claims", "Claims: the sixth wrong call about one person", CLAIMS, f"{MATTER} with claims", wrong,
               _wrong),
        Attack("calls-a-minute", "Limits: more calls a minute than are agreed", CALLS, MATTER, calls, _calls),
    ]  # fmt: skip

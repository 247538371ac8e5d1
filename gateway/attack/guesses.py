"""Attacks by trying: guesses at people, and claims that are guessed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final

from gateway.attack.attack import Attack
from gateway.attack.forging import LEFT_OUT
from gateway.attack.judging import Expected, HonestCallError, Look, NotApplicableError, json_of
from gateway.attack.target import ASK, DETAIL, Target
from gateway.attack.wire import Heard

KEY_MISSES: Final = 5  # a day for one value of a key, after which the next is refused
WORKER_MISSES: Final = 20  # a day of one caseworker
WRONG_CLAIMS: Final = 5  # a day about one person
LONGEST_WAIT: Final = 120.0  # seconds, till a limit a minute lets another call through
MOST_AT_A_TIME: Final = 5.0  # of them
PER_MINUTE: Final = "per_minute"
KEY_LIMIT: Final = "misses_per_day"
CLIENT_LIMIT: Final = "client_misses_per_day"
PEOPLE_LIMIT: Final = "subjects_per_day"
CLOSES_THE_DAY: Final = frozenset({CLIENT_LIMIT, PEOPLE_LIMIT})  # of a whole agreement
OK: Final = 200
TOO_MANY: Final = 429

GUESSES: Final = "Promise: guesses at a person are counted, and locked for the day"
CLAIMS: Final = "Promise: claims about a person can't be tried till one fits"
MATTER: Final = f"POST {ASK}"


def limited(code: str, limit: str) -> Expected:
    """Return the answer of a call that a limit of this name stops."""
    return Expected((TOO_MANY,), code, look=_names(limit), looks_for=f"limit {limit}")


def _names(limit: str) -> Look:
    return lambda heard: None if limit_of(heard) == limit else "another limit was reached"


def limit_of(heard: Heard) -> str:
    """Return the name of the limit that an answer was stopped by, or nothing."""
    content = json_of(heard.first)
    named = content.get("limit") if isinstance(content, dict) and heard.first.status == TOO_MANY else None
    return named if isinstance(named, str) else ""


def asked(t: Target, content: Any, *headers: tuple[str, str]) -> Heard:
    """Ask; once more after the minute, where this run has used up the calls of one."""
    return _patiently(lambda: t.ask(content, *headers))


def to_verify(t: Target, content: Any) -> Heard:
    """Ask for what is claimed to be verified, by a token for that alone."""
    details = [{"type": DETAIL, "agreement": t.client.agreement, "actions": ["verify"]}]
    token, body = t.new_token(authorization_details=json.dumps(details)), json.dumps(content).encode()
    kind = ("Content-Type", "application/json")
    return _patiently(lambda: t.send("POST", ASK, t.signed("POST", ASK, kind, token=token), body))


def _patiently(ask: Callable[[], Heard]) -> Heard:
    """Ask till the calls of a minute let it through: what a minute before has left of its count fades in the next."""
    heard, until = ask(), time.monotonic() + LONGEST_WAIT
    while limit_of(heard) == PER_MINUTE and time.monotonic() < until:
        told = heard.first.header("retry-after")
        time.sleep(min(float(told) if told.isdecimal() else 1.0, MOST_AT_A_TIME))
        heard = ask()
    return heard


def plain_field(t: Target) -> str:
    """Return a field that the agreement releases in full whatever the case, so that a claim of it is answered."""
    for line in t.described.get("releases", ()):
        if line.get("form") == "full" and not line.get("when") and line.get("fields"):
            return str(line["fields"][0])
    raise NotApplicableError("the agreement releases nothing in full whose claim would be answered")


def unless_closed(heard: Heard) -> Heard:
    """Return what was heard; NotApplicableError where a run of before has closed the day to everybody."""
    if limit_of(heard) in CLOSES_THE_DAY:
        raise NotApplicableError("a limit of the day is reached already: stile misses lift, or tomorrow")
    return heard


def missed(heard: Heard) -> None:
    """Raise HonestCallError for the refusal of a guess that should have missed."""
    if unless_closed(heard).first.status != OK:
        raise HonestCallError(f"a guess before the last was answered {heard.first.status}")


def _key(t: Target) -> Heard:
    """Guess at one value of a key, each time as another caseworker: the key's own lock holds."""
    same = t.described.get("limits", {}).get("same_subject_per_day")
    if isinstance(same, int) and same < KEY_MISSES:
        raise NotApplicableError(f"the agreement stops calls about one person before {KEY_MISSES} misses")
    nobody = t.nobody()
    for _ in range(KEY_MISSES):
        missed(asked(t, t.matter(subject=nobody, caseworker=t.anybody())))
    return asked(t, t.matter(subject=nobody, caseworker=t.anybody()))


def _worker(t: Target, how: Callable[[str], str] = str) -> Heard:
    """Guess at many keys as one caseworker: first as many people at once, then one more."""
    batch = t.described.get("limits", {}).get("batch")
    if not isinstance(batch, int) or batch < WORKER_MISSES:
        raise NotApplicableError(f"the agreement asks about fewer than {WORKER_MISSES} people at once")
    worker = t.anybody()
    people = [{**t.nobody(), "ref": f"r{n}"} for n in range(WORKER_MISSES)]
    missed(asked(t, t.matter(subject=LEFT_OUT, subjects=people, caseworker=worker)))
    return unless_closed(asked(t, t.matter(subject=t.nobody(), caseworker={**worker, "id": how(worker["id"])})))


def _wrong(t: Target) -> Heard:
    """Claim of one of a sandbox's people what is wrong, till no more may be claimed."""
    if not t.is_sandbox or t.subject is None:
        raise NotApplicableError(
            "it discloses: it is tried on a sandbox, with --subject and --confirm of one of its people"
        )
    heard = Heard(())
    for _ in range(WRONG_CLAIMS + 1):
        claims = {plain_field(t): "Nobody Atall"}
        heard = to_verify(t, t.matter(action="verify", claims=claims, caseworker=t.anybody()))
        if heard.first.status != OK:
            break
    if limit_of(heard) == KEY_LIMIT:
        raise NotApplicableError("misses have locked the subject today: stile misses lift, or another --subject")
    return heard


def attacks() -> list[Attack]:
    """Return the attacks by trying. They come late: what they lock stays locked till the minute or the day ends."""
    key, worker = limited("too_many_misses", KEY_LIMIT), limited("too_many_misses", "caseworker_misses_per_day")
    wrong = limited("too_many_misses", "wrong_claims_per_day")
    many = f"{MATTER} about {WORKER_MISSES} people made up, then about one"
    return [
        Attack("guess-key", "Guesses: the sixth for one key", GUESSES, f"{MATTER}, six times", key, _key),
        Attack("guess-caseworker", "Guesses: a caseworker's twenty-first", GUESSES, many, worker, _worker),
        Attack("guess-caseworker-case", "Guesses: the same caseworker in capitals and blanks", GUESSES, many, worker,
               lambda t: _worker(t, lambda name: f" {name.upper()} ")),
        Attack("guess-claims", "Claims: the sixth wrong call about one person", CLAIMS, f"{MATTER} with claims", wrong,
               _wrong, locks="claims about the subject, for the day"),
    ]  # fmt: skip

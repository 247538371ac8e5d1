"""Attacks on what an agreement bounds: calls a minute, repeats of one, one person a day, people a day."""

from __future__ import annotations

import secrets
from typing import Any, Final

from gateway.attack.attack import Attack
from gateway.attack.describing import second
from gateway.attack.forging import LEFT_OUT
from gateway.attack.guesses import (
    MATTER,
    OK,
    PEOPLE_LIMIT,
    PER_MINUTE,
    TOO_MANY,
    WORKER_MISSES,
    asked,
    limit_of,
    limited,
    missed,
    unless_closed,
)
from gateway.attack.judging import HonestCallError, NotApplicableError
from gateway.attack.target import Target
from gateway.attack.wire import Heard

REPEATS: Final = 10  # a day, of one call by its Idempotency-Key
MOST_A_MINUTE: Final = 300  # beyond which trying it would be a load
MOST_OF_ONE: Final = 20  # a day, about one person: each is an answer
MOST_PARTS: Final = 60  # calls in which a day's people are asked about
ROOM: Final = 60  # people of a day that the rest of the suite may have used

CALLS: Final = "Promise: an agreement's calls a minute are bounded"
DAYS: Final = "Promise: whom a partner asks about in a day is bounded"
AGAIN: Final = "Promise: repeats under one Idempotency-Key are bounded"


def attacks() -> list[Attack]:
    """Return those that close a key of one call, one person of a sandbox, and an agreement for a minute."""
    repeats, person = limited("limit_reached", "repeats_per_day"), limited("limit_reached", "same_subject_per_day")
    calls = limited("limit_reached", PER_MINUTE)
    return [
        Attack("repeats-a-day", "Limits: the eleventh repeat of a call", AGAIN, f"{MATTER}, twelve times", repeats,
               _repeats),
        Attack("person-a-day", "Limits: one person once more than are agreed", DAYS, MATTER, person, _person,
               locks="the subject under the agreement, for the day"),
        Attack("calls-a-minute", "Limits: more calls a minute than are agreed", CALLS, MATTER, calls, _calls,
               locks="calls for a minute, under the agreement of the second client if there is one"),
    ]  # fmt: skip


def of_the_day() -> list[Attack]:
    """Return what closes a sandbox's agreement to everybody new for the day."""
    people = limited("limit_reached", PEOPLE_LIMIT)
    return [
        Attack("people-a-day", "Limits: one person a day more than are agreed", DAYS, f"{MATTER} about people made up",
               people, _people, locks="people who are new to the day, under the agreement"),
    ]  # fmt: skip


def only_in_a_sandbox(t: Target) -> None:
    """Raise NotApplicableError elsewhere."""
    if not t.is_sandbox:
        raise NotApplicableError("it would close the agreement for the rest of the day: it is tried on a sandbox")


def of_limit(t: Target, name: str) -> int | None:
    """Return what the agreement says of a limit."""
    most = t.described.get("limits", {}).get(name)
    return most if isinstance(most, int) else None


def ask_about_many(t: Target, count: int) -> Heard:
    """Ask about so many people made up, few enough a call for a caseworker's misses; return the answer about one more."""
    size = min(of_limit(t, "batch") or 1, WORKER_MISSES - 1)
    if count > MOST_PARTS * size:
        raise NotApplicableError(f"it takes more than {MOST_PARTS} calls under this agreement")
    while count > 0:
        people = [{**t.nobody(), "ref": f"r{n}"} for n in range(size)]
        heard = asked(t, t.matter(subject=LEFT_OUT, subjects=people, caseworker=t.anybody()))
        if heard.first.status not in {OK, TOO_MANY}:
            raise HonestCallError(f"a call before the last was answered {heard.first.status}")
        count -= size
    return asked(t, t.matter(subject=t.nobody(), caseworker=t.anybody()))


def _repeats(t: Target) -> Heard:
    """Send one call about nobody again and again: misses stop it first, and the count of its repeats in the end."""
    body, key = t.matter(subject=t.nobody(), caseworker=t.anybody()), ("Idempotency-Key", f"attack-{secrets.token_hex(8)}")
    missed(asked(t, body, key))
    for _ in range(REPEATS):
        t.ask(body, key)
    return t.ask(body, key)


def _person(t: Target) -> Heard:
    if not t.is_sandbox or t.subject is None:
        raise NotApplicableError(
            "it discloses: it is tried on a sandbox, with --subject and --confirm of one of its people"
        )
    most = of_limit(t, "same_subject_per_day")
    if most is None or most > MOST_OF_ONE:
        raise NotApplicableError(f"the agreement has no limit up to {MOST_OF_ONE} of calls a day about one person")
    heard = Heard(())
    for _ in range(most + 1):
        heard = asked(t, t.matter(caseworker=t.anybody()))
        if heard.first.status != OK:
            break
    if limit_of(heard).endswith("misses_per_day"):
        raise NotApplicableError("misses have locked the subject today: stile misses lift, or another --subject")
    return heard


def _people(t: Target) -> Heard:
    only_in_a_sandbox(t)
    most, misses = of_limit(t, PEOPLE_LIMIT), of_limit(t, "misses_per_day")
    if most is None:
        raise NotApplicableError("the agreement has no limit of people a day")
    if misses is not None and misses <= most:
        raise NotApplicableError("people made up are misses, and the client's own limit of them is reached before")
    return ask_about_many(t, most)


def _calls(t: Target) -> Heard:
    """Call till the limit a minute holds, as the second client where there is one: the first stays open."""
    by = second(t) if t.other is not None else t
    most = of_limit(by, PER_MINUTE)
    if most is None or most > MOST_A_MINUTE:
        raise NotApplicableError(f"the agreement has no limit a minute up to {MOST_A_MINUTE}")
    heard = Heard(())
    for _ in range(most + most // 2 + 5):  # what a minute before has left of its count fades while it is tried
        heard = by.ask(_cheap(by))
        if heard.first.status == TOO_MANY:
            break
    return unless_closed(heard)


def _cheap(t: Target) -> dict[str, Any]:
    """Return a request that is refused before anybody is looked for, where there is one: it is no miss."""
    if t.described.get("roles"):
        return t.matter(subject=t.nobody(), caseworker={"id": "attack", "name": "Attack Suite", "role": "no-such-role"})
    case = LEFT_OUT if "case_reference" in t.described.get("requires", ()) else "attack"
    return t.matter(subject=t.nobody(), caseworker=t.anybody(), case_reference=case)

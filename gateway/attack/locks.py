"""Attacks on what misses lock in a sandbox: a person by several keys, and the client itself. They come last."""

from __future__ import annotations

from typing import Any, Final

from gateway.attack import made_up
from gateway.attack.alike import differ
from gateway.attack.attack import Attack
from gateway.attack.guesses import CLIENT_LIMIT, GUESSES, KEY_MISSES, MATTER, OK, asked, limited
from gateway.attack.judging import Expected, HonestCallError, NotApplicableError, json_of
from gateway.attack.limits import ROOM, ask_about_many, of_limit, only_in_a_sandbox
from gateway.attack.others import joined
from gateway.attack.target import Target
from gateway.attack.wire import Heard

MOST_MISSES: Final = 600  # of a client's day, that are tried
NOT_FOUND: Final = "as about somebody who is not there"


def of_a_person() -> list[Attack]:
    """Return the attack on a person's lock by all their keys."""
    locked = Expected((OK,), look=differ, looks_for=NOT_FOUND)
    sends = f"{MATTER}: five misses by two keys of one person, then the right details"
    return [
        Attack("lock-person", "Guesses: a person by several keys, then rightly", GUESSES, sends, locked, _person,
               locks="the second person, by all their keys, for the day"),
    ]  # fmt: skip


def of_the_client() -> list[Attack]:
    """Return the attack on the client's own limit, after which it finds nobody for the day."""
    return [
        Attack("lock-client", "Guesses: the client's own limit", GUESSES, f"{MATTER} about people made up",
               limited("too_many_misses", CLIENT_LIMIT), _client,
               locks="the client under its agreement, for the day: stile misses lift"),
    ]  # fmt: skip


def _person(t: Target) -> Heard:
    """Miss five times in all, by none of the keys as often as locks that key alone; then give the right details."""
    if not t.is_sandbox or len(t.locked) < 2:  # noqa: PLR2004 -- several
        raise NotApplicableError(
            "it needs a second person of a sandbox, by two keys: --other-subject twice, and --other-confirm"
        )
    for subject in t.locked[:2]:
        if not _is_confirmed(_asked(t, subject)):
            raise NotApplicableError("the second person is not confirmed by each key: locked today, or not held so")
    first, *others = (_with_wrong(t, one) for one in t.locked[:2])
    for subject in [first] * (KEY_MISSES // 2 + 1) + others * (KEY_MISSES // 2):
        heard = _asked(t, subject)
        if heard.first.status != OK or _is_confirmed(heard):
            raise HonestCallError(f"a guess before the last was answered {heard.first.status}")
    key = _key_of(t.locked[1])
    nobody = {key: made_up.value(key), "confirm": t.locked[1]["confirm"]}
    worker = t.anybody()
    return joined(_asked(t, t.locked[1], worker), _asked(t, nobody, worker))


def _asked(t: Target, subject: Any, worker: dict[str, Any] | None = None) -> Heard:
    return asked(t, t.matter(subject=dict(subject), caseworker=worker or t.anybody()))


def _key_of(subject: Any) -> str:
    return str(next(name for name in subject if name != "confirm"))


def _with_wrong(t: Target, subject: Any) -> dict[str, Any]:
    return {**subject, "confirm": {one: made_up.detail(one, t.examples.get(one, "")) for one in subject["confirm"]}}


def _is_confirmed(heard: Heard) -> bool:
    content = json_of(heard.first)
    told = content.get("disclosure") if isinstance(content, dict) else None
    return isinstance(told, dict) and told.get("identity") == "confirmed"


def _client(t: Target) -> Heard:
    only_in_a_sandbox(t)
    most, people = of_limit(t, "misses_per_day"), of_limit(t, "subjects_per_day")
    if most is None or most > MOST_MISSES:
        raise NotApplicableError(f"the agreement has no limit of a client's misses up to {MOST_MISSES}")
    if people is not None and most + ROOM > people:
        raise NotApplicableError("people made up count for the day, and its limit is reached before")
    return ask_about_many(t, most)

"""Is a wrong guess at somebody who is there answered as one at nobody? Whole answers, on a sandbox's people."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.attack import made_up
from gateway.attack.attack import Attack
from gateway.attack.forging import LEFT_OUT
from gateway.attack.guesses import KEY_LIMIT, asked, limit_of, missed, plain_field, to_verify
from gateway.attack.judging import Expected, NotApplicableError, json_of
from gateway.attack.others import joined
from gateway.attack.target import ASK, Target
from gateway.attack.wire import Answer, Heard

ALIKE: Final = "Promise: a partner can't tell who is there from who is not, by a guess that fails"
OK: Final = 200
ANEW: Final = frozenset({"disclosure_id", "request_id", "decided_at", "id", "at", "counter"})  # each time told anew
IN_LOG: Final = frozenset({"checkpoint", "proof", "path", "index", "size", "seed", "state_index"})  # where the entry stands
DIGESTS: Final = frozenset({"digest", "_sd", "root"})  # of what has an id in it
TIMED: Final = frozenset({"x-request-id", "server-timing", "date", "content-length", "dpop-nonce", "ratelimit"})
SHORTEST: Final = 12  # characters of a text that holds JSON, encoded

Make = Callable[[Target, dict[str, Any], dict[str, Any]], Heard]


def attacks() -> list[Attack]:
    """Return the comparisons. Each guess is a miss about the subject, so that they are few."""
    told = Expected((OK,), look=differ, looks_for="the same answer, but for ids, times, salts and proof")
    sends = f"POST {ASK} about the subject with wrong details, and about somebody made up"
    rows = (("read", "to read", _read), ("verify", "to verify", _verify), ("many", "two people in one call", _many))
    return [Attack(f"alike-{i}", f"Somebody and nobody: {n}", ALIKE, sends, told, _both(make)) for i, n, make in rows]


def differ(heard: Heard) -> str | None:
    """Return where two answers differ, by the path of a member; None where they do not."""
    if len(heard.answers) != 2:  # noqa: PLR2004 -- a pair
        return "one of the two was not answered"
    somebody, nobody = heard.answers
    return _first_difference(_told(somebody), _told(nobody))


def _told(answer: Answer) -> dict[str, Any]:
    headers = [[name, None if name in TIMED else value] for name, value in answer.headers]
    return {"status": answer.status, "headers": headers, "body": _plain("", json_of(answer))}


def _plain(name: str, value: Any) -> Any:
    """Return what is told, without what is new in each answer: of a digest its length, of a salt too."""
    if name in ANEW or name in IN_LOG:
        return None
    if name in DIGESTS:
        return [len(one) for one in value] if isinstance(value, list) else len(str(value))
    if isinstance(value, str):
        return _opened(name, value)
    if isinstance(value, list):
        return [_plain("", one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(key, one) for key, one in value.items()}
    return value


def _opened(name: str, text: str) -> Any:
    """Return what an entry or an opening holds; any other text as it is."""
    held = _decoded(text) if len(text) >= SHORTEST else None
    if isinstance(held, list) and len(held) == 3 and held[1] == name:  # noqa: PLR2004 -- salt, name and value
        return [len(str(held[0])), name, _plain("", held[2])]
    return text if held is None else _plain("", held)


def _decoded(text: str) -> Any:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def _first_difference(one: Any, other: Any, path: str = "") -> str | None:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(one[key], other[key], f"{path}.{key}") for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(mine, theirs, f"{path}[{n}]") for n, (mine, theirs) in enumerate(zip(one, other, strict=True))]
    else:
        return None if one == other else f"the two differ at {path.lstrip('.') or 'the answer'}"
    return next((found for pair in pairs if (found := _first_difference(*pair)) is not None), None)


def _both(make: Make) -> Callable[[Target], Heard]:
    def act(t: Target) -> Heard:
        key, value = _key_of(t)
        nobody = {key: made_up.value(key), "confirm": _wrong(t)}
        # Where the day takes nobody new, who was asked about before and who was not are told apart, and may be.
        missed(asked(t, t.matter(subject=t.nobody(), caseworker=t.anybody())))
        worker = t.anybody()
        somebody = make(t, {key: value, "confirm": _wrong(t)}, worker)
        if limit_of(somebody) == KEY_LIMIT:
            raise NotApplicableError("misses have locked the subject today: stile misses lift, or another --subject")
        missed(somebody)
        return joined(somebody, make(t, nobody, worker))

    return act


def _key_of(t: Target) -> tuple[str, Any]:
    if not t.is_sandbox or t.subject is None:
        raise NotApplicableError(
            "it needs a person who is there: a sandbox, with --subject and --confirm of one of its people"
        )
    return next((name, value) for name, value in t.subject.items() if name != "confirm")


def _wrong(t: Target) -> Mapping[str, str]:
    named = (t.subject or {}).get("confirm", {})
    return {name: made_up.detail(name, t.examples.get(name, "")) for name in named}


def _read(t: Target, subject: dict[str, Any], worker: dict[str, Any]) -> Heard:
    return asked(t, t.matter(subject=subject, caseworker=worker))


def _verify(t: Target, subject: dict[str, Any], worker: dict[str, Any]) -> Heard:
    claims = {plain_field(t): made_up.NOBODY}
    return to_verify(t, t.matter(action="verify", claims=claims, subject=subject, caseworker=worker))


def _many(t: Target, subject: dict[str, Any], worker: dict[str, Any]) -> Heard:
    key = next(name for name in subject if name != "confirm")
    second = {key: made_up.value(key), "confirm": subject["confirm"]}
    people = [{**subject, "ref": "a"}, {**second, "ref": "b"}]
    return asked(t, t.matter(subject=LEFT_OUT, subjects=people, caseworker=worker))

"""Did the gateway hold? What each attack must be answered with, and what none may ever bring."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.attack.wire import Answer, Heard

CLOSED: Final = 0  # in the place of a status: the connection may be closed without an answer
DEEPEST: Final = 40


class Verdict(StrEnum):
    """How an attack ended."""

    HELD = "held"
    BROKEN = "broken"
    NOT_RUN = "not run"


class HonestCallError(Exception):
    """A call that nothing is wrong with was refused, so that the attack could not be made."""


class BrokenError(Exception):
    """An attack saw for itself that a promise was broken. The message says how, without a value."""


class NotApplicableError(Exception):
    """This attack says nothing of this gateway or this client. The message says why."""


Look = Callable[[Heard], str | None]


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer that an attack must get. `look` returns what is wrong besides, where something is."""

    statuses: tuple[int, ...]
    code: str | None = None
    challenge: str | None = None
    look: Look | None = None
    looks_for: str = ""
    gives_token: bool = False

    def words(self) -> str:
        """Say it for the report."""
        statuses = " or ".join("closed" if one == CLOSED else str(one) for one in self.statuses)
        parts = [statuses, self.code, f"({self.challenge})" if self.challenge else None]
        return " ".join(one for one in parts if one) + (f"; {self.looks_for}" if self.looks_for else "")


def broken_by(expected: Expected, heard: Heard) -> str | None:
    """Return what broke the promise, in words without a value that was sent or answered; None where it held."""
    if heard.is_late:
        return f"no answer within {heard.seconds:.0f} seconds"
    if not heard.answers:
        return None if CLOSED in expected.statuses else "the connection was closed without an answer"
    for answer in heard.answers:
        wrong = _wrong(expected, answer)
        if wrong is not None:
            return wrong
    return expected.look(heard) if expected.look else None


def _wrong(expected: Expected, answer: Answer) -> str | None:
    if answer.status >= 500:  # noqa: PLR2004 -- HTTP's own number
        return f"the gateway failed: {answer.status}"
    content = json_of(answer)
    if not expected.gives_token and _holds(content, "access_token"):
        return "a token was given"
    if _discloses(content):
        return "data were disclosed"
    if answer.status not in expected.statuses:
        return f"answered {answer.status}"
    if answer.status < 400:  # noqa: PLR2004 -- HTTP's own number
        return None
    if expected.code is not None and code_of(answer) != expected.code:
        return "refused with another code"
    if expected.challenge is not None and f'error="{expected.challenge}"' not in answer.header("www-authenticate"):
        return "refused with another challenge"
    return None


def json_of(answer: Answer) -> Any:
    """Return the body as JSON, a list of its lines where it is NDJSON, None where it is neither."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in answer.body.splitlines() if line]
    except (ValueError, RecursionError):
        return None


def code_of(answer: Answer) -> str:
    """Return the code of a problem, or the error of a refusal by OAuth; nothing where there is neither."""
    content = json_of(answer)
    found = (content.get("code") or content.get("error")) if isinstance(content, dict) else None
    return found if isinstance(found, str) else ""


def _inner(content: Any) -> list[Any]:
    if isinstance(content, dict):
        return list(content.values())
    return content if isinstance(content, list) else []


def _holds(content: Any, name: str, depth: int = 0) -> bool:
    if isinstance(content, dict) and name in content:
        return True
    return depth < DEEPEST and any(_holds(one, name, depth + 1) for one in _inner(content))


def _discloses(content: Any, depth: int = 0) -> bool:
    """Tell whether a record's fields stand anywhere in an answer."""
    if isinstance(content, dict) and "withheld" in content:
        record = content.get("record")
        if isinstance(record, dict) and record.get("fields"):
            return True
    return depth < DEEPEST and any(_discloses(one, depth + 1) for one in _inner(content))

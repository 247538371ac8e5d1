"""Whom does an attack ask about? Somebody made up, whose key and details have the shape that the gateway asks for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

NOBODY: Final = "Nobody"
BORN: Final = "1801-01-01"  # nobody who is alive
_DAY: Final = ("date", "dob", "born", "birth")
_MOST_WEIGHT: Final = 11


def _nhs_number() -> str:
    """Return a number of the range that is for tests (999), with its check digit."""
    while True:
        first = f"999{secrets.randbelow(10**6):06}"
        total = sum(int(digit) * (10 - place) for place, digit in enumerate(first))
        check = (_MOST_WEIGHT - total % _MOST_WEIGHT) % _MOST_WEIGHT
        if check < 10:  # noqa: PLR2004 -- one digit
            return f"{first}{check}"


def _nino() -> str:
    return f"AA{secrets.randbelow(10**6):06}A"


# Identifiers and places, by a part of the name that a dataset gives them.
_MADE: Final[tuple[tuple[str, Callable[[], str]], ...]] = (
    ("nhs", _nhs_number),
    ("nino", _nino),
    ("uprn", lambda: f"9{secrets.randbelow(10**9):09}"),
    ("upn", lambda: "B801200005001"),
    ("postcode", lambda: "GIR 0AA"),
    ("email", lambda: "nobody@nobody.example"),
)


def detail(name: str, example: str = "") -> str:
    """Return a detail of nobody's: a day where the gateway's own example is one, else by its name."""
    if _is_day(example) or any(part in name for part in _DAY):
        return BORN
    return next((make() for part, make in _MADE if part in name), NOBODY)


def _is_day(example: str) -> bool:
    return len(example) == len(BORN) and example.replace("-", "").isdigit()


def value(name: str) -> str:
    """Return a value of a key that no register holds."""
    return next((make() for part, make in _MADE if part in name), f"9{secrets.randbelow(10**9):09}")


def person(described: Mapping[str, Any], examples: Mapping[str, str]) -> dict[str, Any]:
    """Return a subject whom no register holds: by the first key of the agreement, a composite one last."""
    keys: dict[str, Any] = described.get("keys") or {"ref": {}}
    name, key = next((one for one in keys.items() if "all_of" not in one[1]), next(iter(keys.items())))
    if "all_of" in key:
        return {name: {one: detail(one, examples.get(one, "")) for one in key["all_of"]}}
    return {name: value(name), "confirm": {one: detail(one, examples.get(one, "")) for one in key.get("confirm", ())}}


def examples_of(openapi: Any, agreement: str) -> dict[str, str]:
    """Return the details of the example that the gateway's own description has for an agreement."""
    found = openapi
    for part in ("paths", "/v1/disclosures", "post", "requestBody", "content", "application/json", "examples", agreement):
        found = found.get(part) if isinstance(found, dict) else None
    value = found.get("value") if isinstance(found, dict) else None
    subject = value.get("subject") if isinstance(value, dict) else None
    confirm = subject.get("confirm") if isinstance(subject, dict) else None
    return {name: one for name, one in confirm.items() if isinstance(one, str)} if isinstance(confirm, dict) else {}

"""Which headers came with a call? Put by their names once, for whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request

_KEPT: Final = "stile.headers"  # where a call's scope keeps them
NONE: Final[Sequence[str]] = ()


def headers_of(request: Request) -> Mapping[bytes, Sequence[str]]:
    """Return the values of each header, as many as came, by its name in lower case."""
    kept: Mapping[bytes, Sequence[str]] | None = request.scope.get(_KEPT)
    if kept is not None:
        return kept
    found: dict[bytes, list[str]] = {}
    for name, value in request.scope["headers"]:
        found.setdefault(name, []).append(value.decode("latin-1"))
    request.scope[_KEPT] = found
    return found


def first_of(request: Request, name: bytes) -> str:
    """Return the first value of a header, "" where none came."""
    values = headers_of(request).get(name)
    return values[0] if values else ""

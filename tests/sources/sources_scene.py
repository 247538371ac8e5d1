"""A search and a fetch of one person, answered by a service as a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from sources_people import CARDS, LOANS, Adapter, as_json, asking

from gateway.sources.contract import Found, SourceFailedError
from schemas.decision import Record
from schemas.request import SubjectQuery
from schemas.terms import Match

GRACE = SubjectQuery("card_no", "C1", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
FOUND = Found(Match.CONFIRMED, subject="holder", people={"holder": "P1"}, row="C1")
SECRETS = ("C1", "okafor", "OKAFOR", "1985", "secret", "P1", "fields=")


def answering(body: bytes, status: int = 200, **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    given = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers=given)

    return answer


def items(*records: Any) -> bytes:
    return json.dumps({"items": list(records)}).encode()


def fetch(source: Adapter, *paths: str) -> Record:
    records = asking(source, lambda one: one.fetch([(FOUND, frozenset(paths))]))
    found: Record = records[0]
    return found


def failure(source: Adapter, kind: type[SourceFailedError] = SourceFailedError) -> str:
    """Return how a search fails, and a fetch alike; neither tells a value or an address."""

    async def both(of: Adapter) -> list[BaseException | object]:
        works = (of.identify([GRACE]), of.fetch([(FOUND, frozenset({"fines"}))]))
        return [await asyncio.gather(work, return_exceptions=True) for work in works]

    search, read = (outcome[0] for outcome in asking(source, both))
    assert type(search) is type(read)
    assert isinstance(search, kind)
    assert str(search) == str(read)
    assert not [word for word in SECRETS if word in str(search)], str(search)
    assert search.__cause__ is None
    return str(search)


def whole() -> dict[str, Any]:
    return as_json(CARDS[0], LOANS)

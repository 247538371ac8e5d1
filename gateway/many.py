"""How is a call about many people answered? In chunks, each recorded before a line of it leaves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

import orjson

from audit.entry import canonical
from gateway.appending import Chunk
from gateway.disclose import decide_and_record, headers_of, nothing_permitted
from gateway.judgement import agreement_asked, check_fields, check_query
from gateway.prepared import written_lines
from gateway.problems import BATCH_TOO_LARGE, REQUEST_MALFORMED, ProblemError
from gateway.services import Ask, Services
from gateway.sources.cleaning import key_form, typed_form
from gateway.store.state import LiveAgreement
from schemas.dataset import Dataset
from schemas.instants import london_day
from schemas.request import NamedSubject, SubjectQuery

CHUNK: Final = 100  # people of one entry
AT_ONCE: Final = 500  # people who are checked before others get their turn


@dataclass(slots=True)
class Lines:
    """The lines of one answer, a chunk at a time. Lives for one call.

    A chunk is recorded, then given out. One that fails ends the answer: those before it stand.
    """

    ask: Ask
    services: Services
    permits: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    tripped: tuple[str, ...] = ()
    outcomes: Counter[str] = field(default_factory=Counter)
    chunks: int = 0

    async def begin(self) -> None:
        """Check everybody's key and details. Raises ProblemError: then nobody was looked for."""
        await check_people(self.ask, self.services)

    async def each(self) -> AsyncIterator[list[bytes]]:
        """Give each chunk's lines, its receipt last. Raises ProblemError where a chunk can't be answered."""
        people = iter(self.ask.request.subjects)
        while some := list(islice(people, CHUNK)):
            yield await self._chunk(some)
            self.ask.steps.mark("answer")

    def end(self) -> bytes:
        """Return the line that closes an answer: without it the answer is incomplete."""
        lines = sum(self.outcomes.values())
        return canonical({"end": {"lines": lines, "chunks": self.chunks, "outcomes": dict(self.outcomes)}})

    async def _chunk(self, people: Sequence[NamedSubject]) -> list[bytes]:
        # Each chunk stands on the state of its own moment: a withdrawal counts from the next one.
        call = self.ask.as_of(self.services.reader.refresh()) if self.chunks else self.ask
        asks = tuple(call.about(one) for one in people)
        refs = tuple(one.ref for one in people)
        attempt, appended, prepared = await decide_and_record(Chunk(asks, self.chunks, refs), self.services)
        if not self.chunks:
            self.headers = headers_of(attempt)
        self.permits = self.permits or not attempt.refuses_everybody
        self.tripped = tuple(dict.fromkeys((*self.tripped, *prepared.tripped)))
        self.outcomes.update(part.outcome.value for part in prepared.parts)
        self.chunks += 1
        return written_lines(prepared, refs, appended, self.services.settings.origin)


def refusal_of(lines: Sequence[bytes], end: bytes, ask: Ask, services: Services) -> bytes:
    """Return the body of a 403: the lines, and the problem's members beside them."""
    return canonical({**nothing_permitted(ask, services), **orjson.loads(whole(lines, end))})


def whole(lines: Sequence[bytes], end: bytes | None, problem: bytes | None = None) -> bytes:
    """Return an answer as one JSON document of the same lines."""
    closing = b"" if end is None else end[1:-1] + b","
    failed = b"" if problem is None else b"," + problem[1:-1]
    return b"{" + closing + b'"lines":[' + b",".join(lines) + b"]" + failed + b"}"


# -- may these people be asked about in one call?


async def check_people(ask: Ask, services: Services) -> None:
    """Raise ProblemError for more people than the agreement's batch, a wrong key or detail, a person named twice."""
    people = ask.request.subjects
    live = _live(ask, services)
    if live is None or live.ended:
        return
    most = live.agreement.limits.batch
    if len(people) > most:
        raise ProblemError(BATCH_TOO_LARGE, f"subjects: {len(people)} are more than the {most} of {live.agreement.id}")
    check_fields(ask, live)
    seen: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
    for number, one in enumerate(people):
        check_query(one.query, one.claims, live, f"subjects[{number}]")
        _check_once(seen, number, one.query, live.dataset)
        if number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)


def _live(ask: Ask, services: Services) -> LiveAgreement | None:
    name = agreement_asked(ask)
    now: datetime = services.clock()
    return services.reader.find_agreement(name, london_day(now)) if name else None


def _check_once(
    seen: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]], number: int, query: SubjectQuery, dataset: Dataset
) -> None:
    """Refuse a person who is named twice. Two who share a key must differ in a detail that both lines give."""
    fields = dataset.fields
    value = key_form(fields[query.key], query.value) or " ".join(query.value.split())
    details = {name: typed_form(fields[name], text) for name, text in query.confirm.items()}
    others = seen.setdefault((query.key, value.casefold()), [])
    for earlier, known in others:
        if all(known[name] == details[name] for name in known.keys() & details.keys()):
            raise ProblemError(
                REQUEST_MALFORMED,
                f"subjects[{number}] may be the person of subjects[{earlier}]: name each once, and tell apart two who "
                "share a key by the same detail",
            )
    others.append((number, details))

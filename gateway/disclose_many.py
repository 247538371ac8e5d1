"""How is a call about many people answered? In chunks, each recorded before a line of it leaves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import orjson

from audit.format.entry import canonical
from gateway.disclose import decide_and_record
from gateway.journey.call import Ask, Chunk, Version
from gateway.journey.check_people import check_people
from gateway.journey.equipment import Services
from gateway.journey.outcome import headers_of, not_named_by, nothing_permitted
from gateway.journey.prepare import written_lines
from gateway.problems import REQUEST_MALFORMED
from gateway.telemetry import Urgent
from schemas.request import NamedSubject

CHUNK: Final = 100  # people of one entry


@dataclass(slots=True)
class Lines:
    """The lines of one answer, a chunk at a time. Lives for one call.

    A chunk is recorded, then given out. One that fails ends the answer: those before it stand.
    """

    ask: Ask
    services: Services
    permits: bool = False
    detail: str | None = None  # of a refusal
    headers: dict[str, str] = field(default_factory=dict)
    tripped: tuple[str, ...] = ()
    outcomes: Counter[str] = field(default_factory=Counter)
    chunks: int = 0
    misses: int | None = None  # of this client today, where they are so many that it is an alarm
    urgent: list[Urgent] = field(default_factory=list)  # of an emergency, for each chunk
    misfits: dict[int, str] = field(default_factory=dict)  # by their places: who can't be asked about, and why
    checked: Version | None = None  # the version that everybody was checked by

    async def begin(self) -> None:
        """Check everybody's key and details. Raises ProblemError: then nobody was looked for."""
        checking = check_people(self.ask, self.services)
        while True:
            try:
                next(checking)
            except StopIteration as done:
                self.misfits, self.checked = done.value
                return
            await asyncio.sleep(0)

    async def each(self) -> AsyncIterator[list[bytes]]:
        """Give each chunk's lines, its receipt last. Raises ProblemError where a chunk can't be answered.

        The lines of those who can't be asked about come first of all: a chunk's others are one entry.
        """
        people = (one for number, one in enumerate(self.ask.request.subjects) if number not in self.misfits)
        refused = [self._refused(number) for number in self.misfits]
        while some := list(islice(people, CHUNK)):
            yield [*refused, *await self._chunk(some)]
            refused = []
            self.ask.steps.mark("answer")

    def _refused(self, number: int) -> bytes:
        """Return the line of somebody whose key or details have no shape that could be looked for."""
        problem = REQUEST_MALFORMED.body(
            detail=self.misfits[number], request_id=self.ask.request_id, base=self.services.settings.public_url
        )
        return canonical({"problem": problem, "ref": self.ask.request.subjects[number].ref})

    def end(self) -> bytes:
        """Return the line that closes an answer: without it the answer is incomplete."""
        lines = sum(self.outcomes.values())
        refused = {"refused": len(self.misfits)} if self.misfits else {}
        return canonical({"end": {"lines": lines, "chunks": self.chunks, "outcomes": dict(self.outcomes), **refused}})

    async def _chunk(self, people: Sequence[NamedSubject]) -> list[bytes]:
        # Each chunk stands on the state of its own moment: a withdrawal counts from the next one.
        call = self.ask.as_of(self.services.reader.refresh()) if self.chunks else self.ask
        asks = tuple(call.about(one) for one in people)
        refs = tuple(one.ref for one in people)
        chunk = Chunk(asks, self.chunks, refs, self.checked, len(self.ask.request.subjects))
        end, appended = await decide_and_record(chunk, self.services)
        self.detail = self.detail or not_named_by(end.judged.decision.unnamed, end.judged)
        self.headers = headers_of(end)
        self.permits = self.permits or not end.refuses_everybody
        self.tripped = tuple(dict.fromkeys((*self.tripped, *end.prepared.tripped)))
        self.misses = end.misses or self.misses
        self.urgent += [end.urgent] if end.urgent is not None else []
        self.outcomes.update(part.outcome.value for part in end.prepared.parts)
        self.chunks += 1
        return written_lines(end.prepared, refs, appended, self.services.settings.origin)


def refusal_of(lines: Sequence[bytes], end: bytes, ask: Ask, services: Services, detail: str | None) -> bytes:
    """Return the body of a 403: the lines, and the problem's members beside them."""
    return canonical({**nothing_permitted(ask, services, detail), **orjson.loads(whole(lines, end))})


def whole(lines: Sequence[bytes], end: bytes | None, problem: bytes | None = None) -> bytes:
    """Return an answer as one JSON document of the same lines."""
    closing = b"" if end is None else end[1:-1] + b","
    failed = b"" if problem is None else b"," + problem[1:-1]
    return b"{" + closing + b'"lines":[' + b",".join(lines) + b"]" + failed + b"}"

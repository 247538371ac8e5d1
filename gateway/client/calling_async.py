"""The client for event loops: `async with AsyncClient(...) as gateway: answer = await gateway.get(subject)`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from typing_extensions import override

from gateway.client.asking import Action, Caseworker, Emergency, Matter, Said, Subject, Vouch
from gateway.client.calling import make_journeys
from gateway.client.connections_async import AsyncConnections
from gateway.client.journeys import Many
from gateway.client.keeping import Keeper
from gateway.client.results import Agreement, Answer, Explanation, Receipt
from gateway.client.retrying import Patience, Timing
from gateway.client.steps import BrokenError, Call, Journey, Keep, Pause, Turn

T = TypeVar("T")


class AsyncClient:
    """As `Client`, for one event loop. The keeper is called in a thread, so that a slow disk holds up nobody."""

    def __init__(
        self,
        issuer: str,
        *,
        client_id: str,
        key: Mapping[str, Any] | str | Path,
        vkey: str,
        agreement: str | None = None,
        keeper: Keeper | None = None,
        patience: Patience | None = None,
        narrow: bool = False,
        tls: ssl.SSLContext | None = None,
        timing: Timing | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._keeper, self._sleep, self._lock = keeper, sleep, asyncio.Lock()
        self._connections = AsyncConnections(tls)
        self._journeys = make_journeys(
            issuer,
            client_id,
            key,
            vkey,
            agreement,
            patience or Patience(),
            timing or Timing(),
            narrow=narrow,
            keeps=keeper is not None,
        )

    async def get(
        self,
        subject: Subject,
        *,
        fields: Sequence[str] | None = None,
        agreement: str | None = None,
        case_reference: str | None = None,
        caseworker: Caseworker | None = None,
        emergency: Emergency | None = None,
        statement: str | None = None,
        assessment: str | None = None,
        vouch: Vouch | None = None,
        scenario: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Read one person's fields; all that the agreement may release where none are named."""
        matter = Matter(
            agreement=agreement,
            fields=fields,
            case_reference=case_reference,
            caseworker=caseworker,
            emergency=emergency,
            statement=statement,
            assessment=assessment,
            vouch=vouch,
            scenario=scenario,
        )
        return await self._run(self._journeys.about_one(subject, matter, action=Action.READ, key=idempotency_key))

    async def verify(
        self,
        subject: Subject,
        claims: Mapping[str, str | bool | int],
        *,
        idempotency_key: str | None = None,
        **matter: Unpack[Said],
    ) -> Answer:
        """Ask whether claims are true: `answer.said(field)`. `matter` as for `get`, without fields."""
        return await self._run(
            self._journeys.about_one(subject, Matter(**matter), action=Action.VERIFY, claims=claims, key=idempotency_key)
        )

    async def match(self, subject: Subject, *, idempotency_key: str | None = None, **matter: Unpack[Said]) -> Answer:
        """Ask whether this is the person: `answer.is_confirmed`. `matter` as for `get`, without fields."""
        return await self._run(
            self._journeys.about_one(subject, Matter(**matter), action=Action.MATCH, key=idempotency_key)
        )

    async def many(
        self,
        subjects: Sequence[Subject],
        *,
        action: Action | str = Action.READ,
        idempotency_key: str | None = None,
        **matter: Unpack[Said],
    ) -> AsyncIterator[Answer]:
        """Ask about many people, each with a `ref`; give each once their chunk is proved, in the order of asking.

        Raises IncompleteError after the last proved one where the answer breaks off, and LinesRefusedError where some could
        not be asked about, for what names them. `matter` as for `get`.
        """
        begun = await self._run(
            self._journeys.about_many(list(subjects), Matter(**matter), action=Action(action), key=idempotency_key)
        )
        async for answer in self._lines(begun):
            yield answer

    async def agreements(self, *, agreement: str | None = None) -> tuple[Agreement, ...]:
        """List your own agreements, with what is left of their limits. `agreement`: any that you have."""
        return await self._run(self._journeys.agreements(agreement))

    async def explain(self, **matter: Unpack[Said]) -> Explanation:
        """Ask what would be decided, about nobody. `matter` as for `get`."""
        return await self._run(self._journeys.explain(Matter(**matter)))

    async def receipt(self, of: str | Answer, *, agreement: str | None = None) -> Receipt:
        """Get the receipt of an answer again, to the newest checkpoint: by its disclosure_id, or of one at hand."""
        return await self._run(self._journeys.receipt(of, agreement))

    async def description(self, *, agreement: str | None = None, collection: bool = False) -> bytes:
        """Get your own OpenAPI description, or the Postman collection that is made from it."""
        path = "/v1/collection.json" if collection else "/v1/openapi.json"
        return await self._run(self._journeys.describe(path, agreement))

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @override
    def __repr__(self) -> str:
        return f"AsyncClient({self._journeys.session.issuer!r}, client_id={self._journeys.session.client_id!r})"

    async def _lines(self, begun: Many) -> AsyncIterator[Answer]:
        if begun.rest is None:
            for answer in begun.answers:
                yield answer
            begun.check_all_asked()
            return
        lines = begun.reader()
        try:
            async for piece in begun.rest.pieces():
                for proved in lines.feed(piece):
                    await self._run(self._journeys.kept(proved))
                    for answer in proved.answers:
                        yield answer
        except BrokenError as error:
            lines.finish(str(error))
        finally:
            begun.rest.close()
        lines.finish()
        await self._run(self._journeys.closed(lines))
        begun.check_all_asked()

    async def _run(self, journey: Journey[T]) -> T:
        """Take a journey's steps. The right to ask for a token is given back whatever happens."""
        holds = False
        result: Any = None
        failure: Exception | None = None
        try:
            while True:
                try:
                    step = journey.throw(failure) if failure is not None else journey.send(result)
                except StopIteration as done:
                    found: T = done.value
                    return found
                result, failure = None, None
                if isinstance(step, Turn):
                    holds = await self._turn(step)
                    continue
                try:
                    result = await self._take(step)
                except (BrokenError, OSError) as error:
                    failure = error
        finally:
            journey.close()
            if holds:
                self._lock.release()

    async def _turn(self, step: Turn) -> bool:
        if step is Turn.TAKE:
            await self._lock.acquire()
            return True
        self._lock.release()
        return False

    async def _take(self, step: Call | Pause | Keep) -> Any:
        if isinstance(step, Call):
            return await self._connections.send(step)
        if isinstance(step, Pause):
            return await self._sleep(step.seconds)
        return await asyncio.to_thread(self._keeper, step.name, step.content) if self._keeper else None

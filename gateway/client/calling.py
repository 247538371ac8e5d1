"""The client for threads: `with Client(...) as gateway: answer = gateway.get(subject)`."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from typing_extensions import override

from audit.tree.checkpoint import parse_vkey
from audit.tree.merkle import ProofError
from gateway.client.addresses import checked_issuer
from gateway.client.asking import Action, Caseworker, Emergency, Matter, Said, Subject, Vouch
from gateway.client.connections import Connections
from gateway.client.journeys import Journeys, Many
from gateway.client.keeping import Keeper
from gateway.client.results import Agreement, Answer, Explanation, Receipt
from gateway.client.retrying import Patience, Timing
from gateway.client.session import Session
from gateway.client.signing import load_key
from gateway.client.steps import BrokenError, Call, Journey, Keep, Pause, Turn

T = TypeVar("T")


def make_journeys(
    issuer: str,
    client_id: str,
    key: Any,
    vkey: str,
    agreement: str | None,
    patience: Patience,
    timing: Timing,
    *,
    narrow: bool,
    keeps: bool,
) -> Journeys:
    """Return what both clients do; ValueError for an address, a private key or a log's key that is none."""
    try:
        parse_vkey(vkey.strip())
    except ProofError as error:
        raise ValueError(f"vkey: {error}; give the log's key as it was handed to you, name+id+key") from error
    session = Session(checked_issuer(issuer), client_id, load_key(key), patience, timing)
    return Journeys(session, vkey.strip(), agreement, narrow, keeps)


class Client:
    """Asks one gateway as one OAuth client. Safe to share between threads.

    `key` is the private JWK (a mapping, a file, or a key); `vkey` the log's key as it was handed to you, by which every
    receipt is verified; `keeper` is given each answer's exact bytes before you are. Close it, or use `with`.
    """

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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._keeper, self._sleep, self._lock = keeper, sleep, threading.Lock()
        self._connections = Connections(tls)
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

    def get(
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
        return self._run(self._journeys.about_one(subject, matter, action=Action.READ, key=idempotency_key))

    def verify(
        self,
        subject: Subject,
        claims: Mapping[str, str | bool | int],
        *,
        idempotency_key: str | None = None,
        **matter: Unpack[Said],
    ) -> Answer:
        """Ask whether claims are true: `answer.said(field)`. `matter` as for `get`, without fields."""
        return self._run(
            self._journeys.about_one(subject, Matter(**matter), action=Action.VERIFY, claims=claims, key=idempotency_key)
        )

    def match(self, subject: Subject, *, idempotency_key: str | None = None, **matter: Unpack[Said]) -> Answer:
        """Ask whether this is the person: `answer.is_confirmed`. `matter` as for `get`, without fields."""
        return self._run(self._journeys.about_one(subject, Matter(**matter), action=Action.MATCH, key=idempotency_key))

    def many(
        self,
        subjects: Sequence[Subject],
        *,
        action: Action | str = Action.READ,
        idempotency_key: str | None = None,
        **matter: Unpack[Said],
    ) -> Iterator[Answer]:
        """Ask about many people, each with a `ref`; give each once their chunk is proved, in the order of asking.

        Raises IncompleteError after the last proved one where the answer breaks off, and LinesRefusedError where some could
        not be asked about, for what names them. `matter` as for `get`.
        """
        begun = self._run(
            self._journeys.about_many(list(subjects), Matter(**matter), action=Action(action), key=idempotency_key)
        )
        return self._lines(begun)

    def agreements(self, *, agreement: str | None = None) -> tuple[Agreement, ...]:
        """List your own agreements, with what is left of their limits. `agreement`: any that you have."""
        return self._run(self._journeys.agreements(agreement))

    def explain(self, **matter: Unpack[Said]) -> Explanation:
        """Ask what would be decided, about nobody. `matter` as for `get`."""
        return self._run(self._journeys.explain(Matter(**matter)))

    def receipt(self, of: str | Answer, *, agreement: str | None = None) -> Receipt:
        """Get the receipt of an answer again, to the newest checkpoint: by its disclosure_id, or of one at hand."""
        return self._run(self._journeys.receipt(of, agreement))

    def description(self, *, agreement: str | None = None, collection: bool = False) -> bytes:
        """Get your own OpenAPI description, or the Postman collection that is made from it."""
        path = "/v1/collection.json" if collection else "/v1/openapi.json"
        return self._run(self._journeys.describe(path, agreement))

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @override
    def __repr__(self) -> str:
        return f"Client({self._journeys.session.issuer!r}, client_id={self._journeys.session.client_id!r})"

    def _lines(self, begun: Many) -> Iterator[Answer]:
        if begun.rest is None:
            yield from begun.answers
            begun.check_all_asked()
            return
        lines = begun.reader()
        try:
            for piece in begun.rest.pieces():
                for proved in lines.feed(piece):
                    self._run(self._journeys.kept(proved))
                    yield from proved.answers
        except BrokenError as error:
            lines.finish(str(error))
        finally:
            begun.rest.close()
        lines.finish()
        self._run(self._journeys.closed(lines))
        begun.check_all_asked()

    def _run(self, journey: Journey[T]) -> T:
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
                    holds = self._turn(step)
                    continue
                try:
                    result = self._take(step)
                except (BrokenError, OSError) as error:
                    failure = error
        finally:
            journey.close()
            if holds:
                self._lock.release()

    def _turn(self, step: Turn) -> bool:
        if step is Turn.TAKE:
            self._lock.acquire()
            return True
        self._lock.release()
        return False

    def _take(self, step: Call | Pause | Keep) -> Any:
        if isinstance(step, Call):
            return self._connections.send(step)
        if isinstance(step, Pause):
            return self._sleep(step.seconds)
        return self._keeper(step.name, step.content) if self._keeper else None

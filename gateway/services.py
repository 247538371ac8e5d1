"""What does the journey need, made once in `build_app` and passed in?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from audit.keyring import Keyring
from audit.sequencer import Appended, Within
from gateway.oauth.caller import Caller
from gateway.settings import Settings
from gateway.sources.contract import Source
from gateway.store.state import Reader
from gateway.telemetry import Steps
from schemas.dataset import Dataset
from schemas.request import DisclosureRequest


class Log(Protocol):
    """The log as the journey writes it.

    `append` returns once the entry would survive a power cut, and not before; None where `within` wanted no
    entry. Raises audit's NotDurableError or LogUnavailableError: then nothing of the item was kept.
    """

    async def append(self, within: Within) -> Appended | None: ...


@dataclass(frozen=True, slots=True)
class Secrets:
    """The controller-wide keys that the journey uses. Never logged."""

    index: bytes
    pseudonym: bytes


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a disclosure is made with. `new_id(prefix, at)` gives entry ids."""

    settings: Settings
    clock: Callable[[], datetime]
    reader: Reader
    source_of: Callable[[Dataset, Reader], Source]
    log: Log
    keyring: Keyring
    secrets: Secrets
    new_id: Callable[[str, datetime], str]
    build_digest: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One call for one person's data, read and authenticated.

    `body_digest` is SHA-256 of the body as received; `state_index` is S, read before the caller was looked at.
    """

    request: DisclosureRequest
    caller: Caller
    body_digest: str
    idempotency_key: str | None
    request_id: str
    state_index: int
    steps: Steps


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner gets: a status, the exact bytes, and headers besides."""

    status: int
    body: bytes
    media_type: str
    headers: Mapping[str, str]

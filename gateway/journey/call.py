"""What is one call, read and authenticated? Of a call about many people, what is the part about one, and about some?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from audit.writing.keyring import reference
from gateway.oauth.caller import Caller
from gateway.telemetry import Steps
from schemas.request import DisclosureRequest, NamedSubject

Version = tuple[str, str]  # digests of an agreement and its dataset


@dataclass(frozen=True, slots=True)
class Ask:
    """One call for one person's data; of a call about many, the part about one.

    `body_digest` is SHA-256 of the body as received; `state_index` is S, read before the caller was looked at.
    `caseworker_ref` is the keyed reference of the caseworker who asks, where the call names one.
    """

    request: DisclosureRequest
    caller: Caller
    body_digest: str
    idempotency_key: str | None
    request_id: str
    state_index: int
    steps: Steps
    caseworker_ref: bytes | None = None

    def about(self, who: NamedSubject) -> Ask:
        """Return the same call, about one of the people that it names."""
        return replace(self, request=replace(self.request, subject=who.query, claims=who.claims, subjects=()))

    @property
    def differs(self) -> bool:
        """Tell whether anything but who it is about may make this ask's decision another than its neighbour's."""
        return self.request.claims is not None or any("subject" in one for one in self.caller.token.details.values())

    def as_of(self, state_index: int) -> Ask:
        """Return the same, to be judged as of a later state."""
        return replace(self, state_index=state_index)


@dataclass(frozen=True, slots=True)
class Chunk:
    """The people of one call that go into one entry: the one it is about, or some of the many.

    `number` counts a call's chunks from 0. `refs` are the caller's own labels of many; a call about one has none. `checked`
    is the version that all people of the call were checked by, and `total` how many they are.
    """

    asks: tuple[Ask, ...]
    number: int = 0
    refs: tuple[str, ...] = ()
    checked: Version | None = None
    total: int = 1

    @property
    def idempotency_key(self) -> str | None:
        """Return the name that this chunk's first use is kept under: a call may break off between its chunks."""
        key = self.asks[0].idempotency_key
        return f"{key} {self.number}" if key is not None and self.number else key


def caseworker_reference(secret: bytes, caller: Caller, request: DisclosureRequest) -> bytes | None:
    """Return the keyed reference of the caseworker whom a request names; None where it names none."""
    if request.caseworker is None:
        return None
    return reference(secret, "caseworker", f"{caller.client.partner_id}/{request.caseworker.id}")

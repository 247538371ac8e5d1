"""What does one round of the journey bring to the log, and how does it end there?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from audit.format.entry import canonical
from gateway.journey.call import Ask, Chunk
from gateway.journey.entry_names import keyed_digest
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement, no_person_could_change
from gateway.journey.person import Line, Prepared
from gateway.limits.reached import NOTHING_LEFT, Left, Reached
from gateway.telemetry import Urgent
from schemas.terms import Assurance


class Stopped(Enum):
    """Why a call was not answered as prepared."""

    REPLAYED = "replayed"
    REVOKED = "revoked"
    KEY_REUSED = "key_reused"
    EXPIRED = "expired"
    FETCH_AGAIN = "fetch_again"


@dataclass(frozen=True, slots=True)
class Round:
    """The prepared answers of one chunk. A later round of a call finds its own `jti` used, as a later chunk does."""

    chunk: Chunk
    lines: tuple[Line, ...]
    prepared: Prepared
    services: Services
    is_first: bool = True

    @property
    def ask(self) -> Ask:
        """Return the call, as it is for the first of its people."""
        return self.chunk.asks[0]

    @property
    def judged(self) -> Judgement:
        """Return what was judged of the first person: agreement and instant are the same for all."""
        return self.lines[0].judged

    @property
    def basis(self) -> tuple[str, ...]:
        """Return the state keys that its judgements rest on."""
        return tuple(dict.fromkeys(key for line in self.lines for key in line.judged.basis))

    @property
    def is_first_of_call(self) -> bool:
        """Tell whether the call's `jti` is yet to be used."""
        return self.is_first and self.chunk.number == 0

    @property
    def digest(self) -> str:
        """Return what a repeat must share: the body, and the agreement and grant that it is under without naming them.

        Keyed, for a body can be guessed. And who asks, in which role, where a signed context says so beside the body.
        """
        agreement, caseworker = self.judged.agreement_id or "", self.ask.request.caseworker
        under = [self.ask.body_digest, agreement, dict(self.ask.caller.token.details.get(agreement, {}))]
        if caseworker is not None and caseworker.assurance is Assurance.VOUCHED:
            under.append([caseworker.id, caseworker.role])
        return keyed_digest(self.services.secrets.index, canonical(under))


@dataclass(frozen=True, slots=True)
class RoundEnd:
    """How a round ended: why it stopped, or which limit refused the call, or what was recorded.

    `misses` are this client's of today, where they are so many that it is an alarm; `urgent` is what operators are told of
    an emergency; `decided_again_at` the instant as of which a stopped round was judged.
    """

    lines: tuple[Line, ...]
    prepared: Prepared
    stopped: Stopped | None = None
    reached: Reached | None = None
    left: Left = NOTHING_LEFT
    misses: int | None = None
    urgent: Urgent | None = None
    decided_again_at: datetime | None = None

    @property
    def judged(self) -> Judgement:
        """Return what stands of the first person: agreement and instant are the same for all."""
        return self.lines[0].judged

    @property
    def refuses_everybody(self) -> bool:
        """Tell whether everything was refused for what no person could change."""
        return all(no_person_could_change(line.judged.decision) for line in self.lines)

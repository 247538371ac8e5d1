"""How is a failure recorded? In the same detail as a refusal, and it releases nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from audit.format.commitment import BUNDLES_OF_ONE, Sealed, seal
from audit.format.entry import Kind
from audit.stores.recipients import COUNTERS
from audit.stores.shelf import Key
from audit.stores.subject_keys import Whose
from audit.writing.item import Draft, Known, Moment, Verdict
from audit.writing.key_shelf import key_of as persons_key
from gateway.journey.call import Chunk
from gateway.journey.entry_keys import Keys, choose_keys, claim_rows, given_before, held_now
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement
from gateway.log.used_once import remember


@dataclass(frozen=True, slots=True)
class Failing:
    """The item of the log that records a failure. It tells whether it was: not, where the proof was used before."""

    entry_id: str
    code: str
    facts: Mapping[str, str]
    chunk: Chunk
    judged: tuple[Judgement, ...]
    services: Services
    is_first: bool
    whose: frozenset[Whose]

    def keys(self, _state_index: int) -> Collection[Key]:
        """Return what it reads."""
        partner = self.chunk.asks[0].caller.client.partner_id
        return {(COUNTERS, partner), *(persons_key(one) for one in self.whose)}

    def judge(self, known: Known, moment: Moment) -> Verdict[bool]:
        """Record everybody whom the failed chunk was about, each under their own key."""
        call = self.chunk.asks[0]
        if self.is_first and not remember(moment, (call.caller.seen,)):
            return Verdict(told=False)
        pairs = zip(self.chunk.asks, self.judged, strict=True)
        keys = [choose_keys(one, ask, self.services, held_now(known)) for ask, one in pairs]
        draft = Draft(
            kind=Kind.FAILURE,
            entry_id=self.entry_id,
            sealed=self._sealed(keys),
            outcome="none",
            recipient=call.caller.client.partner_id,
        )
        claims = dict(claim for one in keys for claim in one.claims)
        return Verdict(True, draft, claim_rows(claims, known))

    def _sealed(self, keys: Sequence[Keys]) -> Sealed:
        call, controller = self.chunk.asks[0], keys[0].controller
        client = call.caller.client
        names = ["subject"] if len(keys) == 1 else [f"subject/{number}" for number in range(len(keys))]
        subjects = {
            name: (key.subject, {"ref": one.subject_ref}) for name, key, one in zip(names, keys, self.judged, strict=True)
        }
        return seal(
            self.entry_id,
            {
                "parties": (controller, {"partner": client.partner_id, "client": client.client_id}),
                "what": (controller, {"code": self.code, "agreement": self.judged[0].agreement_id}),
                "facts": (controller, dict(self.facts)),
                "request": (keys[0].subject, {"digest": call.body_digest}),
                **subjects,
            },
            (),
            None,
            at_least=BUNDLES_OF_ONE,
        )


async def record_failure(
    chunk: Chunk, judged: Sequence[Judgement], services: Services, code: str, *, facts: Mapping[str, str], is_first: bool
) -> str | None:
    """Append a `failure` entry and return its id; None where the proof was used before. Raises what the log raises.

    `facts` says why: nothing personal.
    """
    entry_id = services.new_id("f", judged[0].at)
    given = [choose_keys(one, ask, services, given_before(services)) for ask, one in zip(chunk.asks, judged, strict=True)]
    failing = Failing(
        entry_id=entry_id,
        code=code,
        facts=facts,
        chunk=chunk,
        judged=tuple(judged),
        services=services,
        is_first=is_first,
        whose=frozenset(whose for one in given for whose, _ in one.claims),
    )
    return entry_id if (await services.log.settle(failing)).told else None

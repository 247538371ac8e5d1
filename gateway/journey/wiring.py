"""What do the HTTP handlers reach? Made in `build_app`, kept at `app.state.wiring`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.writing.sequencer import Sequencer
from gateway.council.directory import Council
from gateway.council.issuer_keys import IssuerKeys
from gateway.journey.equipment import Services
from gateway.limits.early_refusals import EarlyLimits
from gateway.oauth.assertion_check import PerMinute
from gateway.oauth.caller import Door
from gateway.oauth.fetched_keys import FetchedKeys
from gateway.oauth.nonces import Nonces
from gateway.oauth.server import Endpoint
from gateway.operators.parts import Operators
from gateway.problems import NOT_A_SANDBOX, ProblemError
from gateway.store.changes import Changes
from gateway.telemetry import Telemetry

Mark = tuple[bytes, bytes]  # a header that each answer has


def refuse_scenarios(_wiring: Wiring, _path: str, _named: Sequence[str]) -> Wiring:
    """Refuse to play a scenario: one that was ignored would pass for a test that ran."""
    raise ProblemError(NOT_A_SANDBOX)


@dataclass(frozen=True, slots=True)
class Wiring:
    """The joined parts of a running gateway.

    `stage` returns the parts for one call to a path that names scenarios; a sandbox alone plays any.
    """

    council: Council
    services: Services
    sequencer: Sequencer
    door: Door
    endpoint: Endpoint
    nonces: Nonces | None
    clients: FetchedKeys
    issuer_keys: IssuerKeys
    assertion_tests: PerMinute
    early_limits: EarlyLimits
    changes: Changes
    operators: Operators
    telemetry: Telemetry
    stage: Callable[[Wiring, str, Sequence[str]], Wiring] = refuse_scenarios
    marks: Callable[[], Sequence[Mark]] = tuple

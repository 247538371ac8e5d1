"""What do the HTTP handlers reach? Made in `build_app`, kept at `app.state.wiring`."""

from __future__ import annotations

from dataclasses import dataclass

from audit.sequencer import Sequencer
from gateway.council import Council
from gateway.early_limits import EarlyLimits
from gateway.issuer_keys import IssuerKeys
from gateway.oauth.assertion_check import PerMinute
from gateway.oauth.caller import Door
from gateway.oauth.fetched_keys import FetchedKeys
from gateway.oauth.nonces import Nonces
from gateway.oauth.server import Endpoint
from gateway.operators.parts import Operators
from gateway.services import Services
from gateway.store.changes import Changes
from gateway.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Wiring:
    """The joined parts of a running gateway."""

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

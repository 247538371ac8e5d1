"""How does one call of a sandbox get its scenario? Its parts are staged for it alone, so nothing of it can stay behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway.journey.equipment import Phrases, Services
from gateway.journey.wiring import Mark, Wiring
from gateway.limits.early_refusals import EarlyLimits
from gateway.problems import NOT_A_SANDBOX, SCENARIO_REFUSED, ProblemError
from gateway.sandbox.facts import Scene
from gateway.sandbox.scenario import Scenario
from gateway.sandbox.scenarios import SCENARIOS
from gateway.sandbox.staged import StagedClients, StagedLog, StagedReader, StagedSource, staged_clock, staged_counts
from schemas.terms import Environment

SUFFIX: Final = "/sandbox"  # of the log's origin: a log's name is for ever, so no production log becomes a sandbox's
MARK: Final[Mark] = (b"stile-environment", Environment.SANDBOX.value.encode())


def sandboxed(wiring: Wiring) -> Wiring:
    """Return the parts of a gateway that plays scenarios, and says of each answer that it is of a sandbox."""
    return replace(wiring, stage=stage, marks=lambda: (MARK,))


def is_sandbox_origin(origin: str) -> bool:
    """Tell whether a log by this name can only be a sandbox's."""
    return origin.endswith(SUFFIX)


def stage(wiring: Wiring, path: str, named: Sequence[str]) -> Wiring:
    """Return the parts for one call under the scenario that it names. Raises ProblemError where that can't be played."""
    if not is_sandbox_origin(wiring.council.settings.origin):
        raise ProblemError(NOT_A_SANDBOX, f"the log's origin does not end in {SUFFIX}: make one with `stile sandbox init`")
    scenario = _named(path, named)
    scene = Scene(scenario.facts)
    clients = StagedClients(wiring.door.clients, scene)
    return replace(
        wiring,
        services=_services(wiring.services, scene),
        door=replace(wiring.door, clients=clients),
        endpoint=replace(wiring.endpoint, clients=clients),
        early_limits=EarlyLimits(),
        marks=lambda: (MARK, _told(scenario, scene)),
    )


def _named(path: str, named: Sequence[str]) -> Scenario:
    """Return the one scenario that a call names. What was sent is not repeated: anybody may send anything."""
    if len(named) != 1:
        raise ProblemError(SCENARIO_REFUSED, "Stile-Scenario is given twice: send one")
    scenario = SCENARIOS.get(named[0])
    if scenario is None:
        raise ProblemError(SCENARIO_REFUSED, f"there is no such scenario; there are: {', '.join(sorted(SCENARIOS))}")
    if path not in scenario.paths:
        where = ", ".join(f"POST {one}" for one in scenario.paths)
        raise ProblemError(SCENARIO_REFUSED, f"{scenario.name} is played at: {where}")
    return scenario


def _services(services: Services, scene: Scene) -> Services:
    return replace(
        services,
        clock=staged_clock(services.clock, scene),
        reader=StagedReader(services.reader, scene),
        source_of=lambda dataset, reader: StagedSource(services.source_of(dataset, reader), scene, dataset),
        log=StagedLog(services.log, scene),
        read_counts=lambda _connection, keys: staged_counts(scene, keys),
        phrases=Phrases(),  # those of others name an agreement by its digest, which a scenario leaves as it is
    )


def _told(scenario: Scenario, scene: Scene) -> Mark:
    """Return the header that says what was played, and whether the journey came to read what was changed."""
    return b"stile-scenario", f"{scenario.name};read=?{int(scene.was_read)}".encode()

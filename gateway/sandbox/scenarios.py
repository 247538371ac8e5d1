"""Which scenarios are there? A closed list: no other name is played."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.sandbox.about_agreements import AGREEMENTS, LIMITS
from gateway.sandbox.about_callers import CALLERS
from gateway.sandbox.about_people import PEOPLE, RECORDS
from gateway.sandbox.scenario import Scenario

SCENARIOS: Final[Mapping[str, Scenario]] = {one.name: one for one in (*PEOPLE, *RECORDS, *AGREEMENTS, *LIMITS, *CALLERS)}

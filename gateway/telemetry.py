"""What do operators see? Messages and metrics, with nothing personal and nothing secret in either.

Only the names listed here pass the filter: a message's other members are dropped, whatever they hold.
"""

from __future__ import annotations

import sys
import time
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ALLOWED: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "request_id",
        "traceparent",
        "method",
        "route",
        "status",
        "code",
        "milliseconds",
        "client_id",
        "error",
        "guardrails",
        "count",
        "address",
        "metrics",
        "reason",
        "kind",
    }
)


def keep_allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every member that is not on the list."""
    return {name: value for name, value in event.items() if name in ALLOWED}


def make_logger() -> Any:
    """Return a logger that writes JSON lines to standard error."""
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_allowed,
            structlog.processors.JSONRenderer(),
        ],
    )


class Steps:
    """How long each step of one call took. Two `mark`s of one name add up."""

    def __init__(self) -> None:
        self._last = self._begun = time.perf_counter()
        self.taken: dict[str, float] = {}

    def mark(self, name: str) -> None:
        """Say that a step has just ended."""
        now = time.perf_counter()
        self.taken[name] = self.taken.get(name, 0.0) + now - self._last
        self._last = now

    def total(self) -> float:
        """Return the seconds since the call began."""
        return time.perf_counter() - self._begun


class Telemetry:
    """Metrics of one gateway, in a registry of its own; labels come from closed lists alone."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.logger = make_logger()
        self.answers = Counter("stile_answers", "Answers by route and status.", ("route", "status"), registry=self.registry)
        self.seconds = Histogram(
            "stile_answer_seconds",
            "Seconds from the first byte of a call to its answer.",
            ("route",),
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=self.registry,
        )
        self.steps = Histogram(
            "stile_step_seconds",
            "Seconds that each step of a disclosure took.",
            ("step",),
            buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5),
            registry=self.registry,
        )
        self.refused_tokens = Counter(
            "stile_refused_tokens",
            "Calls and token requests refused for want of authentication.",
            registry=self.registry,
        )
        self.tripped = Counter(
            "stile_guardrails_tripped",
            "Disclosures in which a guardrail's net changed a result: a bug.",
            registry=self.registry,
        )
        self.log_size = Gauge("stile_log_state_index", "The newest state entry seen.", registry=self.registry)

    def count(self, route: str, status: int, steps: Steps) -> None:
        """Count one answer and what its steps took."""
        self.answers.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(steps.total())
        for name, seconds in steps.taken.items():
            self.steps.labels(name).observe(seconds)

"""What do operators see? Messages and metrics, with nothing personal and nothing secret in either.

Only the names listed here pass the filter: a message's other members are dropped, whatever they hold.
"""

from __future__ import annotations

import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from schemas.terms import EmergencyKind

NO_END: Final = 9_999  # days
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
        "worker",
        "seconds",
        "source",
        "cause",
        "file",
        "rows",
        "rows_before",
        "state_key",
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


class Timings(Collector):
    """A histogram of seconds by one label. It costs a tenth of what the client library's own does.

    For one thread; what a scrape reads from another may lack the observation of that very moment.
    """

    def __init__(self, name: str, what: str, label: str, *, bounds: tuple[float, ...]) -> None:
        self._name, self._what, self._label, self._bounds = name, what, label, bounds
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, value: str, seconds: float) -> None:
        """Count one observation."""
        counts = self._counts.get(value)
        if counts is None:
            counts = self._counts[value] = [0] * (len(self._bounds) + 1)
            self._sums[value] = 0.0
        counts[bisect_left(self._bounds, seconds)] += 1
        self._sums[value] += seconds

    @override
    def collect(self) -> Iterator[Metric]:
        """Return what a scrape is told."""
        family = HistogramMetricFamily(self._name, self._what, labels=[self._label])
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for value, counts in list(self._counts.items()):
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric([value], buckets=buckets, sum_value=self._sums[value])
        yield family


@dataclass(frozen=True, slots=True)
class Urgent:
    """An emergency, as operators are told it; `many` is how many people its caseworker has had today, for an alarm."""

    client_id: str
    kind: EmergencyKind
    people: int
    many: int | None


class Telemetry:
    """Metrics of one gateway, in a registry of its own; labels come from closed lists alone."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.logger = make_logger()
        self.answers = Counter("stile_answers", "Answers by route and status.", ("route", "status"), registry=self.registry)
        self._counted: dict[tuple[str, int], Counter] = {}  # the library looks a label up for longer than it counts
        self.seconds = Timings(
            "stile_answer_seconds",
            "Seconds from the first byte of a call to its answer.",
            "route",
            bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
        )
        self.steps = Timings(
            "stile_step_seconds",
            "Seconds that each step of a disclosure took.",
            "step",
            bounds=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5),
        )
        self.registry.register(self.seconds)
        self.registry.register(self.steps)
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
        self.misses = Counter(
            "stile_misses_alarms",
            "Times that a client's misses of a day reached twenty, doubled, or reached its agreement's limit.",
            registry=self.registry,
        )
        self.emergencies = Counter(
            "stile_emergencies",
            "Calls in an emergency that opened something, by its kind; a chunk of many people is one.",
            ("kind",),
            registry=self.registry,
        )
        self.many_emergencies = Counter(
            "stile_emergencies_alarms",
            "Times that a caseworker's people of a day's emergencies passed ten, or doubled.",
            registry=self.registry,
        )
        self.restarts = Counter(
            "stile_worker_restarts", "Workers that had ended unasked and were started anew.", registry=self.registry
        )
        self.damage = Counter(
            "stile_damage_found",
            "Times that rows were not what the log says of them (rows), or the log was not the one that it was (log).",
            ("what",),
            registry=self.registry,
        )
        self.by_switch = Counter(
            "stile_compatible_assertions",
            "Token requests whose assertion passed only by a compatibility switch of its client.",
            registry=self.registry,
        )
        self.key_fetches = Counter(
            "stile_client_keys_fetched",
            "Fetches of clients' keys from their jwks_uri.",
            ("outcome",),
            registry=self.registry,
        )
        self.sign_ins = Counter(
            "stile_sign_ins", "Operators' sign-ins, by way and outcome.", ("method", "outcome"), registry=self.registry
        )
        self.source_failures = Counter(
            "stile_source_failures", "Calls that a council's system failed, by cause.", ("cause",), registry=self.registry
        )
        self.exports_held = Gauge(
            "stile_exports_held", "Sources whose newest export lost more than half of its rows.", registry=self.registry
        )
        self._export_faults: dict[str, bool] = {}  # by source: whether its newest export is held
        self._lock = threading.Lock()
        self.key_days_left = Gauge(
            "stile_client_key_days_left",
            "Days until the first active client is left without a key; 9999 where none will be.",
            registry=self.registry,
        )
        self.key_days_left.set(NO_END)
        self.assurance_days_left = Gauge(
            "stile_partner_assurance_days_left",
            "Days until an active partner's first assurance is over, 0 where one is; 9999 where there is none.",
            registry=self.registry,
        )
        self.assurance_days_left.set(NO_END)
        self.log_ahead = Gauge(
            "stile_log_ahead_seconds",
            "Seconds by which the log's newest entry is ahead of this machine's clock.",
            registry=self.registry,
        )
        self.clock_moved = Gauge(
            "stile_clock_moved_seconds",
            "Seconds by which this machine's clock has moved against its boot clock; over 60 nothing is written.",
            registry=self.registry,
        )
        self.log_size = Gauge("stile_log_state_index", "The newest state entry seen.", registry=self.registry)

    def count(self, route: str, status: int, steps: Steps) -> None:
        """Count one answer and what its steps took."""
        counter = self._counted.get((route, status))
        if counter is None:
            counter = self._counted[route, status] = self.answers.labels(route, str(status))
        counter.inc()
        self.seconds.observe(route, steps.total())
        for name, seconds in steps.taken.items():
            self.steps.observe(name, seconds)

    def note_authenticated(self, *, by_switch: bool) -> None:
        """Count an assertion that the profile alone would have refused."""
        if by_switch:
            self.by_switch.inc()

    def note_keys_fetched(self, client_id: str, why: str | None) -> None:
        """Count a fetch of a client's keys, and tell operators why one failed."""
        self.key_fetches.labels("done" if why is None else "failed").inc()
        if why is not None:
            self.logger.warning("client_keys_not_fetched", client_id=client_id, reason=why)

    def warn_of_clock(self, moved: float) -> None:
        """Tell operators that the clock has jumped against the boot clock, ahead or (less than nothing) back."""
        self.logger.error("clock_jumped", seconds=round(moved))

    def note_damage(self, what: str, state_key: str) -> None:
        """Tell of rows that are not what the log says, by the state key that they stand under."""
        self.damage.labels(what).inc()
        self.logger.error("damage_found", kind=what, state_key=state_key)

    def note_source_failed(self, source: str, cause: str, reason: str, request_id: str) -> None:
        """Tell operators why a council's system could not be asked: the kind of fault, and nothing of anybody."""
        self.source_failures.labels(cause.partition(":")[0]).inc()
        self.logger.warning("source_failed", source=source, cause=cause, reason=reason, request_id=request_id)

    def note_export(self, news: Any) -> None:
        """Tell operators that an export can't be used, or is held, or is well again. Called from a source's thread."""
        with self._lock:
            was_well = news.source not in self._export_faults
            self._export_faults.pop(news.source, None)
            if news.fault is not None:
                self._export_faults[news.source] = bool(news.held)
            self.exports_held.set(sum(self._export_faults.values()))
        if news.fault is None and not was_well:
            self.logger.info("export_accepted", source=news.source)
        for one in news.held:
            self.logger.warning(
                "export_held",
                source=news.source,
                file=one.file,
                rows=one.rows,
                rows_before=one.before,
                reason=news.fault,
            )
        if news.fault is not None and not news.held:
            self.logger.warning("export_refused", source=news.source, reason=news.fault)

    def alarm(self, guardrails: tuple[str, ...], request_id: str) -> None:
        """Tell operators that a guardrail's net changed a result: what was proved before did not hold."""
        self.tripped.inc()
        self.logger.error("guardrail_tripped", guardrails=list(guardrails), request_id=request_id)

    def alarm_misses(self, *, client_id: str, count: int, request_id: str) -> None:
        """Tell operators that a client's searches confirm nobody again and again: somebody may be guessing."""
        self.misses.inc()
        self.logger.error("many_misses", client_id=client_id, count=count, request_id=request_id)

    def note_emergency(self, urgent: Urgent, request_id: str) -> None:
        """Count an emergency, which waits for a second person, and tell operators; many of one caseworker are an alarm."""
        self.emergencies.labels(urgent.kind.value).inc()
        told = {"client_id": urgent.client_id, "kind": urgent.kind.value, "request_id": request_id}
        self.logger.warning("emergency", **told, count=urgent.people)
        if urgent.many is not None:
            self.many_emergencies.inc()
            self.logger.error("many_emergencies", **told, count=urgent.many)

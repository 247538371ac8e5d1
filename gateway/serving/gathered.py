"""How do several processes tell their metrics as one? Each tells the parent what it counts, and the parent joins them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from typing_extensions import override

Family = tuple[str, str, str, list[tuple[str, dict[str, str], float]]]  # name, what, type, samples


def snapshot(registry: CollectorRegistry) -> list[Family]:
    """Return what a registry holds now, as JSON can say it: for another process."""
    return [
        (one.name, one.documentation, one.type, [(each.name, each.labels, each.value) for each in one.samples])
        for one in registry.collect()
    ]


def joined(snapshots: Iterable[list[Family]]) -> list[Family]:
    """Put several processes' metrics together: a gauge is the largest, what was created the earliest, the rest the sum."""
    families: dict[str, tuple[str, str, dict[tuple[str, tuple[tuple[str, str], ...]], float]]] = {}
    for name, what, kind, samples in (family for one in snapshots for family in one):
        known = families.setdefault(name, (what, kind, {}))[2]
        for sample, labels, value in samples:
            key = (sample, tuple(labels.items()))
            if key not in known:
                known[key] = value
            elif sample.endswith("_created"):
                known[key] = min(known[key], value)
            else:
                known[key] = max(known[key], value) if kind == "gauge" else known[key] + value
    return [
        (name, what, kind, [(sample, dict(labels), value) for (sample, labels), value in samples.items()])
        for name, (what, kind, samples) in families.items()
    ]


class Gathered(Collector):
    """The metrics of all workers as one, those that have ended included. Read and written by two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: list[Family] = []
        self._latest: dict[int, list[Family]] = {}

    def hear(self, worker: int, told: list[Family]) -> None:
        """Keep what a worker, or the parent itself, counts now."""
        with self._lock:
            self._latest[worker] = told

    def keep(self, worker: int) -> None:
        """Let what an ended worker counted count on."""
        with self._lock:
            self._ended = joined([self._ended, self._latest.pop(worker, [])])

    @override
    def collect(self) -> Iterator[Metric]:
        """Return what a scrape is told: it may be a second old."""
        with self._lock:
            families = joined([self._ended, *self._latest.values()])
        for name, what, kind, samples in families:
            metric = Metric(name, what, kind)
            metric.samples = [Sample(sample, labels, value) for sample, labels, value in samples]
            yield metric

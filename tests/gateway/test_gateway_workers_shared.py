"""What several workers do at the same moment is done once, and whole."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from house import HARBOUR, House, republish

from audit.tree.checkpoint import parse_checkpoint
from audit.writing.highwater import keep_high_water
from gateway.background.sweeping import sweep_once
from gateway.limits.early_refusals import EarlyLimits
from gateway.serving.gathered import Gathered, joined, snapshot
from gateway.telemetry import Telemetry

LIMITS = "limits: {per_minute: 60, subjects_per_day: 500, same_subject_per_day: 500, batch: 200}"


def test_a_windows_end_is_one_entry_with_what_all_workers_refused(house: House) -> None:
    republish(house, HARBOUR.agreement, (LIMITS, "limits: {per_minute: 1, batch: 1}"))
    harbour = house.harbour()
    assert [harbour.ask(fields=["age"]).status_code for _ in range(2)] == [200, 429]
    window = str(int(house.clock().timestamp()) // 60)
    workers = [EarlyLimits() for _ in range(4)]
    for number, early in enumerate(workers):
        early.refused[HARBOUR.client_id, "per_minute", window] = number

    sweep_together(house, workers)
    assert len(house.entries("refusal")) == 1, "the window is not over"
    house.clock.move(seconds=70)
    sweep_together(house, workers)

    assert len(house.entries("refusal")) == 2
    last = house.truth(house.entries("refusal")[-1])
    assert last["facts"] == {"limit": "per_minute", "window": window, "refused": 0 + 1 + 2 + 3}
    assert house.rows("SELECT count(*) FROM usage WHERE name LIKE 'reached/%'") == [(0,)]


def test_what_was_refused_is_not_lost_where_the_window_was_recorded_first(house: House) -> None:
    late = EarlyLimits()
    late.refused[HARBOUR.client_id, "per_minute", str(int(house.clock().timestamp()) // 60 - 3)] = 7
    sweep_together(house, [late])
    sweep_together(house, [late])

    assert house.truth(house.entries("refusal")[-1])["facts"]["refused"] == 7


def sweep_together(house: House, workers: list[EarlyLimits]) -> None:
    """Sweep with all at once on the gateway's own loop, where its own sweeper runs too."""

    async def run() -> None:
        await asyncio.gather(*(sweep_once(house.wiring.services, early) for early in workers))

    house.http.portal.call(run)


def test_a_kept_checkpoint_is_whole_and_never_goes_back(house: House, tmp_path: Path) -> None:
    """Eight writers and a reader: one that found another's half would refuse to start."""
    file = tmp_path / "state.head"
    signer = house.council.signer
    notes = [signer.sign(size, bytes(32)) for size in range(1, 161)]
    keep_high_water(notes[0], file)
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not done.is_set():
            seen.append(parse_checkpoint(file.read_text(encoding="utf-8")).size)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=lambda n=n: [keep_high_water(one, file) for one in notes[n::8]]) for n in range(8)]
    reader.start()
    for one in writers:
        one.start()
    for one in writers:
        one.join(20)
    done.set()
    reader.join(20)
    keep_high_water(notes[-1], file)
    keep_high_water(notes[3], file)

    assert seen
    assert seen == sorted(seen)
    assert parse_checkpoint(file.read_text(encoding="utf-8")).size == 160
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith("state.head")] == ["state.head"]


def test_metrics_of_several_processes_add_up() -> None:
    first, second = Telemetry(), Telemetry()
    for telemetry, count in ((first, 3), (second, 4)):
        telemetry.answers.labels("/v1/disclosures", "200").inc(count)
        telemetry.seconds.observe("/v1/disclosures", 0.002 * count)
        telemetry.log_size.set(count)
    families = {
        name: (kind, samples) for name, _, kind, samples in joined([snapshot(first.registry), snapshot(second.registry)])
    }
    values = {(name, tuple(labels.values())): value for _, samples in families.values() for name, labels, value in samples}

    assert values["stile_answers_total", ("/v1/disclosures", "200")] == 7
    assert values["stile_answer_seconds_count", ("/v1/disclosures",)] == 2
    assert values["stile_answer_seconds_sum", ("/v1/disclosures",)] == pytest.approx(0.014)
    assert values["stile_log_state_index", ()] == 4
    assert [name for name, _, _, _ in joined([snapshot(first.registry)])] == [one.name for one in first.registry.collect()]


def test_what_an_ended_worker_counted_counts_on() -> None:
    """A sum that sank would look to Prometheus as if all had begun anew."""
    gathered, telemetry = Gathered(), Telemetry()
    telemetry.refused_tokens.inc(5)
    gathered.hear(1, snapshot(telemetry.registry))
    gathered.keep(1)
    gathered.keep(1)
    gathered.hear(2, snapshot(telemetry.registry))

    samples = {one.name: one.value for family in gathered.collect() for one in family.samples if not one.labels}
    assert samples["stile_refused_tokens_total"] == 10

"""What does it cost that every row is held against the log? Of a call, and of a start."""

from __future__ import annotations

import secrets
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from audit.writing.item import Result
from benchmarks import disclosures
from benchmarks.contention import a_consent
from benchmarks.growth import fill
from gateway.app import keep_known, make_changes, make_sequencer, start_log, utc_now
from gateway.council.directory import open_council
from gateway.store.followed import Followed
from gateway.store.state import Reader

MOST_MICROSECONDS: Final = 5.0  # of a call
MOST_SECONDS: Final = 5.0  # of a start
ENTRIES: Final = 1_000_000
STATE_ENTRIES: Final = 100_000
CALLS: Final = 4_000
ROUNDS: Final = 15


def of_a_call(directory: Path) -> dict[str, Any]:
    """Compare readers that hold rows against the log with readers that do not, by turns: of people who have said nothing,
    as most have, and of people who have.
    """
    disclosures.make_council(directory)
    consents(directory, 64)
    council = open_council(directory)
    sequencer = make_sequencer(council, utc_now, _deliver)
    sequencer.start()
    connection = council.store.open(read_only=True)
    plain, checked = Reader(connection), Reader(connection, followed=Followed(sequencer.follower, sequencer.said_within))
    said = [row[0] for row in connection.all("SELECT DISTINCT subject_ref FROM consent")]
    refs = {"nothing": [secrets.token_hex(32) for _ in said], "a yes": said}
    found = {what: _difference(plain, checked, theirs) for what, theirs in refs.items()}
    connection.close()
    sequencer.close()
    council.keyring.close()
    return {"microseconds": found, "goal": MOST_MICROSECONDS}


def _difference(plain: Reader, checked: Reader, refs: list[str]) -> float:
    """Return by how many microseconds of the processor a call takes longer: the median over rounds."""
    pairs = [(_taken(plain, refs), _taken(checked, refs)) for _ in range(ROUNDS)]
    return round(statistics.median(after - before for before, after in pairs), 2)


def _taken(reader: Reader, refs: list[str]) -> float:
    begun = time.process_time()
    for number in range(CALLS):
        reader.refresh()
        people = [{"account_holder": refs[number % len(refs)]}]
        known = reader.answered_by(people)
        reader.answers_of(people[0], known)
    return (time.process_time() - begun) * 1e6 / CALLS


def of_a_start(directory: Path, *, entries: int = ENTRIES, state_entries: int = STATE_ENTRIES) -> dict[str, Any]:
    """Time the log's start after a clean stop, and for comparison one that has to follow all of it.

    Needs some 1.5 GB of disk, and ten minutes to make the log.
    """
    disclosures.make_council(directory)
    consents(directory, state_entries)
    fill(directory, entries - state_entries)
    return {
        "entries": entries,
        "state_entries": state_entries,
        "followed anew": _start(directory),
        "seconds": min(_start(directory) for _ in range(3)),
        "goal": MOST_SECONDS,
    }


def _start(directory: Path) -> float:
    council = open_council(directory)
    begun = time.perf_counter()
    sequencer = start_log(council, utc_now, _deliver)
    taken = time.perf_counter() - begun
    sequencer.close()
    keep_known(council, sequencer)
    council.keyring.close()
    return round(taken, 2)


def consents(directory: Path, count: int) -> None:
    """Record consents of as many people, through the log's own writer, many at once."""
    council = open_council(directory)
    sequencer = make_sequencer(council, utc_now, _deliver)
    sequencer.start()
    people, free = make_changes(council).people, threading.Semaphore(2_000)
    failed: list[BaseException] = []

    def done(result: Result) -> None:
        if isinstance(result, BaseException):
            failed.append(result)
        free.release()

    for _ in range(count):
        free.acquire()
        sequencer.submit(people.record_consent(a_consent(people.subject_ref("council-tax", secrets.token_hex(8)))), done)
    sequencer.close()
    council.keyring.close()
    if failed:
        raise failed[0]


def _deliver(results: Any) -> None:
    done: Callable[[Any], None]
    for done, result in results:
        done(result)

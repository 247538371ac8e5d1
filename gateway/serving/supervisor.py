"""How do several workers serve one council? A parent binds the sockets, starts them, and starts anew what ends.

They share the log, the limits and what was used through the database, as commands beside them do. The parent handles
no call: it holds nothing that a call could reach.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry

from gateway.council.directory import Council, CouncilError, open_council
from gateway.serving.gathered import Gathered, snapshot
from gateway.serving.server import bound_to, check_log, metrics_of
from gateway.telemetry import Telemetry

MOST: Final = 64
BACKLOG: Final = 2_048
LONGEST_STOP: Final = 25.0  # seconds: a worker itself takes 20 at most for what is under way
LONGEST_WAIT: Final = 30.0  # seconds before a worker that keeps ending is started anew
SETTLED: Final = 60.0  # seconds after which an end is not the last one's kin
MOST_TRIES: Final = 2  # starts of each worker in a row that came to nothing, while none serves
SILENT: Final = 15.0  # seconds without a word, of one a second, after which a worker is frozen: it may hold the log's lock
LOOKS: Final = 1.0  # seconds between two looks at who is silent
MODULE: Final = "gateway.serving.worker"


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    channel: socket.socket
    begun: float
    is_ready: bool = False
    heard: bytes = b""
    heard_at: float = 0.0


@dataclass(slots=True)
class _Place:
    """Where one worker after another stands: how often in a row they ended soon, and when the next is due."""

    worker: _Worker | None = None
    ended_soon: int = 0
    due: float = 0.0


def serve_with_workers(council: Council, *, host: str, port: int, metrics_port: int, count: int) -> None:
    """Serve with several processes until told to stop; raises CouncilError, and what opening the log raises."""
    with ExitStack() as closing:
        listening = bound_to(host, port)
        for one in listening:
            closing.callback(one.close)
            one.listen(BACKLOG)
        check_log(council)
        registry, gathered = CollectorRegistry(), Gathered()
        registry.register(gathered)
        closing.enter_context(metrics_of(lambda: registry, host=host, port=metrics_port))
        post = {
            "directory": str(council.directory.absolute()),
            "public_url": council.settings.public_url,
            "host": host,
            "port": port,
            "listening": [one.fileno() for one in listening],
        }
        told_to_stop = closing.enter_context(_signals())
        Workers(post, count=count, gathered=gathered).run(told_to_stop)


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Give a socket that can be read once SIGTERM or SIGINT has come."""
    told, wake = socket.socketpair()
    wake.setblocking(False)  # a handler must not wait
    kept = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    before = signal.set_wakeup_fd(wake.fileno())
    try:
        yield told
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in kept.items():
            signal.signal(number, handler)
        told.close()
        wake.close()


class Workers:
    """Keeps a number of workers serving. Lives as long as the gateway."""

    def __init__(self, post: dict[str, Any], *, count: int, gathered: Gathered) -> None:
        self._post = post
        self._gathered = gathered
        self._telemetry = Telemetry()
        self._places = [_Place() for _ in range(count)]
        self._selector = selectors.DefaultSelector()
        self._failures = 0
        self._has_served = False
        self._looked_at = time.monotonic()

    def run(self, told_to_stop: socket.socket) -> None:
        """Serve until told to stop; raises CouncilError, or why the log can't be opened, where no worker can start."""
        self._selector.register(told_to_stop, selectors.EVENT_READ)
        try:
            while self._go_on():
                pass
        finally:
            self._stop()
            self._selector.close()

    def _go_on(self) -> bool:
        """Start what is due, then wait for what workers tell; False when told to stop."""
        for place in self._places:
            if place.worker is None and time.monotonic() >= place.due:
                self._start(place)
        waiting = [place.due for place in self._places if place.worker is None]
        wait = max(0.0, min(waiting) - time.monotonic()) if waiting else LOOKS
        for key, _ in self._selector.select(min(wait, LOOKS)):
            if key.data is None:
                return False
            self._hear(key.data, key.data.worker)
        self._end_the_silent()
        return True

    def _end_the_silent(self) -> None:
        """Kill a worker that serves and has said nothing for long: frozen with the log's lock it would stop all others."""
        now = time.monotonic()
        was_frozen_itself = now - self._looked_at > SILENT / 3
        self._looked_at = now
        for worker in [place.worker for place in self._places if place.worker is not None and place.worker.is_ready]:
            if was_frozen_itself:
                worker.heard_at = now
            elif now - worker.heard_at > SILENT:
                self._telemetry.logger.error(
                    "worker_silent", worker=worker.process.pid, seconds=round(now - worker.heard_at)
                )
                worker.heard_at = now
                worker.process.kill()  # what it said before is read to its end, and then that it has ended

    def _start(self, place: _Place) -> None:
        if place.ended_soon:
            self._telemetry.restarts.inc()
            self._gathered.hear(os.getpid(), snapshot(self._telemetry.registry))
        ours, theirs = socket.socketpair()
        try:
            process = self._spawn(theirs)
        except OSError as error:  # no memory, or no process more: what serves goes on
            ours.close()
            self._telemetry.logger.error("worker_not_started", error=type(error).__name__)  # noqa: TRY400 -- its kind says it
            self._put_off(place)
            return
        finally:
            theirs.close()
        place.worker = _Worker(process, ours, time.monotonic())
        self._selector.register(ours, selectors.EVENT_READ, place)

    def _spawn(self, channel: socket.socket) -> subprocess.Popen[bytes]:
        # Not from the folder that this happens to run in: what lies there is not to be imported.
        return subprocess.Popen(  # noqa: S603 -- this program's own module, with this program's own interpreter
            [sys.executable, "-P", "-m", MODULE, json.dumps({**self._post, "parent": channel.fileno()})],
            stdin=subprocess.DEVNULL,
            pass_fds=(*self._post["listening"], channel.fileno()),
        )

    def _put_off(self, place: _Place) -> None:
        """Set when the next worker of a place is due: at once, then after pauses that grow."""
        place.due = time.monotonic() + (min(LONGEST_WAIT, 2.0 ** (place.ended_soon - 2)) if place.ended_soon else 0)
        place.ended_soon += 1

    def _hear(self, place: _Place, worker: _Worker) -> None:
        try:
            part = worker.channel.recv(1 << 20)
        except ConnectionError:  # it was killed with something unread
            part = b""
        if not part:
            self._has_ended(place, worker)
            return
        worker.heard_at = time.monotonic()
        *lines, worker.heard = (worker.heard + part).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "ready" in told:
                worker.is_ready = self._has_served = True
                self._failures = 0
                self._telemetry.logger.info("worker_ready", worker=worker.process.pid)
            else:
                self._gathered.hear(worker.process.pid, told["metrics"])

    def _has_ended(self, place: _Place, worker: _Worker) -> None:
        """Have another one started in its place, at once or later; or give up where none can start."""
        self._close(worker)
        status = _wait_for(worker, patience=5.0)
        place.worker = None
        self._gathered.keep(worker.process.pid)
        self._telemetry.logger.error("worker_ended", worker=worker.process.pid, code=status)
        if time.monotonic() - worker.begun >= SETTLED:
            place.ended_soon = 0
        self._put_off(place)
        if worker.is_ready:
            return
        self._failures += 1
        serves = any(one.worker is not None and one.worker.is_ready for one in self._places)
        if not serves and (not self._has_served or self._failures >= MOST_TRIES * len(self._places)):
            self._tell_why()
            raise CouncilError(f"a worker ended with status {status} before it served: what it said stands above")

    def _tell_why(self) -> None:
        """Raise what keeps a worker from starting, where it can be told by trying."""
        council = open_council(Path(self._post["directory"]))
        council.keyring.close()
        check_log(council)

    def _close(self, worker: _Worker) -> None:
        self._selector.unregister(worker.channel)
        worker.channel.close()

    def _stop(self) -> None:
        """Have all workers finish what is under way, at the same time."""
        workers = [place.worker for place in self._places if place.worker is not None]
        for worker in workers:
            worker.process.terminate()
            self._close(worker)  # nobody reads any more, and a worker must not wait to be read
        until = time.monotonic() + LONGEST_STOP
        for worker in workers:
            _wait_for(worker, patience=max(0.0, until - time.monotonic()))


def _wait_for(worker: _Worker, *, patience: float) -> int:
    """Wait for a worker's end, which comes by force when it takes too long; return its status."""
    try:
        return worker.process.wait(patience)
    except subprocess.TimeoutExpired:
        worker.process.kill()
        return worker.process.wait()

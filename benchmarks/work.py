"""How much work is one governed answer? Python's calls, which are counted, and the processor's time beside three others.

Rates tell of the disk and of who else is on the machine; these tell of our own code. The number of calls is the same each
time it is counted, so above its goal the benchmark fails.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks import load
from benchmarks.disclosures import (
    governed_requests,
    harbour,
    make_council,
    requests_under,
    rival_requests,
    served,
    serving_pid,
    token_request,
)
from gateway.app import build_app
from gateway.council.directory import open_council

MOST_CALLS: Final = 1_500  # of Python functions, an answer
GOALS: Final = {"a": 3.2, "c": 0.6, "d": 5.4}  # at most so many times the processor's time of each
COUNTED: Final = 200  # answers
_PAUSES: Final = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_BEGUN: Final = 16  # bytes of a function's code that come before it can wait
TICKS: Final = os.sysconf("SC_CLK_TCK")


def measure(directory: Path) -> dict[str, Any]:
    """Count the calls of an answer, then compare the processor's time of answers over HTTP."""
    if not directory.exists():
        make_council(directory)
    calls, steps = count_calls(directory)
    first = cpu_of("governed", directory)
    others = {name: cpu_of(name, directory) for name in GOALS}
    second = cpu_of("governed", directory)
    mine = (first + second) / 2
    return {
        "calls": {"answer": calls, "goal": MOST_CALLS, "most": steps},
        "microseconds": {"governed": mine, "runs": [first, second], **others},
        "ratios": {name: {"ratio": mine / one, "goal": GOALS[name]} for name, one in others.items()},
    }


def cpu_of(name: str, directory: Path, *, connections: int = 16, seconds: float = 5.0) -> float:
    """Return the microseconds of processor that one answer costs the process that gives it."""
    counts = {"governed": 12_000, "a": 60_000, "c": 12_000, "d": 40_000}
    with served(name, directory) as port:
        if name == "governed":
            warm, requests = governed_requests(directory, port, 400), governed_requests(directory, port, counts[name])
        else:
            requests = rival_requests(name, directory, counts[name])
            warm, requests = requests[:300], requests[300:]
        load.run(port, warm, connections=connections, seconds=2.0)
        pid = serving_pid(port)
        before = _ticks(pid)
        found = load.run(port, requests, connections=connections, seconds=seconds)
        used = _ticks(pid) - before
    return used / TICKS * 1_000_000 / found.answers


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def count_calls(directory: Path) -> tuple[int, list[tuple[str, float]]]:
    """Return how many Python functions an answer calls, in whichever thread, and those that are called the most."""
    counted: Counter[str] = Counter()
    counting = threading.Event()

    def note(frame: Any, event: str, _argument: object) -> None:
        code = frame.f_code
        # What waits is told as called each time that it goes on: that is none.
        if event == "call" and counting.is_set() and not (code.co_flags & _PAUSES and frame.f_lasti > _BEGUN):
            counted[f"{code.co_filename.rpartition('/site-packages/')[2]}:{code.co_qualname}"] += 1

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        uvloop.run(_answers(directory, counting))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]  # as it was
    total = sum(counted.values())
    return round(total / COUNTED), [(name, count / COUNTED) for name, count in counted.most_common(60)]


async def _answers(directory: Path, counting: threading.Event) -> None:
    app = build_app(open_council(directory))
    async with app.router.lifespan_context(app):
        client = harbour(directory)
        headers, form = token_request(client)
        _, answered = await _call(app, load.http("POST", "/oauth2/token", headers, form))
        requests = requests_under(json.loads(answered)["access_token"], client, directory, COUNTED + 50)
        for number, request in enumerate(requests):
            if number == len(requests) - COUNTED:
                await asyncio.sleep(0.1)  # what runs beside requests has its turn
                counting.set()
            status, answer = await _call(app, request)
            assert status == 200, answer
        counting.clear()


async def _call(app: Any, request: bytes) -> tuple[int, bytes]:
    """Hand a request to the application as a server does, and return status and body of its answer."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, path, _ = first.split(b" ")
    headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method.decode(), "scheme": "http",
        "path": path.decode(), "raw_path": path, "query_string": b"", "headers": headers, "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080), "state": {},
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent)

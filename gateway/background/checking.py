"""Does somebody look at what no start looks at? The whole log and every row of the state, once a day, beside the requests.

In a process of its own that gives way to every other, so that no call waits for it. Of several workers one does it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson

from gateway.telemetry import Telemetry

FIRST: Final = 300.0  # seconds after a start, when whoever starts it has other things to look at
LOOKS: Final = 60.0  # seconds between two looks whether a check is due
_LOWEST: Final = 19
Found = Callable[[list[dict[str, str]]], None]


async def keep_checking(directory: Path, *, file: Path, telemetry: Telemetry, hours: int, found: Found) -> None:
    """Check whenever the last check is so many hours ago, until cancelled; 0 hours: never.

    `file` keeps when that was, and what it found; `found` is told the findings, whichever worker has checked.
    """
    heard = tell_last(file, found)
    await asyncio.sleep(FIRST)
    while hours:
        try:
            if is_due(file, hours=hours):
                await check_once(directory, file=file, telemetry=telemetry, found=found)
            heard = tell_last(file, found, heard=heard)
        except (OSError, orjson.JSONDecodeError) as error:
            telemetry.logger.error("log_check_failed", error=type(error).__name__)  # noqa: TRY400 -- a traceback may hold values
        await asyncio.sleep(LOOKS)


def is_due(file: Path, *, hours: int) -> bool:
    """Tell whether the last check was so long ago, or there was none that came to its end."""
    try:
        last = file.stat()
    except FileNotFoundError:
        return True
    return not last.st_size or time.time() - last.st_mtime >= hours * 3600


def tell_last(file: Path, found: Found, *, heard: float = 0.0) -> float:
    """Tell what the last check has found, whoever made it, unless that was heard already; return when it was."""
    try:
        last = file.stat().st_mtime
        if last == heard:
            return heard
        found(orjson.loads(file.read_bytes())["findings"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return heard  # there was none, or it is being written: the next look tells
    return last


async def check_once(directory: Path, *, file: Path, telemetry: Telemetry, found: Found) -> None:
    """Run the check, unless another worker does, and tell what it finds. Raises OSError."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        told = await _run(directory)
        os.truncate(handle, 0)
        os.pwrite(handle, orjson.dumps(told), 0)
    except BlockingIOError:
        return
    finally:
        os.close(handle)
    findings = told["findings"]
    telemetry.note_checked(len(findings))
    for one in findings:
        telemetry.note_damage("rows" if "state_key" in one else "log", state_key=one.get("state_key", ""))
    found(findings)


def _give_way() -> None:
    os.nice(_LOWEST)


async def _run(directory: Path) -> dict[str, Any]:
    command = (sys.executable, "-m", "gateway.commands.checked_apart", str(directory))
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=_give_way,
    )
    try:
        printed, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    told: dict[str, Any] = orjson.loads(printed)
    return told

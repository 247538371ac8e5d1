"""What is kept of a log that is not the one that it was? Both heads: two that one key has signed prove it to anybody."""

from __future__ import annotations

import os
from pathlib import Path


def keep_evidence(file: Path, *, known: str | None, found: str | None) -> None:
    """Keep the newest checkpoint that this process knew, and the one that the log has now. What was kept first stays."""
    content = "".join(
        f"{told}\n{note or 'none'}\n" for told, note in (("Known to this process:", known), ("Found in the log:", found))
    )
    if not file.exists():
        keep_once(file, content.encode())


def keep_once(file: Path, content: bytes) -> None:
    """Keep a file that its owner alone may read, whole or not at all."""
    beside = file.with_name(file.name + ".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)

"""What is kept of a log that is not the one that it was? Both heads: two that one key has signed prove it to anybody."""

from __future__ import annotations

import os
from pathlib import Path


def keep_evidence(file: Path, known: str | None, found: str | None) -> None:
    """Keep the newest checkpoint that this process knew, and the one that the log has now. What was kept first stays."""
    content = "".join(
        f"{told}\n{note or 'none'}\n" for told, note in (("Known to this process:", known), ("Found in the log:", found))
    )
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())

"""What is kept of a log that is not the one that it was? Both heads: two that one key has signed prove it to anybody."""

from __future__ import annotations

from pathlib import Path

from audit.writing.kept import put_in_place


def keep_evidence(file: Path, *, known: str | None, found: str | None) -> None:
    """Keep the newest checkpoint that this process knew, and the one that the log has now. What was kept first stays."""
    content = "".join(
        f"{told}\n{note or 'none'}\n" for told, note in (("Known to this process:", known), ("Found in the log:", found))
    )
    if not file.exists():
        put_in_place(content.encode(), file)

"""`python -m gateway.commands.checked_apart DIR`: `stile log check --json` in a process beside a gateway that serves."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import typer

from gateway.commands.logs import check

if __name__ == "__main__":
    with contextlib.suppress(typer.Exit):  # which says by its status what is printed too
        check(directory=Path(sys.argv[1]), as_json=True)

"""Serve one of the measured endpoints in a process of its own: `python -m benchmarks.serve NAME DIRECTORY PORT`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks import rivals
from gateway.app import build_app
from gateway.council.directory import open_council


def app_of(name: str, directory: Path) -> Any:
    """Return the application of a name."""
    makers = {
        "governed": lambda: build_app(open_council(directory)),
        "a": lambda: rivals.bare(directory),
        "b": lambda: rivals.straightforward(directory, with_cedar=True),
        "c": lambda: rivals.straightforward(directory, with_cedar=False),
        "d": lambda: rivals.Floor(directory),
        "e": lambda: rivals.plain_many(directory),
        "f": lambda: rivals.stock_tokens(directory),
    }
    return makers[name]()


def main() -> None:
    """Serve until told to stop."""
    name, directory, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    uvicorn.run(app_of(name, directory), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()

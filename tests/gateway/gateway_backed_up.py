"""What do tests of backups share? A command in this process or another, and a backup that is edited."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from gateway.backups.manifest import NAME
from gateway.cli import make_app


def stile(*words: object) -> tuple[int, str]:
    """Run a command in this process; return its status and all that it printed."""
    result = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def run_stile(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "gateway.cli", *map(str, words)]
    env = {**os.environ, **environment}
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=env)


def backed_up(directory: Path, to: Path, *words: str) -> Path:
    status, printed = stile("backup", to, "--dir", directory, *words)
    assert status == 0, printed
    return to


def manifest_of(backup: Path) -> dict[str, Any]:
    return json.loads((backup / NAME).read_bytes())


def edit_manifest(backup: Path, **members: Any) -> None:
    (backup / NAME).write_text(json.dumps({**manifest_of(backup), **members}))

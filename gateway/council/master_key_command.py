"""How is a command asked for the master key? Without a shell, bounded in time and output, and never told in any message."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from audit.writing.wrapping import KeyringError

LONGEST: Final = 20.0  # seconds
LARGEST: Final = 4_096  # bytes of what it prints; as much is read of what it says is wrong
TOLD: Final = 300  # characters of that
OWN: Final = ("STILE_MASTER_KEY", "STILE_DATABASE_URL")  # secrets of ours, which are not the command's to know


class CommandFailedError(KeyringError):
    """The command has given no key. Says which, and what it said is wrong; never what it printed."""


@dataclass(frozen=True, slots=True)
class CommandKeys:
    """A command by its words. Its environment is the gateway's, without the gateway's secrets."""

    words: Sequence[str]
    longest: float = LONGEST

    @property
    def told(self) -> str:
        """Say which command, without its arguments."""
        return f"the command {self.words[0]}"

    def output(self) -> bytes:
        """Run it to its end, and return what it has printed."""
        try:
            process = subprocess.Popen(  # noqa: S603 -- an operator's own command, and no shell reads it
                list(self.words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(os.environ),
                start_new_session=True,
            )
        except OSError as error:
            raise CommandFailedError(f"master_key_command: {self.words[0]} can't be run: {error.strerror}") from error
        try:
            printed, said = self._read(process)
        except BaseException:
            _kill(process)
            raise
        finally:
            _let_go(process)
        if process.returncode != 0:
            raise CommandFailedError(
                f"master_key_command: {self.words[0]} ended with status {process.returncode}{_quoted(said)}"
            )
        return printed

    def _read(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        """Read what it prints and says until both have ended; CommandFailedError past the bounds."""
        until = time.monotonic() + self.longest
        found = {process.stdout: b"", process.stderr: b""}
        with selectors.DefaultSelector() as selector:
            for stream in found:
                selector.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]  # both are pipes
            while selector.get_map():
                ready = selector.select(max(0.0, until - time.monotonic()))
                if not ready:
                    raise CommandFailedError(f"master_key_command: {self.words[0]} took over {self.longest:g} seconds")
                for key, _ in ready:
                    part = os.read(key.fd, LARGEST)
                    found[key.fileobj] += part  # type: ignore[index]  # what was registered
                    if not part:
                        selector.unregister(key.fileobj)
                if len(found[process.stdout]) > LARGEST:
                    raise CommandFailedError(f"master_key_command: {self.words[0]} printed over {LARGEST} bytes")
                found[process.stderr] = found[process.stderr][:LARGEST]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
        if process.poll() is None:
            raise CommandFailedError(f"master_key_command: {self.words[0]} took over {self.longest:g} seconds")
        return found[process.stdout], found[process.stderr]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a command with all that it has started. It was not waited for, so that its number is nobody else's yet."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    process.wait()


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in OWN}


def _quoted(said: bytes) -> str:
    """Return what it said is wrong, in one line that can't write over another of a terminal."""
    text = " ".join(said.decode(errors="replace").split())
    plain = "".join(one if one.isprintable() else "?" for one in text)[:TOLD]
    return f", and said: {plain}" if plain else ", and said nothing"

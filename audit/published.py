"""Where are the files of a log read from? A directory, or the address at which a council publishes them."""

from __future__ import annotations

import ssl
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from audit.layout import Fetch
from audit.merkle import ProofError

TIMEOUT: Final = 20.0  # seconds that an answer may take, from first to last byte
_PART: Final = 65_536


class UnreadableError(Exception):
    """A log could not be read, so nothing is known of it. Says where and why."""


def in_directory(directory: Path) -> Fetch:
    """Return how the files of an exported log are read."""

    def fetch(path: str, most: int) -> bytes | None:
        try:
            with (directory / path).open("rb") as stream:
                content = stream.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableError(f"{path} can't be read: {error.strerror}") from error
        if len(content) > most:
            raise ProofError(f"{path} is over {most} bytes")
        return content

    return fetch


class Published:
    """The files of a log behind its address; calling it reads one. Follows no redirect, and is one connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
            raise UnreadableError(
                f"{url} is not the address of a log, such as https://gateway.northmoor.gov.uk/log/northmoor"
            )
        if parts.scheme == "http" and not _is_this_machine(host):
            raise UnreadableError(f"{url}: only https, save on this machine itself")
        try:
            port = parts.port
        except ValueError as error:
            raise UnreadableError(f"{url}: its port is not one") from error
        self._base = parts.path.rstrip("/")
        self._connection = (
            HTTPConnection(host, port, timeout=TIMEOUT)
            if parts.scheme == "http"
            else HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context())
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self._connection.close()

    def __call__(self, path: str, most: int) -> bytes | None:
        """Read a file; once more where the connection had been closed meanwhile."""
        try:
            try:
                return self._read(path, most)
            except (ConnectionError, HTTPException):
                self._connection.close()
                return self._read(path, most)
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise UnreadableError(f"{path} can't be fetched: {str(error) or type(error).__name__}") from error

    def _read(self, path: str, most: int) -> bytes | None:
        until = time.monotonic() + TIMEOUT
        self._connection.request("GET", f"{self._base}/{path}")
        answer = self._connection.getresponse()
        if answer.status == 200:  # noqa: PLR2004 -- HTTP's own number
            return _body(answer, path, most, until)
        self._connection.close()
        if answer.status in (404, 410):
            return None
        if 300 <= answer.status < 400:  # noqa: PLR2004 -- the same
            raise UnreadableError(f"{path} is redirected, which is not followed: give the log's own address")
        raise UnreadableError(f"{path} is answered with status {answer.status}")


def _body(answer: HTTPResponse, path: str, most: int, until: float) -> bytes:
    content = b""
    while part := answer.read1(_PART):
        content += part
        if len(content) > most:
            raise ProofError(f"{path} is over {most} bytes")
        if time.monotonic() > until:
            raise UnreadableError(f"{path} took longer than {TIMEOUT:g} seconds")
    return content


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

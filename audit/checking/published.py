"""Where are the files of a log read from? A directory, or the address at which a council publishes them."""

from __future__ import annotations

import os
import ssl
import stat
import time
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from ipaddress import ip_address
from pathlib import Path
from socket import socket
from types import TracebackType
from typing import Any, BinaryIO, Final, Self
from urllib.parse import urlsplit

from typing_extensions import override

from audit.tree.layout import Fetch
from audit.tree.merkle import ProofError

TIMEOUT: Final = 20.0  # seconds that an answer may take, from first to last byte
_PART: Final = 65_536


class UnreadableError(Exception):
    """A log could not be read, so nothing is known of it. Says where and why."""


def in_directory(directory: Path) -> Fetch:
    """Return how the files of an exported log are read."""

    def fetch(path: str, most: int) -> bytes | None:
        try:
            with open_file(directory / path) as stream:
                content = stream.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableError(f"{path} can't be read: {error.strerror or error}") from error
        if len(content) > most:
            raise ProofError(f"{path} is over {most} bytes")
        return content

    return fetch


def open_file(path: Path) -> BinaryIO:
    """Open a regular file and nothing else: a pipe would be waited for without end, and a device has none."""
    stream = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 -- the caller's to close
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise UnreadableError(f"{path.name} is not a regular file")
    return stream


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


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
        """Read a file; once more, within the same time, where the connection had been closed meanwhile."""
        until = time.monotonic() + TIMEOUT
        try:
            try:
                return self._read(path, most, until)
            except (ConnectionError, HTTPException):
                self._connection.close()
                return self._read(path, most, until)
        except TimeoutError as error:
            self._connection.close()
            raise UnreadableError(f"{path} took longer than {TIMEOUT:g} seconds") from error
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise UnreadableError(f"{path} can't be fetched: {str(error) or type(error).__name__}") from error

    def _read(self, path: str, most: int, until: float) -> bytes | None:
        connection = self._connection
        connection.timeout = _left(until)
        if connection.sock is not None:
            connection.sock.settimeout(_left(until))
        connection.response_class = partial(_answer, until=until)  # type: ignore[assignment]  # it is called, and no more
        connection.request("GET", f"{self._base}/{path}")
        answer = connection.getresponse()
        if answer.status == 200:  # noqa: PLR2004 -- HTTP's own number
            return _body(answer, path, most)
        connection.close()
        if answer.status in (404, 410):
            return None
        if 300 <= answer.status < 400:  # noqa: PLR2004 -- the same
            raise UnreadableError(f"{path} is redirected, which is not followed: give the log's own address")
        raise UnreadableError(f"{path} is answered with status {answer.status}")


class _Reads(RawIOBase):
    """What a socket receives, until an instant: status, headers, sizes of chunks and body are all read through it."""

    def __init__(self, connected: socket, raw: RawIOBase, until: float) -> None:
        super().__init__()
        self._socket = connected
        self._raw = raw
        self._until = until

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(_left(self._until))
        return self._raw.readinto(buffer)

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


def _answer(connected: socket, *args: Any, until: float, **kwargs: Any) -> HTTPResponse:
    """Return an answer that is still to be read, no read of which goes beyond an instant."""
    answer = HTTPResponse(connected, *args, **kwargs)
    answer.fp = BufferedReader(_Reads(connected, answer.fp.detach(), until))
    return answer


def _left(until: float) -> float:
    """Return the seconds that are left: never nought, which would mean not to wait at all."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _body(answer: HTTPResponse, path: str, most: int) -> bytes:
    content = b""
    while part := answer.read1(_PART):
        content += part
        if len(content) > most:
            raise ProofError(f"{path} is over {most} bytes")
    return content


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""How is an upstream asked over HTTP: in its own time, for so many bytes, and nowhere else?

Not checked here: whether the host is one of the council's own; `gateway/council/sources.py` does, before a source is made.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from yarl import URL

from gateway.sources.breaker import DownError
from gateway.sources.contract import Cause, SourceFailedError, SourceSlowError
from gateway.sources.json_answer import NotJsonError, parse
from gateway.sources.upstream import Credentials, Upstream

PAUSES: Final = (0.05, 0.25)  # seconds before the one retry: at random, so that many callers do not return as one
PASSING: Final = frozenset({502, 503, 504})  # a proxy's word that what is behind it is not there just now
FORBIDDEN: Final = frozenset({401, 403})
IN_TROUBLE: Final = frozenset({429, 500})
CHUNK: Final = 65_536
SHORT: Final = 4_096  # bytes of a credential's file
_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,60}", re.ASCII)
_LINKS: Final = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w*-]+\s*(?:=\s*(?:"[^"]*"|[^",;\s]*))?)*)', re.ASCII)
_RELATION: Final = re.compile(r'(?i:;\s*rel)\s*=\s*"?([^";]*)', re.ASCII)
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e]+")


class UnreachableError(SourceFailedError, DownError):
    """The upstream could not be reached, or says itself that it can't answer."""


class OverdueError(SourceSlowError, DownError):
    """The upstream did not answer in its time."""


class _PassingError(Exception):
    """A failure that a second attempt may not meet: nothing has been answered yet, and a GET changes nothing."""

    def __init__(self, message: str, cause: Cause) -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Answer:
    """What an upstream answered: the value of its JSON, how many bytes that took, and the next page told beside it."""

    value: Any
    size: int
    following: str | None


class HttpClient:
    """One pooled session, made on the loop that first asks; for one loop at a time, until `aclose`."""

    def __init__(self, source: str, upstream: Upstream, *, credentials: str | None, connections: int) -> None:
        self._source = source
        self._upstream = upstream
        self._credentials = credentials
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def get(self, address: str, *, nobody: tuple[int, ...] = (), most: int | None = None) -> Answer:
        """Return an answer of at most so many bytes; its value is None for a status that means nobody.

        The caller bounds the time, and vouches for the address: it is the upstream's base, or leads to the same service.

        Raises SourceFailedError; its message names the kind of fault, never the address or what was answered.
        """
        try:
            return await self._get_once(address, nobody, self._upstream.max_bytes if most is None else most)
        except _PassingError:
            await asyncio.sleep(random.uniform(*PAUSES))  # noqa: S311 -- spreads callers; no secret hangs on it
        try:
            return await self._get_once(address, nobody, self._upstream.max_bytes if most is None else most)
        except _PassingError as error:
            raise UnreachableError(f"{self._source} {error}", error.cause) from None

    @property
    def is_open(self) -> bool:
        """Tell whether there is a session to close."""
        return self._session is not None

    async def aclose(self) -> None:
        """Let the session and its connections go."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _get_once(self, address: str, nobody: tuple[int, ...], most: int) -> Answer:
        url = URL(address, encoded=True)  # as it was encoded: read again, %2F would be a step
        headers = self._headers()
        try:
            async with self._opened().get(url, headers=headers, allow_redirects=False) as answer:
                return await self._read(answer, nobody, most)
        except aiohttp.ConnectionTimeoutError:
            raise OverdueError(
                f"{self._source} could not be connected to in {self._upstream.connect_timeout:g} s"
            ) from None
        except aiohttp.ClientSSLError as error:
            raise UnreachableError(f"{self._source} could not be trusted: {type(error).__name__}", Cause.HOST) from None
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise _PassingError(f"could not be asked: {type(error).__name__}", Cause.HOST) from None
        except aiohttp.ClientError as error:  # headers too long, say, or no HTTP at all
            raise UnreachableError(f"{self._source} could not be read: {type(error).__name__}", Cause.ANSWER) from None

    async def _read(self, answer: aiohttp.ClientResponse, nobody: tuple[int, ...], most: int) -> Answer:
        if answer.status in nobody:
            answer.close()
            return Answer(None, 0, None)
        self._check_status(answer.status)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            kind = kind if _TYPE.fullmatch(kind) else "no type"
            answer.close()
            raise SourceFailedError(f"{self._source} did not answer with JSON: {kind}", Cause.NOT_JSON, kind)
        # Nothing compressed was asked for: so what is counted is what is read, and no few bytes become very many.
        if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise self._refusal(answer, "compressed its answer, and was asked not to")
        body = await self._body(answer, most)
        try:
            found = parse(body)
        except NotJsonError as error:
            raise SourceFailedError(f"{self._source} answered with what {error}", Cause.NOT_JSON) from None
        if found is None:
            raise SourceFailedError(f"{self._source} answered with nothing")
        return Answer(found, len(body), _following(answer.headers.getall("Link", [])))

    def _check_status(self, status: int) -> None:
        if status in PASSING:
            raise _PassingError(f"answered {status}", Cause.STATUS)
        if status in IN_TROUBLE:
            raise UnreachableError(f"{self._source} answered {status}", Cause.STATUS, str(status))
        if 300 <= status < 400:  # noqa: PLR2004 -- RFC 9110, section 15.4
            text = f"{self._source} answered {status}: it leads elsewhere, and is not followed"
            raise SourceFailedError(text, Cause.STATUS, str(status))
        if status != 200:  # noqa: PLR2004 -- RFC 9110, section 15.3.1
            cause = Cause.PERMISSION if status in FORBIDDEN else Cause.STATUS
            raise SourceFailedError(f"{self._source} answered {status}", cause, str(status))

    async def _body(self, answer: aiohttp.ClientResponse, most: int) -> bytes:
        if (answer.content_length or 0) > most:
            raise self._refusal(answer, f"answered with over {self._upstream.max_bytes} bytes")
        parts: list[bytes] = []
        size = 0
        async for part in answer.content.iter_chunked(CHUNK):
            size += len(part)
            if size > most:
                raise self._refusal(answer, f"answered with over {self._upstream.max_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    def _refusal(self, answer: aiohttp.ClientResponse, what: str) -> SourceFailedError:
        answer.close()  # the connection too: what else would come over it is not read
        return SourceFailedError(f"{self._source} {what}")

    def _opened(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._loop = loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),  # one person's answer must not speak in another's question
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._upstream.connect_timeout),
                auto_decompress=False,
                trust_env=False,  # a proxy named by the environment would see whom we ask about
            )
        return self._session

    def _headers(self) -> Mapping[str, str]:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "stile"}
        if self._upstream.credentials is not None and self._credentials is not None:
            headers[self._upstream.credentials.header] = read_credentials(self._upstream.credentials, self._credentials)
        return headers


def _following(headers: Sequence[str]) -> str | None:
    """Return the link to the next page that headers tell: RFC 8288, section 3."""
    for link, parameters in _LINKS.findall(" ".join(", ".join(headers).split())):
        relations = _RELATION.findall(parameters)
        if relations and "next" in relations[0].lower().split():
            return str(link)
    return None


def read_credentials(credentials: Credentials, file: str) -> str:
    """Return the header's value, read anew for each request: a key that was replaced counts at once.

    Raises SourceFailedError for a file that can't be read or is no one line of plain characters.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            content = os.read(handle, SHORT + 1)
        finally:
            os.close(handle)
    except OSError as error:
        text = f"the file of the credentials can't be read: {error.strerror}"
        raise SourceFailedError(text, Cause.CREDENTIALS) from None
    value = content.strip()
    if len(content) > SHORT or not _PRINTABLE.fullmatch(value):
        raise SourceFailedError("the file of the credentials is not one line of plain characters", Cause.CREDENTIALS)
    return f"{credentials.prefix} {value.decode()}" if credentials.prefix else value.decode()

"""Attacks on where a request ends: smuggling, floods, malformed lines. HTTP/1.1's message framing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.attack.attack import Attack, Needs
from gateway.attack.judging import CLOSED, Expected
from gateway.attack.target import Target
from gateway.attack.wire import Heard

ONE_END: Final = "HTTP/1.1, message body length: a request whose end is in doubt is refused"
LINES: Final = "HTTP/1.1, message format: no malformed line is mended"
BOUNDED: Final = "Promise: heads, trailers and chunk extensions are bounded"
VERSIONS: Final = "RFC 9110, section 2.5: one protocol, and no other in its place"

HIDDEN: Final = b"GET /healthz HTTP/1.1\r\nHost: hidden\r\n\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"


def _no_second(heard: Heard) -> str | None:
    """Tell whether the request that was hidden in a body was answered."""
    if any(b'"alive"' in one.body for one in heard.answers):
        return "the hidden request was answered"
    return None


DOUBTFUL: Final = Expected((400, 501, CLOSED), look=_no_second, looks_for="the hidden request is not answered")
REFUSED: Final = Expected((400, CLOSED))
TOO_LARGE: Final = Expected((431, 400, 413, 414, CLOSED))

Raw = Callable[[bytes], tuple[bytes, ...]]  # what is sent, in parts, to a host


def _post(headers: bytes, body: bytes, end: bytes = b"\r\n") -> Raw:
    return lambda host: (b"POST /oauth2/token HTTP/1.1\r\nHost: " + host + b"\r\n" + headers + end + body,)


def _get(headers: bytes, line: bytes = b"GET /healthz HTTP/1.1") -> Raw:
    return lambda host: (line + b"\r\nHost: " + host + b"\r\n" + headers + b"\r\n\r\n",)


CL_TE: Final = b"0\r\n\r\n" + HIDDEN
TE_CL: Final = f"{len(HIDDEN):x}\r\n".encode() + HIDDEN + b"\r\n0\r\n\r\n"


def _length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(body)


# id, name, promise, what must be answered, what is sent
ROWS: Final[tuple[tuple[str, str, str, Expected, Raw], ...]] = (
    ("cl-te", "Content-Length, then Transfer-Encoding", ONE_END, DOUBTFUL, _post(_length(CL_TE) + CHUNKED, CL_TE)),
    ("te-cl", "Transfer-Encoding, then a short Content-Length", ONE_END, DOUBTFUL,
     _post(CHUNKED + b"Content-Length: 4\r\n", TE_CL)),
    ("te-te", "two Transfer-Encodings, one unknown", ONE_END, DOUBTFUL, _post(
        CHUNKED + b"Transfer-Encoding: identity\r\n" + _length(CL_TE), CL_TE)),
    ("te-unknown", "an unknown Transfer-Encoding", ONE_END, DOUBTFUL, _post(
        b"Transfer-Encoding: xchunked\r\n" + _length(CL_TE), CL_TE)),
    ("te-list", "chunked, and then another", ONE_END, DOUBTFUL, _post(
        b"Transfer-Encoding: chunked, identity\r\n" + _length(CL_TE), CL_TE)),
    ("te-space", "a space before the colon", ONE_END, DOUBTFUL,
     _post(b"Transfer-Encoding : chunked\r\n" + _length(CL_TE), CL_TE)),
    ("te-folded", "Transfer-Encoding on a folded line", ONE_END, DOUBTFUL, _post(
        b"Transfer-Encoding:\r\n chunked\r\n" + _length(CL_TE), CL_TE)),
    ("te-vertical-tab", "a vertical tab before chunked", ONE_END, DOUBTFUL, _post(
        b"Transfer-Encoding: \x0bchunked\r\n" + _length(CL_TE), CL_TE)),
    ("te-underscore", "Transfer_Encoding", ONE_END, Expected((400, 401), look=_no_second, looks_for="the body is a body"),
     _post(
        b"Transfer_Encoding: chunked\r\n" + _length(CL_TE), CL_TE)),
    ("te-http10", "Transfer-Encoding in HTTP/1.0", ONE_END, Expected(
        (400, 501, CLOSED), look=_no_second, looks_for="the hidden request is not answered"), lambda host: (
        b"POST /oauth2/token HTTP/1.0\r\nHost: " + host + b"\r\n" + _length(CL_TE) + CHUNKED + b"\r\n" + CL_TE,)),
    ("cl-two", "two lengths", ONE_END, DOUBTFUL, _post(b"Content-Length: 0\r\n" + _length(HIDDEN), HIDDEN)),
    ("cl-two-alike", "the same length twice", ONE_END, DOUBTFUL, _post(_length(HIDDEN) * 2, HIDDEN)),
    ("cl-list", "a list of lengths", ONE_END, DOUBTFUL, _post(b"Content-Length: 0, 41\r\n", HIDDEN)),
    ("cl-negative", "a negative length", ONE_END, DOUBTFUL, _post(b"Content-Length: -1\r\n", HIDDEN)),
    ("cl-plus", "a length with a sign", ONE_END, DOUBTFUL, _post(b"Content-Length: +41\r\n", HIDDEN)),
    ("cl-hex", "a length in hexadecimal", ONE_END, DOUBTFUL, _post(b"Content-Length: 0x29\r\n", HIDDEN)),
    ("cl-space", "a length with a space inside", ONE_END, DOUBTFUL, _post(b"Content-Length: 4 1\r\n", HIDDEN)),
    ("cl-huge", "a length of 2 to the power of 64", ONE_END, DOUBTFUL,
     _post(b"Content-Length: 18446744073709551617\r\n", HIDDEN)),
    ("cl-empty", "an empty length", ONE_END, DOUBTFUL, _post(b"Content-Length: \r\n", HIDDEN)),
    ("chunk-negative", "a negative chunk", ONE_END, DOUBTFUL, _post(CHUNKED, b"-1\r\n" + CL_TE)),
    ("chunk-overflow", "a chunk of 2 to the power of 64", ONE_END, DOUBTFUL,
     _post(CHUNKED, b"10000000000000001\r\na\r\n" + CL_TE)),
    ("chunk-hex", "a chunk's size with 0x", ONE_END, DOUBTFUL, _post(CHUNKED, b"0x1\r\na\r\n" + CL_TE)),
    ("chunk-bare-lf", "a chunk ended by a bare LF", ONE_END, DOUBTFUL, _post(CHUNKED, b"1\na\n0\n\n" + HIDDEN)),
    ("chunk-longer", "more bytes than a chunk says", ONE_END, DOUBTFUL, _post(CHUNKED, b"1\r\nabc\r\n" + CL_TE)),
    ("chunk-extension-lf", "a bare LF in a chunk's extension", ONE_END, DOUBTFUL,
     _post(CHUNKED, b"1;a=\nb\r\na\r\n" + CL_TE)),
    ("chunk-extensions", "an endless chunk extension", BOUNDED, TOO_LARGE,
     _post(CHUNKED, b"1;" + b"a" * 40_000 + b"\r\na\r\n0\r\n\r\n")),
    ("chunk-flood", "40,000 bytes in chunks of one, each with an extension", BOUNDED,
     Expected((400, 401, 413, 431, CLOSED)), _post(
        CHUNKED, b"1;a=b\r\na\r\n" * 4_000 + b"0\r\n\r\n")),
    ("trailers", "endless trailers", BOUNDED, TOO_LARGE, _post(CHUNKED, b"0\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n")),
    ("fold", "a folded header", LINES, REFUSED, _get(b"X-Folded: a\r\n b")),
    ("fold-first", "a folded line before any header", LINES, REFUSED, lambda host: (
        b"GET /healthz HTTP/1.1\r\n X: a\r\nHost: " + host + b"\r\n\r\n",)),
    ("bare-cr", "a bare CR in a header", LINES, REFUSED, _get(b"X-Bare: a\rX-Hidden: b")),
    ("bare-lf", "a bare LF between headers", LINES, REFUSED, _get(b"X-Bare: a\nX-Hidden: b")),
    ("nul", "NUL in a header", LINES, REFUSED, _get(b"X-Nul: a\0b")),
    ("name-space", "a space in a header's name", LINES, REFUSED, _get(b"X Name: a")),
    ("name-empty", "a header without a name", LINES, REFUSED, _get(b": a")),
    ("name-colon", "a header without a colon", LINES, REFUSED, _get(b"X-Name")),
    ("name-high", "a header's name that is not ASCII", LINES, REFUSED, _get(b"X-N\xffme: a")),
    ("line-space", "a space in the address", LINES, REFUSED, _get(b"X: a", b"GET /healthz /v1/agreements HTTP/1.1")),
    ("line-cr", "a CR in the address", LINES, REFUSED, _get(b"X: a", b"GET /healthz\rX: HTTP/1.1")),
    ("line-nul", "NUL in the address", LINES, REFUSED, _get(b"X: a", b"GET /health\0z HTTP/1.1")),
    ("line-none", "no address", LINES, REFUSED, _get(b"X: a", b"GET HTTP/1.1")),
    ("method-unknown", "a method that there is not", LINES, Expected((400, 405, 501, CLOSED)),
     _get(b"X: a", b"FROB /healthz HTTP/1.1")),
    ("method-case", "a method in small letters", LINES, Expected((400, 405, 501, CLOSED)),
     _get(b"X: a", b"get /healthz HTTP/1.1")),
    ("version-junk", "a version that is none", VERSIONS, Expected((400, 505, CLOSED)),
     _get(b"X: a", b"GET /healthz HTTP/a.b")),
    ("version-nine", "HTTP/9.9", VERSIONS, Expected((400, 505, CLOSED)), _get(b"X: a", b"GET /healthz HTTP/9.9")),
    ("version-09", "HTTP/0.9", VERSIONS, Expected((400, 401, 505, CLOSED), looks_for="a stranger is told nothing"),
     lambda _host: (b"GET /v1/agreements\r\n\r\n",)),
    ("version-preface", "the preface of HTTP/2", VERSIONS, Expected((400, 505, CLOSED)), lambda _host: (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",)),
    ("header-long", "a header of 30 KB", BOUNDED, TOO_LARGE, _get(b"X-Long: " + b"a" * 30_000)),
    ("headers-many", "3,000 headers", BOUNDED, TOO_LARGE, _get(b"X-Short: a\r\n" * 3_000 + b"X: a")),
    ("address-long", "an address of 30 KB", BOUNDED, TOO_LARGE, _get(b"X: a", b"GET /" + b"a" * 30_000 + b" HTTP/1.1")),
    ("flood", "3 MB of header", BOUNDED, TOO_LARGE, _get(b"X-Long: " + b"a" * 3_000_000)),
    ("upgrade-h2c", "an upgrade to HTTP/2", VERSIONS, Expected((200,)), _get(
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")),
    ("upgrade-websocket", "an upgrade to WebSocket", VERSIONS, Expected((200, 400, 403, 404, 426)), _get(
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")),
    ("connect", "CONNECT to another host", VERSIONS, Expected((400, 404, 405, 501, CLOSED)), lambda host: (
        b"CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: " + host + b"\r\n\r\n",)),
)  # fmt: skip


def attacks() -> list[Attack]:
    """Return the attacks on framing."""
    found = [
        Attack(f"http-{i}", f"HTTP: {n}", p, "raw bytes on one connection", e, _act(raw), Needs.NOTHING)
        for i, n, p, e, raw in ROWS
    ]
    second = Expected((200, 401), look=_second_refused, looks_for="the second is a stranger's: 401")
    pipelined = Attack(
        "http-pipelined",
        "HTTP: a stranger's request behind an honest one",
        "Promise: each call is authenticated by itself",
        "GET /v1/agreements signed, and the same unsigned, on one connection",
        second,
        _pipelined,
    )
    return [*found, pipelined]


def _host(t: Target) -> bytes:
    return t.place.authority.encode()


def _act(raw: Raw) -> Callable[[Target], Heard]:
    return lambda t: t.place.exchange(*raw(_host(t)))


def _second_refused(heard: Heard) -> str | None:
    statuses = [one.status for one in heard.answers]
    return None if statuses == [200, 401] else f"answered {statuses}"


def _pipelined(t: Target) -> Heard:
    line = b"GET /v1/agreements HTTP/1.1\r\nHost: " + _host(t) + b"\r\n"
    signed = "".join(f"{name}: {value}\r\n" for name, value in t.signed("GET", "/v1/agreements")).encode()
    return t.place.exchange(line + signed + b"\r\n" + line + b"\r\n")

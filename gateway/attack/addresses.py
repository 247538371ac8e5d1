"""Attacks on addresses, methods and spoofed headers: a way round a check, or to somewhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.attack.attack import Attack, Needs
from gateway.attack.judging import BrokenError, Expected, json_of
from gateway.attack.target import ASK, LIST, Fields, Target
from gateway.attack.wire import Heard

EVIL: Final = "evil.example"
DOOR: Final = "Promise: a stranger gets 401 before a byte of the body is read"
SPELLING: Final = "Promise: another spelling of an address opens no door"
FILES: Final = "Promise: no address leads to a file"
HOST: Final = "Promise: nothing is made of what a Host or a forwarding header says"
ECHO: Final = "Promise: what is echoed is plain, so that no log or answer is forged"
METHODS: Final = "RFC 9110, section 9: a method does what it says, or nothing"
ORIGINS: Final = "Promise: no page of another origin reads an answer"
METADATA: Final = "RFC 8414, section 2: the metadata name this gateway, whoever asks how"
CONSENTS: Final = "/control/v1/consents/c_000000000000000000000000"
WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"

STRANGER: Final = Expected((401,), "token_refused")
NOT_FOUND: Final = Expected((404,), "not_found")
NO_METHOD: Final = Expected((405,), "method_not_allowed")


def _moved(heard: Heard) -> str | None:
    """Tell whether an answer sends its reader elsewhere, or holds what only the attacker said."""
    for one in heard.answers:
        if one.header("location"):
            return "it redirects"
        if EVIL.encode() in one.body or any(EVIL in value for _, value in one.headers):
            return "what was sent came back"
        if b"root:" in one.body or b"[tool." in one.body:
            return "it holds a file"
    return None


AWAY: Final = Expected((404, 400), look=_moved, looks_for="no redirect, no file")
SAME: Final = Expected((200,), look=_moved, looks_for="as if the header were not there")

SHUT: Final = Expected((401, 404, 400), look=_moved, looks_for="no redirect, nothing told")

PATHS: Final = (
    ("dots", "dots out of the documents", FILES, "/docs/../../../../etc/passwd"),
    ("dots-encoded", "encoded dots", FILES, "/docs/problems/..%2f..%2f..%2fetc%2fpasswd"),
    ("dots-double", "dots encoded twice", FILES, "/docs/problems/%252e%252e%252fetc%252fpasswd"),
    ("dots-overlong", "overlong dots", FILES, "/docs/problems/%c0%ae%c0%ae/etc/passwd"),
    ("backslash", "backslashes", FILES, "/docs/problems/..%5c..%5cstile.toml"),
    ("style", "dots behind a file that is served", FILES, "/docs/style.css/../../../../pyproject.toml"),
    ("tile", "dots out of the log", FILES, "/log/northmoor/tile/../../stile.toml"),
    ("absolute", "an absolute path", FILES, "//etc/passwd"),
    ("nul", "NUL behind a name", FILES, "/docs/problems/fault%00.html"),
    ("invalid", "bytes that are not UTF-8", FILES, "/docs/problems/%ff%fe"),
    ("secret-files", "a forgotten repository", FILES, "/.git/config"),
    ("environment", "a forgotten environment", FILES, "/.env"),
    ("key-files", "the gateway's own keys", FILES, "/keys.sqlite"),
    ("metrics", "the metrics, which have a port of their own", FILES, "/metrics"),
    ("debug", "a debugger's page", FILES, "/debug/pprof/"),
    ("script", "a script in an address", ECHO, f"/docs/problems/%3Cscript%20src=//{EVIL}%3E"),
    ("template", "a template in an address", ECHO, "/docs/problems/%7B%7B7*7%7D%7D"),
    ("redirect", "another host as a path", HOST, f"//{EVIL}/docs"),
    ("redirect-slash", "another host, with a slash too many", HOST, f"//{EVIL}/docs/"),
    ("redirect-encoded", "another host, encoded", HOST, f"/%2f{EVIL}/.."),
    ("line-end", "an encoded line end with a header", ECHO, f"/docs%0d%0aLocation:%20http:%2f%2f{EVIL}"),
    ("parameter", "a parameter of the path", SPELLING, "/docs;/../control/v1/consents"),
)
CONTROL: Final = (
    ("plain", "without a token", CONSENTS),
    ("encoded", "a letter encoded", CONSENTS.replace("/c", "/%63", 1)),
    ("slash", "a slash doubled", CONSENTS.replace("/v1", "//v1")),
    ("dots", "dots inside", CONSENTS.replace("/v1", "/x/../v1")),
    ("query", "a query that looks public", f"{CONSENTS}?/healthz"),
    ("trailing", "a slash behind", f"{CONSENTS}/"),
)
AROUND: Final = (
    ("case", "in capitals", CONSENTS.replace("control", "CONTROL")),
    ("double", "a slash before", f"/{CONSENTS}"),
    (
        "encoded-slash",
        "the slash encoded",
        CONSENTS.replace("/control/", "/control%2f", 1).replace("/v1", "/%76%31", 1) + "/%",
    ),
    ("from-public", "by dots from a public page", f"/docs/..{CONSENTS}"),
    ("from-log", "by dots from the log", f"/log/northmoor/tile/../../..{CONSENTS}"),
    ("width", "in full-width letters", CONSENTS.replace("control", "%EF%BD%83ontrol")),
    ("matrix", "with a parameter", CONSENTS.replace("/control", "/control;a=1")),
)
PROTECTED: Final = (
    ("POST", ASK), ("GET", LIST), ("POST", "/v1/explain"), ("GET", "/v1/openapi.json"), ("GET", "/v1/collection.json"),
    ("GET", "/v1/disclosures/d_01K6H0Q3ZB7M5T2V8N4R1X9C0D/receipt"), ("POST", "/control/v1/consents"),
    ("POST", "/control/v1/restrictions"),
)  # fmt: skip
SPOOFED: Final[tuple[tuple[str, str, str, str, Fields], ...]] = (
    ("forwarded-host", "X-Forwarded-Host", METADATA, WELL_KNOWN, [("X-Forwarded-Host", EVIL)]),
    ("forwarded", "Forwarded", METADATA, WELL_KNOWN, [("Forwarded", f"for=1.2.3.4;host={EVIL};proto=https")]),
    ("forwarded-proto", "X-Forwarded-Proto and a port", METADATA, WELL_KNOWN, [
        ("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Port", EVIL)]),
    ("forwarded-prefix", "X-Forwarded-Prefix", METADATA, "/docs",
     [("X-Forwarded-Prefix", f"//{EVIL}"), ("X-Script-Name", EVIL)]),
    ("original-url", "X-Original-URL", SPELLING, "/healthz", [("X-Original-URL", CONSENTS), ("X-Rewrite-URL", CONSENTS)]),
    ("referer", "Referer and Origin", ORIGINS, "/docs", [("Referer", f"http://{EVIL}"), ("Origin", f"http://{EVIL}")]),
    ("accept", "Accept by dots", FILES, "/docs",
     [("Accept", "../../../../etc/passwd"), ("Accept-Language", "../../etc/passwd")]),
    ("range", "1,000 ranges", "RFC 9110, section 14: ranges are bounded", "/docs/style.css", [
        ("Range", "bytes=" + ",".join(f"{n}-{n}" for n in range(1_000)))]),
    ("encoding", "an encoding that there is not", METHODS, "/healthz", [("Accept-Encoding", "evil"), ("TE", "trailers")]),
    ("expect", "an expectation", METHODS, "/healthz", [("Expect", "200-ok")]),
    ("request-id-line", "a line end, encoded, in X-Request-ID", ECHO, "/healthz",
     [("X-Request-ID", f"a%0d%0aSet-Cookie:%20{EVIL}")]),
    ("request-id-space", "a forged line in X-Request-ID", ECHO, "/healthz", [("X-Request-ID", f"a level=error {EVIL}")]),
    ("request-id-json", "JSON in X-Request-ID", ECHO, "/healthz", [("X-Request-ID", f'","event":"{EVIL}')]),
    ("request-id-long", "65 characters in X-Request-ID", ECHO, "/healthz", [("X-Request-ID", EVIL + "a" * 53)]),
    ("request-id-high", "letters that are not ASCII in X-Request-ID", ECHO, "/healthz", [("X-Request-ID", EVIL + "\xe9")]),
    ("request-id-escape", "a terminal's escape in X-Request-ID", ECHO, "/healthz", [("X-Request-ID", f"{EVIL}-%1b[2J")]),
    ("traceparent", "a traceparent that is none", ECHO, "/healthz", [("traceparent", f"00-{EVIL}-0-0")]),
    ("traceparent-version", "a traceparent with something behind", ECHO, "/healthz", [
        ("traceparent", f"00-{'1' * 32}-{'1' * 16}-01-{EVIL}")]),
    ("cookie", "a session's cookie", DOOR, "/healthz", [("Cookie", f"session={EVIL}; role=admin")]),
)  # fmt: skip


def attacks() -> list[Attack]:
    """Return the attacks on addresses, methods and headers."""
    rows: list[tuple[str, str, str, str, Expected, Callable[[Target], Heard]]] = []
    rows += [(f"path-{i}", f"Address: {n}", p, f"GET {path}", AWAY, _sent("GET", path)) for i, n, p, path in PATHS]
    rows += [(f"control-{i}", f"/control: {n}", DOOR, "GET of a consent", STRANGER, _sent("GET", p)) for i, n, p in CONTROL]
    rows += [(f"around-{i}", f"/control: {n}", SPELLING, "GET of a consent", SHUT, _sent("GET", p)) for i, n, p in AROUND]
    rows += [
        (f"stranger-{number}", f"A stranger at {path.split('/d_')[0]}, by {method}", DOOR, f"{method}, 100 KB of body",
         STRANGER,
         _sent(method, path, body=b"a" * 100_000 if method == "POST" else None))
        for number, (method, path) in enumerate(PROTECTED, 1)
    ]  # fmt: skip
    rows += [(f"header-{i}", f"Header: {n}", p, f"GET {path}", SAME, _sent("GET", path, h)) for i, n, p, path, h in SPOOFED]
    rows += _of_hosts() + _of_methods()
    return [Attack(*row, Needs.NOTHING) for row in rows] + _signed()


def _sent(method: str, path: str, headers: Fields = (), body: bytes | None = None) -> Callable[[Target], Heard]:
    return lambda t: t.send(method, path, headers, body)


def _issuer_stays(t: Target, heard: Heard) -> Heard:
    content = json_of(heard.first)
    if not isinstance(content, dict) or content.get("issuer") != t.issuer:
        raise BrokenError("the metadata name another issuer")
    return heard


Row = tuple[str, str, str, str, Expected, Callable[[Target], Heard]]


def _of_hosts() -> list[Row]:
    def host(name: str) -> Callable[[Target], Heard]:
        return lambda t: _issuer_stays(t, t.send("GET", WELL_KNOWN, host=name))

    def raw(headers: bytes) -> Callable[[Target], Heard]:
        return lambda t: t.place.exchange(b"GET /healthz HTTP/1.1\r\n" + headers + b"Connection: close\r\n\r\n")

    unmoved = Expected((200, 400, 421), look=_moved, looks_for="nothing is made of it")
    gone = Expected((404, 400), look=_moved, looks_for="no redirect")
    return [
        ("host-other", "Host: another", METADATA, f"GET {WELL_KNOWN}", SAME, host(EVIL)),
        ("host-port", "Host: with a name and a port that are none", METADATA, f"GET {WELL_KNOWN}", SAME,
         host(f"a@{EVIL}:99999")),
        ("host-redirect", "Host: another, and a slash too many", HOST, f"POST {ASK}/", gone, lambda t: t.send(
            "POST", f"{ASK}/", host=EVIL, body=b"{}")),
        ("host-absolute", "Host: another, in the address", METADATA, "GET http://…", unmoved, lambda t: t.place.exchange(
            f"GET http://{EVIL}{WELL_KNOWN} HTTP/1.1\r\nHost: {EVIL}\r\nConnection: close\r\n\r\n".encode())),
        ("host-none", "Host: none", HOST, "GET /healthz", unmoved, raw(b"")),
        ("host-two", "Host: two", HOST, "GET /healthz", unmoved, raw(f"Host: a\r\nHost: {EVIL}\r\n".encode())),
        ("host-http10", "HTTP/1.0 without Host", HOST, "GET /healthz", unmoved, lambda t: t.place.exchange(
            b"GET /healthz HTTP/1.0\r\n\r\n")),
    ]  # fmt: skip


def _no_cors(heard: Heard) -> str | None:
    allowed = [name for one in heard.answers for name, _ in one.headers if name.startswith("access-control-")]
    return "another origin is allowed" if allowed else None


def _of_methods() -> list[Row]:
    preflight = Expected((401, 404, 405), look=_no_cors, looks_for="no origin is allowed")
    asked: Fields = [("Origin", f"http://{EVIL}"), ("Access-Control-Request-Method", "POST")]
    simple = Expected((200,), look=_no_cors, looks_for="no origin is allowed")
    rows: list[Row] = [
        (
            f"method-{method.lower()}",
            f"Method: {method} of a call",
            METHODS,
            f"{method} {ASK}",
            NO_METHOD,
            _sent(method, ASK),
        )
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")
    ]
    refused_head = Expected((401, 405), looks_for="no body")
    override: Fields = [("X-HTTP-Method-Override", "POST"), ("X-Method-Override", "POST"), ("X-HTTP-Method", "POST")]
    return [
        *rows,
        ("method-head", "Method: HEAD of the agreements", METHODS, f"HEAD {LIST}", refused_head, _sent("HEAD", LIST)),
        ("method-trace-docs", "Method: TRACE of a page", METHODS, "TRACE /docs", NO_METHOD, _sent(
            "TRACE", "/docs", [("Authorization", EVIL)])),
        ("method-override", "Method: another in a header", METHODS, f"GET {ASK} with X-HTTP-Method-Override", NO_METHOD,
         _sent(
            "GET", ASK, override)),
        ("method-override-query", "Method: another in the address", METHODS, f"GET {ASK}?_method=POST", NO_METHOD, _sent(
            "GET", f"{ASK}?_method=POST")),
        ("origin-preflight", "Origin: a preflight", ORIGINS, f"OPTIONS {ASK}", preflight, _sent("OPTIONS", ASK, asked)),
        ("origin-simple", "Origin: a simple request", ORIGINS, f"GET {WELL_KNOWN}", simple, _sent(
            "GET", WELL_KNOWN, [("Origin", f"http://{EVIL}")])),
        ("jwks-private", "A private half among the published keys", "RFC 7517, section 9.1", "GET /oauth2/jwks", Expected(
            (200,), look=_no_private, looks_for="public halves alone"), _sent("GET", "/oauth2/jwks")),
    ]  # fmt: skip


def _no_private(heard: Heard) -> str | None:
    content = json_of(heard.first)
    keys = content.get("keys") if isinstance(content, dict) else None
    if not keys:
        return "no keys are published"
    return "a private half is published" if any({"d", "k", "p", "q"} & set(one) for one in keys) else None


def _signed() -> list[Attack]:
    override = [("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", CONSENTS), ("X-Forwarded-For", "127.0.0.1")]
    stays = Expected((200,), look=_moved, looks_for="the caller's own agreements")
    return [
        Attack("signed-spoofed", "Header: spoofed ones on an honest call", SPELLING, f"GET {LIST}", stays, lambda t: t.call(
            "GET", LIST, *override)),
        Attack("signed-client", "Header: another client's name on an honest call", DOOR, f"GET {LIST}", stays,
            lambda t: t.call(
            "GET", LIST, ("X-Client-ID", EVIL), ("Client-Cert", ":AAAA:"), ("X-SSL-Client-S-DN", f"CN={EVIL}"))),
    ]  # fmt: skip

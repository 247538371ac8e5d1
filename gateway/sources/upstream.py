"""Where is an upstream of HTTP, and how is it asked for records? The `http` section of a mapping."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from gateway.sources.columns import path as json_place
from gateway.sources.json_answer import WHOLE
from policies.reading.sections import Read, Section, integer, listed, members, members_by_name, name, refused, word
from policies.reading.yaml_text import Node, Scalar

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
USUAL_BYTES: Final = 1_000_000
USUAL_MOST: Final = 50
USUAL_PAGES: Final = 20
USUAL_CONNECT: Final = 2.0  # seconds
_HOLDER: Final = re.compile(r"\{([^{}]*)\}")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
# What aiohttp or the connection itself decides; another's value there could make one request into two.
_NOT_OURS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "upgrade", "te"}
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A header whose value lies in a file, outside the published text."""

    header: str
    prefix: str | None
    file: str


@dataclass(frozen=True, slots=True)
class Call:
    """One GET: path and query with a place for what is asked for, and where in the answer the records are.

    `details` are those of a composite key that it asks for, each at its own place; of all others it is empty.
    `several` is None where one request asks for one; `commas` or `repeated` where it asks for up to `most`. `more` is
    where an answer says that there are more pages: it holds the link to the next one; or, for the parameter `cursor`, what
    that is to hold; or, for the parameter `page`, anything. `last` is where it says which page is the last.
    """

    path: str
    query: Mapping[str, str]
    several: str | None
    most: int
    records: str
    more: str | None
    nobody: tuple[int, ...]
    cursor: str | None = None
    page: str | None = None
    first_page: int = 1
    last: str | None = None
    details: tuple[str, ...] = ()

    @property
    def turns_pages(self) -> bool:
        """Tell whether the mapping says how pages are turned."""
        return self.more is not None or self.page is not None

    @property
    def takes_several(self) -> bool:
        """Tell whether one request may ask for several."""
        return self.several is not None

    def target(self, values: tuple[str, ...], select: Mapping[str, str], turned: Mapping[str, str] | None = None) -> str:
        """Return path and query for some values, each percent-encoded whole: RFC 3986, section 2.1.

        Of a call by details `values` are theirs, in order. `turned` is what asks for a page other than the service's first.
        """
        encoded = [quote(value, safe="") for value in values]
        own, joined = dict(zip(self.details, encoded, strict=bool(self.details))), ",".join(encoded)
        path = _HOLDER.sub(lambda found: own.get(found[1], joined), self.path)
        pairs: list[str] = []
        for parameter, template in self.query.items():
            if "{each}" in template:
                pairs += [f"{_of(parameter)}={_filled(template, {'each': value})}" for value in encoded]
            else:
                pairs.append(f"{_of(parameter)}={_filled(template, own or dict.fromkeys(_held(template), joined))}")
        pairs += [f"{_of(parameter)}={_of(value, ',.')}" for parameter, value in select.items()]
        pairs += [f"{_of(parameter)}={_of(value)}" for parameter, value in (turned or {}).items()]
        return path + ("?" + "&".join(pairs) if pairs else "")

    def can_ask(self, value: str) -> bool:
        """Tell whether a value asks for itself alone: none asks for all, dots climb the path, a comma makes it two."""
        climbs = value in {".", ".."} and bool(_HOLDER.search(self.path))
        return bool(value) and not climbs and not (self.several == "commas" and "," in value)


def _filled(template: str, values: Mapping[str, str]) -> str:
    pieces = enumerate(_HOLDER.split(template))  # every second one is the name of what belongs there
    return "".join(values[one] if number % 2 else _of(one) for number, one in pieces)


def _held(*templates: str) -> list[str]:
    return [one for text in templates for one in _HOLDER.findall(text)]


def _of(text: str, safe: str = "") -> str:
    return quote(text, safe=safe + "$")


@dataclass(frozen=True, slots=True)
class Upstream:
    """An HTTP service. `select` is the query parameter that asks it for single members of a record."""

    base: str
    connect_timeout: float
    max_bytes: int
    max_pages: int
    credentials: Credentials | None
    select: str | None
    search: Mapping[str, Call]
    record: Call
    sample: Call | None

    @property
    def host(self) -> str:
        """Return host and port, as `source_hosts` lists them."""
        return host_of(urlsplit(self.base))


def host_of(parts: SplitResult) -> str:
    """Return the host and port of an address; ValueError where the port is none."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    shown = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{shown}:{port}"


def upstream(node: Node, seconds: Callable[[Node], float], asked_by: Mapping[str, tuple[str, ...]]) -> Upstream:
    """Read the `http` section; `asked_by` are the details by which it is asked for composite keys."""
    section = Section(node, "http")
    found = Upstream(
        base=section.need("base", _base),
        connect_timeout=section.may("connect_timeout", seconds, USUAL_CONNECT),
        max_bytes=section.may("max_bytes", integer(1_000, 50_000_000), USUAL_BYTES),
        max_pages=section.may("max_pages", integer(1, 1_000), USUAL_PAGES),
        credentials=section.may("credentials", _credentials, None),
        select=section.may("select", _parameter, None),
        search=section.need("search", members_by_name(name, lambda key: calling("value", asked_by.get(key, ())))),
        record=section.need("record", calling("row")),
        sample=section.may("sample", calling("sample"), None),
    )
    section.close()
    return found


def calling(holder: str, details: tuple[str, ...] = ()) -> Read[Call]:
    """Read one call; `holder` names what stands in braces: `{value}`, or `{values}` and `{each}` for several.

    A search by a composite key has its `details` there instead, each by its name.
    """
    known = {holder} if holder == "sample" else {holder, holder + "s", "each"}

    def read(node: Node) -> Call:
        section = Section(node, "a call")
        path, query = section.need("path", _path), section.may("query", members(_parameter, word), {})
        found = Call(
            path=path,
            query=query,
            several=None if details else _several(path or "", query, holder),
            most=section.may("most", integer(1, 100), USUAL_MOST),
            records=section.may("records", _records, WHOLE),
            more=section.may("more", json_place, None),
            cursor=section.may("cursor", _parameter, None),
            page=section.may("page", _parameter, None),
            first_page=section.may("first_page", integer(0, 1), 1),
            last=section.may("last", json_place, None),
            nobody=section.may("nobody", listed(integer(200, 499)), ()),
            details=details,
        )
        held = _held(path or "", *query.values())
        is_said = sorted(held) == sorted(details) if details else len(held) == 1 and set(held) <= known
        section.check(is_said, "path", "does not say once what is asked for", _remedy(details, known))
        section.check("{each}" not in (path or ""), "path", "can't repeat a part of a path", "Put {each} in `query`.")
        _check_pages(section, found)
        if found.several is None:
            section.check("most" not in section.names(), "most", "asks for one at a time", "Take it out.")
        section.close()
        return found

    return read


def _remedy(details: tuple[str, ...], known: set[str]) -> str:
    if details:
        return f"Write {', '.join('{' + one + '}' for one in details)}, each once."
    return f"Write one of {', '.join('{' + one + '}' for one in sorted(known))}, once."


def _check_pages(section: Section, call: Call) -> None:
    names = section.names()
    section.check(call.cursor is None or call.page is None, "page", "turns pages in two ways", "Keep `cursor` or `page`.")
    section.check(
        call.cursor is None or call.more is not None,
        "cursor",
        "does not say where an answer has the next cursor",
        "Give `more`, its place.",
    )
    for one in ("first_page", "last"):
        section.check(
            call.page is not None or one not in names, one, "is for numbered pages", "Give `page`, the parameter."
        )
    for parameter in (call.cursor, call.page):
        text = "is a parameter that `query` gives already"
        section.check(parameter is None or parameter not in call.query, "query", text, "Take it out of `query`.")


def _several(path: str, query: Mapping[str, str], holder: str) -> str | None:
    held = set(_held(path, *query.values()))
    if "each" in held:
        return "repeated"
    return "commas" if holder + "s" in held else None


def _base(node: Node) -> str:
    text = word(node)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise refused(node, "is no address", "Write one such as https://host:443/api.") from None
    plain = re.fullmatch(r"https?://(\[[0-9A-Fa-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?(/[\w.~-]+)*/?", text, re.ASCII)
    if not plain or port == 0 or not parts.hostname or {".", ".."} & set(parts.path.split("/")):
        remedy = "Write https://host:443/api: a host in lower case, no name, password, query or fragment."
        raise refused(node, "is no plain address of a service", remedy)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise refused(node, "is not https", "Use https, save on this machine itself.")
    return text.rstrip("/")


def _path(node: Node) -> str:
    text = word(node)
    if not re.fullmatch(r"(/[\w.~$(){}'-]*)+", text, re.ASCII) or {".", ".."} & set(text.split("/")):
        raise refused(node, "is no path", "Write one such as /cards/{row}, without a query.")
    return text


def _parameter(node: Node) -> str:
    text = word(node)
    if not re.fullmatch(r"[\w.$\[\]-]{1,64}", text, re.ASCII):
        raise refused(node, "is no name of a query parameter", "Write one such as fields.")
    return text


def _records(node: Node) -> str:
    is_whole = isinstance(node, Scalar) and node.text.strip() == WHOLE
    return WHOLE if is_whole else json_place(node)


def _credentials(node: Node) -> Credentials:
    section = Section(node, "credentials")
    found = Credentials(section.need("header", _header), section.may("prefix", word, None), section.need("file", word))
    section.close()
    return found


def _header(node: Node) -> str:
    text = word(node)
    if not _HEADER.fullmatch(text) or text.lower() in _NOT_OURS:
        raise refused(node, "is no header for credentials", "Write one such as Authorization.")
    return text

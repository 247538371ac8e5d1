"""What does the landlord's system answer? A small service of the demo's own on this machine, with a key for callers.

It answers as a vendor's would: JSON, by tenancy, property or UPRN, single members where `fields` names them.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from gateway.council.directory import CouncilError

HOST: Final = "127.0.0.1"
DATA: Final = "housing.json"
TOKEN: Final = "housing.token"  # noqa: S105 -- a file's name
PATH: Final = "/api/tenancies"
# Query parameter, and where in a record what it asks for stands.
SEARCHES: Final = {
    "tenancy": ("tenancy",),
    "property": ("property", "ref"),
    "uprn": ("property", "uprn"),
    "nino": ("tenant", "nino"),
}
Tenancy = dict[str, Any]


class HousingSystem(ThreadingHTTPServer):
    """The service with its records. Raises OSError where the port is taken."""

    daemon_threads = True

    def __init__(self, port: int, tenancies: list[Tenancy], token: str) -> None:
        super().__init__((HOST, port), _Handler)
        self.tenancies = tenancies
        self.token = token
        self.found = {parameter: _by(tenancies, steps) for parameter, steps in SEARCHES.items()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: HousingSystem

    def do_GET(self) -> None:
        """Answer with records, or say why not."""
        parts = urlsplit(self.path)
        given = self.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self.server.token}".encode()):
            self._answer(401, {"error": "no key, or another"})
        elif parts.path != PATH:
            self._answer(404, {"error": "no such path"})
        else:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            found = asked(self.server.tenancies, self.server.found, query)
            if found is None:
                self._answer(400, {"error": "say which: tenancy, property, uprn or limit"})
            else:
                self._answer(200, {"items": found})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a line would hold whom was asked for."""


def asked(
    tenancies: list[Tenancy], found: dict[str, dict[str, list[Tenancy]]], query: dict[str, str]
) -> list[Tenancy] | None:
    """Return the records that a query asks for, with the members that it names; None where it does not say which."""
    fields = query.get("fields")
    by = next((name for name in SEARCHES if name in query), None)
    if by is not None:
        records = [one for value in query[by].split(",") for one in found[by].get(value, [])]
    elif query.get("limit", "").isdigit():
        records = tenancies[: int(query["limit"])]
    else:
        return None
    return records if fields is None else [picked(one, fields.split(",")) for one in records]


def picked(record: Tenancy, paths: list[str]) -> Tenancy:
    """Return a record with the named members alone; in a list, of each element."""
    result: Tenancy = {}
    inner: dict[str, list[str]] = {}
    for path in paths:
        first, _, rest = path.partition(".")
        if first in record:
            inner.setdefault(first, []).extend([rest] if rest else [])
    for name, below in inner.items():
        value = record[name]
        if below and isinstance(value, dict):
            result[name] = picked(value, below)
        elif below and isinstance(value, list):
            result[name] = [picked(one, below) for one in value]
        else:
            result[name] = value
    return result


def _by(tenancies: list[Tenancy], steps: tuple[str, ...]) -> dict[str, list[Tenancy]]:
    found: dict[str, list[Tenancy]] = {}
    for one in tenancies:
        value: Any = one
        for step in steps:
            value = value[step]
        found.setdefault(str(value).strip(), []).append(one)
    return found


@contextmanager
def housing_system(directory: Path, port: int) -> Iterator[HousingSystem]:
    """Run the demo's housing system on a thread of its own while the block runs."""
    try:
        tenancies = json.loads((directory / DATA).read_text(encoding="utf-8"))
        token = (directory / TOKEN).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise CouncilError(f"{directory} has lost its housing system's {DATA} or {TOKEN}: --fresh starts over") from error
    try:
        server = HousingSystem(port, tenancies, token)
    except OSError as error:
        text = f"port {port} of {HOST}, where the demo's housing system belongs, is taken"
        raise CouncilError(f"{text}: end what uses it, or --fresh starts over") from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="housing")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

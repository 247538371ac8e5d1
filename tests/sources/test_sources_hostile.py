"""What happens when an HTTP service lies, sends too much, or sends what was not asked for?"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sources_people import CARDS, LOANS, Adapter, Service, as_json, asking, http_text, serving, source_of
from sources_scene import GRACE, answering, failure, fetch, items, whole

from gateway.sources.contract import SourceFailedError
from schemas.decision import Unusable
from schemas.request import SubjectQuery
from schemas.terms import Match


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as one:
        yield one


# -- lies about what it is


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (items(), {"Content_Type": "text/html"}, "did not answer with JSON: text/html"),
        (items(), {"Content_Type": ""}, "did not answer with JSON: no type"),
        (b"<html>secret</html>", {}, "answered with what is not JSON"),
        (b"", {}, "answered with what is not JSON"),
        (b'{"items": []} secret', {}, "answered with what is not JSON"),
        (b'{"items": [], "items": []}', {}, "answered with what names a member twice"),
        (b'{"items": [], "secret": NaN}', {}, "answered with what holds NaN or an infinity"),
        (b'{"items": [], "secret": -Infinity}', {}, "answered with what holds NaN or an infinity"),
        (b'{"items": [], "secret": ' + b"9" * 5_000 + b"}", {}, "answered with what holds a number too long"),
        (b'{"items": [], "secret": 0.' + b"9" * 5_000 + b"}", {}, "answered with what holds a number too long"),
        (b'{"items": "\xff"}', {}, "answered with what is not UTF-8"),
        (b"[" * 17 + b"]" * 17, {}, "answered with what is over 16 levels deep"),
        (b"[" * 100_000, {}, "answered with what is over 16 levels deep"),
        (b"null", {}, "answered with nothing"),
        (b"{}", {}, "gave no records where the mapping has them"),
        (b"[]", {}, "gave no records where the mapping has them"),
        (b'{"items": null}', {}, "gave no records where the mapping has them"),
        (b'{"items": ["secret"]}', {}, "gave something else than records"),
        (b'{"items": "secret"}', {}, "gave something else than records"),
        (items({"no": ["C1"]}), {}, "gave something else than a reference"),
        (items({"no": {"secret": 1}}), {}, "gave something else than a reference"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_fails(
    service: Service, tmp_path: Path, body: bytes, headers: dict[str, str], words: str
) -> None:
    service.answer = answering(body, **headers)

    assert failure(source_of(http_text(service.port), tmp_path)) == f"library {words}"


def test_wrong_types_are_invalid_and_never_a_value(service: Service, tmp_path: Path) -> None:
    odd = whole() | {"account": {"fines": ["1.00"], "visits": {"secret": 1}}, "blocked": ["A"], "uprn": 900000000042}
    service.answer = answering(items(odd))

    record = fetch(source_of(http_text(service.port), tmp_path), "fines", "visits", "blocked", "uprn")

    assert record.values == {
        "fines": Unusable.INVALID,
        "visits": Unusable.INVALID,
        "blocked": Unusable.INVALID,
        "uprn": "900000000042",
    }


def test_a_list_on_the_way_to_a_field_is_invalid(service: Service, tmp_path: Path) -> None:
    service.answer = answering(items(whole() | {"account": [{"fines": "1.00"}]}))

    assert fetch(source_of(http_text(service.port), tmp_path), "fines").values == {"fines": Unusable.INVALID}


def test_a_garbled_marker_does_not_open_a_place(service: Service, tmp_path: Path) -> None:
    service.answer = answering(items(whole() | {"protected": {"is": "N"}}))
    by_place = SubjectQuery("uprn", "900000000042", dict(GRACE.confirm))

    (found,) = asking(source_of(http_text(service.port), tmp_path), lambda one: one.identify([by_place]))

    assert found.match is Match.PROTECTED_BY_PLACE


@contextmanager
def raw(answer: bytes) -> Iterator[int]:
    """Answer every connection with the same bytes, whatever is asked; give the port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            with contextlib.suppress(OSError):  # who has heard enough goes
                self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(10)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-secret\r\n",
        b"HTTP/1.1 200 OK\r\nX-Secret: " + b"s" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: s\r\n" % n for n in range(100_000)),
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{}",
        b"",
    ],
)
def test_what_is_no_http_fails(tmp_path: Path, answer: bytes) -> None:
    with raw(answer) as port:
        words = failure(source_of(http_text(port), tmp_path))

    assert re.fullmatch(r"library could not be (asked|read): \w+", words)


# -- too much


def test_extra_members_never_reach_a_record(service: Service, tmp_path: Path) -> None:
    """Dropped at the door, whatever the service was asked for."""
    service.answer = answering(items(whole() | {"admin": {"secret": [1, 2, 3]}}))

    record = fetch(source_of(http_text(service.port), tmp_path), "fines", "loans.shelf")

    assert set(record.values) == {"fines"}
    assert [set(row) for row in record.groups["loans"]] == [{"loans.shelf"}] * 2
    assert "secret" not in repr(record)


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    while True:
        await answer.write(b" " * 65_536)


@pytest.mark.parametrize("answer", [endless, answering(b" " * 200_000)])
def test_a_huge_answer_is_not_read_to_its_end(service: Service, tmp_path: Path, answer: Any) -> None:
    service.answer = answer
    text = http_text(service.port, 20, more="  max_bytes: 100000\n")
    begun = time.monotonic()

    assert failure(source_of(text, tmp_path)) == "library answered with over 100000 bytes"

    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP"])
def test_a_compressed_answer_is_refused_unopened(service: Service, tmp_path: Path, encoding: str) -> None:
    """A bomb is never lit: nothing is decompressed, whatever it is said to be."""
    service.answer = answering(gzip.compress(b" " * 10_000_000), Content_Encoding=encoding)

    assert failure(source_of(http_text(service.port), tmp_path)) == "library compressed its answer, and was asked not to"
    assert {one.headers["Accept-Encoding"] for one in service.asked} == {"identity"}


def test_a_bomb_that_says_that_it_is_none_is_no_json(service: Service, tmp_path: Path) -> None:
    service.answer = answering(gzip.compress(b" " * 10_000_000), Content_Encoding="identity")

    assert failure(source_of(http_text(service.port), tmp_path)) == "library answered with what is not UTF-8"


@pytest.mark.parametrize("more", [True, 7, {"page": 2}, ["/cards?page=2"]])
def test_part_of_the_records_is_no_answer(service: Service, tmp_path: Path, more: Any) -> None:
    """On the next page might be the twin who makes it several; and what leads there is no link."""
    service.answer = answering(json.dumps({"items": [whole()], "next": more}).encode())
    text = http_text(service.port).replace("records: items}", "records: items, more: next}")

    told = "library gave part of its records alone: what leads on is no link"
    assert failure(source_of(text, tmp_path)) == told


# -- of somebody else


def test_another_persons_record_fails(service: Service, tmp_path: Path) -> None:
    service.answer = answering(items(as_json(CARDS[1], LOANS)))

    assert failure(source_of(http_text(service.port), tmp_path)) == "library gave the record of another than was asked for"


def test_a_record_that_comes_twice_fails(service: Service, tmp_path: Path) -> None:
    service.answer = answering(items(whole(), whole()))

    with pytest.raises(SourceFailedError, match=r"^library: the record is gone, or is there twice$"):
        fetch(source_of(http_text(service.port), tmp_path), "fines")


def test_a_row_of_anothers_group_fails(service: Service, tmp_path: Path) -> None:
    async def rows_of_another(request: web.Request) -> web.Response:
        loans = request.path.endswith("/loans")
        return web.json_response([{"card": "C2", "shelf": "1"}] if loans else {"items": [whole()]})

    service.answer = rows_of_another
    nested = 'call: {path: "/cards/{row}/loans"}, row: card, fields'
    text = http_text(service.port).replace("records: loans, fields", nested)

    with pytest.raises(SourceFailedError, match=r"^library gave a row of another than was asked for$"):
        fetch(source_of(text, tmp_path), "loans.shelf")


# -- leads elsewhere


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(service: Service, tmp_path: Path, status: int) -> None:
    service.answer = answering(b"", status, Location=f"http://127.0.0.1:{service.port}/secret")

    words = f"library answered {status}: it leads elsewhere, and is not followed"
    assert failure(source_of(http_text(service.port), tmp_path)) == words
    assert {one.path for one in service.asked} == {"/cards"}


def test_a_proxy_of_the_environment_is_not_trusted(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")

    assert fetch(source_of(http_text(service.port), tmp_path), "card_no").values == {"card_no": "C1"}


def test_a_cookie_is_not_carried_from_one_person_to_the_next(service: Service, tmp_path: Path) -> None:
    service.answer = answering(items(whole()), Set_Cookie="session=secret; Path=/")

    async def twice(source: Adapter) -> None:
        await source.identify([GRACE])
        await source.identify([GRACE])

    asking(source_of(http_text(service.port), tmp_path), twice)

    assert [one.headers.get("Cookie") for one in service.asked] == [None, None]

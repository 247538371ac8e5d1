"""What exactly is an HTTP service asked, with which credentials, and which services may be asked at all?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from sources_people import CARDS, DATASET, LOANS, NOW, Service, as_json, asking, http_text, serving, source_of

from gateway.council.sources import SourceRegistry, refusal_of
from gateway.sources.contract import Found, SourceFailedError
from gateway.sources.http_client import read_credentials
from gateway.sources.http_source import HttpSource
from gateway.sources.json_answer import NotJsonError, at, parse, reach
from gateway.sources.mapping import Mapping, digest_of, parse_mapping
from gateway.sources.upstream import Call, Credentials
from schemas.request import SubjectQuery
from schemas.terms import Environment, Match

GRACE = SubjectQuery("card_no", "C1", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
FOUND = Found(Match.CONFIRMED, subject="holder", row="C1")


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as one:
        yield one


def call(path: str, query: dict[str, str] | None = None, several: str | None = None) -> Call:
    return Call(path=path, query=query or {}, several=several, most=50, records=".", more=None, nobody=())


# -- the target


@given(value=st.text(min_size=1))
def test_a_value_is_one_step_of_the_path_whatever_it_holds(value: str) -> None:
    """RFC 3986, section 2.1: no delimiter of a value is a delimiter of the target."""
    if any(0xD800 <= ord(one) <= 0xDFFF for one in value):
        return  # no key holds half a character: the request's body is UTF-8
    parts = urlsplit("http://host" + call("/cards/{value}/loans").target((value,), {"fields": "a.b,c"}))

    before, step, after = parts.path[1:].split("/")
    assert (before, unquote(step), after) == ("cards", value, "loans")
    assert parts.query == "fields=a.b,c"
    assert not parts.fragment


@given(values=st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=5))
def test_a_value_is_one_value_of_the_query_whatever_it_holds(values: list[str]) -> None:
    repeated = call("/cards", {"no": "{each}", "all": "a b&c"}, "repeated").target(tuple(values), {})
    joined = call("/cards", {"no": "is:{values}"}, "commas").target(tuple(values), {})

    asked = parse_qs(urlsplit(repeated).query, strict_parsing=True, keep_blank_values=True)
    assert asked == {"no": values, "all": ["a b&c"]}
    assert [unquote(one) for one in urlsplit(joined).query.removeprefix("no=is%3A").split(",")] == values


@pytest.mark.parametrize(
    ("value", "path", "several", "can"),
    [
        (".", "/cards/{value}", None, False),
        ("..", "/cards/{value}", None, False),
        ("...", "/cards/{value}", None, True),
        ("..", "/cards", None, True),
        ("a,b", "/cards", "commas", False),
        ("a,b", "/cards", "repeated", True),
        ("", "/cards/{value}", None, False),
        ("", "/cards", "repeated", False),
    ],
)
def test_a_value_that_would_ask_for_something_else_is_not_asked_for(
    *, value: str, path: str, several: str | None, can: bool
) -> None:
    assert call(path, {} if "{" in path else {"no": "{value}"}, several).can_ask(value) is can


def test_a_value_that_climbs_is_nobody_and_asks_nothing(service: Service, tmp_path: Path) -> None:
    text = http_text(service.port, braces="value").replace(
        "path: /cards, query: {no:", "path: '/cards/{value}', query: {x:", 1
    )
    text = text.replace('{x: "{value}"}', '{x: "1"}')

    (found,) = asking(source_of(text, tmp_path), lambda one: one.identify([SubjectQuery("card_no", "..", GRACE.confirm)]))

    assert found.match is Match.NOBODY
    assert not service.asked


def test_a_status_that_means_nobody_is_nobody(service: Service, tmp_path: Path) -> None:
    async def gone(_request: web.Request) -> web.Response:
        return web.Response(status=404, text="nobody here")

    service.answer = gone
    text = http_text(service.port).replace("records: items}", "records: items, nobody: [404]}")

    (found,) = asking(source_of(text, tmp_path), lambda one: one.identify([GRACE]))
    with pytest.raises(SourceFailedError, match="gone, or is there twice"):
        asking(source_of(text, tmp_path), lambda one: one.fetch([(FOUND, frozenset({"fines"}))]))

    assert found.match is Match.NOBODY


def test_no_more_are_asked_for_at_once_than_the_mapping_says(service: Service, tmp_path: Path) -> None:
    text = http_text(service.port).replace('"{values}"}, records: items}', '"{values}"}, records: items, most: 4}')
    asked = [SubjectQuery("card_no", f"C{n}", {"surname": "x"}) for n in range(10)]

    asking(source_of(text, tmp_path), lambda one: one.identify(asked))

    assert sorted(len(one.query["no"].split(",")) for one in service.asked) == [2, 4, 4]


def test_one_by_one_is_as_many_at_once_as_there_are_connections(service: Service, tmp_path: Path) -> None:
    now, most = [0], [0]

    async def counting(request: web.Request) -> web.StreamResponse:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.02)
        now[0] -= 1
        return await service.cards_of(request)

    service.answer, service.splits = counting, False
    asked = [SubjectQuery("card_no", f"C{n}", {"surname": "x"}) for n in range(12)]
    source = source_of(http_text(service.port, braces="value"), tmp_path, connections=3)

    asking(source, lambda one: one.identify(asked))

    assert (len(service.asked), most[0]) == (12, 3)


@pytest.mark.parametrize("rows", ["{row}", "{rows}", "{each}"])
def test_a_groups_own_call_gives_each_record_its_rows(service: Service, tmp_path: Path, rows: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path != "/loans":
            return await service.cards_of(request)
        named = {one for given in request.query.getall("of") for one in given.split(",")}
        assert set(request.query["fields"].split(",")) == {"card.no", "shelf"}
        return web.json_response([{"card": {"no": no}, "shelf": shelf} for no, _, shelf in LOANS if no in named])

    service.answer = answer
    nested = f'call: {{path: /loans, query: {{of: "{rows}"}}}}, row: card.no, fields'
    text = http_text(service.port).replace("records: loans, fields", nested)
    wanted = [(Found(Match.CONFIRMED, subject="holder", row=f"C{n}"), frozenset({"loans.shelf"})) for n in (2, 1, 3)]

    records = asking(source_of(text, tmp_path), lambda one: one.fetch(wanted))

    assert [[row["loans.shelf"] for row in record.groups["loans"]] for record in records] == [["1"], ["1", "2"], []]


# -- credentials


def test_the_key_comes_from_its_file_and_a_new_one_counts_at_once(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "key"
    more = f"  credentials: {{header: X-Api-Key, prefix: Key, file: {file}}}\n"
    source = source_of(http_text(service.port, more=more), tmp_path, credentials=str(file))

    async def twice(of: Any) -> None:
        for key in ("first", "second"):
            file.write_text(f"{key}\n")
            await of.identify([GRACE])

    asking(source, twice)

    assert [one.headers["X-Api-Key"] for one in service.asked] == ["Key first", "Key second"]


@pytest.mark.parametrize(
    "content", [None, b"", b" \n", b"one\ntwo", b"one\r\nX-Other: two", "schlüssel".encode(), b"x" * 5_000, b"a\0b"]
)
def test_a_file_that_holds_no_key_asks_nobody(service: Service, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret-key"
    if content is not None:
        file.write_bytes(content)
    more = f"  credentials: {{header: X-Api-Key, file: {file}}}\n"
    source = source_of(http_text(service.port, more=more), tmp_path, credentials=str(file))

    with pytest.raises(SourceFailedError, match=r"^the file of the credentials ") as failed:
        asking(source, lambda one: one.identify([GRACE]))

    assert not service.asked
    assert "two" not in str(failed.value)


def test_without_a_prefix_the_file_is_the_whole_value(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("Basic dXNlcjpwYXNz\n")

    assert read_credentials(Credentials("Authorization", None, ""), str(tmp_path / "key")) == "Basic dXNlcjpwYXNz"


# -- which services


def council(tmp_path: Path, *hosts: str) -> Any:
    return SimpleNamespace(
        directory=tmp_path,
        settings=SimpleNamespace(environment=Environment.PRODUCTION, source_connections=2, source_hosts=hosts),
    )


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("https://cards.northmoor.gov.uk", "cards.northmoor.gov.uk:443"),
        ("https://cards.northmoor.gov.uk:8443/api", "cards.northmoor.gov.uk:8443"),
        ("http://127.0.0.1:8091", "127.0.0.1:8091"),
        ("http://localhost", "localhost:80"),
        ("http://[::1]:8091/x", "[::1]:8091"),
    ],
)
def test_only_a_listed_host_is_asked(tmp_path: Path, base: str, host: str) -> None:
    mapping = parse_mapping(http_text(1).replace("http://127.0.0.1:1", base))

    assert refusal_of(mapping, council(tmp_path, host)) is None
    for hosts in ((), (host + "0",), ("x" + host,), (host.rpartition(":")[0] + ":1",)):
        assert f"{host} is not in `source_hosts`" in (refusal_of(mapping, council(tmp_path, *hosts)) or "")


def test_a_mapping_whose_key_is_not_there_is_refused(tmp_path: Path) -> None:
    more = '  credentials: {header: Authorization, file: "{dir}/key"}\n'
    mapping, here = parse_mapping(http_text(1, more=more)), council(tmp_path, "127.0.0.1:1")

    assert "can't be read: No such file or directory: put the key into {dir}/key" in (refusal_of(mapping, here) or "")
    (tmp_path / "key").write_text("k")
    assert refusal_of(mapping, here) is None


class Published:
    """A reader that knows one mapping."""

    def __init__(self, text: str) -> None:
        self.text = text

    def find_mapping(self, _dataset: str) -> tuple[Mapping, str]:
        return parse_mapping(self.text), digest_of(self.text)


def test_the_registry_asks_no_host_that_is_not_listed(service: Service, tmp_path: Path) -> None:
    """Whatever was published, by whatever way: the setting is the operator's."""
    registry = SourceRegistry(council(tmp_path), lambda: NOW)

    with pytest.raises(SourceFailedError, match=r"^library can't be asked: 127\.0\.0\.1:[0-9]+ is not in `source_hosts`"):
        registry.source_of(DATASET, Published(http_text(service.port)))  # type: ignore[arg-type]  # a reader's one function

    assert not service.asked


@pytest.mark.parametrize("close", ["aclose", "close"])
def test_the_registry_makes_a_service_and_lets_it_go(service: Service, tmp_path: Path, close: str) -> None:
    registry = SourceRegistry(council(tmp_path, f"127.0.0.1:{service.port}"), lambda: NOW)

    async def run() -> HttpSource:
        source = registry.adapter_of(DATASET, Published(http_text(service.port)))  # type: ignore[arg-type]  # as above
        assert isinstance(source, HttpSource)
        assert (await source.identify([GRACE]))[0].match is Match.CONFIRMED
        assert source.is_open
        if close == "aclose":
            await registry.aclose()
        else:
            registry.close()
            await asyncio.sleep(0.05)
        return source

    assert not asyncio.run(run()).is_open


# -- strict JSON


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1.10}', {"a": Decimal("1.10")}),
        (b'{"a": "\\u0041"}', {"a": "A"}),
        (b'[1, true, null, "{[{["]', [1, True, None, "{[{["]),
        (b" 7 ", 7),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    ],
)
def test_json_is_read_as_it_is(body: bytes, value: object) -> None:
    """RFC 8259; a number keeps its digits."""
    assert parse(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "\\u0061": 2}',
        b"{'a': 1}",
        b'{"a": 1,}',
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b'{"a": 1}\xef\xbb\xbf',
        b'"\n"',
        b"01",
        b"1e",
    ],
)
def test_what_one_parser_reads_otherwise_than_another_is_refused(body: bytes) -> None:
    with pytest.raises(NotJsonError):
        parse(body)


@given(body=st.binary(max_size=60) | st.text('{}[]":,01e-.\\ntrue', max_size=60).map(str.encode))
def test_no_bytes_make_anything_but_a_value_or_a_refusal(body: bytes) -> None:
    try:
        value = parse(body)
    except NotJsonError:
        return
    assert value == json.loads(body.decode("utf-8-sig"), parse_float=Decimal)


def test_a_place_leads_through_objects_and_for_confirming_through_lists() -> None:
    record = as_json(CARDS[0], LOANS)

    assert at(record, ("names", "former")) == ["ADEYEMI", "EARLIER"]
    assert list(reach(record, ("names", "former"))) == ["ADEYEMI", "EARLIER"]
    assert list(reach(record, ("loans", "shelf"))) == ["1", "2"]
    assert at(record, ("loans", "shelf")) == record["loans"], "which is no single value, and so invalid"
    assert at(record, ("no", "further")) is None
    assert list(reach(record, ("nothing", "further"))) == []


def test_a_former_name_in_a_list_finds(service: Service, tmp_path: Path) -> None:
    earlier = SubjectQuery("card_no", "C1", {"surname": "Earlier", "date_of_birth": "1985-02-14"})

    (found,) = asking(source_of(http_text(service.port), tmp_path), lambda one: one.identify([earlier]))

    assert (found.match, found.subject) == (Match.CONFIRMED, "holder")


def test_without_a_word_a_record_stands_at_the_moment_of_asking(service: Service, tmp_path: Path) -> None:
    text = http_text(service.port).replace("as_at: synced\n", "")

    (record,) = asking(source_of(text, tmp_path), lambda one: one.fetch([(FOUND, frozenset({"fines"}))]))

    assert (record.as_at, record.stale) == (datetime(2026, 10, 2, 9, 14, 3, tzinfo=UTC), False)


def test_a_mapping_without_a_sample_says_why_it_cannot_be_checked(service: Service, tmp_path: Path) -> None:
    text = "".join(line for line in http_text(service.port).splitlines(keepends=True) if "sample:" not in line)

    with pytest.raises(SourceFailedError, match=r"can't be sampled: give its mapping `http\.sample`"):
        asking(source_of(text, tmp_path), lambda one: one.survey(5))

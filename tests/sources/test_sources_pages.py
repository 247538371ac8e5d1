"""Are pages followed to the last, or does the call fail? A part is never given out as the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from sources_files import FOUND, GRACE
from sources_people import CARDS, DATASET, LOANS, NOW, Service, as_json, asking, http_text, serving, source_of

from gateway.sources.contract import SourceFailedError, SourceSlowError
from gateway.sources.http_client import _following
from gateway.sources.http_source import HttpSource
from gateway.sources.json_answer import steps
from gateway.sources.mapping import parse_mapping
from gateway.sources.surveying import told
from schemas.terms import Match

WAYS = {
    "link": "more: next",
    "relative link": "more: next",
    "quoted link": "more: '\"list.next\"'",
    "odata link": "more: '\"@odata.nextLink\"'",
    "link beside": "",
    "cursor": "more: meta.after, cursor: after",
    "number": "more: has_more, page: page",
    "number to the last": "page: page, last: meta.pages",
    "number to the last, as text, from nought": "page: page, first_page: 0, last: meta.last",
    "number to a page without records": "page: page",
}


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as one:
        yield one


class Paged:
    """A service that gives each list in pages; `pages` of each kind of call, one of which may be empty."""

    def __init__(self, service: Service, way: str) -> None:
        self.service = service
        self.way = way
        self.cards: list[list[dict[str, Any]]] = [[], [as_json(CARDS[0], LOANS)]]
        self.loans = [[{"lent": f"{2 * n + one:02d}/03/2026", "shelf": "1"} for one in (1, 2)] for n in range(3)]

    async def __call__(self, request: web.Request) -> web.Response:
        pages = self.loans if request.path.endswith("/loans") else self.cards
        first = 0 if "nought" in self.way else 1
        asked = request.query.get("after") or request.query.get("page") or str(first)
        number = int(asked.removeprefix("c=&")) - first
        records = pages[number] if number < len(pages) else []
        body: dict[str, Any] = {"items": records}
        is_last, following = number + 1 >= len(pages), number + 1 + first
        headers = {}
        link = request.url.update_query(page=str(following))
        if "link" in self.way and not is_last:
            name = {"quoted link": "list.next", "odata link": "@odata.nextLink"}.get(self.way, "next")
            if self.way == "link beside":
                headers["Link"] = f'</x>; rel="prev first", <{link}>; title="a, b"; rel="last next"'
            else:
                body[name] = f"?{link.query_string}" if self.way == "relative link" else str(link)
        if self.way == "link":
            body.setdefault("next", None)
        body["meta"] = {"after": None if is_last else f"c=&{following}", "pages": len(pages), "last": str(len(pages) - 1)}
        if self.way == "number":
            body["has_more"] = not is_last
        return web.json_response(body, headers=headers)


def text_of(service: Service, way: str, more: str = "") -> str:
    """Return the library's mapping, with loans by a call of their own, whose pages are turned so."""
    turning = f", {WAYS.get(way, way)}" if WAYS.get(way, way) else ""
    text = http_text(service.port, more=more, select=False).replace("records: items}", f"records: items{turning}}}")
    sample = '  sample: {path: /cards, query: {limit: "{sample}"}, records: items' + turning + "}"
    assert sample in text
    text = text.replace(sample, '  sample: {path: /cards, query: {limit: "{sample}"}, records: items}')
    call = f'call: {{path: "/cards/{{row}}/loans", records: items{turning}}}'
    assert "records: loans, fields" in text
    return text.replace("records: loans, fields", f"{call}, fields")


def one_call(text: str, tmp_path: Path, work: Any) -> Any:
    return asking(source_of(text, tmp_path), work)


def loans_of(text: str, tmp_path: Path) -> list[Any]:
    (record,) = one_call(text, tmp_path, lambda one: one.fetch([(FOUND, frozenset({"loans", "loans.lent_on"}))]))
    return [row["loans.lent_on"] for row in record.groups["loans"]]


def failure(text: str, tmp_path: Path, kind: type[SourceFailedError] = SourceFailedError) -> str:
    with pytest.raises(kind) as failed:
        loans_of(text, tmp_path)
    assert "C1" not in str(failed.value)
    return str(failed.value)


# -- followed


@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_page_leaves_in_order(service: Service, tmp_path: Path, way: str) -> None:
    service.answer = Paged(service, way)
    if way == "number to a page without records":
        service.answer.cards = service.answer.cards[1:]

    assert loans_of(text_of(service, way), tmp_path) == [date(2026, 3, day) for day in range(1, 7)]


@pytest.mark.parametrize("way", sorted(set(WAYS) - {"number to a page without records"}))
def test_who_stands_on_the_second_page_is_found(service: Service, tmp_path: Path, way: str) -> None:
    """The first page is empty, and is not nobody."""
    service.answer = Paged(service, way)

    (found,) = one_call(text_of(service, way), tmp_path, lambda one: one.identify([GRACE]))

    assert found.match is Match.CONFIRMED


def test_a_twin_on_the_next_page_makes_it_several(service: Service, tmp_path: Path) -> None:
    service.answer = paged = Paged(service, "link")
    twin = as_json({**CARDS[0], "holder": "P77"}, [])
    paged.cards = [[as_json(CARDS[0], LOANS)], [twin]]

    (found,) = one_call(text_of(service, "link"), tmp_path, lambda one: one.identify([GRACE]))

    assert found.match is Match.SEVERAL


def test_one_page_costs_one_request(service: Service, tmp_path: Path) -> None:
    service.answer = paged = Paged(service, "link")
    paged.cards = [[as_json(CARDS[0], LOANS)]]

    one_call(text_of(service, "link"), tmp_path, lambda one: one.identify([GRACE]))

    assert len(service.asked) == 1


# -- not followed, and so failed


def always(**body: Any) -> Any:
    async def answer(request: web.Request) -> web.Response:
        told = {name: value(request) if callable(value) else value for name, value in body.items()}
        records = [{"lent": "01/03/2026", "shelf": "1"}] if request.path.endswith("/loans") else [as_json(CARDS[0], LOANS)]
        return web.json_response({"items": records, **told})

    return answer


def counting(request: web.Request) -> str:
    return str(request.url.update_query(page=str(int(request.query.get("page", "1")) + 1)))


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/cards",
        "//elsewhere.example/cards",
        "http://127.0.0.1:1/cards",
        "https://127.0.0.1/cards",
        "http://user:secret@127.0.0.1:{port}/cards",
        "http://127.0.0.1:{port}@elsewhere.example/",
        "http://127.0.0.1:{port}.elsewhere.example/",
        "http://127.0.0.1:99999999/",
        "ftp://127.0.0.1:{port}/cards",
        "file:///etc/passwd",
        "http://localhost:{port}/cards",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(service: Service, tmp_path: Path, link: str) -> None:
    service.answer = always(next=link.format(port=service.port))

    told = failure(text_of(service, "link"), tmp_path)

    assert told == "library gave a link to its next page that leads elsewhere, and is not followed"
    assert len(service.asked) <= 2


@pytest.mark.parametrize(
    "link", ["/cards page=2", "\\\\elsewhere\\cards", "/cards\r\nX: y", "/" + "x" * 5_000, "/caf\u00e9"]
)
def test_what_is_no_plain_link_is_not_followed(service: Service, tmp_path: Path, link: str) -> None:
    service.answer = always(next=link)

    assert failure(text_of(service, "link"), tmp_path) == "library gave part of its records alone: what leads on is no link"


@pytest.mark.parametrize("following", [lambda request: str(request.url), "?page=2", "/cards/C1/loans"])
def test_a_circle_of_pages_fails(service: Service, tmp_path: Path, following: Any) -> None:
    service.answer = always(next=following)

    assert failure(text_of(service, "link"), tmp_path) == "library leads in a circle of pages"
    assert len(service.asked) < 12


def test_a_cursor_that_does_not_move_on_fails(service: Service, tmp_path: Path) -> None:
    service.answer = always(meta={"after": "same"})

    assert failure(text_of(service, "cursor"), tmp_path) == "library leads in a circle of pages"


def test_a_cursor_that_is_none_fails(service: Service, tmp_path: Path) -> None:
    service.answer = always(meta={"after": {"secret": "C1"}})

    assert "what leads on is no cursor" in failure(text_of(service, "cursor"), tmp_path)


def test_a_service_that_knows_no_pages_does_not_give_one_record_many_times(service: Service, tmp_path: Path) -> None:
    """It passes over the parameter: its one page would count as every page."""
    service.answer = always(meta={"pages": 5})

    assert (
        failure(text_of(service, "number to the last"), tmp_path) == "library gave one page twice, as if it knew no pages"
    )


def test_a_last_page_that_is_not_said_fails(service: Service, tmp_path: Path) -> None:
    service.answer = always(meta={})

    assert failure(text_of(service, "number to the last"), tmp_path) == "library does not say which page is the last"


def test_pages_without_end_are_bounded(service: Service, tmp_path: Path) -> None:
    service.answer = always(next=counting)

    told = failure(text_of(service, "link", "  max_pages: 4\n"), tmp_path)

    assert told == "library answered in over 4 pages; raise max_pages if that is right"
    assert len([one for one in service.asked if one.path.endswith("/loans")]) <= 4


def test_the_bytes_of_all_pages_count_together(service: Service, tmp_path: Path) -> None:
    service.answer = always(next=counting, padding="x" * 600)

    assert failure(text_of(service, "link", "  max_bytes: 2000\n"), tmp_path) == "library answered with over 2000 bytes"


def test_the_time_of_all_pages_counts_together(service: Service, tmp_path: Path) -> None:
    service.answer = always(next=counting)
    text = text_of(service, "link", "  max_pages: 1000\n").replace("timeout: 5\n", "timeout: 0.3\n")

    assert failure(text, tmp_path, SourceSlowError) == "library did not answer in 0.3 s"


@pytest.mark.parametrize(("status", "body"), [(404, b"{}"), (500, b"{}"), (200, b"<html>"), (200, b'{"other": []}')])
def test_a_second_page_that_fails_takes_the_first_with_it(
    service: Service, tmp_path: Path, status: int, body: bytes
) -> None:
    """A status that means nobody means it of a whole answer alone."""
    first = Paged(service, "link")

    async def answer(request: web.Request) -> web.Response:
        if request.query.get("page"):
            return web.Response(status=status, body=body, headers={"Content-Type": "application/json"})
        return await first(request)

    service.answer = answer
    text = text_of(service, "link").replace("more: next}", "more: next, nobody: [404]}")

    assert "C1" not in failure(text, tmp_path)


def test_a_link_beside_the_answer_counts_whatever_the_mapping_says(service: Service, tmp_path: Path) -> None:
    """RFC 8288: nobody declared pages, and the first is not the whole."""
    service.answer = Paged(service, "link beside")

    assert len(loans_of(text_of(service, ""), tmp_path)) == 6


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (['<https://a/b?x=1,2>; rel="next"'], "https://a/b?x=1,2"),
        (["<a>; rel=prev, <b>; rel=next"], "b"),
        (["<a>; rel=prev", '<b>; REL="NEXT last"'], "b"),
        (['<a>; title="rel=next"'], None),
        (["<a>; rel=nextish"], None),
        (["<a>"], None),
        ([], None),
        (["a; rel=next"], None),
        ([f"<a>;{' ' * 8_000}x"], None),
    ],
)
def test_a_link_header_is_read(headers: list[str], found: str | None) -> None:
    assert _following(headers) == found


# -- places


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ('"list.next"', ("list.next",)),
        ("'list.next'.x", ("list.next", "x")),
        ('a."@odata.next link".c', ("a", "@odata.next link", "c")),
        (".", ()),
    ],
)
def test_a_name_that_holds_a_dot_is_quoted(place: str, found: tuple[str, ...]) -> None:
    assert steps(place) == found


@given(
    st.lists(st.text(st.characters(exclude_characters='"', exclude_categories=["C"]), min_size=1), min_size=1, max_size=5)
)
def test_any_names_can_be_quoted(names: list[str]) -> None:
    assert steps(".".join(f'"{name}"' for name in names)) == tuple(names)


def surveyed(text: str) -> str:
    source = HttpSource(DATASET, parse_mapping(text), credentials=None, clock=lambda: NOW)
    survey = asking(source, lambda one: one.survey(5))
    return "\n".join(" ".join(line.split()) for line in told(survey))


def test_a_dot_that_is_a_names_own_is_told(service: Service) -> None:
    """Read as a step, it leads nowhere, and nothing would ever say so."""
    service.answer = paged = Paged(service, "quoted link")
    paged.cards = paged.cards[1:]

    printed = surveyed(text_of(service, "more: list.next"))

    assert "list.next: nothing that was answered has a member list. A name with a dot is quoted: '\"list.next\"'" in printed
    assert "names.former" not in printed


@pytest.mark.parametrize("more", [True, "?page=2", 2, {"after": 7}])
@pytest.mark.parametrize("name", ["next", "hasMore", "has_more", "nextPageToken", "@odata.nextLink"])
def test_an_answer_that_tells_of_pages_which_nobody_turns_fails(
    service: Service, tmp_path: Path, name: str, more: object
) -> None:
    service.answer = always(**{name: more})

    told = failure(text_of(service, ""), tmp_path)

    assert told == f"library gave part of its records alone: it has {name}, and its call says not how pages are turned"


@pytest.mark.parametrize("more", [None, False, "", 0])
def test_an_answer_that_tells_of_no_further_page_is_whole(service: Service, tmp_path: Path, more: object) -> None:
    service.answer = always(next=more, has_more=more)

    assert loans_of(text_of(service, ""), tmp_path) == [date(2026, 3, 1)]


def test_a_name_that_nobody_quoted_is_followed_all_the_same(service: Service, tmp_path: Path) -> None:
    """A part is no answer, whatever was meant by the dot."""
    service.answer = Paged(service, "quoted link")

    assert len(loans_of(text_of(service, "more: list.next"), tmp_path)) == 6


def test_a_search_that_misses_a_sampled_record_is_told(service: Service) -> None:
    text = http_text(service.port).replace(
        'uprn: {path: /cards, query: {uprn: "{values}"}', 'uprn: {path: /cards, query: {no: "{values}"}'
    )

    printed = surveyed(text)

    assert "http.search.uprn did not find a record that the sample gave: are its path and query right?" in printed
    assert "http.search.card_no" not in printed


def test_a_sample_is_not_followed_beyond_what_it_takes(service: Service) -> None:
    service.answer = paged = Paged(service, "link")
    paged.cards = [[as_json(card, LOANS)] for card in CARDS[:6]]
    text = text_of(service, "link").replace(
        'query: {limit: "{sample}"}, records: items}', 'query: {limit: "{sample}"}, records: items, more: next}'
    )
    source = HttpSource(DATASET, parse_mapping(text), credentials=None, clock=lambda: NOW)

    with pytest.raises(SourceFailedError):  # the records themselves are asked for by a service that heeds no number
        asking(source, lambda one: one.survey(2))

    assert len([one for one in service.asked if "limit" in one.query]) == 2

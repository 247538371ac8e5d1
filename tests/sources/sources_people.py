"""The same people in three kinds of source: a database, an HTTP service on loopback, and files."""

from __future__ import annotations

import asyncio
import csv
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pysqlite3
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.engine import URL

from gateway.sources.csv_source import CsvSource
from gateway.sources.database import place_url
from gateway.sources.http_source import HttpSource
from gateway.sources.mapping import Database, Export, parse_mapping
from gateway.sources.mapping_findings import mapping_findings
from gateway.sources.sql import SqlSource
from policies.reading.parse import parse_dataset
from schemas.dataset import Dataset

NOW = datetime(2026, 10, 2, 9, 14, 3, tzinfo=UTC)
DATASET = parse_dataset("""\
dataset: library-cards
version: 1
title: Library cards
collected_for: library-membership
collected_under: public-libraries-and-museums-act-1964-s7
stale_after: P2D
people:
  holder: {ref: holder_ref}
  joint: {ref: joint_ref}
keys:
  card_no: {finds: [holder, joint], confirm: [surname, date_of_birth], at_least: 1}
  uprn: {finds: place, confirm: [surname, date_of_birth], at_least: 2}
fields:
  card_no: {type: reference, label: Card number, classification: personal}
  surname: {type: name, label: Surname, classification: personal}
  date_of_birth: {type: date, label: Date of birth, classification: personal}
  fines: {type: money, label: Fines, classification: personal, bands: [0, 5, 20], step: 5}
  visits: {type: number, label: Visits, classification: personal, bands: [0, 10]}
  blocked: {type: boolean, label: Card is blocked, classification: personal, marker: true}
  uprn: {type: uprn, label: Property, classification: personal, reveals: [location]}
  protected_address: {type: boolean, label: Protected, classification: personal, marker: true, protects: [location]}
groups:
  loans:
    label: Loans
    order_by: lent_on
    fields:
      lent_on: {type: date, label: Lent on, classification: personal}
      shelf: {type: code, label: Shelf, classification: personal, groups: {"1": adults, "2": children}}
""")
COLUMNS = (
    *("no", "status", "synced", "holder", "surname", "former", "born", "joint", "joint_surname", "joint_born"),
    *("fines", "visits", "blocked", "uprn", "protected"),
)
Card = dict[str, str]


def card(no: str, holder: str, surname: str, born: str, **others: str) -> Card:
    """Return a card as the library holds it: padded, in capitals, with text dates."""
    usual = {"status": "open", "synced": "2026-10-02T02:00:00Z", "fines": " 1,204.50", "visits": "12", "blocked": "A"}
    given = {"no": no, "holder": holder, "surname": surname, "born": born, "protected": "N"} | others
    return dict.fromkeys(COLUMNS, "") | usual | given


CARDS = [
    card(
        "C1",
        "P1",
        " OKAFOR",
        "14/02/1985",
        former="ADEYEMI",
        uprn="900000000042",
        joint="P2",
        joint_surname="OKAFOR ",
        joint_born="02/09/1983",
    ),
    card("C2", "P3", "O'BRIEN", "01/03/1990", uprn="900000000051", blocked="?", visits="many"),
    card("C3", "P4", "RAHMAN", "21/03/1999", uprn="900000000061"),
    card("C4", "P5", "RAHMAN", "21/03/1999", uprn="900000000061"),
    card("C5", "P6", "WALSH", "11/12/1994", uprn="900000000081", protected="Y"),
    card("C6", "P7", "PETROV", "28/02/1977", uprn="900000000083", protected="", synced="2026-09-29T00:00:00Z"),
    card("C7", "P8", "BELL", "09/08/1990", uprn="900000000071", status="left"),
    card("C8", "", "NOBODY", "09/08/1990", uprn="900000000072"),
    card("C9", "P9", "ZOË", "31/02/1990", uprn="900000000073", fines="", blocked=""),
]
LOANS = [("C1", "03/04/2026", "1"), ("C1", "05/04/2026", "2"), ("C2", "bad", " 1 "), ("C9", "06/04/2026", "")]
COMMON = """\
source: library
version: 1
dataset: library-cards@1
timeout: {timeout}
"""
DATES = 'dates: ["%d/%m/%Y"]'
CODES = "yes: [B], no: [A], blank: false"
PLACES = """\
people: {{holder: {holder}, joint: {joint}}}
keys: {{card_no: {no}, uprn: {uprn}}}
confirm:
  surname: {{holder: [{surname}, {former}], joint: [{joint_surname}]}}
  date_of_birth: {{holder: [{born}], joint: [{joint_born}]}}
row: {no}
as_at: {synced}
fields:
  card_no: {no}
  surname: {{by_person: {{holder: {surname}, joint: {joint_surname}}}, clean: [collapse, title]}}
  date_of_birth: {{by_person: {{holder: {born}, joint: {joint_born}}}, {DATES}}}
  fines: {fines}
  visits: {visits}
  blocked: {{{word}: {blocked}, {CODES}}}
  uprn: {uprn}
  protected_address: {protected}
"""


def places(word: str, name: Callable[[str], str]) -> str:
    return PLACES.format(word=word, DATES=DATES, CODES=CODES, **{one: name(one) for one in COLUMNS})


# -- a database


def sql_text(timeout: float = 5, url: str = "sqlite:///{dir}/library.sqlite") -> str:
    return (
        COMMON.format(timeout=timeout)
        + f"url: {url}\nfrom: card c\nlive: c.status = 'open'\n"
        + places("sql", "c.{}".format)
        + "groups: {loans: {from: loan l, where: 'l.no = :row', fields: "
        + f"{{lent_on: {{sql: l.lent, {DATES}}}, shelf: l.shelf}}}}}}\n"
    )


def write_database(folder: Path, cards: list[Card], loans: list[tuple[str, str, str]]) -> None:
    with pysqlite3.connect(str(folder / "library.sqlite")) as connection:
        connection.execute(f"CREATE TABLE card ({', '.join(COLUMNS)})")
        connection.execute("CREATE TABLE loan (no, lent, shelf)")
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO card VALUES ({marks})", [[one[name] for name in COLUMNS] for one in cards])
        connection.executemany("INSERT INTO loan VALUES (?, ?, ?)", loans)
    connection.close()


def write_postgresql(url: URL, cards: list[Card], loans: list[tuple[str, str, str]]) -> None:
    """Write the library's tables anew; what names a card is of fixed length there, and padded."""
    engine = sa.create_engine(url)
    columns = ", ".join(f"{name} {'char(24)' if name in {'no', 'uprn'} else 'text'}" for name in COLUMNS)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS card, loan"))
        connection.execute(sa.text(f"CREATE TABLE card ({columns})"))
        connection.execute(sa.text("CREATE TABLE loan (no char(24), lent text, shelf text)"))
        if cards:
            values = ", ".join(f":{name}" for name in COLUMNS)
            connection.execute(sa.text(f"INSERT INTO card VALUES ({values})"), cards)
        if loans:
            rows = [dict(zip(("no", "lent", "shelf"), loan, strict=True)) for loan in loans]
            connection.execute(sa.text("INSERT INTO loan VALUES (:no, :lent, :shelf)"), rows)
    engine.dispose()


# -- files


def csv_text(timeout: float = 5, **options: str) -> str:
    given = "".join(f", {name}: {value}" for name, value in options.items())
    return (
        COMMON.format(timeout=timeout)
        + f'csv: {{folder: "{{dir}}", file: cards.csv{given}}}\nlive: {{column: status, is: [open]}}\n'
        + places("column", str)
        + "groups: {loans: {file: loans.csv, where: no, fields: "
        + f"{{lent_on: {{column: lent, {DATES}}}, shelf: shelf}}}}}}\n"
    )


def write_files(folder: Path, cards: list[Card], loans: list[tuple[str, str, str]]) -> None:
    rows = [["unread", *COLUMNS], *(["secret", *(one[name] for name in COLUMNS)] for one in cards)]
    for name, lines in (("cards.csv", rows), ("loans.csv", [("no", "lent", "shelf"), *loans])):
        with (folder / name).open("w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file).writerows(lines)


# -- a service

NESTED = dict.fromkeys(("fines", "visits"), "account.") | dict.fromkeys(("holder", "surname", "born"), "person.")


def json_place(name: str) -> str:
    return NESTED.get(name, "") + ("names.former" if name == "former" else name)


def http_text(port: int, timeout: float = 5, *, braces: str = "values", select: bool = True, more: str = "") -> str:
    one = {"values": ("values", "rows"), "each": ("each", "each"), "value": ("value", "row")}[braces]
    calls = f'query: {{no: "{{{one[0]}}}"}}, records: items', f'query: {{no: "{{{one[1]}}}"}}, records: items'
    place = calls[0].replace("no:", "uprn:")
    return (
        COMMON.format(timeout=timeout)
        + f"http:\n  base: http://127.0.0.1:{port}\n"
        + ("  select: fields\n" if select else "")
        + more
        + f"  search: {{card_no: {{path: /cards, {calls[0]}}}, uprn: {{path: /cards, {place}}}}}\n"
        + f"  record: {{path: /cards, {calls[1]}}}\n"
        + '  sample: {path: /cards, query: {limit: "{sample}"}, records: items}\n'
        + "live: {path: status, is: [open]}\n"
        + places("path", json_place)
        + f"groups: {{loans: {{records: loans, fields: {{lent_on: {{path: lent, {DATES}}}, shelf: shelf}}}}}}\n"
    )


def as_json(one: Card, loans: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Return a card as the service sends it: nested, numbers as numbers, null where there is nothing."""
    found: dict[str, Any] = {"unread": "secret"}
    for name, value in one.items():
        *way, last = json_place(name).split(".")
        inner = found
        for step in way:
            inner = inner.setdefault(step, {})
        inner[last] = int(value) if name == "visits" and value.isdigit() else value or None
    found["names"] = {"former": [one["former"], "EARLIER"]}
    found["loans"] = [
        {"lent": lent, "shelf": shelf or None, "unread": "secret"} for no, lent, shelf in loans if no == one["no"]
    ]
    return found


def chosen(value: Any, way: list[list[str]]) -> Any:
    """Return the asked members alone, as a service does that can be asked for them."""
    if isinstance(value, list):
        return [chosen(one, way) for one in value]
    if not isinstance(value, dict) or [] in way:
        return value
    return {
        name: chosen(inner, [rest for first, *rest in way if first == name])
        for name, inner in value.items()
        if any(first == name for first, *_ in way)
    }


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Service:
    """The library's service; `answer` stands in for its own where a test says so. Notes what it is asked."""

    cards: list[Card] = field(default_factory=lambda: list(CARDS))
    loans: list[tuple[str, str, str]] = field(default_factory=lambda: list(LOANS))
    answer: Answer | None = None
    asked: list[web.Request] = field(default_factory=list)
    splits: bool = True  # takes several at once, joined by commas
    port: int = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return await (self.answer or self.cards_of)(request)

    async def cards_of(self, request: web.Request) -> web.StreamResponse:
        found = self.cards
        for name in ("no", "uprn"):
            if name in request.query:
                given = request.query.getall(name)
                values = {value for one in given for value in (one.split(",") if self.splits else [one])}
                found = [one for one in found if one[name] in values]
        items = [as_json(one, self.loans) for one in found[: int(request.query.get("limit", "100"))]]
        if "fields" in request.query:
            items = chosen(items, [one.split(".") for one in request.query["fields"].split(",")])
        return web.json_response({"items": items, "total": len(items)})


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    """Serve in a thread of its own, on a port of loopback that is free."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        runner = web.ServerRunner(web.Server(service), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        service.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # it has just been started
        ready.set()
        await over.wait()
        await runner.cleanup()
        rest = asyncio.all_tasks() - {asyncio.current_task()}  # answers that are never over
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


# -- a source of each kind

Adapter = SqlSource | HttpSource | CsvSource


def source_of(text: str, folder: Path, *, of: Dataset = DATASET, **options: Any) -> Adapter:
    """Return the source of a mapping's text, which must fit the dataset without a finding."""
    mapping = parse_mapping(text)
    assert mapping_findings(mapping, of) == ()
    if isinstance(mapping.system, Database):
        url = place_url(mapping.system.url, folder)
        return SqlSource(of, mapping, url=url, clock=lambda: NOW, connections=2, **options)
    if isinstance(mapping.system, Export):
        return CsvSource(of, mapping, folder=str(folder), clock=lambda: NOW, **options)
    return HttpSource(of, mapping, credentials=options.pop("credentials", None), clock=lambda: NOW, **options)


def asking(source: Adapter, work: Callable[[Adapter], Awaitable[Any]]) -> Any:
    """Run one piece of work on a source, and close it."""

    async def run() -> Any:
        try:
            return await work(source)
        finally:
            await source.aclose()

    return asyncio.run(run())


def json_body(value: Any) -> bytes:
    return json.dumps(value).encode()

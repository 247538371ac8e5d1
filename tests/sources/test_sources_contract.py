"""One contract, three kinds of source: the same people give the same answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from sources_people import (
    CARDS,
    DATASET,
    LOANS,
    Adapter,
    Service,
    asking,
    card,
    csv_text,
    http_text,
    serving,
    source_of,
    sql_text,
    write_database,
    write_files,
    write_postgresql,
)

from gateway.sources import at_once
from gateway.sources.contract import Found, SourceFailedError, SourceSlowError
from policies.reading.parse import parse_dataset
from schemas.dataset import Dataset
from schemas.decision import Record, Unusable
from schemas.request import SubjectQuery
from schemas.terms import Match

KINDS = ["sql", "sql in a thread", "postgresql", "http", "http one by one", "http repeated, whole records", "csv"]
Make = Callable[..., Adapter]
ALL = frozenset(DATASET.fields)


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a function: a source of this kind that holds some cards and loans."""
    kind: str = request.param
    service = Service()

    def made(
        cards: list[dict[str, str]] = CARDS, loans: list[tuple[str, str, str]] = LOANS, of: Dataset = DATASET
    ) -> Adapter:
        service.cards, service.loans = cards, loans
        if kind == "postgresql":
            url = request.getfixturevalue("postgresql")
            write_postgresql(url, cards, loans)
            return source_of(sql_text(url=url.render_as_string(hide_password=False)), tmp_path, of=of)
        if kind.startswith("sql"):
            write_database(tmp_path, cards, loans)
            source = source_of(sql_text(), tmp_path, of=of)
            if kind != "sql":
                source._at_once = None
            return source
        if kind == "csv":
            write_files(tmp_path, cards, loans)
            return source_of(csv_text(), tmp_path, of=of)
        how = {"http one by one": ("value", True), "http repeated, whole records": ("each", False)}
        braces, select = how.get(kind, ("values", True))
        service.splits = braces == "values"
        return source_of(http_text(service.port, braces=braces, select=select), tmp_path, of=of)

    with serving(service):
        yield made


def query(key: str, value: str, surname: str | None = None, born: str | None = None) -> SubjectQuery:
    given = {"surname": surname, "date_of_birth": born}
    return SubjectQuery(key, value, {name: one for name, one in given.items() if one is not None})


def ask(source: Adapter, *queries: SubjectQuery) -> list[Found]:
    found: list[Found] = asking(source, lambda one: one.identify(queries))
    return found


def fetch(source: Adapter, *wanted: tuple[str, str], paths: frozenset[str] = ALL) -> list[Record]:
    people = [(Found(Match.CONFIRMED, subject=role, row=row), paths) for row, role in wanted]
    records: list[Record] = asking(source, lambda one: one.fetch(people))
    return records


# -- who is it about?

EXPECTED = [
    (query("card_no", "C1", "Okafor", "1985-02-14"), (Match.CONFIRMED, "holder", {"holder": "P1", "joint": "P2"}, "C1")),
    (query("card_no", "C1", "Okafor", "1983-09-02"), (Match.CONFIRMED, "joint", {"holder": "P1", "joint": "P2"}, "C1")),
    (query("card_no", "C1", "Adeyemi", "1985-02-14"), (Match.CONFIRMED, "holder", {"holder": "P1", "joint": "P2"}, "C1")),
    (query("card_no", "C1", "Okafor"), (Match.SEVERAL, None, None, None)),
    (query("card_no", "C1", "Adeyemi", "1983-09-02"), (Match.MISMATCH, None, None, None)),
    (query("card_no", " C2 ", "obrien"), (Match.CONFIRMED, "holder", {"holder": "P3"}, "C2")),
    (query("card_no", "C2"), (Match.MISMATCH, None, None, None)),
    (query("card_no", "C99", "Okafor"), (Match.NOBODY, None, None, None)),
    (query("card_no", "  ", "Okafor"), (Match.NOBODY, None, None, None)),
    (query("card_no", "C1' OR '1'='1", "Okafor"), (Match.NOBODY, None, None, None)),
    (query("card_no", "../C1?no=C1&x=#%", "Okafor"), (Match.NOBODY, None, None, None)),
    (query("card_no", "C1,C2", "Okafor"), (Match.NOBODY, None, None, None)),
    (query("card_no", "=1+1", "Okafor"), (Match.NOBODY, None, None, None)),
    (query("card_no", "C8", "Nobody"), (Match.MISMATCH, None, None, None)),
    (query("card_no", "C9", "Zoe"), (Match.CONFIRMED, "holder", {"holder": "P9"}, "C9")),
    (query("card_no", "C9", born="1990-02-28"), (Match.MISMATCH, None, None, None)),
    (query("card_no", "C5", "Walsh"), (Match.CONFIRMED, "holder", {"holder": "P6"}, "C5")),
    (query("card_no", "C7", "Bell"), (Match.CONFIRMED, "holder", {"holder": "P8"}, "C7")),
    (
        query("uprn", "900000000042", "Okafor", "1985-02-14"),
        (Match.CONFIRMED, "holder", {"holder": "P1", "joint": "P2"}, "C1"),
    ),
    (query("uprn", "900000000042", "Okafor"), (Match.MISMATCH, None, None, None)),
    (query("uprn", "900000000061", "Rahman", "1999-03-21"), (Match.SEVERAL, None, None, None)),
    (query("uprn", "900000000081", "Walsh", "1994-12-11"), (Match.PROTECTED_BY_PLACE, None, None, None)),
    (query("uprn", "900000000083", "Petrov", "1977-02-28"), (Match.PROTECTED_BY_PLACE, None, None, None)),
    (query("uprn", "900000000071", "Bell", "1990-08-09"), (Match.NOBODY, None, None, None)),
    (query("uprn", "none", "Bell", "1990-08-09"), (Match.NOBODY, None, None, None)),
]


def test_each_is_found_or_not_as_in_every_source(make: Make) -> None:
    """Confirmed, joint, former name, several, mismatch, nobody, no reference, protected, left: one by one."""
    source = make()

    async def one_by_one(of: Adapter) -> list[Found]:
        return [(await of.identify([query]))[0] for query, _ in EXPECTED]

    found = asking(source, one_by_one)
    assert [(one.match, one.subject, one.people, one.row) for one in found] == [expected for _, expected in EXPECTED]


def test_many_are_found_as_one_by_one(make: Make) -> None:
    """In their order, some twice, up to a hundred."""
    queries = ([query for query, _ in EXPECTED] * 4)[::-1]
    expected = ([expected for _, expected in EXPECTED] * 4)[::-1]

    found = ask(make(), *queries)

    assert len(found) == 100
    assert [(one.match, one.subject, one.people, one.row) for one in found] == expected


# A second marker of places, which is the joint holder's; by the card's number the lead holder alone is found.
GUARDED = parse_dataset(
    DATASET.text.replace("blocked: {type: boolean,", "blocked: {protects: [location], of: joint, type: boolean,").replace(
        "card_no: {finds: [holder, joint]", "card_no: {finds: [holder]"
    )
)
LIVING = {"holder": "P1", "joint": "P2", "uprn": "900000000042", "joint_surname": "BELL", "joint_born": "09/08/1990"}


@pytest.mark.parametrize(
    ("blocked", "protected", "match"),
    [
        ("A", "N", Match.CONFIRMED),
        ("A", "Y", Match.PROTECTED_BY_PLACE),
        ("B", "N", Match.PROTECTED_BY_PLACE),
        ("?", "N", Match.PROTECTED_BY_PLACE),
    ],
)
def test_whosever_marker_protects_a_place_nobody_of_the_record_is_found_by_it(
    make: Make, blocked: str, protected: str, match: Match
) -> None:
    """The place of one of them is the place of those who live with them."""
    source = make(
        [card("C1", surname="OKAFOR", born="14/02/1985", blocked=blocked, protected=protected, **LIVING)], of=GUARDED
    )

    found = ask(
        source,
        query("uprn", "900000000042", "Okafor", "1985-02-14"),
        query("uprn", "900000000042", "Bell", "1990-08-09"),
        query("card_no", "C1", "Okafor", "1985-02-14"),
    )

    assert [one.match for one in found] == [match, match, Match.CONFIRMED]


def test_a_former_name_finds_whom_a_key_alone_leads_to(make: Make) -> None:
    source = make([card("C1", surname="OKAFOR", born="14/02/1985", former="ADEYEMI", **LIVING)], of=GUARDED)

    (found,) = ask(source, query("card_no", "C1", "Adeyemi", "1985-02-14"))

    assert (found.match, found.subject) == (Match.CONFIRMED, "holder")


def test_nobody_asked_is_nobody_found(make: Make) -> None:
    assert ask(make()) == []


# -- what does the record say?


def test_values_come_cleaned_and_typed(make: Make) -> None:
    (record,) = fetch(make(), ("C1", "holder"))

    assert record.values == {
        "card_no": "C1",
        "surname": "Okafor",
        "date_of_birth": date(1985, 2, 14),
        "fines": Decimal("1204.50"),
        "visits": 12,
        "blocked": False,
        "uprn": "900000000042",
        "protected_address": False,
    }
    assert (record.as_at, record.stale) == (datetime(2026, 10, 2, 2, tzinfo=UTC), False)
    assert "secret" not in repr(record)


def test_what_does_not_fit_is_invalid_and_a_blank_is_none(make: Make) -> None:
    garbled, blank = fetch(make(), ("C2", "holder"), ("C9", "holder"))

    assert [garbled.values[path] for path in ("blocked", "visits")] == [Unusable.INVALID] * 2
    assert (blank.values["blocked"], blank.values["fines"]) == (False, None)
    assert blank.values["date_of_birth"] is Unusable.INVALID


def test_the_joint_holders_own_is_read_for_them(make: Make) -> None:
    (record,) = fetch(make(), ("C1", "joint"), paths=frozenset({"surname", "date_of_birth"}))

    assert record.values == {"surname": "Okafor", "date_of_birth": date(1983, 9, 2)}


def test_groups_are_of_their_record(make: Make) -> None:
    records = fetch(make(), ("C2", "holder"), ("C1", "holder"), ("C3", "holder"), ("C9", "holder"))
    own, other = ("loans.lent_on", "loans.shelf")

    assert [[(row[own], row[other]) for row in record.groups["loans"]] for record in records] == [
        [(Unusable.INVALID, "1")],
        [(date(2026, 4, 3), "1"), (date(2026, 4, 5), "2")],
        [],
        [(date(2026, 4, 6), None)],
    ]


def test_only_named_paths_are_in_a_record(make: Make) -> None:
    plain, grouped = asking(
        make(),
        lambda one: one.fetch(
            [
                (Found(Match.CONFIRMED, subject="holder", row="C1"), frozenset({"fines"})),
                (Found(Match.CONFIRMED, subject="holder", row="C1"), frozenset({"loans"})),
            ]
        ),
    )

    assert (plain.values, plain.groups) == ({"fines": Decimal("1204.50")}, {})
    assert (grouped.values, [dict(row) for row in grouped.groups["loans"]]) == ({}, [{}, {}])


def test_many_are_read_as_one_by_one(make: Make) -> None:
    source = make()
    paths = [ALL, frozenset({"fines"}), frozenset({"surname", "loans.shelf"}), frozenset({"loans"}), frozenset()]
    wanted = [
        (Found(Match.CONFIRMED, subject=role, row=one["no"]), paths[number % len(paths)])
        for number, (one, role) in enumerate([(one, role) for one in CARDS for role in ("holder", "joint")] * 5)
    ]

    async def both(of: Adapter) -> tuple[list[Record], list[Record]]:
        return await of.fetch(wanted), [(await of.fetch([one]))[0] for one in wanted]

    together, alone = asking(source, both)

    assert len(together) == 90
    assert together == alone


def test_an_old_record_is_stale(make: Make) -> None:
    (record,) = fetch(make(), ("C6", "holder"), paths=frozenset({"fines"}))

    assert (record.as_at, record.stale) == (datetime(2026, 9, 29, tzinfo=UTC), True)


# -- failures


@pytest.mark.parametrize("rows", [["C99"], ["C1", "C99"], ["C1", ""]])
def test_a_record_that_has_gone_fails_for_all(make: Make, rows: list[str]) -> None:
    with pytest.raises(SourceFailedError, match=r"gone, or is there twice|can't be asked for") as failed:
        fetch(make(), *((row, "holder") for row in rows))

    assert "C99" not in str(failed.value)


@pytest.mark.parametrize("others", [[], ["C2"]])
def test_too_many_rows_fail_rather_than_being_cut(make: Make, others: list[str]) -> None:
    loans = [("C1", "03/04/2026", "1")] * 1_001

    with pytest.raises(SourceFailedError, match="loans has over 1000 rows"):
        fetch(make(loans=loans), *((row, "holder") for row in ["C1", *others]))


def test_an_as_at_that_is_no_instant_fails(make: Make) -> None:
    cards = [card("C1", "P1", "OKAFOR", "14/02/1985", synced="secret nonsense")]

    with pytest.raises(SourceFailedError, match="as_at is not an instant") as failed:
        fetch(make(cards), ("C1", "holder"))

    assert "secret" not in str(failed.value)


def test_a_fault_in_reading_is_the_sources_failure(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RecursionError("P0000042")

    monkeypatch.setattr("gateway.sources.records.field_cleaner", lambda *_: fault)

    with pytest.raises(SourceFailedError, match=r"library could not be read: RecursionError$"):
        fetch(make(), ("C1", "holder"))


def test_a_survey_counts_and_shows_no_value(make: Make) -> None:
    counts = asking(make(), lambda one: one.survey(3)).counts

    assert counts["visits"] == {"held": 2, "source_value_invalid": 1}
    assert counts["blocked"] == {"held": 2, "source_value_invalid": 1}
    assert counts["surname"] == {"held": 4}, "the joint holder's too"
    assert counts["loans.lent_on"] == {"held": 2, "source_value_invalid": 1}


# -- minimised at the source


@pytest.mark.parametrize("people", [1, 3])
def test_an_sql_search_and_fetch_touch_the_named_columns_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: int
) -> None:
    """SQLite's own authorizer is asked for each column that a statement touches."""
    touched: set[str] = set()

    def authorize(action: int, _table: str, column: str, *_rest: object) -> int:
        if action == 20:  # SQLITE_READ
            touched.add(column)
        return 0

    def watched(path: str, timeout: float) -> Any:
        opened = pysqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=timeout)
        opened.set_authorizer(authorize)
        return opened

    monkeypatch.setattr(at_once, "open_sqlite", watched)
    write_database(tmp_path, CARDS, LOANS)
    ask(source_of(sql_text(), tmp_path), *[query("card_no", f"C{n}", "Okafor") for n in range(people)])
    assert touched == {"no", "holder", "joint", "surname", "former", "joint_surname"}

    touched.clear()
    rows = [(f"C{n}", "holder") for n in range(1, people + 1)]
    fetch(source_of(sql_text(), tmp_path), *rows, paths=frozenset({"fines", "loans.shelf"}))
    assert touched == {"no", "synced", "fines", "shelf"}


@pytest.mark.parametrize("people", [1, 3])
def test_an_http_service_is_asked_for_the_named_members_alone(tmp_path: Path, people: int) -> None:
    def asked(service: Service) -> set[str]:
        return {name for one in service.asked for name in one.query["fields"].split(",")}

    with serving(Service()) as service:
        text = http_text(service.port)
        ask(source_of(text, tmp_path), *[query("card_no", f"C{n}", "Okafor") for n in range(people)])
        assert len(service.asked) == 1
        assert asked(service) == {"no", "person.holder", "joint", "person.surname", "names.former", "joint_surname"}

        service.asked.clear()
        ask(source_of(text, tmp_path), query("uprn", "900000000042", "Okafor", "1985-02-14"))
        assert {"uprn", "status", "protected"} < asked(service)

        service.asked.clear()
        rows = [(f"C{n}", "holder") for n in range(1, people + 1)]
        fetch(source_of(text, tmp_path), *rows, paths=frozenset({"fines", "loans.shelf"}))
        assert len(service.asked) == 1
        assert asked(service) == {"no", "synced", "account.fines", "loans.shelf"}


def test_many_may_ask_at_once(make: Make) -> None:
    async def all_at_once(source: Adapter) -> set[Match]:
        ask_one = query("card_no", "C2", "O'Brien")
        answers = await asyncio.gather(*(source.identify([ask_one]) for _ in range(30)))
        return {found.match for (found,) in answers}

    assert asking(make(), all_at_once) == {Match.CONFIRMED}


def test_slowness_is_told_from_other_failures() -> None:
    """A partner may come again after the one, and had better not count on it after the other."""
    assert issubclass(SourceSlowError, SourceFailedError)

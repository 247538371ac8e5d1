"""Is a mapping tried before it is published, and a mistake told with its place and cause?"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sources_people import (
    CARDS,
    DATASET,
    LOANS,
    NOW,
    Service,
    csv_text,
    http_text,
    serving,
    sql_text,
    write_database,
    write_files,
    write_postgresql,
)
from sqlalchemy.engine import URL
from typer.testing import CliRunner

from gateway.cli import make_app
from gateway.sources.mapping import parse_mapping
from gateway.sources.sql import SqlSource
from gateway.sources.sql_trying import tables_of
from gateway.sources.trying import try_mapping
from policies.reading.findings import TextError


def stile(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def here(council_directory: Path) -> Path:
    """Return a council with the library's dataset, where the library's data lie too."""
    file = council_directory / "dataset.yaml"
    file.write_text(DATASET.text)
    assert stile("dataset", "publish", file, "--dir", council_directory)[0] == 0
    write_files(council_directory, CARDS, LOANS)
    write_database(council_directory, CARDS, LOANS)
    return council_directory


def mapped(here: Path, text: str, *options: str) -> tuple[int, str]:
    file = here / "mapping.yaml"
    file.write_text(text)
    return stile("source", "map", file, "--dir", here, *options)


def served(here: Path) -> str:
    """Return which mapping the dataset has."""
    return stile("dataset", "show", "library-cards", "--dir", here)[1]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fines: c.fines", "fines: c.fine", "line 19, column 3: the column fine is not in card. Did you mean fines?"),
        ("from: card c\n", "from: cards c\n", "line 6, column 1: the table cards is not there. Did you mean card?"),
        ("library.sqlite", "libary.sqlite", "line 5, column 1: the file libary.sqlite is not there"),
        ("from: loan l", "from: loans l", "the table loans is not there. Did you mean loan?"),
        ("where: 'l.no = :row'", "where: 'l.card = :row'", "the column card is not in loan"),
        ("shelf: l.shelf", "shelf: l.shelve", "the column shelve is not in loan. Did you mean shelf?"),
        ("live: c.status = 'open'", "live: c.state = 'open'", "line 7, column 1: the column state is not in card"),
        ("as_at: c.synced", "as_at: c.sync", "the column sync is not in card. Did you mean synced?"),
        ("row: c.no", "row: c.number", "the column number is not in card"),
        ("joint: c.joint}", "joint: c.joynt}", "the column joynt is not in card. Did you mean joint?"),
        ("{holder: [c.surname, c.former]", "{holder: [c.surname, c.formr]", "the column formr is not in card"),
        ("fines: c.fines", "fines: fine", "the column fine is not in card. Did you mean fines?"),
        ("fines: c.fines", "fines: c.fines +", "the database can't run this (statement)"),
        ("fines: c.fines", "fines: '\"fine\"'", '"fine" is no column, and SQLite would take it for a text'),
        ("fines: c.fines", "fines: (SELECT x.y FROM xs x)", "the table xs is not there"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_with_its_place(here: Path, old: str, new: str, words: str) -> None:
    assert old in sql_text()

    status, printed = mapped(here, sql_text().replace(old, new, 1))

    assert status == 1
    assert words in printed
    assert "none mapped yet" in served(here)


def test_every_mistake_is_told_at_once(here: Path) -> None:
    text = sql_text().replace("fines: c.fines", "fines: c.fine").replace("visits: c.visits", "visits: c.visit")

    printed = mapped(here, text)[1]

    assert "the column fine is not in card" in printed
    assert "the column visit is not in card" in printed


def test_the_mapping_before_goes_on_serving(here: Path) -> None:
    assert mapped(here, sql_text())[0] == 0

    assert mapped(here, sql_text().replace("version: 1", "version: 2").replace("c.fines", "c.fine"))[0] == 1

    assert "(library, version 1," in served(here)


def test_what_a_sample_counted_is_told_and_does_not_keep_from_publication(here: Path) -> None:
    status, printed = mapped(here, sql_text())

    assert status == 0
    assert "visits 8 held, 1 source_value_invalid" in printed
    assert "mapped (entry" in printed
    assert "not tried" not in printed


@pytest.mark.parametrize("kind", ["sql", "http"])
def test_a_source_that_is_down_is_published_unchecked_alone(here: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    port = free_port()
    monkeypatch.setenv("STILE_SOURCE_HOSTS", json.dumps([f"127.0.0.1:{port}"]))
    text = {"sql": sql_text(url="sqlite:///{dir}/gone.sqlite"), "http": http_text(port)}[kind]

    status, printed = mapped(here, text)
    assert status == 1
    assert "none mapped yet" in served(here)

    status, printed = mapped(here, text, "--unchecked")
    assert status == 0
    assert "warning: it was not tried, and its entry says so; try it: stile source check library-cards" in printed


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_a_service_that_can_not_be_sampled_is_published_with_a_word_of_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILE_SOURCE_HOSTS", json.dumps(["127.0.0.1:8091"]))
    lines = [line for line in http_text(8091).splitlines() if not line.startswith("  sample:")]

    status, printed = mapped(here, "\n".join(lines) + "\n")

    assert status == 0
    assert "warning: it was not tried, and its entry says so; give it `http.sample`, and it can be" in printed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda text: text.replace("fines: fines", "fines: fine"),
            "line 18, column 3: library: cards.csv, line 1: no column is called fine",
        ),
        (
            lambda text: text.replace("file: cards.csv", "file: card.csv"),
            "line 5, column 24: library: card.csv: no such file (missing file)",
        ),
        (lambda text: text.replace("file: loans.csv", "file: loan.csv"), "library: loan.csv: no such file (missing file)"),
        (lambda text: text.replace('folder: "{dir}"', 'folder: "{dir}/nosuch"'), "(missing file)"),
    ],
)
def test_an_export_is_tried(here: Path, change: Callable[[str], str], words: str) -> None:
    status, printed = mapped(here, change(csv_text()))

    assert status == 1
    assert words in printed


def test_a_service_is_tried(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Service()) as service:
        monkeypatch.setenv("STILE_SOURCE_HOSTS", json.dumps([f"127.0.0.1:{service.port}"]))
        wrong = mapped(here, http_text(service.port).replace("records: items", "records: item"))
        right = mapped(here, http_text(service.port))

    assert wrong[0] == 1
    assert "line 5, column 1: library gave no records where the mapping has them (answer)" in wrong[1]
    assert right[0] == 0


def test_a_file_is_checked_and_not_published(here: Path) -> None:
    file = here / "try.yaml"
    file.write_text(sql_text())
    status, printed = stile("source", "check", file, "--dir", here)
    assert status == 0
    assert "visits 8 held, 1 source_value_invalid" in printed

    file.write_text(sql_text().replace("c.fines", "c.fine"))
    status, printed = stile("source", "check", file, "--dir", here)

    assert status == 1
    assert "the column fine is not in card" in printed
    assert "none mapped yet" in served(here)


def test_no_value_is_told_of_what_was_tried(here: Path) -> None:
    printed = mapped(here, sql_text())[1] + mapped(here, sql_text().replace("c.fines", "c.fine"))[1]

    assert not [word for word in ("okafor", "1985", "secret", "c1 ") if word in printed.lower()]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fines: c.fines", "fines: c.fine", "the column fine is not in card. Did you mean fines?"),
        ("fines: c.fines", "fines: fine", "the column fine is not in card. Did you mean fines?"),
        ("from: card c\n", "from: cards c\n", "the table cards is not there. Did you mean card?"),
        ("shelf: l.shelf", "shelf: l.shelve", "the column shelve is not in loan"),
        ("live: c.status = 'open'", "live: c.status", "the database can't run this (statement)"),
        ("fines: c.fines", "fines: pg_read_file('/etc/passwd')", "the mapping's user may not read this"),
    ],
)
def test_a_postgresql_is_tried_and_goes_on_after_a_mistake(postgresql: URL, old: str, new: str, words: str) -> None:
    """In a transaction that has failed nothing more would be found out."""
    write_postgresql(postgresql, CARDS, LOANS)
    engine = sa.create_engine(postgresql)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP ROLE IF EXISTS stile_reader"))
        connection.execute(sa.text("CREATE ROLE stile_reader LOGIN"))
        connection.execute(sa.text("GRANT SELECT ON card, loan TO stile_reader"))
    text = sql_text(url="postgresql+psycopg://stile_reader@db.example/library")
    mapping = parse_mapping(text.replace(old, new, 1).replace("visits: c.visits", "visits: c.visit"))
    source = SqlSource(DATASET, mapping, url=postgresql.set(username="stile_reader"), clock=lambda: NOW, connections=1)
    try:
        with pytest.raises(TextError) as refused:
            asyncio.run(try_mapping(source, mapping))
    finally:
        source.close()
        with engine.begin() as connection:
            connection.execute(sa.text("DROP OWNED BY stile_reader"))
            connection.execute(sa.text("DROP ROLE stile_reader"))
        engine.dispose()

    assert words in str(refused.value)
    if "from" not in old:
        assert "the column visit is not in card. Did you mean visits?" in str(refused.value)


@pytest.mark.parametrize(
    ("from_", "tables"),
    [
        ("card c", {"c": "card"}),
        ("card", {"card": "card"}),
        ("lib.card AS c JOIN borrower b ON b.id = c.holder", {"c": "lib.card", "b": "borrower"}),
        ("card c LEFT JOIN loan ON loan.no = c.no, shelf s", {"c": "card", "loan": "loan", "s": "shelf"}),
        ("dbo.card", {"card": "dbo.card"}),
        ("card join loan l on true", {"card": "card", "l": "loan"}),
    ],
)
def test_the_tables_of_a_from_are_known_by_their_names_there(from_: str, tables: dict[str, str]) -> None:
    assert tables_of(from_) == tables

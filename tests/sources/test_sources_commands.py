"""What do `stile dataset show`, `stile source map` and `stile source check` say of each kind of source?"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sources_people import (
    CARDS,
    DATASET,
    LOANS,
    Service,
    csv_text,
    http_text,
    serving,
    sql_text,
    write_database,
    write_files,
)
from typer.testing import CliRunner

from gateway.cli import make_app

MAPPED = r"\(library, version 1, mapped \d{4}-\d\d-\d\d \d\d:\d\d UTC\)"


def stile(*words: object) -> tuple[int, str]:
    """Run a command in this process; return its status and all that it printed."""
    result = CliRunner().invoke(make_app(list(map(str, words))), [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def here(council_directory: Path) -> Path:
    """Return a council that has published the library's dataset, and where the library's data lie too."""
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (sql_text(), "source: SQL, minimised at the source"),
        (csv_text(), "source: CSV, minimised at the door: files hold whole records, and what was not decided is dropped"),
        (http_text(8091), "source: HTTP, minimised at the source: it is asked for single members by `fields`"),
        (
            http_text(8091, select=False),
            "source: HTTP, minimised at the door: it sends whole records, and what was not decided is dropped",
        ),
    ],
)
def test_a_dataset_shows_the_kind_of_its_source_and_where_it_is_minimised(
    here: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    monkeypatch.setenv("STILE_SOURCE_HOSTS", json.dumps(["127.0.0.1:8091"]))
    assert "source: none mapped yet" in stile("dataset", "show", "library-cards", "--dir", here)[1]
    assert mapped(here, text, "--unchecked")[0] == 0

    status, printed = stile("dataset", "show", "library-cards", "--dir", here)

    assert status == 0
    assert re.search(re.escape(words) + " " + MAPPED, printed), printed


@pytest.mark.parametrize("kind", ["sql", "http", "csv"])
def test_every_kind_is_counted_and_never_shown(here: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    with serving(Service()) as service:
        monkeypatch.setenv("STILE_SOURCE_HOSTS", json.dumps([f"127.0.0.1:{service.port}"]))
        text = {"sql": sql_text(), "http": http_text(service.port), "csv": csv_text()}[kind]
        assert mapped(here, text)[0] == 0

        status, printed = stile("source", "check", "library-cards", "--dir", here)

    assert status == 0
    assert "visits 8 held, 1 source_value_invalid" in printed
    assert "surname 9 held" in printed
    assert not [word for word in ("okafor", "c1 ", "1985", "secret") if word in printed.lower()]


def test_a_host_that_is_not_listed_is_not_mapped_and_the_operator_is_told_what_to_do(here: Path) -> None:
    status, printed = mapped(here, http_text(8091))

    assert status == 1
    assert "127.0.0.1:8091 is not in `source_hosts`: if it is yours, add it there, in stile.toml" in printed
    assert "none mapped yet" in stile("dataset", "show", "library-cards", "--dir", here)[1]


def test_a_key_that_cannot_be_read_is_not_mapped_and_the_operator_is_told_what_to_do(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STILE_SOURCE_HOSTS", json.dumps(["127.0.0.1:8091"]))
    text = http_text(8091, more='  credentials: {header: Authorization, file: "{dir}/library.key"}\n')

    status, printed = mapped(here, text)
    assert status == 1
    assert "put the key into {dir}/library.key, readable for the gateway's user" in printed

    (here / "library.key").write_text("secret\n")
    status, printed = mapped(here, text, "--unchecked")
    assert status == 0
    assert "secret" not in printed


def test_a_source_that_fails_is_told_in_a_line(here: Path) -> None:
    assert mapped(here, csv_text())[0] == 0
    (here / "cards.csv").write_bytes(b"unread,no\r\nsecret\r\n")

    status, printed = stile("source", "check", "library-cards", "--dir", here)

    assert status == 1
    assert "library: cards.csv, line 1: no column is called" in printed
    assert "secret" not in printed


def test_hosts_are_listed_with_their_ports(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("cards.northmoor.gov.uk", "https://cards.northmoor.gov.uk:443", "*:443", "host:0", "HOST:443"):
        monkeypatch.setenv("STILE_SOURCE_HOSTS", json.dumps([wrong]))

        status, printed = stile("dataset", "show", "library-cards", "--dir", here)

        assert status == 1
        assert "must be a host in lower case with its port" in printed

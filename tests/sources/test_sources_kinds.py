"""What may the text of an HTTP or CSV mapping say, and what is told of what it may not?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sources_people import csv_text, http_text, sql_text

from gateway.sources.export import Export, FileName
from gateway.sources.mapping import Database, mapped_paths, parse_mapping
from gateway.sources.mapping_findings import mapping_findings
from gateway.sources.upstream import Upstream
from policies.reading.findings import TextError
from policies.reading.parse import parse_dataset

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
HTTP, CSV = http_text(8091), csv_text()


def block(kind: str) -> str:
    found = re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    return str(found[0])


def refusal_of(text: str) -> str:
    with pytest.raises(TextError) as refused:
        parse_mapping(text)
    assert all(one.remedy for one in refused.value.findings)
    return str(refused.value)


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(("text", "kind"), [(sql_text(), Database), (HTTP, Upstream), (CSV, Export)])
def test_a_mappings_members_show_its_kind(text: str, kind: type) -> None:
    mapping = parse_mapping(text)

    assert isinstance(mapping.system, kind)
    assert {"fines", "loans", "loans.shelf"} < mapped_paths(mapping)


@pytest.mark.parametrize("kind", ["yaml http", "yaml csv"])
def test_the_pages_example_maps_the_pages_dataset(kind: str) -> None:
    mapping, dataset = parse_mapping(block(kind)), parse_dataset(block("yaml"))

    assert mapping_findings(mapping, dataset) == ()


@pytest.mark.parametrize(
    ("header", "members"),
    [
        (
            "member of `http`",
            {"base", "connect_timeout", "max_bytes", "max_pages", "credentials", "select", "search", "record", "sample"},
        ),
        (
            "member of a call",
            {"path", "query", "most", "records", "more", "cursor", "page", "first_page", "last", "nobody"},
        ),
        ("member of `csv`", {"folder", "file", "encoding", "delimiter", "max_bytes", "max_rows", "multiline"}),
    ],
)
def test_the_page_explains_every_member(header: str, members: set[str]) -> None:
    """And no other is taken: one that is not known is refused with the nearest that is."""
    table = PAGE.read_text(encoding="utf-8").partition(f"| {header} |")[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == members


@pytest.mark.parametrize("text", [HTTP, CSV])
@pytest.mark.parametrize("member", ["url: sqlite:///x", "from: card", "nonsense: 1"])
def test_members_of_another_kind_are_refused(text: str, member: str) -> None:
    assert f"the mapping has no member {member.partition(':')[0]}" in refusal_of(f"{text}{member}\n")


def test_two_kinds_are_none() -> None:
    assert "the mapping has no member csv" in refusal_of(HTTP + 'csv: {folder: "{dir}", file: x.csv}\n')


@pytest.mark.parametrize("word", ["sql", "column"])
def test_a_place_is_named_by_its_own_kind(word: str) -> None:
    assert f"a column has no member {word}" in refusal_of(replaced(HTTP, "{path: blocked", f"{{{word}: blocked"))


# -- HTTP

BASE = "base: http://127.0.0.1:8091"


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("http://cards.northmoor.gov.uk", "is not https"),
        ("http://127.0.0.1.evil.example", "is not https"),
        ("ftp://127.0.0.1", "is no plain address"),
        ("https://user:secret@host", "is no plain address"),
        ("https://host/api?key=secret", "is no plain address"),
        ("https://host/api#x", "is no plain address"),
        ("https://host/a/../b", "is no plain address"),
        ("https://HOST", "is no plain address"),
        ("https://host:0", "is no plain address"),
        ("https://host:99999", "is no address"),
        ("https://", "is no plain address"),
        ("https://h%6fst", "is no plain address"),
        ("127.0.0.1:8091", "is no plain address"),
    ],
)
def test_an_address_is_plain_and_safe(base: str, words: str) -> None:
    refused = refusal_of(replaced(HTTP, BASE, f"base: {base}"))

    assert words in refused
    assert "secret" not in refused


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('{no: "{values}"}', '{no: "x"}', "does not say once what is asked for"),
        ('{no: "{values}"}', '{no: "{values}{values}"}', "does not say once what is asked for"),
        ('{no: "{values}"}', '{no: "{values}", more: "{values}"}', "does not say once what is asked for"),
        ('{no: "{values}"}', '{no: "{row}"}', "does not say once what is asked for"),
        ('{no: "{values}"}', '{no: "{dir}"}', "does not say once what is asked for"),
        ("path: /cards, query: {no", "path: '/cards/{each}', query: {no", "can't repeat a part of a path"),
        ("path: /cards", "path: cards", "is no path"),
        ("path: /cards", "path: /a/../b", "is no path"),
        ("path: /cards", "path: '/cards?x=1'", "is no path"),
        ("path: /cards", "path: 'http://other'", "is no path"),
        ('{no: "{values}"}', '{"n o": "{values}"}', "is no name of a query parameter"),
        ('{no: "{values}"}, records', '{no: "{value}"}, most: 5, records', "asks for one at a time"),
        ("records: items", "records: 'a b'", "is no place in JSON"),
        ("records: items", "records: items, nobody: [500]", "is not a whole number from 200 to 499"),
        ('{no: "{values}"}, records', '{no: "{values}"}, cursor: no, more: next, records', "`query` gives already"),
        ('{no: "{values}"}, records', '{no: "{values}"}, cursor: after, records', "where an answer has the next cursor"),
        ('{no: "{values}"}, records', '{no: "{values}"}, cursor: a, page: b, more: n, records', "turns pages in two ways"),
        ('{no: "{values}"}, records', '{no: "{values}"}, last: pages, records', "is for numbered pages"),
        ('{no: "{values}"}, records', '{no: "{values}"}, page: p, first_page: 2, records', "is not a whole number from 0"),
        ("select: fields", "select: fields\n  max_pages: 0", "is not a whole number from 1"),
        ("records: items", "records: '\"items'", "is no place in JSON"),
        ("records: items", "records: '\"\"'", "is no place in JSON"),
        ("records: items", "records: '\"a\".'", "is no place in JSON"),
        ("select: fields", "select: 'a&b'", "is no name of a query parameter"),
        ("select: fields", "max_bytes: 1", "is not a whole number from 1000"),
        ("select: fields", "connect_timeout: 0", "is not a number of seconds"),
        ("select: fields", "credentials: {header: Host, file: x}", "is no header for credentials"),
        ("select: fields", "credentials: {header: 'X: y', file: x}", "is no header for credentials"),
        ("select: fields", "credentials: {header: X-Key, value: secret}", "credentials has no member value"),
        ("fines: account.fines", "fines: account..fines", "is no place in JSON"),
        ("fines: account.fines", f"fines: {'a.' * 9}a", "is no place in JSON"),
        ("fines: account.fines", "fines: a&b", "is no place in JSON"),
        ("records: loans", "records: loans, call: {path: '/x/{row}'}", "gives neither records nor call, or both"),
        ("records: loans", "records: loans, row: x", "is for a call of the group's own"),
        ("records: loans", "call: {path: '/x/{rows}'}", "says not which record a row is of"),
        ("live: {path: status, is: [open]}", "live: status = 'open'", "live must have members"),
        ("live: {path: status, is: [open]}", "live: {path: status}", "live lacks is"),
    ],
)
def test_an_http_mapping_that_is_wrong_says_where(old: str, new: str, words: str) -> None:
    refused = refusal_of(replaced(HTTP, old, new))

    assert words in refused
    assert re.match(r"line \d+, column \d+: ", refused)


def test_every_key_says_how_it_finds_records() -> None:
    mapping = parse_mapping(HTTP.replace("uprn: {path: /cards", "urpn: {path: /cards"))
    dataset = parse_dataset(block("yaml"))

    found = {one.message for one in mapping_findings(mapping, dataset)}
    assert f"http.search.urpn is not in dataset {dataset.id}" in found
    assert "http.search.uprn is not in dataset library-cards" not in found


# -- CSV


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('folder: "{dir}"', "folder: exports", "is no folder"),
        ("file: cards.csv", "file: ../cards.csv", "is no file's name"),
        ("file: cards.csv", "file: .cards.csv", "is no file's name"),
        ("file: cards.csv", "file: cards-%Y.csv", "names no whole day"),
        ("file: cards.csv", "file: cards-%Y%m%d%d.csv", "names no whole day"),
        ("file: cards.csv", "file: cards-%Y%m%d%S.csv", "names no whole day"),
        ("file: cards.csv", "file: cards-100%.csv", "names no whole day"),
        ("file: cards.csv", "file: cards.csv, encoding: utf-16", "unknown word 'utf-16'"),
        ("file: cards.csv", "file: cards.csv, encoding: latin1", "unknown word 'latin1'"),
        ("file: cards.csv", "file: cards.csv, delimiter: x", "is no delimiter"),
        ("file: cards.csv", "file: cards.csv, max_rows: 0", "is not a whole number from 1"),
        ("file: loans.csv, where: no", "file: loans.csv", "a group lacks where"),
        ("file: loans.csv, where: no", "where: no", "a group lacks file"),
    ],
)
def test_a_csv_mapping_that_is_wrong_says_where(old: str, new: str, words: str) -> None:
    assert words in refusal_of(replaced(CSV, old, new))


@pytest.mark.parametrize(
    ("pattern", "name", "day"),
    [
        ("cards-%Y-%m-%d.csv", "cards-2026-10-02.csv", "2026-10-02T00:00:00+00:00"),
        ("c.%d%m%Y_%H%M.csv", "c.02102026_0930.csv", "2026-10-02T09:30:00+00:00"),
        ("cards-%Y-%m-%d.csv", "cards-2026-02-30.csv", None),
        ("cards-%Y-%m-%d.csv", "cards-2026-10-02.csv.bak", None),
        ("cards-%Y-%m-%d.csv", "xcards-2026-10-02.csv", None),
        ("cards-%Y-%m-%d.csv", "cards-٢٠٢٦-10-02.csv", None),
        ("cards-%Y-%m-%d.csv", "cards-2026-10-02-csv", None),
    ],
)
def test_a_day_is_read_from_a_name_or_the_name_is_anothers(pattern: str, name: str, day: str | None) -> None:
    found = FileName(pattern).day_in(name)

    assert (found.isoformat() if found else None) == day

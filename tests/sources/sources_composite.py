"""People who are named by a composite key, in three kinds of source, and what is true of them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pysqlite3
from aiohttp import web
from sources_people import NOW, Adapter, Service

from gateway.sources.csv_source import CsvSource
from gateway.sources.database import place_url
from gateway.sources.http_source import HttpSource
from gateway.sources.mapping import Database, Export, parse_mapping
from gateway.sources.mapping_findings import mapping_findings
from gateway.sources.sql import SqlSource
from policies.reading.parse import parse_dataset
from schemas.request import SubjectQuery

DATASET = parse_dataset("""\
dataset: library-cards
version: 1
title: Library cards
collected_for: library-membership
collected_under: public-libraries-and-museums-act-1964-s7
people:
  holder: {ref: holder_ref}
  joint: {ref: joint_ref}
keys:
  card_no: {finds: [holder, joint], confirm: [surname], at_least: 1}
  person: {finds: [holder, joint], all_of: [surname, date_of_birth, postcode]}
fields:
  card_no: {type: reference, label: Card number, classification: personal}
  surname: {type: name, label: Surname, classification: personal}
  date_of_birth: {type: date, label: Date of birth, classification: personal}
  age: {type: age, label: Age, from: date_of_birth, classification: personal, bands: [0, 18]}
  postcode: {type: postcode, label: Postcode, classification: personal, reveals: [location]}
  protected_address: {type: boolean, label: Protected, classification: personal, marker: true, protects: [location]}
""")
COLUMNS = ("no", "holder", "surname", "former", "born", "joint", "joint_surname", "joint_born", "postcode", "protected")
FORMATS = 'dates: ["%d/%m/%Y", "%d-%b-%Y", "%-d.%-m.%Y"]'
Row = dict[str, str]


def row(no: str, **given: str) -> Row:
    return {**dict.fromkeys(COLUMNS, ""), "no": no, "protected": "N", **given}


# What a source may hold, and what each of it means; None is nothing that could fit.
SURNAMES = {
    **dict.fromkeys(("OKAFOR", " Okafor ", "O'KAFOR"), "okafor"),
    **dict.fromkeys(("WALSH", "walsh"), "walsh"),
    "": None,
}
DAYS = {
    **dict.fromkeys(("14/02/1985", "14-Feb-1985", "14-FEB-1985", "14.2.1985"), "1985-02-14"),
    **dict.fromkeys(("04/03/1990", "04-mar-1990", "4.3.1990"), "1990-03-04"),
    **dict.fromkeys(("", "31/02/1990", "14/2/1985", "UNKNOWN", "04.03.1990"), None),
}
POSTCODES = {
    **dict.fromkeys(("LS1 4AB", "LS14AB"), "LS1 4AB"),
    **dict.fromkeys(("M1 1AA", "M11AA", "M1  1AA", "M1   1AA"), "M1 1AA"),
    **dict.fromkeys(("", "NOT KNOWN"), None),
}


def person(surname: str = "Okafor", born: str = "1985-02-14", postcode: str = "LS1 4AB") -> SubjectQuery:
    details = {"surname": surname, "date_of_birth": born, "postcode": postcode}
    return SubjectQuery("person", "", details, is_composite=True)


def truly(rows: list[Row], asked: tuple[str, str, str]) -> list[tuple[str, str, str]]:
    """Return, by brute force, the reference, record and role of everybody whom surname, day and postcode fit."""
    surname, day, postcode = asked
    found = []
    for one in rows:
        if POSTCODES[one["postcode"]] != postcode or one["protected"] != "N":
            continue
        if one["holder"] and DAYS[one["born"]] == day and surname in {SURNAMES[one["surname"]], SURNAMES[one["former"]]}:
            found.append((one["holder"], one["no"], "holder"))
        if one["joint"] and DAYS[one["joint_born"]] == day and surname == SURNAMES[one["joint_surname"]]:
            found.append((one["joint"], one["no"], "joint"))
    return found


def places(word: str, name: Callable[[str], str], asked_by: str) -> str:
    n = {one: name(one) for one in COLUMNS}
    return f"""\
source: library
version: 1
dataset: library-cards@1
people: {{holder: {n["holder"]}, joint: {n["joint"]}}}
keys: {{card_no: {n["no"]}, person: [{asked_by}]}}
confirm:
  surname: {{holder: [{n["surname"]}, {n["former"]}], joint: [{n["joint_surname"]}]}}
  date_of_birth: {{holder: [{n["born"]}], joint: [{n["joint_born"]}]}}
  postcode: {{holder: [{n["postcode"]}], joint: [{n["postcode"]}]}}
row: {n["no"]}
fields:
  card_no: {n["no"]}
  surname: {{by_person: {{holder: {n["surname"]}, joint: {n["joint_surname"]}}}}}
  date_of_birth: {{by_person: {{holder: {n["born"]}, joint: {n["joint_born"]}}}, {FORMATS}}}
  postcode: {n["postcode"]}
  protected_address: {n["protected"]}
"""


def sql_text(asked_by: str, url: str = "sqlite:///{dir}/library.sqlite") -> str:
    return places("sql", "c.{}".format, asked_by) + f"url: {url}\nfrom: card c\n"


def csv_text(asked_by: str) -> str:
    return places("column", str, asked_by) + 'csv: {folder: "{dir}", file: cards.csv}\n'


def http_text(asked_by: str, port: int) -> str:
    parameters = ", ".join(f'{one}: "{{{one}}}"' for one in asked_by.split(", "))
    return (
        places("path", str, asked_by)
        + f"""\
http:
  base: http://127.0.0.1:{port}
  search:
    card_no: {{path: /cards, query: {{no: "{{value}}"}}, records: items}}
    person: {{path: /people, query: {{{parameters}}}, records: items}}
  record: {{path: /cards, query: {{no: "{{row}}"}}, records: items}}
  sample: {{path: /cards, query: {{limit: "{{sample}}"}}, records: items}}
"""
    )


def write_database(folder: Path, rows: list[Row]) -> None:
    with pysqlite3.connect(str(folder / "library.sqlite")) as connection:
        connection.execute("DROP TABLE IF EXISTS card")
        connection.execute(f"CREATE TABLE card ({', '.join(COLUMNS)})")
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO card VALUES ({marks})", [[one[name] for name in COLUMNS] for one in rows])
    connection.close()


def write_file(folder: Path, rows: list[Row]) -> None:
    with (folder / "cards.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


@dataclass
class People(Service):
    """A service that finds people by the day and the postcode that it is asked for, however it holds them itself."""

    cards: list[Row] = field(default_factory=list)

    async def cards_of(self, request: web.Request) -> web.StreamResponse:
        found = [one for one in self.cards if request.query.get("no") in {None, one["no"]}]
        if "date_of_birth" in request.query:
            day = DAYS.get(request.query["date_of_birth"], "another")
            found = [one for one in found if day in {DAYS[one["born"]], DAYS[one["joint_born"]]}]
        if "postcode" in request.query:
            code = POSTCODES.get(request.query["postcode"], "another")
            found = [one for one in found if code == POSTCODES[one["postcode"]]]
        return web.json_response({"items": found})


def source_of(text: str, folder: Path, **options: Any) -> Adapter:
    """Return the source of a mapping's text, which must fit the dataset without a finding."""
    mapping = parse_mapping(text)
    assert mapping_findings(mapping, DATASET) == ()
    if isinstance(mapping.system, Database):
        url = place_url(mapping.system.url, folder)
        return SqlSource(DATASET, mapping, url=url, clock=lambda: NOW, connections=1)
    if isinstance(mapping.system, Export):
        return CsvSource(DATASET, mapping, folder=str(folder), clock=lambda: NOW)
    return HttpSource(DATASET, mapping, credentials=None, clock=lambda: NOW, **options)

"""Files of an export, as the tests of CSV sources write, spoil and read them."""

from __future__ import annotations

from pathlib import Path

from sources_people import CARDS, LOANS, Adapter, asking, csv_text, write_files

from gateway.sources.contract import Found
from schemas.decision import Record
from schemas.request import SubjectQuery
from schemas.terms import Match

GRACE = SubjectQuery("card_no", "C1", {"surname": "Okafor", "date_of_birth": "1985-02-14"})
FOUND = Found(Match.CONFIRMED, subject="holder", people={"holder": "P1"}, row="C1")
UNDATED = csv_text().replace("as_at: synced\n", "")


def fetch(source: Adapter, *paths: str, row: str = "C1") -> Record:
    found = Found(Match.CONFIRMED, subject="holder", row=row)
    records = asking(source, lambda one: one.fetch([(found, frozenset(paths))]))
    record: Record = records[0]
    return record


def written(folder: Path, **cards: bytes) -> Path:
    """Write the usual files, and some over them: `cards=…`, `loans=…`."""
    write_files(folder, CARDS, LOANS)
    for name, content in cards.items():
        (folder / f"{name}.csv").write_bytes(content)
    return folder

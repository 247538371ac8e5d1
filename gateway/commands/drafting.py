"""`stile dataset draft`: what an existing source could be as a dataset, for a person to confirm line by line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
import typer
from sqlalchemy.engine import URL

from gateway.drafting.csv_files import read_files
from gateway.drafting.databases import read_database
from gateway.drafting.guessing import LONGEST_NAME, YAML_WORDS
from gateway.drafting.mapping_text import draft_csv_mapping, draft_sql_mapping
from gateway.drafting.sample import MOST_ROWS, DraftError, Table, plain_name, shown
from gateway.drafting.words import tokens
from gateway.drafting.writing import draft_dataset

_SQLITE = b"SQLite format 3\x00"


def draft(
    source: Annotated[str, typer.Option(help="A database's URL, an SQLite file, a CSV file, or a folder of them.")],
    table: Annotated[str | None, typer.Option(help="The table, view or file with one row for each record.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="A table or file with many rows for each record.")] = None,
    dataset_id: Annotated[
        str | None, typer.Option("--id", help="The dataset's id; the table's name where left out.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="Write a mapping of it into this new file.")] = None,
    sample: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="How many rows to look at.")] = 500,
) -> None:
    """Read a source's columns and a sample of rows, and print the dataset that they could be.

    Every guess is marked, and is for a person to confirm. No value of the source is printed.
    """
    try:
        _draft(source, table, tuple(group or ()), dataset_id, mapping, sample)
    except (DraftError, OSError) as error:
        what = f"{shown(str(error.filename))}: {error.strerror}" if isinstance(error, OSError) else str(error)
        typer.secho(what, err=True, fg="red")
        raise typer.Exit(1) from error


def _draft(
    source: str, table: str | None, groups: tuple[str, ...], dataset_id: str | None, mapping: Path | None, sample: int
) -> None:
    found = _place(source)
    if isinstance(found, URL):
        tables = read_database(found, table, groups, sample)
        drafted = draft_dataset(tables, _id(dataset_id, tables[0]))
        mapped = draft_sql_mapping(drafted, found) if mapping else ""
    else:
        tables, folder, delimiter = read_files(found, table, groups, sample)
        drafted = draft_dataset(tables, _id(dataset_id, tables[0]))
        mapped = draft_csv_mapping(drafted, folder, delimiter) if mapping else ""
    if mapping is not None:
        with mapping.open("x", encoding="utf-8") as opened:  # a mapping that somebody has mended is not written over
            opened.write(mapped)
    typer.echo(drafted.text, nl=False)


def _place(source: str) -> URL | Path:
    """Return what a source is: a database's URL, or a file or folder."""
    if source.startswith("file://"):
        source = unquote(urlsplit(source).path)
    elif "://" in source:
        try:
            return sa.make_url(source)
        except (sa.exc.ArgumentError, ValueError):
            raise DraftError("--source is no URL: write sqlite:///FILE, postgresql://HOST/NAME, or a file") from None
    path = Path(source).absolute()
    if not path.exists():
        raise DraftError(f"there is no file or folder {shown(source)}")
    if path.is_file():
        with path.open("rb") as opened:
            if opened.read(len(_SQLITE)) == _SQLITE:
                return URL.create("sqlite", database=str(path))
    return path


def _id(given: str | None, table: Table) -> str:
    if given is not None and not _is_id(given):
        raise DraftError(f"{shown(given)} is not an id: use lower-case words joined by hyphens")
    own = "-".join(tokens(plain_name(table.name)))[:50].strip("-")
    return given or (own if _is_id(own) else f"table-{own}".strip("-"))


def _is_id(text: str) -> bool:
    fits = re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text, re.ASCII)
    return fits is not None and len(text) <= LONGEST_NAME and text not in YAML_WORDS

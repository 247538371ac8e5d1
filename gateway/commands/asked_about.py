"""Whom and what does a `stile get` ask about? Its options and files, read; no message repeats a person's details."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import typer

from gateway.client import Caseworker, Emergency, Subject

CLAIM: Final = "claim."
_BESIDE_WHO: Final = frozenset({"ref", "confirm", "claims"})


def pair_of(text: str, option: str) -> tuple[str, str]:
    """Return name and value of `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise typer.BadParameter(f"{option} wants name=value")
    return name.strip(), value.strip()


def pairs_of(texts: Iterable[str], option: str) -> dict[str, str]:
    """Return several; a name twice is refused."""
    pairs = [pair_of(text, option) for text in texts]
    if len(dict(pairs)) != len(pairs):
        raise typer.BadParameter(f"{option} names something twice")
    return dict(pairs)


def person_of(subject: str, confirm: Iterable[str]) -> Subject:
    """Return whom `key=value` and details name; a key without a value is composite, and made of the details."""
    details = pairs_of(confirm, "--confirm")
    if "=" not in subject and subject.strip() and details:
        return Subject(subject.strip(), details)
    return Subject(*pair_of(subject, "--subject"), details)


def caseworker_of(text: str | None) -> Caseworker | None:
    """Return who asks, from `id,name,role` or `id,name,role,organisation code`."""
    if text is None:
        return None
    parts = [one.strip() for one in text.split(",")]
    if len(parts) not in (3, 4) or not all(parts):
        raise typer.BadParameter("--caseworker wants id,name,role, and may have an organisation code behind them")
    return Caseworker(*parts)


def emergency_of(text: str | None) -> Emergency | None:
    """Return an emergency from `kind=reason`."""
    return None if text is None else Emergency(*pair_of(text, "--emergency"))


def people_of(file: Path) -> list[Subject]:
    """Return the people of a file: CSV with a heading, or NDJSON with one item of `subjects` on each line."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} can't be read: give a UTF-8 file of CSV or NDJSON") from error
    rows = _from_csv(text) if file.suffix.lower() == ".csv" else _from_lines(text)
    found = [_person(row, number) for number, row in enumerate(rows, start=1)]
    if not found:
        raise typer.BadParameter(f"{file} names nobody")
    return found


def _from_csv(text: str) -> list[Mapping[str, Any]]:
    """Take the first column but `ref` for the key, `claim.…` for claims, all others for confirming details.

    A heading with a dot (`person.full_name`) is a composite key's detail, and then nothing confirms besides.
    """
    reader = csv.DictReader(text.splitlines())
    names = [name for name in reader.fieldnames or () if name]
    key = next((name for name in names if name != "ref" and not name.startswith(CLAIM)), None)
    if key is None:
        raise typer.BadParameter(
            "the CSV's heading names no key: its columns are ref, the key, and details that confirm it"
        )
    composite, dot, _ = key.partition(".")
    rows: list[Mapping[str, Any]] = []
    for row in reader:
        given = {name: row[name].strip() for name in names if (row[name] or "").strip()}
        claims = {name.removeprefix(CLAIM): value for name, value in given.items() if name.startswith(CLAIM)}
        beside: dict[str, Any] = {"claims": claims} if claims else {}
        if "ref" in given:
            beside["ref"] = given["ref"]
        details = {name: one for name, one in given.items() if name != "ref" and not name.startswith(CLAIM)}
        if dot:
            rows.append({composite: {name.removeprefix(composite + dot): one for name, one in details.items()}, **beside})
            continue
        value = {key: details.pop(key)} if key in details else {}
        rows.append({**value, "confirm": details, **beside})
    return rows


def _from_lines(text: str) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise typer.BadParameter(f"line {number} is not JSON") from error
        if not isinstance(row, dict):
            raise typer.BadParameter(f"line {number} is not an object")
        rows.append(row)
    return rows


def _person(row: Mapping[str, Any], number: int) -> Subject:
    keys = [name for name in row if name not in _BESIDE_WHO]
    if len(keys) != 1 or not isinstance(row[keys[0]], (str, dict)) or not isinstance(row.get("confirm", {}), dict):
        raise typer.BadParameter(f"person {number} must have one key, and details that confirm it")
    ref = str(row.get("ref") or f"row-{number}")
    return Subject(keys[0], row[keys[0]], row.get("confirm", {}), ref=ref, claims=row.get("claims"))

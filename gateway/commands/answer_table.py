"""How does a verified answer look on a terminal? A table: each field as it leaves, or why it stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.client import Answer


def show_answer(console: Console, answer: Answer) -> None:
    """Print one answer."""
    whom = "" if answer.ref is None else f"{answer.ref}: "
    identity = "refused before anybody was looked for" if answer.refused else answer.identity.replace("_", " ")
    console.print(Text(plain(f"{whom}{identity}, {answer.outcome}")))
    table = Table("field", "leaves as", "value, or why not")
    for name, one in answer.fields.items():
        table.add_row(_text(name), _text(one.form), _text(in_words(one.value)))
    for name, stays in answer.withheld.items():
        table.add_row(_text(name), "withheld", _text(f"{stays.reason}: {stays.detail}"))
    if table.row_count:
        console.print(table)
    console.print(Text(plain(_under(answer))))


def _under(answer: Answer) -> str:
    proof = f"verified: {answer.disclosure_id}, entry {answer.verified.index} of {answer.verified.size}"
    if answer.conditions is None:
        return proof
    one = answer.conditions
    return f"{proof}\nfor {', '.join(one.use_for)}; passing on: {one.onward}; keep {one.retain}"


def in_words(value: Any) -> str:
    """Return a value as a reader sees it: a band in words, a group row by row."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping) and value.keys() <= {"from", "below"}:
        low, high = value.get("from"), value.get("below")
        if low is None:
            return f"below {high}"
        return f"{low} or more" if high is None else f"{low} up to {high}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {in_words(one)}" for name, one in value.items())
    if isinstance(value, list):
        return "\n".join(in_words(one) for one in value)
    return str(value)


def plain(text: str) -> str:
    """Return a text without what would steer the terminal: a value is a council's system's, not ours."""
    return "".join(one if one.isprintable() or one == "\n" else "?" for one in text)


def _text(text: str) -> Text:
    return Text(plain(text))

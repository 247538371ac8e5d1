"""How does the story look on a terminal?"""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from gateway.council.directory import Council


def title(console: Console, council: Council) -> None:
    """Say who is there."""
    console.rule(f"[bold]Stile: the gateway of {council.settings.controller}[/bold]", align="left")
    console.print(
        "A council's agreement, written as text, decides field by field what a partner gets. Northmoor and all who live "
        f"there are made up. The gateway serves at [bold]{council.settings.public_url}[/bold]; what follows is real HTTP.\n"
    )


def failed(console: Console, name: str, why: str) -> None:
    """Say that a step failed."""
    console.print(f"[bold red]{name}: {escape(why)}[/bold red]")


def _heading(console: Console, number: int, text: str) -> None:
    console.print(f"[bold]{number}. {text}[/bold]")


def _line(console: Console, text: str) -> None:
    """Print below a heading: what is too wide goes on where it began."""
    console.print(Padding.indent(console.render_str(text), 3))


def token(console: Console, partner: str, granted: dict[str, Any], seconds: int) -> None:
    """Show what a token was granted for."""
    _heading(console, 1, f"{partner} gets a token, for a purpose")
    _line(
        console,
        f"for [cyan]{granted['purpose']}[/cyan] under [cyan]{granted['agreement']}[/cyan], dataset "
        f"[cyan]{granted['dataset']}[/cyan]; bound to its key, good for {seconds} s\n",
    )


def disclosure(console: Console, number: int, heading: str, answer: dict[str, Any]) -> None:
    """Show an answer field by field."""
    _heading(console, number, heading)
    _fields(console, answer)


def refusal(console: Console, answer: dict[str, Any]) -> None:
    """Show a refusal and what it says to do."""
    _heading(console, 3, "The same, but the caseworker names no case")
    first = answer["disclosure"]["withheld"][0]
    _line(console, f"[red]{answer['status']} {escape(answer['title'])}[/red] [dim]({first['reason']})[/dim]")
    _line(console, f"What to do: {escape(first['detail'])}")
    _recorded(console, answer)


def consent(console: Console, given: dict[str, Any], answer: dict[str, Any]) -> None:
    """Show the wider answer."""
    _heading(console, 4, "Grace gives her consent; her arrears may now be told, as a band")
    _line(console, f"recorded as entry {given['index']} [dim]({given['consent_id']})[/dim]")
    _fields(console, answer)


def withdrawal(console: Console, withdrawn: dict[str, Any], answer: dict[str, Any]) -> None:
    """Show the narrower answer."""
    _heading(console, 5, "She takes it back; the very next answer is narrower")
    _line(console, f"recorded as entry {withdrawn['index']}")
    _fields(console, answer)


def checkpoint(console: Console, note: str) -> None:
    """Show the log's signed head."""
    _heading(console, 8, "The log's checkpoint, signed, open to anyone")
    for line in note.rstrip("\n").split("\n"):
        console.print(f"   [dim]{escape(line)}[/dim]", overflow="ellipsis", no_wrap=True)
    console.print()


def verification(console: Console, said: str) -> None:
    """Show that every receipt verifies."""
    _heading(console, 9, "Every answer verified offline, with the log's key alone (stile verify)")
    for line in said.strip().split("\n"):
        path, _, what = line.rpartition(": verified: ")
        file = path.rpartition("/")[2]
        console.print(f"   [green]verified[/green] {escape(what)} [dim]{escape(file)}[/dim]", no_wrap=True)
    console.print()


def _fields(console: Console, answer: dict[str, Any]) -> None:
    found = answer["disclosure"]
    table = Table(box=None, padding=(0, 2, 0, 3), header_style="dim")
    for name in ("field", "leaves as", "value", "or why not"):
        table.add_column(name, overflow="fold")
    for path, one in found["record"]["fields"].items():
        table.add_row(path, f"[green]{one['form']}[/green]", escape(_value(one["value"])), "")
    for one in found["withheld"]:
        table.add_row(one["field"], "[red]withheld[/red]", "", f"{one['reason']}: {escape(one['detail'])}")
    console.print(table)
    _recorded(console, answer)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(", ".join(_value(one) for one in row.values()) for row in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        low, high = value.get("from"), value.get("below")
        return f"{low} up to {high}" if None not in (low, high) else f"from {low}" if high is None else f"below {high}"
    return str(value)


def _recorded(console: Console, answer: dict[str, Any]) -> None:
    found, receipt = answer["disclosure"], answer["receipt"]
    _line(console, f"[dim]{found['disclosure_id']} · entry {receipt['index']} of the log, before it left[/dim]\n")

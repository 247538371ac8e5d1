"""How are a sandbox's people made, and where do they lie? As the demo's are, in databases beside its council's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pysqlite3

from gateway.demo.children import generate_tables
from gateway.demo.making import REVENUES
from gateway.demo.residents import generate
from gateway.demo.tenants import HOUSEHOLD, generate_tenancies

HOUSING: Final = "housing.sqlite"
CHILDREN: Final = "children.sqlite"
FRESH: Final = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"  # made-up people never grow old
Row = Mapping[str, Any]


def make_council_tax(directory: Path, people: int, seed: int) -> None:
    """Write the accounts of council-tax@2."""
    generate(directory / REVENUES, residents=people, seed=seed)


def make_housing(directory: Path, people: int, seed: int) -> None:
    """Write the tenancies of housing-tenancies@1, and who lives in them."""
    tenancies = generate_tenancies(tenancies=people, seed=seed)
    members = [{**one, "of_tenancy": tenancy["tenancy"]} for tenancy in tenancies for one in tenancy["household"]]
    rows = [_flat({name: value for name, value in one.items() if name != "household"}) for one in tenancies]
    with closing(pysqlite3.connect(str(directory / HOUSING))) as connection:
        _write(connection, "tenancies", dict.fromkeys(name for row in rows for name in row), rows)
        _write(connection, "household", (*HOUSEHOLD[0], "of_tenancy"), members)


def make_children(directory: Path, people: int, seed: int) -> None:
    """Write the children of children-looked-after@1, with the rows of their groups."""
    with closing(pysqlite3.connect(str(directory / CHILDREN))) as connection:
        for table, (columns, rows) in generate_tables(children=people, seed=seed).items():
            _write(connection, table, columns, rows)


# Which datasets people can be made up for, and by what.
MAKERS: Final[Mapping[str, Callable[[Path, int, int], None]]] = {
    "council-tax@2": make_council_tax,
    "housing-tenancies@1": make_housing,
    "children-looked-after@1": make_children,
}


def mapping_of(dataset: str) -> str:
    """Return the mapping of a dataset ("id@version") onto its made-up people."""
    name, texts = dataset.partition("@")[0], files("gateway.demo").joinpath("texts")
    if dataset != "council-tax@2":
        return texts.joinpath(f"sandbox-{name}.yaml").read_text(encoding="utf-8")
    shipped = texts.joinpath("source-council-tax.yaml").read_text(encoding="utf-8")
    return shipped.replace("as_at: a.updated_at", f"as_at: {FRESH}").replace("source: northmoor-", "source: sandbox-")


def _flat(record: Row, before: str = "") -> dict[str, Any]:
    """Return a record's members as columns: `rent.arrears` becomes `rent_arrears`; of several values the first."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{name}_")
        elif isinstance(value, list):
            found[before + name] = value[0] if value else None
        else:
            found[before + name] = value
    return found


def _write(connection: Any, table: str, columns: Iterable[str], rows: Iterable[Row]) -> None:
    names = list(columns)
    quoted = ", ".join(f'"{name}"' for name in names)
    with connection:
        connection.execute(f"CREATE TABLE {table} ({quoted})")
        connection.executemany(
            f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})",
            [[row.get(name) for name in names] for row in rows],
        )

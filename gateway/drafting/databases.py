"""Which columns does a table of a database have, and what do a few of its rows hold? Read-only, and bounded."""

from __future__ import annotations

import time
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from gateway.drafting.sample import LONGEST_VALUE, DraftError, Table, listing, shown, table_of
from gateway.sources.database import DRIVER_ERRORS, connected, make_engine

READ_ONLY: Final = ("sqlite", "postgresql")  # where the session itself refuses to write
SECONDS: Final = 20.0
MOST_CELLS: Final = 500_000  # in memory at once


def read_database(url: URL, table: str | None, groups: tuple[str, ...], sample: int) -> list[Table]:
    """Return the table and those of its groups, sampled. Raises DraftError, which repeats no driver's own message."""
    if url.get_backend_name() not in READ_ONLY:
        text = f"a {url.get_backend_name()} database can't be opened so that nothing can be written to it"
        raise DraftError(f"{text}: give a SQLite or PostgreSQL URL, or an extract as CSV")
    try:
        engine = make_engine(url, connections=1, timeout=SECONDS)
    except (sa.exc.SQLAlchemyError, ImportError, ValueError) as error:
        raise DraftError(f"the source can't be opened ({type(error).__name__}): check the URL") from None
    try:
        known = _tables(engine)
        return [_read(engine, _chosen(one, known), sample) for one in (table, *groups)]
    except DRIVER_ERRORS as error:
        raise DraftError(
            f"the source can't be read ({type(error).__name__}): check the URL, and that it may be read"
        ) from None
    finally:
        engine.dispose()


def _tables(engine: Engine) -> list[str]:
    inspector = sa.inspect(engine)
    return sorted([*inspector.get_table_names(), *inspector.get_view_names()])


def _chosen(wanted: str | None, known: list[str]) -> str:
    if wanted is None:
        if len(known) == 1:
            return known[0]
        what = f"one of: {listing(known)}" if known else "another source: this one has no table"
        raise DraftError(f"which table? Give --table, {what}" if known else f"nothing to draft from: give {what}")
    if wanted not in known:
        raise DraftError(f"the source has no table {shown(wanted)}: it has {listing(known) or 'none'}")
    return wanted


def _read(engine: Engine, table: str, sample: int) -> Table:
    # Names go through SQLAlchemy, which quotes them: a table may be called anything.
    names = [str(one["name"]) for one in sa.inspect(engine).get_columns(table)]
    columns = [_cut(engine, sa.column(own)).label(f"c{place}") for place, own in enumerate(names)]
    rows_at_most = max(1, min(sample, MOST_CELLS // max(1, len(names))))
    statement = sa.select(*columns).select_from(sa.table(table)).limit(rows_at_most)
    with connected(engine, until=time.monotonic() + SECONDS) as connection:
        rows = [[None if one is None else str(one) for one in row] for row in connection.execute(statement)]
    return table_of(table, names, rows)


def _cut(engine: Engine, column: Any) -> Any:
    """Return a column as text of bounded length, so that no large object is ever read."""
    if engine.dialect.name == "sqlite":
        return sa.case((sa.func.typeof(column) == "blob", None), else_=sa.func.substr(column, 1, LONGEST_VALUE))
    return sa.func.left(sa.cast(column, sa.Text), LONGEST_VALUE)

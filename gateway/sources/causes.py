"""Why did a database not answer? By the codes that its driver gives, never by what its message says of values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.sources.contract import Cause

# PostgreSQL, appendix A, and the SQLSTATEs of ODBC: whole, or their class.
_STATES: Final[Mapping[str, Cause]] = {
    "42501": Cause.PERMISSION,
    "28": Cause.PERMISSION,
    "42703": Cause.COLUMN,
    "42S22": Cause.COLUMN,
    "42P01": Cause.TABLE,
    "42S02": Cause.TABLE,
    "3F": Cause.TABLE,
    "3D": Cause.TABLE,
    "08": Cause.HOST,
    "57P": Cause.HOST,
    "57014": Cause.TIMEOUT,
    "HYT": Cause.TIMEOUT,
}
# MySQL, server and client errors; SQL Server's own numbers.
_NUMBERS: Final[Mapping[int, Cause]] = {
    **dict.fromkeys((1044, 1045, 1142, 1143, 1227, 229, 230, 18456), Cause.PERMISSION),
    **dict.fromkeys((1054, 207), Cause.COLUMN),
    **dict.fromkeys((1146, 1049, 208, 4060), Cause.TABLE),
    **dict.fromkeys((2002, 2003, 2005, 2006, 2013), Cause.HOST),
    **dict.fromkeys((3024, 1969), Cause.TIMEOUT),
}
_ORACLE: Final[Mapping[str, Cause]] = {
    **dict.fromkeys(("ORA-01017", "ORA-01031", "ORA-01045"), Cause.PERMISSION),
    "ORA-00904": Cause.COLUMN,
    "ORA-00942": Cause.TABLE,
    **dict.fromkeys(("ORA-12541", "ORA-12154", "ORA-12514", "DPY-6005", "DPY-6001"), Cause.HOST),
    **dict.fromkeys(("ORA-01013", "DPY-4024"), Cause.TIMEOUT),
}
# The words in which drivers name what is not there, as the statement has it.
_NAMED: Final = re.compile(
    r"no such (?:column|table): ([\w.]+)|column \"?([\w.]+)\"? does not exist|relation \"([\w.]+)\" does not exist"
    r"|Invalid (?:column|object) name '([\w.]+)'|Unknown column '([\w.]+)'|Table '([\w.]+)' doesn't exist"
    r"|ORA-00904: ([\"\w.]+):",
    re.ASCII,
)
_FILES: Final = frozenset({"SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_IOERR"})


def cause_of(error: BaseException) -> Cause:
    """Return the cause of a driver's error."""
    origin = getattr(error, "orig", None) or error
    for told in (_of_sqlite(origin), _of_state(origin), _of_number(origin), _of_oracle(origin)):
        if told is not None:
            return told
    if isinstance(origin, OSError):
        return Cause.HOST if not isinstance(origin, FileNotFoundError) else Cause.FILE
    # Without a code: psycopg's words for a connection that was never made.
    return Cause.HOST if getattr(origin, "pgconn", None) is not None else Cause.OTHER


def named_in(error: BaseException, text: str) -> str | None:
    """Return the column or table that a driver says it lacks, where the mapping's own text has that name; else None."""
    found = _NAMED.search(str(getattr(error, "orig", None) or error))
    name = next((one for one in found.groups() if one), "").replace('"', "") if found is not None else ""
    return name if name and name.rpartition(".")[2].lower() in text.lower() else None


def _of_sqlite(origin: Any) -> Cause | None:
    name = str(getattr(origin, "sqlite_errorname", "") or "")
    if not name:
        return None
    if name in {"SQLITE_AUTH", "SQLITE_PERM", "SQLITE_READONLY"}:
        return Cause.PERMISSION
    if any(name.startswith(one) for one in _FILES):
        return Cause.FILE
    text = str(origin)  # compared, and told to nobody
    if text.startswith("no such column"):
        return Cause.COLUMN
    return Cause.TABLE if text.startswith("no such table") else Cause.STATEMENT


def _of_state(origin: Any) -> Cause | None:
    state = getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)
    if state is None and origin.args and isinstance(origin.args[0], str) and re.fullmatch(r"[0-9A-Z]{5}", origin.args[0]):
        state = origin.args[0]  # as ODBC gives it
    if not isinstance(state, str):
        return None
    return next((_STATES[state[:size]] for size in (5, 3, 2) if state[:size] in _STATES), Cause.STATEMENT)


def _of_number(origin: Any) -> Cause | None:
    number = origin.args[0] if origin.args else None
    return _NUMBERS.get(number, Cause.STATEMENT) if isinstance(number, int) and not isinstance(origin, OSError) else None


def _of_oracle(origin: Any) -> Cause | None:
    code = getattr(origin.args[0], "full_code", None) if origin.args else None
    return _ORACLE.get(code, Cause.STATEMENT) if isinstance(code, str) else None

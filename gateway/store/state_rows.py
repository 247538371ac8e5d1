"""Which rows stand under a state key? Read whole, as the entries of the log say them.

What decides nothing is left out and may change without an entry: names of staff (contacts, accounts), which would stand in
the log for ever; what a review found, whether a source was asked, a passkey's count. A text's digest stands for it, and a
digest of a password's.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from audit.format.state_rows import StateRow
from audit.stores.connection import Connection, Row

ISSUER: Final = "key/issuer"
TEXTS: Final = ("dataset", "core", "council", "mapping", "agreement")
CONSENT_COLUMNS: Final = (
    "consent_id, subject_ref, controller, dataset, purpose, recipients, fields, state, kind, given_by, "
    "capacity, authority, evidence, text_version, how, recorded_by, from_at, until, recorded_at"
)
RESTRICTION_COLUMNS: Final = (
    "restriction_id, subject_ref, dataset, kind, fields, recipients, from_at, until, recorded_by, scheme, purposes, "
    "decided, lifted_at"
)


def _same(name: str) -> tuple[str, ...]:
    return (name,)


def _nothing(_name: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Stand:
    """Rows of one table that stand under keys of one sort.

    `where` picks those of one name, whose values `values` gives; `among` those of all names, where the table has
    others too. `key_of` tells under which keys a row stands.
    """

    table: str
    columns: tuple[str, ...]
    order: str
    key_of: Callable[[Mapping[str, Any]], Iterable[str]]
    where: str = ""
    values: Callable[[str], Sequence[Any]] = field(default=_same)
    among: str = ""

    def read(self, connection: Connection, name: str | None) -> list[StateRow]:
        """Return the rows under one name, or with None all that there are."""
        where = self.where if name is not None else self.among
        statement = f"SELECT {', '.join(self.columns)} FROM {self.table}{where} ORDER BY {self.order}"
        rows = connection.all(statement, tuple(self.values(name)) if name is not None else ())
        return [self.told(row) for row in rows]

    def told(self, row: Row) -> StateRow:
        """Return a row as an entry says it: a column without a value is left out."""
        named = zip(self.columns, row, strict=False)  # what is read besides decides nothing
        return [self.table, {name: _told(name, value) for name, value in named if value is not None}]


def _told(column: str, value: Any) -> Any:
    if column == "password" and isinstance(value, str):
        return hashlib.sha256(value.encode()).hexdigest()
    if isinstance(value, bytes):  # where text belongs: told as no text can be
        return {"bytes": value.hex()}
    return int(value) if isinstance(value, bool) else value


def _columns(names: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in names.split(","))


def _incidents(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return under whom an incident stands; one that names nobody in a way that can be read stands under no known key."""
    try:
        named = json.loads(row["partners"])
    except (KeyError, TypeError, ValueError):
        named = None
    return tuple(f"incident/{one}" for one in named) if isinstance(named, list) and named else ("incident/",)


def _by(prefix: str, column: str) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    return lambda row: (f"{prefix}/{row[column]}",)


_TEXT: Final = _columns("kind, id, version, digest, published_at, ended_at, semantics")


def _texts(kind: str) -> Stand:
    among = f" WHERE kind = '{kind}'"
    return Stand("text", _TEXT, "kind, id, version", _by(kind, "id"), among + " AND id = ?", among=among)


_PARTNER: Final = (
    Stand(
        "partner",
        _columns("partner_id, name, kind, status"),
        "partner_id",
        _by("partner", "partner_id"),
        " WHERE partner_id = ?",
    ),
    Stand(
        "partner_code",
        _columns("partner_id, scheme, code"),
        "partner_id, scheme, code",
        _by("partner", "partner_id"),
        " WHERE partner_id = ?",
    ),
    Stand(
        "partner_assurance",
        _columns("partner_id, level, evidence, checked_on, expires_on, checked_by"),
        "partner_id, level",
        _by("partner", "partner_id"),
        " WHERE partner_id = ?",
    ),
)
_CLIENT: Final = (
    Stand(
        "client",
        _columns(
            "client_id, partner_id, role, status, allows_rs, allows_endpoint_audience, is_certificate_bound, system, "
            "environment, jwks_uri"
        ),
        "client_id",
        _by("client", "client_id"),
        " WHERE client_id = ?",
    ),
    Stand(
        "client_key",
        _columns("client_id, kid, thumbprint, jwk, added_at, added_by, starts_on, expires_on, revoked_at"),
        "client_id, kid",
        _by("client", "client_id"),
        " WHERE client_id = ?",
    ),
)
CONSENTS: Final = Stand(
    "consent",
    _columns(CONSENT_COLUMNS),
    "row",
    _by("consent", "subject_ref"),
    " WHERE subject_ref = ?",
)
RESTRICTIONS: Final = Stand(
    "restriction",
    _columns(RESTRICTION_COLUMNS),
    "restriction_id",
    _by("restriction", "subject_ref"),
    " WHERE subject_ref = ?",
)
# Every sort of state key, with what stands under a key of it. A token that was taken back, or one key of a client, is
# named by entries and has no rows of its own.
STANDS: Final[Mapping[str, tuple[Stand, ...]]] = {
    "partner": _PARTNER,
    "client": _CLIENT,
    "key": (
        Stand(
            "issuer_key",
            _columns("kid, name, published_at, signs_at, revoked_at"),
            "signs_at, name",
            lambda _row: (ISSUER,),
            " WHERE ? = 'issuer'",
        ),
    ),
    "token": (),
    "erasure": (),
    "semantics": (Stand("semantics", ("number", "changed_at"), "number", lambda _row: ("semantics",), "", _nothing),),
    "dataset": (_texts("dataset"),),
    "core": (_texts("core"),),
    "council": (
        Stand(
            "text",
            _TEXT,
            "kind, id, version",
            lambda _row: ("council/rules",),
            " WHERE kind = 'council' AND ? = 'rules'",
            among=" WHERE kind = 'council'",
        ),
    ),
    "mapping": (
        Stand(
            "text",
            _TEXT,
            "kind, id, version",
            lambda row: (f"mapping/{str(row['id']).partition('@')[0]}",),
            " WHERE kind = 'mapping' AND id > ? AND id < ?",
            lambda name: (f"{name}@", f"{name}A"),  # the sign after @
            " WHERE kind = 'mapping'",
        ),
    ),
    "agreement": (
        _texts("agreement"),
        Stand(
            "recipient",
            ("partner_id", "agreement_id"),
            "agreement_id, partner_id",
            _by("agreement", "agreement_id"),
            " WHERE agreement_id = ?",
        ),
    ),
    "incident": (
        Stand(
            "incident",
            _columns("incident_id, what, partners, kinds, most_people, begins, ends, declared_by, closed_at, closed_by"),
            "incident_id",
            _incidents,
            "",  # how a name is written there is not for SQL to tell
            _nothing,
        ),
    ),
    "consent": (CONSENTS,),
    "restriction": (RESTRICTIONS,),
    "operator": (
        Stand(
            "operator",
            _columns("operator_id, password, roles, granted_at, invited_until, revoked_at, guest_of, last_day"),
            "operator_id",
            _by("operator", "operator_id"),
            " WHERE operator_id = ?",
        ),
        Stand(
            "passkey",
            _columns("credential_id, operator_id, public_key, added_at"),
            "operator_id, credential_id",
            _by("operator", "operator_id"),
            " WHERE operator_id = ?",
        ),
    ),
    "account": (
        Stand(
            "account_person",
            _columns("account, person, said_at"),
            "account",
            _by("account", "account"),
            " WHERE account = ?",
        ),
    ),
    "staffing": (
        Stand(
            "staffing",
            _columns("idx, people, reason, said_by"),
            "idx",
            lambda _row: ("staffing",),
            " WHERE idx >= 0",  # what an upgrade still owes says nothing
            _nothing,
            " WHERE idx >= 0",
        ),
    ),
    "change": (
        Stand(
            "proposal",  # its digest stands for what is proposed, with its reason and what it rests on
            _columns(
                "change_id, kind, about, digest, reason, proposed_by, person, proposed_at, status, decided_by, decided_at, "
                "decided_why, decided_role, people, followed"
            ),
            "change_id",
            _by("change", "change_id"),
            " WHERE change_id = ?",
        ),
        Stand(
            "advice",
            _columns("idx, change_id, advice, words, given_by, given_at"),
            "idx",
            _by("change", "change_id"),
            " WHERE change_id = ?",
        ),
    ),
}


def key_of_text(kind: str, *, name: str) -> str:
    """Return the state key that a published text stands under."""
    match kind:
        case "council":
            return "council/rules"
        case "mapping":
            return f"mapping/{name.partition('@')[0]}"
        case _:
            return f"{kind}/{name}"


def rows_of(connection: Connection, key: str) -> list[StateRow]:
    """Return every row that stands under a state key, in a fixed order."""
    sort, _, name = key.partition("/")
    return [row for stand in STANDS[sort] for row in stand.read(connection, name) if key in stand.key_of(row[1])]


def all_rows(connection: Connection, sorts: Iterable[str] = tuple(STANDS)) -> dict[str, list[StateRow]]:
    """Return all rows that there are, by the state key that they stand under: as `rows_of` of each."""
    found: dict[str, list[StateRow]] = defaultdict(list)
    for key, row in _each(connection, sorts):
        found[key].append(row)
    return dict(found)


def _each(connection: Connection, sorts: Iterable[str]) -> Iterator[tuple[str, StateRow]]:
    for sort in sorts:
        for stand in STANDS[sort]:
            for row in stand.read(connection, None):
                yield from ((key, row) for key in stand.key_of(row[1]))

"""Whose account is it? Two accounts of one person are one person, wherever a second is asked for.

Who signs in at the OpenID provider is known by the provider's own subject. Of a local account, and of a client of the
council's, somebody says whose it is; as long as nobody has, its word is no second person's.
"""

from __future__ import annotations

import re
from typing import Final

from audit.stores.connection import Connection
from gateway.store.entries import ChangeRefusedError
from gateway.store.named import is_one_of

OPERATOR_ID: Final = re.compile(r"op_[0-9a-f]{24}")


def find_person(connection: Connection, account: str) -> str | None:
    """Return whose account it is; None where nobody has said so, and for what is no account: a user of this machine."""
    row = connection.one("SELECT person FROM account_person WHERE account = ?", (account,))
    if row is not None:
        return str(row[0])
    if not OPERATOR_ID.fullmatch(account):
        return None
    is_local = (
        connection.one("SELECT 1 FROM operator WHERE operator_id = ? AND password IS NOT NULL", (account,)) is not None
    )
    return None if is_local else account


def require_person(connection: Connection, account: str) -> str:
    """Return whose account it is, or raise ChangeRefusedError: whose word nobody knows is nobody's second word."""
    person = find_person(connection, account)
    if person is None:
        raise ChangeRefusedError(
            "nobody has said whose account this is, and two people decide here: `stile operator person` says it"
        )
    return person


def is_another(connection: Connection, account: str, *, than: str, person: str | None) -> bool:
    """Tell whether an account is of another person than one that acted before, whose `person` was known then.

    Both must be known. A name that both go by can only refuse.
    """
    mine = find_person(connection, account)
    theirs = {person, find_person(connection, than)}
    return mine is not None and person is not None and mine not in theirs and not is_one_of(connection, account, (than,))

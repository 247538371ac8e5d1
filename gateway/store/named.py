"""Is who reviews or decides one of those who are named? By every name that entries may know one person under.

Two accounts whose names differ, and that nobody has said to be one person's, are two persons to this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from audit.stores.connection import Connection
from audit.writing.keyring import reference
from gateway.store.operator_rows import NAMELESS
from schemas.unseen import label_form

_OF_A_COMMAND_LINE: Final = re.compile(r"operator:(?:(\S+) \(uid (\d+)\)|uid (\d+))")


def names_of(connection: Connection, by: str) -> frozenset[str]:
    """Return all names of who entries name so: an account has two, so has a user of a command line."""
    found = _OF_A_COMMAND_LINE.fullmatch(by)
    name, uid = (found[1], found[2] or found[3]) if found else (None, None)
    row = connection.one("SELECT name FROM operator WHERE operator_id = ?", (by,))
    # A user's number stays theirs where the system does not know its name, or another one by now.
    known = [by, name, None if uid is None else f"operator:uid {uid}", row[0] if row else None]
    # What the provider calls somebody decides nothing that it opens; here it can only refuse.
    shown = connection.all("SELECT DISTINCT shown FROM console_session WHERE operator_id = ?", (by,))
    known += [one for (one,) in shown if one != NAMELESS]
    known += [one for (one,) in connection.all("SELECT person FROM account_person WHERE account = ?", (by,))]
    return frozenset(label_form(one) for one in known if one)


def is_one_of(connection: Connection, by: str, others: Iterable[str | None]) -> bool:
    """Tell whether somebody shares a name with any of these."""
    mine = names_of(connection, by)
    return any(mine & names_of(connection, one) for one in others if one)


def has_asked(connection: Connection, secret: bytes, by: str, calls: Iterable[tuple[str, str]]) -> bool:
    """Tell whether somebody is the caseworker of one of these calls: each a partner, and a keyed reference."""
    mine = names_of(connection, by)
    asked = set(calls)
    partners = {partner for partner, _ in asked}
    own = ((partner, reference(secret, "caseworker", f"{partner}/{one}").hex()) for partner in partners for one in mine)
    return any(one in asked for one in own)

"""How does a session begin, go on and end? Sign-ins under way, sessions, and attempts that are counted.

Each method returns a `within` for the log's writer. What is about who signed in is an entry; a session's last use, and a
sign-in that is only under way, write rows alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.stores.instants import to_micros
from audit.writing.item import Draft, Moment, Within
from gateway.oauth.clients import Role
from gateway.store.entries import Entries
from gateway.store.operator_rows import IDLE, LONGEST, read_account

UNDER_WAY: Final = timedelta(minutes=10)  # from the first step of a sign-in to its last
MOST_UNDER_WAY: Final = 5_000
MOST_SESSIONS: Final = 10  # of one operator
WINDOW: Final = 900  # seconds in which attempts are counted together


class SignInOverError(Exception):
    """What a sign-in rests on is gone: the account, the session that it was to renew, or its place among many others."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """A session to be. `replaces` is the session that it takes the place of; with `renews`, which must be live.

    `jkt` and `challenge`: of a command line's, by which it shows with each call that it is its own.
    """

    key: str
    operator_id: str
    method: str
    roles: frozenset[Role]
    shown: str
    mapping: str
    authenticated_at: datetime
    replaces: str | None = None
    renews: bool = False
    jkt: str | None = None
    challenge: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A name under which attempts are counted, and how many of them are let pass in a window."""

    name: str
    most: int


@dataclass(frozen=True, slots=True)
class SignIns:
    """Changes of who is signed in."""

    entries: Entries

    def begin(
        self, new: Beginning, facts: Mapping[str, Any], *, also: Callable[[Connection, Moment], None] | None = None
    ) -> Within:
        """Begin a session under a new id, end the one before, and enter it. `also` writes what belongs to it."""

        def within(connection: Connection, moment: Moment) -> Draft:
            account = read_account(connection, new.operator_id)
            if (account is None and new.method == "local") or (account is not None and account.revoked_at is not None):
                raise SignInOverError("the operator is revoked")
            if account is not None and not account.may_sign_in(moment.at):
                raise SignInOverError("the guest's last day is over")
            if also is not None:
                also(connection, moment)
            began, draft = _ended(connection, new, moment.at)
            connection.run(
                "INSERT INTO console_session (id_hash, operator_id, method, roles, shown, mapping, began_at, used_at, "
                "authenticated_at, draft, jkt, challenge) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(new.key, new.operator_id, new.method, json.dumps(sorted(new.roles)), new.shown, new.mapping),
                    *(began, to_micros(moment.at), to_micros(new.authenticated_at), draft, new.jkt, new.challenge),
                ),
            )
            _drop_oldest(connection, new)
            what = {"method": new.method, "roles": [one.value for one in sorted(new.roles)], "step_up": new.renews, **facts}
            names = {"what": what, "who": {"by": new.operator_id}}
            besides = (f"operator/{new.operator_id}",) if account is not None else ()
            return self.entries.plain(Kind.SIGN_IN, connection, moment, (), names, besides=besides)

        return within

    def note_password(self, operator_id: str, step: str) -> Within:
        """Enter that an account's password was given rightly; `step` is what is to be done with its passkey next."""
        names = {"what": {"method": "local", "password": "right", "next": step}, "who": {"by": operator_id}}
        return lambda connection, moment: self.entries.plain(Kind.SIGN_IN, connection, moment, (), names)

    def fail(self, operator_id: str | None, facts: Mapping[str, Any]) -> Within:
        """Enter a sign-in that failed. `operator_id`: whose it would have been, where that is known."""
        names = {"what": dict(facts), "who": {"by": operator_id}}
        return lambda connection, moment: self.entries.plain(Kind.SIGN_IN_FAILED, connection, moment, (), names)

    def count(self, limits: Sequence[Limit], facts: Mapping[str, Any], reached: list[int]) -> Within:
        """Count an attempt. At a limit the seconds to wait go into `reached`, and the first of a window is entered.

        What one limit stops counts for none behind it: else a network that is stopped could go on locking an account.
        """

        def within(connection: Connection, moment: Moment) -> Draft | None:
            now = int(moment.at.timestamp())
            reached.clear()
            is_first = False
            for limit in limits:
                count = _counted(connection, limit.name, now // WINDOW)
                if count > limit.most:
                    reached.append(WINDOW - now % WINDOW)
                    is_first = count == limit.most + 1
                    break
            if not is_first:
                return None
            return self.entries.plain(
                Kind.SIGN_IN_FAILED, connection, moment, (), {"what": dict(facts), "who": {"by": None}}
            )

        return within


def put_under_way(key: str, content: Mapping[str, Any], *, is_strangers: bool = True) -> Within:
    """Keep a step of a sign-in for the browser that made it. Of strangers' there is an end, which stops nobody else."""

    def within(connection: Connection, moment: Moment) -> None:
        now = int(moment.at.timestamp())
        count = connection.value("SELECT count(*) FROM sign_in WHERE expires > ?", (now,))
        if is_strangers and count >= MOST_UNDER_WAY:
            raise SignInOverError("too many sign-ins are under way")
        connection.run(
            "INSERT INTO sign_in (id_hash, content, expires) VALUES (?, ?, ?) "
            "ON CONFLICT (id_hash) DO UPDATE SET content = excluded.content, expires = excluded.expires",
            (key, json.dumps(dict(content)), now + int(UNDER_WAY.total_seconds())),
        )

    return within


def take_under_way(key: str, taken: list[dict[str, Any]]) -> Within:
    """Put what was kept for a browser into `taken`, and forget it: whoever comes second finds nothing."""

    def within(connection: Connection, moment: Moment) -> None:
        taken.clear()
        rows = connection.all("DELETE FROM sign_in WHERE id_hash = ? RETURNING content, expires", (key,))
        taken.extend(json.loads(content) for content, expires in rows if expires > moment.at.timestamp())

    return within


def touch(key: str) -> Within:
    """Note that a session was used."""

    def within(connection: Connection, moment: Moment) -> None:
        connection.run("UPDATE console_session SET used_at = ? WHERE id_hash = ?", (to_micros(moment.at), key))

    return within


def keep_draft(key: str, draft: str | None) -> Within:
    """Keep a text over a step-up, or forget it."""

    def within(connection: Connection, _moment: Moment) -> None:
        connection.run("UPDATE console_session SET draft = ? WHERE id_hash = ?", (draft, key))

    return within


def end(key: str) -> Within:
    """End a session: its id is dead for every process from here on."""

    def within(connection: Connection, _moment: Moment) -> None:
        connection.run("DELETE FROM console_session WHERE id_hash = ?", (key,))

    return within


def end_all(operator_id: str) -> Within:
    """End every session of an operator."""

    def within(connection: Connection, _moment: Moment) -> None:
        connection.run("DELETE FROM console_session WHERE operator_id = ?", (operator_id,))

    return within


def has_expired(connection: Connection, at: datetime) -> bool:
    """Tell whether a row is over that `drop_expired` would drop."""
    return any(
        connection.one(f"SELECT 1 FROM {table} WHERE {where} LIMIT 1", bound) is not None
        for table, where, bound in _over(at)
    )


def drop_expired(connection: Connection, at: datetime) -> None:
    """Drop sessions, sign-ins and counts that are over."""
    for table, where, bound in _over(at):
        connection.run(f"DELETE FROM {table} WHERE {where}", bound)


def _over(at: datetime) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    now = int(at.timestamp())
    return (
        ("console_session", "used_at <= ? OR began_at <= ?", (to_micros(at - IDLE), to_micros(at - LONGEST))),
        ("sign_in", "expires <= ?", (now,)),
        ("attempt", '"window" < ?', (now // WINDOW,)),
    )


def _ended(connection: Connection, new: Beginning, at: datetime) -> tuple[int, str | None]:
    """End the session before; return when the new one began, and the text that it takes over."""
    found = connection.all(
        "DELETE FROM console_session WHERE id_hash = ? RETURNING operator_id, began_at, draft", (new.replaces,)
    )
    if not new.renews:
        return to_micros(at), None
    if not found or found[0][0] != new.operator_id:
        raise SignInOverError("the session that was to be renewed is over")
    # Its last hour stays where it was: a step-up renews what may be done, not how long.
    return found[0][1], found[0][2]


def _drop_oldest(connection: Connection, new: Beginning) -> None:
    connection.run(
        "DELETE FROM console_session WHERE operator_id = ? AND id_hash NOT IN "
        "(SELECT id_hash FROM console_session WHERE operator_id = ? "
        "ORDER BY authenticated_at DESC, used_at DESC, CASE WHEN id_hash = ? THEN 0 ELSE 1 END LIMIT ?)",
        (new.operator_id, new.operator_id, new.key, MOST_SESSIONS),
    )


def _counted(connection: Connection, name: str, window: int) -> int:
    (count,) = connection.all(
        'INSERT INTO attempt (name, "window", count) VALUES (?, ?, 1) '
        'ON CONFLICT (name, "window") DO UPDATE SET count = attempt.count + 1 RETURNING count',
        (name, window),
    )[0]
    return int(count)

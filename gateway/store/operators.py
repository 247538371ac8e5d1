"""How do operators get a local account, and lose it? Each in one transaction with its entry; sessions end with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.stores.instants import to_micros
from audit.writing.item import Draft, Moment, Within
from gateway.oauth.clients import Role
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.operator_rows import Account, find_account, read_account

INVITED: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class OperatorChanges:
    """Changes of who may operate the gateway. `by` is who made the change; `password` an argon2id digest."""

    entries: Entries

    def grant(self, operator_id: str, *, name: str, password: str, roles: frozenset[Role], by: str) -> Within:
        """Make a local account, for which a passkey may be registered within a day."""

        def within(connection: Connection, moment: Moment) -> Draft:
            if find_account(connection, name) is not None:
                raise ChangeRefusedError(f"{name} has an account, or had one: choose another name")
            connection.run(
                "INSERT INTO operator (operator_id, name, password, roles, granted_at, invited_until) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (operator_id, name, password, _json(roles), to_micros(moment.at), to_micros(moment.at + INVITED)),
            )
            return self._granted(connection, operator_id, roles, moment, by, "account")

        return within

    def invite(self, name: str, *, password: str, by: str) -> Within:
        """Begin an account anew: another password, no passkeys, and a day to register one."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = _live(connection, name)
            connection.run("DELETE FROM passkey WHERE operator_id = ?", (found.operator_id,))
            connection.run(
                "UPDATE operator SET password = ?, invited_until = ? WHERE operator_id = ?",
                (password, to_micros(moment.at + INVITED), found.operator_id),
            )
            _end_sessions(connection, found.operator_id)
            return self._granted(connection, found.operator_id, found.roles, moment, by, "invitation")

        return within

    def set_roles(self, name: str, roles: frozenset[Role], *, by: str) -> Within:
        """Give an account other roles; its sessions end."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = _live(connection, name)
            connection.run("UPDATE operator SET roles = ? WHERE operator_id = ?", (_json(roles), found.operator_id))
            _end_sessions(connection, found.operator_id)
            return self._granted(connection, found.operator_id, roles, moment, by, "roles")

        return within

    def revoke(self, who: str, *, by: str) -> Within:
        """Revoke an operator, by the name of a local account or by id; one of the provider's is barred here."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = find_account(connection, who) or read_account(connection, who)
            if found is None and not who.startswith("op_"):
                raise ChangeRefusedError(f"{who} is no local account, and no id such as `stile operator list` shows")
            if found is not None and found.revoked_at is not None:
                raise ChangeRefusedError(f"{who} is revoked already")
            operator_id = found.operator_id if found is not None else who
            connection.run(
                "INSERT INTO operator (operator_id, roles, granted_at, revoked_at) VALUES (?, '[]', ?, ?) "
                "ON CONFLICT (operator_id) DO UPDATE SET revoked_at = excluded.revoked_at",
                (operator_id, to_micros(moment.at), to_micros(moment.at)),
            )
            _end_sessions(connection, operator_id)
            names = {"what": {"operator": operator_id}, "who": {"by": by}}
            row = (f"operator/{operator_id}",)
            return self.entries.plain(Kind.OPERATOR_REVOKED, connection, moment, (), names, besides=row)

        return within

    def restore(self, who: str, *, by: str) -> Within:
        """Let a revoked operator in again."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = find_account(connection, who) or read_account(connection, who)
            if found is None or found.revoked_at is None:
                raise ChangeRefusedError(f"{who} is not revoked: see `stile operator list`")
            connection.run("UPDATE operator SET revoked_at = NULL WHERE operator_id = ?", (found.operator_id,))
            return self._granted(connection, found.operator_id, found.roles, moment, by, "restored")

        return within

    def _granted(
        self, connection: Connection, operator_id: str, roles: frozenset[Role], moment: Moment, by: str, what: str
    ) -> Draft:
        told = {"operator": operator_id, "roles": [one.value for one in sorted(roles)], "granted": what}
        names = {"what": told, "who": {"by": by}}
        row = (f"operator/{operator_id}",)
        return self.entries.plain(Kind.OPERATOR_GRANTED, connection, moment, (), names, besides=row)


def add_passkey(
    operator_id: str, *, password: str, credential_id: str, public_key: str, sign_count: int
) -> Callable[[Connection, Moment], None]:
    """Return what registers an account's passkey, in the transaction of the sign-in that it completes.

    `password` is the digest that the sign-in was begun by: an invitation in between has begun the account anew.
    """

    def also(connection: Connection, moment: Moment) -> None:
        account = read_account(connection, operator_id)
        if account is None or account.passkeys or account.password != password or not is_invited(account, moment.at):
            raise ChangeRefusedError("no passkey may be registered for this account now: ask for a new invitation")
        if connection.one("SELECT 1 FROM passkey WHERE credential_id = ?", (credential_id,)) is not None:
            raise ChangeRefusedError("this passkey is registered already")
        connection.run(
            "INSERT INTO passkey (credential_id, operator_id, public_key, sign_count, added_at) VALUES (?, ?, ?, ?, ?)",
            (credential_id, operator_id, public_key, sign_count, to_micros(moment.at)),
        )

    return also


def use_passkey(credential_id: str, *, before: int, sign_count: int) -> Callable[[Connection, Moment], None]:
    """Return what notes a passkey's use; one that was used with this count meanwhile, or is gone, is refused."""

    def also(connection: Connection, _moment: Moment) -> None:
        found = connection.run(
            "UPDATE passkey SET sign_count = ? WHERE credential_id = ? AND sign_count = ?",
            (sign_count, credential_id, before),
        )
        if found < 1:
            raise ChangeRefusedError("the passkey is gone, or was used at the same moment: sign in again")

    return also


def is_invited(account: Account, at: datetime) -> bool:
    """Tell whether a first passkey may be registered."""
    return account.invited_until is not None and at < account.invited_until


def _live(connection: Connection, name: str) -> Account:
    found = find_account(connection, name)
    if found is None or found.revoked_at is not None:
        raise ChangeRefusedError(f"{name} is no local account that is live: see `stile operator list`")
    return found


def _end_sessions(connection: Connection, operator_id: str) -> None:
    connection.run("DELETE FROM console_session WHERE operator_id = ?", (operator_id,))


def _json(roles: frozenset[Role]) -> str:
    return json.dumps(sorted(roles))

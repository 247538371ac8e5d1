"""How do operators get a local account, and lose it? Each in one transaction with its entry; sessions end with it.

Here stands too whose an account is, and until when a guest of another organisation may sign in.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.stores.instants import to_micros
from audit.writing.item import Draft, Moment, Within
from gateway.oauth.clients import Role
from gateway.store.account_persons import OPERATOR_ID, find_person
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.key_rows import read_client
from gateway.store.operator_rows import Account, find_account, read_account
from schemas.unseen import label_form

INVITED: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class OperatorChanges:
    """Changes of who may operate the gateway. `by` is who made the change; `password` an argon2id digest."""

    entries: Entries
    secret: bytes = field(repr=False)  # names people in entries, who are not told from there

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

    def say_person(self, who: str, *, person: str, by: str) -> Within:
        """Say whose an account or a client of the council's is: a word that names one person, such as their work account.

        Two accounts with one word are one person's. An account's name for a word means whoever has that account.
        """

        def within(connection: Connection, moment: Moment) -> Draft:
            account, roles = _holder(connection, who)
            said = self._person(connection, person)
            connection.run(
                "INSERT INTO account_person (account, person, said_at) VALUES (?, ?, ?) "
                "ON CONFLICT (account) DO UPDATE SET person = excluded.person, said_at = excluded.said_at",
                (account, said, to_micros(moment.at)),
            )
            return self._granted(connection, account, roles, moment, by, "person", person=said)

        return within

    def make_guest(self, who: str, *, of: str, last_day: date, by: str) -> Within:
        """Say that an operator is another organisation's, and until when they may sign in: no session outlasts that day."""

        def within(connection: Connection, moment: Moment) -> Draft:
            found = find_account(connection, who) or read_account(connection, who)
            if found is None and not OPERATOR_ID.fullmatch(who):
                raise ChangeRefusedError(f"{who} is no local account, and no id such as `stile operator list` shows")
            if not of.strip() or not of.isprintable():
                raise ChangeRefusedError("a guest is of an organisation: name it")
            operator_id = found.operator_id if found is not None else who
            connection.run(
                "INSERT INTO operator (operator_id, roles, granted_at, guest_of, last_day) VALUES (?, '[]', ?, ?, ?) "
                "ON CONFLICT (operator_id) DO UPDATE SET guest_of = excluded.guest_of, last_day = excluded.last_day",
                (operator_id, to_micros(moment.at), of.strip(), last_day.isoformat()),
            )
            roles = found.roles if found is not None else frozenset()
            told = {"guest_of": of.strip(), "last_day": last_day.isoformat()}
            return self._granted(connection, operator_id, roles, moment, by, "guest", **told)

        return within

    def _person(self, connection: Connection, word: str) -> str:
        """Return how a person is kept: the provider's by their own id, others by a keyed digest of the word for them."""
        account = find_account(connection, word)
        known = find_person(connection, account.operator_id if account is not None else word)
        said = label_form(word)
        if known is not None:
            return known
        if not said or not word.isprintable():
            raise ChangeRefusedError("say whose it is by one word that names them, such as their work account")
        return "person_" + hmac.digest(self.secret, b"stile person\0" + said.encode(), "sha256").hex()[:24]

    def _granted(
        self,
        connection: Connection,
        operator_id: str,
        roles: frozenset[Role],
        moment: Moment,
        by: str,
        what: str,
        **more: str,
    ) -> Draft:
        told = {"operator": operator_id, "roles": [one.value for one in sorted(roles)], "granted": what, **more}
        names = {"what": told, "who": {"by": by}}
        rows = (f"operator/{operator_id}", f"account/{operator_id}")
        return self.entries.plain(Kind.OPERATOR_GRANTED, connection, moment, (), names, besides=rows)


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


def _holder(connection: Connection, who: str) -> tuple[str, frozenset[Role]]:
    """Return an account of this council's own, by name or id, or a client of one of its offices, with its roles."""
    found = find_account(connection, who) or read_account(connection, who)
    if found is not None:
        return found.operator_id, found.roles
    if OPERATOR_ID.fullmatch(who):
        return who, frozenset()
    client = read_client(connection, who, is_active=lambda _partner: True)
    if client is None or client.role is Role.PARTNER:
        raise ChangeRefusedError(f"{who} is no account here, no operator's id, and no client of the council's")
    return client.client_id, frozenset({client.role})


def _end_sessions(connection: Connection, operator_id: str) -> None:
    connection.run("DELETE FROM console_session WHERE operator_id = ?", (operator_id,))


def _json(roles: frozenset[Role]) -> str:
    return json.dumps(sorted(roles))

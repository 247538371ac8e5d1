"""Which operators have an account here, and whose session is live? Reads their rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from audit.stores.connection import Connection
from audit.stores.instants import from_micros
from gateway.oauth.clients import Role
from schemas.instants import london_day

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=8)
LONGEST_OF_COMMANDS: Final = timedelta(hours=1)
FRESH: Final = timedelta(seconds=300)  # RFC 9470: how old a sign-in may be that a step-up rests on
NAMELESS: Final = "signed in"  # how somebody is shown whom the provider gives no name
_ACCOUNT: Final = "operator_id, name, password, roles, granted_at, invited_until, revoked_at, guest_of, last_day"
_SESSION: Final = (
    "id_hash, operator_id, method, roles, shown, mapping, began_at, used_at, authenticated_at, draft, jkt, challenge"
)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A registered passkey; both keys as base64url."""

    credential_id: str
    public_key: str
    sign_count: int


@dataclass(frozen=True, slots=True)
class Account:
    """An operator's row: a local account, or (without a name) one of the provider's who was revoked here, or is a guest.

    `last_day`: of a guest of another organisation, the last day in London on which they may sign in.
    """

    operator_id: str
    name: str | None
    password: str | None
    roles: frozenset[Role]
    granted_at: datetime
    invited_until: datetime | None
    revoked_at: datetime | None
    passkeys: tuple[Passkey, ...]
    guest_of: str | None = None
    last_day: date | None = None

    def may_sign_in(self, at: datetime) -> bool:
        """Tell whether they are neither revoked nor a guest whose time is over."""
        return self.revoked_at is None and (self.last_day is None or london_day(at) <= self.last_day)


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is live. `key` is SHA-256 of its id; of a command line's, `jkt` names the key that it signs with."""

    key: str
    operator_id: str
    method: str
    roles: frozenset[Role]
    shown: str
    began_at: datetime
    used_at: datetime
    authenticated_at: datetime
    draft: str | None
    jkt: str | None = None
    challenge: str | None = None
    guest_of: str | None = None

    @property
    def ends_at(self) -> datetime:
        """Return when it ends if nothing more is done in it."""
        longest = LONGEST if self.jkt is None else LONGEST_OF_COMMANDS
        return min(self.began_at + longest, self.used_at + IDLE)

    def is_fresh(self, at: datetime) -> bool:
        """Tell whether the operator showed who they are a short while ago (RFC 9470, section 4)."""
        return at - self.authenticated_at <= FRESH


def find_account(connection: Connection, name: str) -> Account | None:
    """Return the local account of a name, revoked ones too."""
    row = connection.one(f"SELECT {_ACCOUNT} FROM operator WHERE name = ?", (name,))
    return _account(connection, row) if row else None


def read_account(connection: Connection, operator_id: str) -> Account | None:
    """Return an operator's row, revoked ones too."""
    row = connection.one(f"SELECT {_ACCOUNT} FROM operator WHERE operator_id = ?", (operator_id,))
    return _account(connection, row) if row else None


def read_accounts(connection: Connection) -> list[Account]:
    """Return every operator's row, in the order in which they came."""
    rows = connection.all(f"SELECT {_ACCOUNT} FROM operator ORDER BY granted_at, operator_id")
    return [_account(connection, row) for row in rows]


def _account(connection: Connection, row: tuple[Any, ...]) -> Account:
    operator_id, name, password, roles, granted_at, invited_until, revoked_at, guest_of, last_day = row
    keys = connection.all(
        "SELECT credential_id, public_key, sign_count FROM passkey WHERE operator_id = ? ORDER BY added_at", (operator_id,)
    )
    return Account(
        operator_id=operator_id,
        name=name,
        password=password,
        roles=roles_of(roles),
        granted_at=from_micros(granted_at),
        invited_until=from_micros(invited_until) if invited_until is not None else None,
        revoked_at=from_micros(revoked_at) if revoked_at is not None else None,
        passkeys=tuple(Passkey(*one) for one in keys),
        guest_of=guest_of,
        last_day=date.fromisoformat(last_day) if last_day is not None else None,
    )


def roles_of(text: str) -> frozenset[Role]:
    """Return the roles of a row."""
    return frozenset(Role(one) for one in json.loads(text))


def find_session(connection: Connection, key: str, *, at: datetime, mapping: str) -> Session | None:
    """Return a session that is live at an instant; `mapping` names the settings that give roles now.

    Read from the row each time: what was ended, by whichever process, is ended here. Who finds it by what a browser sent
    must see that it is no command line's (`jkt`): such a one counts with its key alone.
    """
    row = connection.one(f"SELECT {_SESSION} FROM console_session WHERE id_hash = ?", (key,))
    return _live(connection, row, at, mapping) if row else None


def sessions_of(connection: Connection, operator_id: str, *, at: datetime, mapping: str) -> list[Session]:
    """Return an operator's live sessions, the newest first."""
    rows = connection.all(
        f"SELECT {_SESSION} FROM console_session WHERE operator_id = ? ORDER BY began_at DESC", (operator_id,)
    )
    return [found for row in rows if (found := _live(connection, row, at, mapping)) is not None]


def operators_in_session(connection: Connection) -> list[tuple[str, str, str]]:
    """Return (operator, way of signing in, name as shown) of every session that is kept."""
    rows = connection.all("SELECT DISTINCT operator_id, method, shown FROM console_session ORDER BY 1")
    return [(row[0], row[1], row[2]) for row in rows]


def _live(connection: Connection, row: tuple[Any, ...], at: datetime, mapping: str) -> Session | None:
    key, operator_id, method, roles, shown, given_by, began, used, authenticated, draft, jkt, challenge = row
    account = read_account(connection, operator_id)
    if account is not None and not account.may_sign_in(at):
        return None
    if method == "local":
        held = account.roles if account is not None else frozenset()
    else:
        held = roles_of(roles) if given_by == mapping else frozenset()
    found = Session(
        *(key, operator_id, method, held, shown, from_micros(began), from_micros(used), from_micros(authenticated), draft),
        *(jkt, challenge, account.guest_of if account is not None else None),
    )
    return found if held and at < found.ends_at else None

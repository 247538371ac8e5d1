"""Which rows tell who operates the gateway, and who decides with whom?

Accounts, sessions, and what waits for a second person. As in `tables`, these definitions make the tables and say what they
hold.
"""

from __future__ import annotations

from sqlmodel import Field, SQLModel


class OperatorRow(SQLModel, table=True):
    """A local account; or, without a name, an operator of the OpenID provider who was revoked here, or is a guest."""

    __tablename__ = "operator"

    operator_id: str = Field(primary_key=True)
    name: str | None = Field(default=None, unique=True)
    password: str | None = None  # argon2id
    roles: str  # JSON array
    granted_at: int
    invited_until: int | None = None  # until when a first passkey may be registered
    revoked_at: int | None = None
    guest_of: str | None = None  # another organisation, whose person they are
    last_day: str | None = None  # of a guest: the last London day on which they may sign in


class PasskeyRow(SQLModel, table=True):
    """A passkey of a local account. Both keys as base64url."""

    __tablename__ = "passkey"

    credential_id: str = Field(primary_key=True)
    operator_id: str = Field(foreign_key="operator.operator_id", index=True)
    public_key: str
    sign_count: int
    added_at: int


class ConsoleSession(SQLModel, table=True):
    """An operator's session, by SHA-256 of its id: who reads the row can't use it."""

    __tablename__ = "console_session"

    id_hash: str = Field(primary_key=True)
    operator_id: str = Field(index=True)
    method: str  # "oidc" or "local"
    roles: str  # JSON array; of a local account, those of its own row count
    shown: str
    mapping: str  # digest of the settings that gave the roles
    began_at: int
    used_at: int
    authenticated_at: int
    draft: str | None = None  # a text that waits for a step-up
    jkt: str | None = None  # of a command line's: the thumbprint of the key that it signs each call with
    challenge: str | None = None  # of a command line's: SHA-256 of the half of its token that no browser saw


class SignIn(SQLModel, table=True):
    """A sign-in under way in one browser, by SHA-256 of its id. Taken once; rows past `expires` (epoch) are swept."""

    __tablename__ = "sign_in"

    id_hash: str = Field(primary_key=True)
    content: str  # JSON
    expires: int = Field(index=True)


class Attempt(SQLModel, table=True):
    """How often somebody tried in a window. `name` is a keyed digest of an account or a network."""

    name: str = Field(primary_key=True)
    window: int = Field(primary_key=True)
    count: int


class AccountPersonRow(SQLModel, table=True):
    """Whose an account or a client of the council's is: two with one person are one where a second person is asked for."""

    __tablename__ = "account_person"

    account: str = Field(primary_key=True)
    person: str
    said_at: int


class StaffingRow(SQLModel, table=True):
    """How many people decide what matters, from an entry of the log on; the newest counts. -1: the entry is owed."""

    __tablename__ = "staffing"

    idx: int = Field(primary_key=True)
    people: int
    reason: str
    said_by: str


class ProposalRow(SQLModel, table=True):
    """A change that somebody proposed, and what became of it. What was proposed never changes."""

    __tablename__ = "proposal"

    change_id: str = Field(primary_key=True)
    kind: str
    about: str
    content: str  # JSON
    rests_on: str  # JSON: what it was proposed beside
    digest: str
    reason: str
    proposed_by: str
    person: str | None = None  # whose account that was
    proposed_at: int
    status: str = Field(index=True)
    decided_by: str | None = None
    decided_at: int | None = None
    decided_why: str | None = None
    decided_role: str | None = None
    people: int | None = None  # how many people it took
    followed: int | None = None  # of advice: 1 or 0


class AdviceRow(SQLModel, table=True):
    """What the data protection officer says of a proposal. The newest counts."""

    __tablename__ = "advice"

    idx: int = Field(primary_key=True)
    change_id: str = Field(foreign_key="proposal.change_id", index=True)
    advice: str
    words: str
    given_by: str
    given_at: int

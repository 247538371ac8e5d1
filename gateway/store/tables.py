"""Which rows make up the state? The log's own tables stand in `audit/stores/schema`, those of operators in
`operator_tables`; all live in one file.

Instants are stored as integer microseconds since 1970 (UTC), so that comparing needs no parsing.
Nothing here is read on the hot path through the ORM: these definitions make the tables (by alembic) and say
what they hold.
"""

from __future__ import annotations

from sqlmodel import Column, Field, SQLModel, String


class Partner(SQLModel, table=True):
    """An organisation that may be named as a recipient."""

    partner_id: str = Field(primary_key=True)
    name: str
    kind: str
    status: str  # "active" or "suspended"


class PartnerCode(SQLModel, table=True):
    """An organisation's official code; a code is one organisation's."""

    __tablename__ = "partner_code"

    scheme: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    partner_id: str = Field(foreign_key="partner.partner_id", index=True)


class PartnerContact(SQLModel, table=True):
    """Whom to reach at a partner: one for each role."""

    __tablename__ = "partner_contact"

    partner_id: str = Field(primary_key=True, foreign_key="partner.partner_id")
    role: str = Field(primary_key=True)
    name: str
    email: str | None = None
    telephone: str | None = None


class PartnerAssuranceRow(SQLModel, table=True):
    """What a partner has shown of its security; a newer one of a level takes the place of the one before."""

    __tablename__ = "partner_assurance"

    partner_id: str = Field(primary_key=True, foreign_key="partner.partner_id")
    level: str = Field(primary_key=True)
    evidence: str
    checked_on: str
    expires_on: str
    checked_by: str


class ClientRow(SQLModel, table=True):
    """An OAuth client. Its keys have rows of their own, unless they lie at its `jwks_uri`."""

    __tablename__ = "client"

    client_id: str = Field(primary_key=True)
    partner_id: str | None = Field(default=None, foreign_key="partner.partner_id")
    role: str
    status: str  # "active" or "revoked"
    allows_rs: bool = False
    allows_endpoint_audience: bool = False
    is_certificate_bound: bool = False
    system: str  # of its holder's
    environment: str  # "production" or "sandbox"
    jwks_uri: str | None = None


class Invitation(SQLModel, table=True):
    """That one client of a partner may register itself, by a token whose hash this is. Used ones go."""

    token_hash: str = Field(primary_key=True)
    partner_id: str = Field(foreign_key="partner.partner_id")
    made_by: str
    expires: int  # epoch seconds


class RegistrationRow(SQLModel, table=True):
    """What a client registered of itself. One that waits goes when `expires` (epoch seconds) has come."""

    __tablename__ = "registration"

    client_id: str = Field(primary_key=True)
    partner_id: str = Field(foreign_key="partner.partner_id")
    status: str
    metadata_: str = Field(sa_column=Column("metadata", String, nullable=False))
    registered_at: int
    decided_by: str | None = None
    token_hash: str | None = None
    expires: int | None = None


class ClientKeyRow(SQLModel, table=True):
    """A public key of a client. A kid names one key for ever, and a key is registered once: revoked ones stay."""

    __tablename__ = "client_key"

    client_id: str = Field(primary_key=True, foreign_key="client.client_id")
    kid: str = Field(primary_key=True)
    thumbprint: str = Field(index=True)
    jwk: str
    added_at: int
    added_by: str
    starts_on: str | None = None
    expires_on: str | None = None
    revoked_at: int | None = None


class IssuerKeyRow(SQLModel, table=True):
    """A turn of the gateway's own signing keys; none before the first was turned over. The key is in the key file."""

    __tablename__ = "issuer_key"

    kid: str = Field(primary_key=True)
    name: str
    published_at: int
    signs_at: int
    revoked_at: int | None = None


class Text(SQLModel, table=True):
    """A published text, as it was written: dataset, core, council, agreement or mapping. Never changes."""

    kind: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    digest: str
    text: str
    published_at: int
    ended_at: int | None = None
    semantics: int = 1  # the decision semantics that it was published under


class Semantics(SQLModel, table=True):
    """A floor of the decision semantics, and since when it counts for all texts."""

    number: int = Field(primary_key=True)
    changed_at: int


class Recipient(SQLModel, table=True):
    """That some version of an agreement names a partner: so a partner's own are found without reading all texts."""

    partner_id: str = Field(primary_key=True)
    agreement_id: str = Field(primary_key=True)


class Consent(SQLModel, table=True):
    """A consent record. Each change of state is a new row; the newest row of a consent_id counts."""

    row: int | None = Field(default=None, primary_key=True)
    consent_id: str = Field(index=True)
    subject_ref: str = Field(index=True)
    controller: str
    dataset: str
    purpose: str
    recipients: str  # JSON array
    fields: str  # JSON array; empty: the whole dataset
    state: str
    kind: str
    given_by: str
    capacity: str
    authority: str | None = None
    evidence: str | None = None
    text_version: str
    how: str
    recorded_by: str
    from_at: int
    until: int | None = None
    recorded_at: int
    unchecked: bool = False


class RestrictionRow(SQLModel, table=True):
    """A restriction; lifting it sets `lifted_at`, and the row stays."""

    __tablename__ = "restriction"

    restriction_id: str = Field(primary_key=True)
    subject_ref: str = Field(index=True)
    dataset: str
    kind: str
    fields: str
    recipients: str
    from_at: int
    until: int | None = None
    recorded_by: str
    lifted_at: int | None = None
    scheme: str | None = None
    purposes: str = "[]"  # JSON array
    decided: str | None = None  # why an objection holds nothing back any more
    unchecked: bool = False  # the source could not be asked whether it knows the person


class IncidentRow(SQLModel, table=True):
    """A declared incident. It counts until `ends`, or until `closed_at`."""

    __tablename__ = "incident"

    incident_id: str = Field(primary_key=True)
    what: str
    partners: str  # JSON array
    kinds: str  # JSON array
    most_people: int
    begins: int
    ends: int = Field(index=True)
    declared_by: str
    closed_at: int | None = None
    closed_by: str | None = None
    reviewed_at: int | None = None
    reviewed_by: str | None = None
    outcome: str | None = None


class EmergencyRow(SQLModel, table=True):
    """A call in an emergency that opened something, by its entry. The caseworker's reference is keyed."""

    __tablename__ = "emergency"

    entry_id: str = Field(primary_key=True)
    at: int
    partner_id: str
    client_id: str
    agreement_id: str
    caseworker_ref: str
    kind: str
    people: int
    incident_id: str | None = Field(default=None, index=True)
    reviewed_at: int | None = Field(default=None, index=True)
    reviewed_by: str | None = None
    outcome: str | None = None


class Usage(SQLModel, table=True):
    """How often something was done in a window: `name` says what, `window` when (a minute or a London day)."""

    name: str = Field(primary_key=True)
    window: str = Field(primary_key=True)
    count: int


class Idempotency(SQLModel, table=True):
    """The first use of an Idempotency-Key: a digest of what was asked under which grant, and which entry answered it."""

    client_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    body_digest: str
    disclosure_id: str
    expires: int = Field(index=True)
    limited: str  # JSON array: the places of those whom a limit withheld, and who were not counted

-- The state's tables as PostgreSQL keeps them: what the migrations up to 0013 make in SQLite. Later ones run over both.
-- Truth is 0 or 1, an instant whole microseconds since 1970; text is compared by its bytes.
CREATE TABLE partner (
  partner_id TEXT COLLATE "C" PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL
);
CREATE TABLE client (
  client_id TEXT COLLATE "C" PRIMARY KEY,
  partner_id TEXT COLLATE "C" REFERENCES partner,
  role TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  allows_rs BIGINT NOT NULL,
  allows_endpoint_audience BIGINT NOT NULL DEFAULT 0,
  jwks_uri TEXT COLLATE "C",
  is_certificate_bound BIGINT NOT NULL DEFAULT 0,
  system TEXT COLLATE "C" NOT NULL DEFAULT '',
  environment TEXT COLLATE "C" NOT NULL DEFAULT 'production'
);
CREATE TABLE text (
  kind TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  text TEXT COLLATE "C" NOT NULL,
  published_at BIGINT NOT NULL,
  ended_at BIGINT,
  semantics BIGINT NOT NULL DEFAULT 1,
  PRIMARY KEY (kind, id, version)
);
CREATE TABLE consent (
  row BIGINT PRIMARY KEY,
  consent_id TEXT COLLATE "C" NOT NULL,
  subject_ref TEXT COLLATE "C" NOT NULL,
  controller TEXT COLLATE "C" NOT NULL,
  dataset TEXT COLLATE "C" NOT NULL,
  purpose TEXT COLLATE "C" NOT NULL,
  recipients TEXT COLLATE "C" NOT NULL,
  fields TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  given_by TEXT COLLATE "C" NOT NULL,
  capacity TEXT COLLATE "C" NOT NULL,
  authority TEXT COLLATE "C",
  evidence TEXT COLLATE "C",
  text_version TEXT COLLATE "C" NOT NULL,
  how TEXT COLLATE "C" NOT NULL,
  recorded_by TEXT COLLATE "C" NOT NULL,
  from_at BIGINT NOT NULL,
  until BIGINT,
  recorded_at BIGINT NOT NULL,
  unchecked BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE restriction (
  restriction_id TEXT COLLATE "C" PRIMARY KEY,
  subject_ref TEXT COLLATE "C" NOT NULL,
  dataset TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  fields TEXT COLLATE "C" NOT NULL,
  recipients TEXT COLLATE "C" NOT NULL,
  from_at BIGINT NOT NULL,
  until BIGINT,
  recorded_by TEXT COLLATE "C" NOT NULL,
  lifted_at BIGINT,
  scheme TEXT COLLATE "C",
  purposes TEXT COLLATE "C" NOT NULL DEFAULT '[]',
  decided TEXT COLLATE "C",
  unchecked BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE usage (
  name TEXT COLLATE "C" NOT NULL,
  "window" TEXT COLLATE "C" NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (name, "window")
);
CREATE TABLE idempotency (
  client_id TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  body_digest TEXT COLLATE "C" NOT NULL,
  disclosure_id TEXT COLLATE "C" NOT NULL,
  expires BIGINT NOT NULL,
  limited TEXT COLLATE "C" NOT NULL DEFAULT '[]',
  PRIMARY KEY (client_id, key)
);
CREATE TABLE recipient (
  partner_id TEXT COLLATE "C" NOT NULL,
  agreement_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (partner_id, agreement_id)
);
CREATE TABLE client_key (
  client_id TEXT COLLATE "C" NOT NULL REFERENCES client,
  kid TEXT COLLATE "C" NOT NULL,
  thumbprint TEXT COLLATE "C" NOT NULL,
  jwk TEXT COLLATE "C" NOT NULL,
  added_at BIGINT NOT NULL,
  added_by TEXT COLLATE "C" NOT NULL,
  starts_on TEXT COLLATE "C",
  expires_on TEXT COLLATE "C",
  revoked_at BIGINT,
  PRIMARY KEY (client_id, kid)
);
CREATE TABLE issuer_key (
  kid TEXT COLLATE "C" PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL,
  published_at BIGINT NOT NULL,
  signs_at BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE TABLE partner_code (
  scheme TEXT COLLATE "C" NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  partner_id TEXT COLLATE "C" NOT NULL REFERENCES partner,
  PRIMARY KEY (scheme, code)
);
CREATE TABLE partner_contact (
  partner_id TEXT COLLATE "C" NOT NULL REFERENCES partner,
  role TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  email TEXT COLLATE "C",
  telephone TEXT COLLATE "C",
  PRIMARY KEY (partner_id, role)
);
CREATE TABLE partner_assurance (
  partner_id TEXT COLLATE "C" NOT NULL REFERENCES partner,
  level TEXT COLLATE "C" NOT NULL,
  evidence TEXT COLLATE "C" NOT NULL,
  checked_on TEXT COLLATE "C" NOT NULL,
  expires_on TEXT COLLATE "C" NOT NULL,
  checked_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (partner_id, level)
);
CREATE TABLE invitation (
  token_hash TEXT COLLATE "C" PRIMARY KEY,
  partner_id TEXT COLLATE "C" NOT NULL REFERENCES partner,
  made_by TEXT COLLATE "C" NOT NULL,
  expires BIGINT NOT NULL
);
CREATE TABLE registration (
  client_id TEXT COLLATE "C" PRIMARY KEY,
  partner_id TEXT COLLATE "C" NOT NULL REFERENCES partner,
  status TEXT COLLATE "C" NOT NULL,
  metadata TEXT COLLATE "C" NOT NULL,
  registered_at BIGINT NOT NULL,
  decided_by TEXT COLLATE "C",
  token_hash TEXT COLLATE "C",
  expires BIGINT
);
CREATE TABLE operator (
  operator_id TEXT COLLATE "C" PRIMARY KEY,
  name TEXT COLLATE "C" UNIQUE,
  password TEXT COLLATE "C",
  roles TEXT COLLATE "C" NOT NULL,
  granted_at BIGINT NOT NULL,
  invited_until BIGINT,
  revoked_at BIGINT
);
CREATE TABLE passkey (
  credential_id TEXT COLLATE "C" PRIMARY KEY,
  operator_id TEXT COLLATE "C" NOT NULL REFERENCES operator,
  public_key TEXT COLLATE "C" NOT NULL,
  sign_count BIGINT NOT NULL,
  added_at BIGINT NOT NULL
);
CREATE TABLE console_session (
  id_hash TEXT COLLATE "C" PRIMARY KEY,
  operator_id TEXT COLLATE "C" NOT NULL,
  method TEXT COLLATE "C" NOT NULL,
  roles TEXT COLLATE "C" NOT NULL,
  shown TEXT COLLATE "C" NOT NULL,
  mapping TEXT COLLATE "C" NOT NULL,
  began_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  authenticated_at BIGINT NOT NULL,
  draft TEXT COLLATE "C"
);
CREATE TABLE sign_in (
  id_hash TEXT COLLATE "C" PRIMARY KEY,
  content TEXT COLLATE "C" NOT NULL,
  expires BIGINT NOT NULL
);
CREATE TABLE attempt (
  name TEXT COLLATE "C" NOT NULL,
  "window" BIGINT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (name, "window")
);
CREATE TABLE semantics (
  number BIGINT PRIMARY KEY,
  changed_at BIGINT NOT NULL
);
CREATE TABLE incident (
  incident_id TEXT COLLATE "C" PRIMARY KEY,
  what TEXT COLLATE "C" NOT NULL,
  partners TEXT COLLATE "C" NOT NULL,
  kinds TEXT COLLATE "C" NOT NULL,
  most_people BIGINT NOT NULL,
  begins BIGINT NOT NULL,
  ends BIGINT NOT NULL,
  declared_by TEXT COLLATE "C" NOT NULL,
  closed_at BIGINT,
  closed_by TEXT COLLATE "C",
  reviewed_at BIGINT,
  reviewed_by TEXT COLLATE "C",
  outcome TEXT COLLATE "C"
);
CREATE TABLE emergency (
  entry_id TEXT COLLATE "C" PRIMARY KEY,
  at BIGINT NOT NULL,
  partner_id TEXT COLLATE "C" NOT NULL,
  client_id TEXT COLLATE "C" NOT NULL,
  agreement_id TEXT COLLATE "C" NOT NULL,
  caseworker_ref TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  people BIGINT NOT NULL,
  incident_id TEXT COLLATE "C",
  reviewed_at BIGINT,
  reviewed_by TEXT COLLATE "C",
  outcome TEXT COLLATE "C"
);
CREATE INDEX ix_consent_consent_id ON consent (consent_id);
CREATE INDEX ix_consent_subject_ref ON consent (subject_ref);
CREATE INDEX ix_restriction_subject_ref ON restriction (subject_ref);
CREATE INDEX ix_idempotency_expires ON idempotency (expires);
CREATE INDEX ix_client_key_thumbprint ON client_key (thumbprint);
CREATE INDEX ix_partner_code_partner_id ON partner_code (partner_id);
CREATE INDEX ix_passkey_operator_id ON passkey (operator_id);
CREATE INDEX ix_console_session_operator_id ON console_session (operator_id);
CREATE INDEX ix_sign_in_expires ON sign_in (expires);
CREATE INDEX ix_incident_ends ON incident (ends);
CREATE INDEX ix_emergency_reviewed_at ON emergency (reviewed_at);
CREATE INDEX ix_emergency_incident_id ON emergency (incident_id);

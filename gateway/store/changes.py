"""How does what may leave change? Each change is written in the same transaction as its own entry.

Every function returns a `within`: hand it to the log, and when that has answered, no later entry discloses under
the old state. They raise ChangeRefusedError, or TextError for a text that does not hold together, inside the
transaction, and then nothing of the change is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from audit.commitment import SealingKey, seal
from audit.entry import Kind
from audit.keyring import Keyring, reference
from audit.sequencer import Draft, Moment, Within
from gateway.oauth.clients import Role
from gateway.oauth.jose import COMPATIBLE, JoseRefusedError, import_public_key
from gateway.sources.mapping import digest_of, mapped_paths, mapping_findings, parse_mapping
from gateway.store.state import Reader, to_micros
from policies.compose import compose
from policies.findings import Finding, TextError, did_you_mean
from policies.parse import parse_agreement, parse_core, parse_dataset
from schemas.consent import ConsentRecord, Restriction
from schemas.instants import as_text, london_day
from schemas.terms import ConsentState, RecipientKind


class ChangeRefusedError(Exception):
    """A change that can't be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What every change needs. `by` in the calls below is who made it: an operator or a control client."""

    keyring: Keyring
    index_secret: bytes
    controller: str
    new_id: Callable[[str, datetime], str]

    # -- texts

    def publish_dataset(self, text: str, *, by: str) -> Within:
        """Publish a dataset's text."""

        def within(connection: Any, moment: Moment) -> Draft:
            dataset = parse_dataset(text)
            what = (dataset.id, dataset.version, dataset.digest, text)
            _insert_text(connection, moment, "dataset", *what)
            return self._text_entry(Kind.DATASET_PUBLISHED, moment, f"dataset/{dataset.id}", what, by)

        return within

    def publish_core(self, text: str, *, by: str) -> Within:
        """Publish a common core, or the council's own rules; every live agreement must still hold together."""

        def within(connection: Any, moment: Moment) -> Draft:
            core = parse_core(text)
            what = (core.id, core.version, core.digest, text)
            _insert_text(connection, moment, "council" if core.is_council else "core", *what)
            _check_live_agreements(connection, moment)
            kind = Kind.COUNCIL_PUBLISHED if core.is_council else Kind.CORE_PUBLISHED
            return self._text_entry(kind, moment, "council/rules" if core.is_council else f"core/{core.id}", what, by)

        return within

    def publish_mapping(self, text: str, *, by: str) -> Within:
        """Publish where a dataset's fields lie in the council's system."""

        def within(connection: Any, moment: Moment) -> Draft:
            mapping = parse_mapping(text)
            name, _, version = mapping.dataset.partition("@")
            dataset = Reader(connection).find_dataset(name, int(version)) if version.isdigit() else None
            if dataset is None:
                raise ChangeRefusedError(f"dataset {mapping.dataset} is not published: publish it first")
            errors = tuple(one for one in mapping_findings(mapping, dataset) if one.severity == "error")
            if errors:
                raise TextError(errors)
            digest = digest_of(text)
            _insert_text(connection, moment, "mapping", mapping.dataset, mapping.version, digest, text)
            _check_live_agreements(connection, moment)
            what = (mapping.dataset, mapping.version, digest, text)
            return self._text_entry(Kind.SOURCE_CHANGED, moment, f"mapping/{name}", what, by)

        return within

    def publish_agreement(self, text: str, *, by: str) -> Within:
        """Publish a version of an agreement; it must hold together with all that bounds it."""

        def within(connection: Any, moment: Moment) -> Draft:
            agreement = parse_agreement(text)
            if agreement.controller != self.controller:
                raise ChangeRefusedError(f"the controller here is {self.controller}, not {agreement.controller}")
            what = (agreement.id, agreement.version, agreement.digest, text)
            _insert_text(connection, moment, "agreement", *what)
            check_agreement(Reader(connection), text)
            return self._text_entry(Kind.AGREEMENT_PUBLISHED, moment, f"agreement/{agreement.id}", what, by)

        return within

    def end_agreement(self, name: str, *, by: str) -> Within:
        """End every version of an agreement, now."""

        def within(connection: Any, moment: Moment) -> Draft:
            found = connection.execute(
                "UPDATE text SET ended_at = ? WHERE kind = 'agreement' AND id = ? AND ended_at IS NULL",
                (to_micros(moment.at), name),
            )
            if found.rowcount < 1:
                raise ChangeRefusedError(f"no live agreement is called {name}")
            what = {"what": {"agreement": name}, "who": {"by": by}}
            return self._entry(Kind.AGREEMENT_ENDED, moment, (f"agreement/{name}",), what)

        return within

    # -- partners and clients

    def register_partner(self, partner_id: str, *, name: str, kind: RecipientKind, by: str) -> Within:
        """Register an organisation that agreements may name."""

        def within(connection: Any, moment: Moment) -> Draft:
            if Reader(connection).find_partner(partner_id) is not None:
                raise ChangeRefusedError(f"partner {partner_id} is registered already")
            connection.execute(
                "INSERT INTO partner (partner_id, name, kind, status) VALUES (?, ?, ?, 'active')",
                (partner_id, name, kind.value),
            )
            what = {"what": {"partner": partner_id, "name": name, "kind": kind.value}, "who": {"by": by}}
            return self._entry(Kind.PARTNER_REGISTERED, moment, (f"partner/{partner_id}",), what)

        return within

    def set_partner_status(self, partner_id: str, *, active: bool, by: str) -> Within:
        """Suspend a partner, or let it in again."""

        def within(connection: Any, moment: Moment) -> Draft:
            status = "active" if active else "suspended"
            found = connection.execute(
                "UPDATE partner SET status = ? WHERE partner_id = ? AND status <> ?", (status, partner_id, status)
            )
            if found.rowcount < 1:
                raise ChangeRefusedError(f"partner {partner_id} is unknown, or {status} already")
            kind = Kind.PARTNER_RESUMED if active else Kind.PARTNER_SUSPENDED
            what = {"what": {"partner": partner_id}, "who": {"by": by}}
            return self._entry(kind, moment, (f"partner/{partner_id}", *_clients_of(connection, partner_id)), what)

        return within

    def register_client(
        self, client_id: str, *, partner_id: str | None, role: Role, jwks: Mapping[str, Any], by: str
    ) -> Within:
        """Register an OAuth client with its public keys."""
        keys = _public_keys(jwks)

        def within(connection: Any, moment: Moment) -> Draft:
            reader = Reader(connection)
            if reader.find_client(client_id) is not None:
                raise ChangeRefusedError(f"client {client_id} is registered already")
            if (role is Role.PARTNER) != (partner_id is not None):
                raise ChangeRefusedError("a partner's client names its partner, an office's does not")
            if partner_id is not None and reader.find_partner(partner_id) is None:
                raise ChangeRefusedError(f"partner {partner_id} is not registered: `stile partner add` first")
            connection.execute(
                "INSERT INTO client (client_id, partner_id, role, jwks, status, allows_rs512) "
                "VALUES (?, ?, ?, ?, 'active', 0)",
                (client_id, partner_id, role.value, json.dumps({"keys": keys})),
            )
            what = {
                "what": {"client": client_id, "partner": partner_id, "role": role.value, "keys": len(keys)},
                "who": {"by": by},
            }
            return self._entry(Kind.CLIENT_REGISTERED, moment, (f"client/{client_id}",), what)

        return within

    def revoke_client(self, client_id: str, *, by: str) -> Within:
        """Revoke a client: its tokens are refused from the next entry on."""

        def within(connection: Any, moment: Moment) -> Draft:
            found = connection.execute(
                "UPDATE client SET status = 'revoked' WHERE client_id = ? AND status = 'active'", (client_id,)
            )
            if found.rowcount < 1:
                raise ChangeRefusedError(f"client {client_id} is unknown, or revoked already")
            what = {"what": {"client": client_id}, "who": {"by": by}}
            return self._entry(Kind.CLIENT_REVOKED, moment, (f"client/{client_id}",), what)

        return within

    # -- people

    def subject_ref(self, dataset: str, person: str) -> str:
        """Return the log's reference of a person, from the source's own reference."""
        return reference(self.index_secret, dataset, person).hex()

    def record_consent(self, record: ConsentRecord) -> Within:
        """Record that a person gave or refused consent. Its instants are the transaction's unless set later."""

        def within(connection: Any, moment: Moment) -> Draft:
            _check_scope(connection, record.dataset, record.fields, record.recipients)
            kept = replace(record, from_at=max(record.from_at, moment.at))
            if kept.until is not None and kept.until <= kept.from_at:
                raise ChangeRefusedError("the consent would end before it begins")
            _insert_consent(connection, kept, moment)
            kind = Kind.CONSENT_GIVEN if record.state is ConsentState.GIVEN else Kind.CONSENT_REFUSED
            return self._consent_entry(kind, connection, moment, kept)

        return within

    def withdraw_consent(self, consent_id: str, *, by: str, how: str) -> Within:
        """Withdraw a consent: as easy as giving it (UK GDPR Article 7(3))."""

        def within(connection: Any, moment: Moment) -> Draft:
            record = find_consent(connection, consent_id)
            if record is None or record.state is not ConsentState.GIVEN:
                raise ChangeRefusedError("there is no consent in force under this id")
            kept = replace(record, state=ConsentState.WITHDRAWN, from_at=moment.at, until=None, recorded_by=by, how=how)
            _insert_consent(connection, kept, moment)
            return self._consent_entry(Kind.CONSENT_WITHDRAWN, connection, moment, kept)

        return within

    def set_restriction(self, restriction: Restriction) -> Within:
        """Hold back the use of a person's data."""

        def within(connection: Any, moment: Moment) -> Draft:
            one = restriction
            _check_scope(connection, one.dataset, one.fields, one.recipients)
            connection.execute(
                "INSERT INTO restriction (restriction_id, subject_ref, dataset, kind, fields, recipients, from_at, "
                "until, recorded_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    one.restriction_id,
                    one.subject_ref,
                    one.dataset,
                    one.kind.value,
                    json.dumps(sorted(one.fields)),
                    json.dumps(sorted(one.recipients)),
                    to_micros(one.from_at),
                    None if one.until is None else to_micros(one.until),
                    one.recorded_by,
                ),
            )
            return self._personal_entry(
                Kind.RESTRICTION_SET,
                connection,
                moment,
                one.subject_ref,
                (f"restriction/{one.subject_ref}",),
                {"restriction": one.restriction_id, "kind": one.kind.value, "by": one.recorded_by},
            )

        return within

    def lift_restriction(self, restriction_id: str, *, by: str) -> Within:
        """Lift a restriction."""

        def within(connection: Any, moment: Moment) -> Draft:
            row = connection.execute(
                "UPDATE restriction SET lifted_at = ? WHERE restriction_id = ? AND lifted_at IS NULL RETURNING subject_ref",
                (to_micros(moment.at), restriction_id),
            ).fetchone()
            if row is None:
                raise ChangeRefusedError("there is no restriction in force under this id")
            return self._personal_entry(
                Kind.RESTRICTION_LIFTED,
                connection,
                moment,
                row[0],
                (f"restriction/{row[0]}",),
                {"restriction": restriction_id, "by": by},
            )

        return within

    # -- entries

    def _entry(self, kind: Kind, moment: Moment, state_keys: tuple[str, ...], names: Mapping[str, Any]) -> Draft:
        entry_id = self.new_id("e", moment.at)
        controller = self.keyring.controller()
        sealed = seal(entry_id, {name: (controller, value) for name, value in names.items()}, (), None)
        return Draft(kind=kind, entry_id=entry_id, sealed=sealed, state_keys=state_keys)

    def _text_entry(self, kind: Kind, moment: Moment, state_key: str, what: tuple[str, int, str, str], by: str) -> Draft:
        name, version, digest, _ = what
        names = {"what": {"id": name, "version": version, "digest": digest}, "who": {"by": by}}
        return self._entry(kind, moment, (state_key,), names)

    def _consent_entry(self, kind: Kind, connection: Any, moment: Moment, record: ConsentRecord) -> Draft:
        what = {name: _plain(value) for name, value in asdict(record).items() if name != "subject_ref"}
        return self._personal_entry(kind, connection, moment, record.subject_ref, (f"consent/{record.subject_ref}",), what)

    def _personal_entry(
        self,
        kind: Kind,
        connection: Any,
        moment: Moment,
        subject_ref: str,
        state_keys: tuple[str, ...],
        what: Mapping[str, Any],
    ) -> Draft:
        """Seal what is about a person under that person's own key."""
        entry_id = self.new_id("e", moment.at)
        key = self._claimed_key(connection, bytes.fromhex(subject_ref), london_day(moment.at).year)
        names = {"subject": (key, {"ref": subject_ref}), "what": (key, dict(what))}
        return Draft(kind=kind, entry_id=entry_id, sealed=seal(entry_id, names, (), None), state_keys=state_keys)

    def _claimed_key(self, connection: Any, ref: bytes, year: int) -> SealingKey:
        key, _ = self.keyring.key_for(connection, ref, "P6Y", year)
        return self.keyring.claim(connection, ref, "P6Y", year, key)


def _check_scope(connection: Any, dataset: str, fields: frozenset[str], recipients: frozenset[str]) -> None:
    """Raise ChangeRefusedError for an unknown name: a restriction that is misspelt would hold nothing back."""
    reader = Reader(connection)
    row = reader.find_text("dataset", dataset)
    if row is None:
        known = {name for name, *_ in reader.texts("dataset")}
        raise ChangeRefusedError(f"no dataset called {dataset} is published. {did_you_mean(dataset, known)}")
    paths = reader.readings.dataset(row[1]).fields
    for what, names, known in (("field", fields, set(paths)), ("partner", recipients, set(reader.partner_kinds()))):
        for name in sorted(names - known):
            raise ChangeRefusedError(f"there is no {what} called {name}. {did_you_mean(name, known)}")


def _plain(value: object) -> object:
    """Return a member of a record as an entry can hold it."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Enum):
        return value.value
    return as_text(value) if isinstance(value, datetime) else value


def check_agreement(reader: Reader, text: str) -> None:
    """Raise TextError or ChangeRefusedError unless the agreement holds together with what is published."""
    agreement = parse_agreement(text)
    dataset = reader.find_dataset(*agreement.dataset)
    if dataset is None:
        raise ChangeRefusedError(f"dataset {agreement.dataset[0]}@{agreement.dataset[1]} is not published")
    mapping = reader.find_mapping(f"{dataset.id}@{dataset.version}")
    compose(
        agreement,
        dataset=dataset,
        cores=reader.binding_cores(agreement),
        recipient_kinds=reader.partner_kinds(),
        mapped=mapped_paths(mapping[0]) if mapping else None,
    )


def find_consent(connection: Any, consent_id: str) -> ConsentRecord | None:
    """Return a consent record as it now stands."""
    row = connection.execute("SELECT subject_ref FROM consent WHERE consent_id = ? LIMIT 1", (consent_id,)).fetchone()
    if row is None:
        return None
    return next(one for one in Reader(connection).consents_of(row[0]) if one.consent_id == consent_id)


def _insert_text(connection: Any, moment: Moment, kind: str, name: str, version: int, digest: str, text: str) -> None:
    newest = connection.execute("SELECT max(version) FROM text WHERE kind = ? AND id = ?", (kind, name)).fetchone()[0]
    if newest is not None and version <= newest:
        raise ChangeRefusedError(
            f"{kind} {name} has version {newest} published, and a published version never changes: "
            f"give this one version {newest + 1}"
        )
    connection.execute(
        "INSERT INTO text (kind, id, version, digest, text, published_at) VALUES (?, ?, ?, ?, ?, ?)",
        (kind, name, version, digest, text, to_micros(moment.at)),
    )


def _check_live_agreements(connection: Any, moment: Moment) -> None:
    """Raise TextError where a live agreement no longer holds together under what was just written."""
    reader = Reader(connection)
    findings: list[Finding] = []
    for name, version, text, ended_at in reader.texts("agreement"):
        if ended_at is not None or parse_agreement(text).ends_on < london_day(moment.at):
            continue
        try:
            check_agreement(reader, text)
        except TextError as error:
            findings += [replace(one, message=f"{name}@{version}: {one.message}") for one in error.findings]
    if findings:
        raise TextError(tuple(findings))


def _clients_of(connection: Any, partner_id: str) -> tuple[str, ...]:
    rows = connection.execute("SELECT client_id FROM client WHERE partner_id = ?", (partner_id,)).fetchall()
    return tuple(f"client/{row[0]}" for row in rows)


def _public_keys(jwks: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = jwks.get("keys") if "keys" in jwks else [jwks]
    if not isinstance(keys, list) or not 0 < len(keys) <= 8:  # noqa: PLR2004 -- a client turns its keys over, no more
        raise ChangeRefusedError("give a JWK set with 1 to 8 public keys")
    for key in keys:
        try:
            import_public_key(key, allowed=COMPATIBLE)
        except JoseRefusedError as error:
            raise ChangeRefusedError(f"a key of the set: {error}") from error
    return keys


def _insert_consent(connection: Any, one: ConsentRecord, moment: Moment) -> None:
    connection.execute(
        "INSERT INTO consent (consent_id, subject_ref, controller, dataset, purpose, recipients, fields, state, kind, "
        "given_by, capacity, authority, evidence, text_version, how, recorded_by, from_at, until, recorded_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            one.consent_id,
            one.subject_ref,
            one.controller,
            one.dataset,
            one.purpose,
            json.dumps(sorted(one.recipients)),
            json.dumps(sorted(one.fields)),
            one.state.value,
            one.kind.value,
            one.given_by.value,
            one.capacity.value,
            one.authority,
            one.evidence,
            one.text_version,
            one.how,
            one.recorded_by,
            to_micros(one.from_at),
            None if one.until is None else to_micros(one.until),
            to_micros(moment.at),
        ),
    )

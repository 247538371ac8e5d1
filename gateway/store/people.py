"""How is a consent or restriction recorded, withdrawn, lifted? Each in the same transaction as its own entry."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final

from audit.format.entry import Kind
from audit.stores.connection import Connection
from audit.stores.instants import from_micros, to_micros
from audit.writing.item import Draft, Moment, Within
from audit.writing.keyring import reference
from gateway.sources.comparing import person_form
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.persons import read_consents
from gateway.store.readings import Readings
from gateway.store.state import Reader
from policies.deciding.consents import is_no
from policies.reading.findings import did_you_mean
from schemas.consent import ConsentRecord, Restriction
from schemas.instants import as_text
from schemas.terms import ConsentState, GivenBy, ObjectionDecision, RestrictionKind

_AFTER: Final = timedelta(microseconds=1)  # at one instant a yes would be none
YEARS: Final = range(1900, 2200)  # of any honest instant, in UTC: far from what no clock can tell


@dataclass(frozen=True, slots=True)
class People:
    """Changes of what persons allow and refuse."""

    entries: Entries
    index_secret: bytes
    readings: Readings = field(default_factory=Readings)

    def subject_ref(self, dataset: str, person: str) -> str:
        """Return the log's reference of a person, from the source's own reference."""
        return reference(self.index_secret, dataset, person_form(person)).hex()

    def record_consent(self, record: ConsentRecord) -> Within:
        """Record that a person gave or refused consent. Its instants are the transaction's unless set later."""

        def within(connection: Connection, moment: Moment) -> Draft:
            self._check_scope(connection, record)
            _check_purpose(Reader(connection, self.readings), record.purpose)
            _check_voice(record)
            kept = replace(record, from_at=_begins(connection, record, moment))
            _check_span("consent", kept, moment)
            _insert_consent(connection, kept, moment)
            kind = Kind.CONSENT_GIVEN if record.state is ConsentState.GIVEN else Kind.CONSENT_REFUSED
            return self._consent_entry(kind, connection, moment, kept)

        return within

    def withdraw_consent(self, consent_id: str, *, by: str, how: str) -> Within:
        """Withdraw a consent: as easy as giving it (UK GDPR Article 7(3))."""

        def within(connection: Connection, moment: Moment) -> Draft:
            record = find_consent(connection, consent_id)
            if record is None or record.state is not ConsentState.GIVEN:
                raise ChangeRefusedError("there is no consent in force under this id")
            kept = replace(record, state=ConsentState.WITHDRAWN, until=None, recorded_by=by, how=how)
            kept = replace(kept, from_at=_begins(connection, replace(kept, from_at=moment.at), moment))
            _insert_consent(connection, kept, moment)
            return self._consent_entry(Kind.CONSENT_WITHDRAWN, connection, moment, kept)

        return within

    def set_restriction(self, restriction: Restriction) -> Within:
        """Hold back the use of a person's data."""

        def within(connection: Connection, moment: Moment) -> Draft:
            one = restriction
            self._check_scope(connection, one)
            _check_law(Reader(connection, self.readings), one)
            _check_span("restriction", one, moment)
            connection.run(
                "INSERT INTO restriction (restriction_id, subject_ref, dataset, kind, fields, recipients, from_at, "
                "until, recorded_by, scheme, purposes, unchecked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                    one.scheme,
                    json.dumps(sorted(one.purposes)),
                    one.unchecked,
                ),
            )
            what: dict[str, Any] = {"restriction": one.restriction_id, "kind": one.kind.value, "by": one.recorded_by}
            what |= {"scheme": one.scheme.value} if one.scheme else {}
            what |= {"purposes": sorted(one.purposes)} if one.purposes else {}
            what |= {"unchecked": True} if one.unchecked else {}
            key = f"restriction/{one.subject_ref}"
            return self.entries.personal(Kind.RESTRICTION_SET, connection, moment, one.subject_ref, (key,), what)

        return within

    def decide_objection(
        self, restriction_id: str, *, outcome: ObjectionDecision, reason: str, officer: str, by: str
    ) -> Within:
        """Decide against an objection: a named officer shows why, and it holds nothing back (UK GDPR Article 21(1))."""

        def within(connection: Connection, moment: Moment) -> Draft:
            row = connection.one(
                "UPDATE restriction SET decided = ? WHERE restriction_id = ? AND lifted_at IS NULL AND decided IS NULL "
                "AND kind IN ('objection_pending', 'objection_upheld') RETURNING subject_ref",
                (outcome.value, restriction_id),
            )
            if row is None:
                raise ChangeRefusedError("there is no objection in force under this id that waits for a decision")
            what = {"restriction": restriction_id, "outcome": outcome.value, "reason": reason, "officer": officer, "by": by}
            key = f"restriction/{row[0]}"
            return self.entries.personal(Kind.OBJECTION_DECIDED, connection, moment, row[0], (key,), what)

        return within

    def lift_restriction(self, restriction_id: str, *, by: str) -> Within:
        """Lift a restriction."""

        def within(connection: Connection, moment: Moment) -> Draft:
            row = connection.one(
                "UPDATE restriction SET lifted_at = ? WHERE restriction_id = ? AND lifted_at IS NULL RETURNING subject_ref",
                (to_micros(moment.at), restriction_id),
            )
            if row is None:
                raise ChangeRefusedError("there is no restriction in force under this id")
            return self.entries.personal(
                Kind.RESTRICTION_LIFTED,
                connection,
                moment,
                row[0],
                (f"restriction/{row[0]}",),
                {"restriction": restriction_id, "by": by},
            )

        return within

    def mark_checked(self, subject_ref: str, *, by: str) -> Within:
        """Record that the source knows a person of whom something was kept while it could not be asked."""

        def within(connection: Connection, moment: Moment) -> Draft | None:
            found = {
                table: sorted(
                    {row[0] for row in connection.all(
                        f"UPDATE {table} SET unchecked = 0 WHERE subject_ref = ? AND unchecked = 1 RETURNING {table}_id",
                        (subject_ref,),
                    )}
                )
                for table in ("consent", "restriction")
            }  # fmt: skip
            if not any(found.values()):
                return None
            what = {f"{table}s": ids for table, ids in found.items()} | {"by": by}
            return self.entries.personal(Kind.PERSON_CHECKED, connection, moment, subject_ref, (), what)

        return within

    def _consent_entry(self, kind: Kind, connection: Connection, moment: Moment, record: ConsentRecord) -> Draft:
        what = {name: _plain(value) for name, value in asdict(record).items() if name != "subject_ref"}
        return self.entries.personal(kind, connection, moment, record.subject_ref, (f"consent/{record.subject_ref}",), what)

    def _check_scope(self, connection: Connection, one: ConsentRecord | Restriction) -> None:
        """Raise ChangeRefusedError for an unknown name: a restriction that is misspelt would hold nothing back."""
        if one.subject_ref == self.subject_ref(one.dataset, ""):
            raise ChangeRefusedError("the person is empty: give the source's own reference of the person")
        reader = Reader(connection, self.readings)
        row = reader.find_text("dataset", one.dataset)
        if row is None:
            known = {name for name, *_ in reader.texts("dataset")}
            raise ChangeRefusedError(f"no dataset called {one.dataset} is published. {did_you_mean(one.dataset, known)}")
        paths, partners = set(self.readings.dataset(row[1]).fields), set(reader.partner_kinds())
        for what, names, known in (("field", one.fields, paths), ("partner", one.recipients, partners)):
            for name in sorted(names - known):
                raise ChangeRefusedError(f"there is no {what} called {name}. {did_you_mean(name, known)}")


def _check_purpose(reader: Reader, purpose: str) -> None:
    """Raise ChangeRefusedError for a purpose that no agreement has: the answer would never count."""
    known = reader.purposes()
    if known and purpose not in known:
        raise ChangeRefusedError(f"no published agreement has the purpose {purpose}. {did_you_mean(purpose, known)}")


def _check_voice(record: ConsentRecord) -> None:
    """Raise ChangeRefusedError where somebody speaks for a person and nobody says who: two parents would be one voice."""
    if record.given_by is not GivenBy.SELF and not (record.authority or "").strip():
        raise ChangeRefusedError(
            "say who speaks for the person, and by what right: authority, such as `mother, birth certificate`"
        )


def _check_law(reader: Reader, one: Restriction) -> None:
    """Raise ChangeRefusedError for a scheme or purposes beside what is no opt-out, or purposes that nobody has."""
    if one.kind is not RestrictionKind.OPT_OUT and (one.scheme or one.purposes):
        raise ChangeRefusedError("only an opt-out names a scheme or purposes: take them out, or set an opt_out")
    if one.scheme and one.purposes:
        raise ChangeRefusedError("a scheme has purposes of its own: name it or purposes, not both")
    known = reader.purposes()
    for purpose in sorted(one.purposes - known):
        raise ChangeRefusedError(f"no published agreement has the purpose {purpose}. {did_you_mean(purpose, known)}")


def _begins(connection: Connection, record: ConsentRecord, moment: Moment) -> datetime:
    """Return from when an answer counts: never before what the person said earlier, whatever the clock said then.

    Else a no that follows a yes by a clock that ran ahead would be the older of the two once the clock has come so far.
    """
    begins = max(record.from_at, moment.at)
    newest = connection.value("SELECT max(from_at) FROM consent WHERE subject_ref = ?", (record.subject_ref,))
    before = begins if newest is None else from_micros(newest)
    if before <= begins:
        return begins
    return before if is_no(record) else before + _AFTER


def _check_span(what: str, one: ConsentRecord | Restriction, moment: Moment) -> None:
    """Raise ChangeRefusedError for instants that no clock can tell, or a span that is over before it counts."""
    for name, at in (("from", one.from_at), ("until", one.until)):
        if at is not None and not _is_tellable(at):
            years = f"{YEARS.start} to {YEARS.stop - 1}"
            raise ChangeRefusedError(f"`{name}` of the {what} is not in the years {years} (UTC): give a day that is meant")
    begins = max(one.from_at, moment.at)
    if one.until is not None and one.until <= begins:
        raise ChangeRefusedError(f"the {what} would end before it begins: give an `until` after {as_text(begins)}")


def _is_tellable(at: datetime) -> bool:
    try:
        return at.astimezone(UTC).year in YEARS
    except OverflowError:  # a zone west of the last day, or east of the first
        return False


def _plain(value: object) -> object:
    """Return a member of a record as an entry can hold it."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Enum):
        return value.value
    return as_text(value) if isinstance(value, datetime) else value


def find_consent(connection: Connection, consent_id: str) -> ConsentRecord | None:
    """Return a consent record as it now stands."""
    row = connection.one("SELECT subject_ref FROM consent WHERE consent_id = ? LIMIT 1", (consent_id,))
    if row is None:
        return None
    return next(one for one in read_consents(connection, row[0]) if one.consent_id == consent_id)


def _insert_consent(connection: Connection, one: ConsentRecord, moment: Moment) -> None:
    connection.run(
        "INSERT INTO consent (row, consent_id, subject_ref, controller, dataset, purpose, recipients, fields, state, kind, "
        "given_by, capacity, authority, evidence, text_version, how, recorded_by, from_at, until, recorded_at, "
        "unchecked) VALUES ((SELECT coalesce(max(row), 0) + 1 FROM consent), "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            one.unchecked,
        ),
    )

"""What is an entry, and which bytes stand for it? Format 1: final."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import orjson

VERSION: Final = 1
ENTRY_LIMIT: Final = 16_384  # bytes
DEEPEST: Final = 32
LARGEST_INTEGER: Final = 2**53  # integers below it are exact in every JSON reader: RFC 8785, section 3.2.2.3
_SCALARS: Final = frozenset({str, bool, type(None), int, orjson.Fragment})  # a fragment is made by `written` alone
_PLAIN: Final = frozenset({str, bool, int})
_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD_PAIRS: Final = tuple(one + two for one in _CROCKFORD for two in _CROCKFORD)

JsonValue = Any


class EntryError(ValueError):
    """A value that can't stand in an entry. Names the kind of fault, never the value."""


class Kind(StrEnum):
    """Every kind of entry. A kind's names can't be reordered or removed."""

    AGREEMENT_PUBLISHED = "agreement.published"
    AGREEMENT_ENDED = "agreement.ended"
    CORE_PUBLISHED = "core.published"
    CORE_ENDED = "core.ended"
    COUNCIL_PUBLISHED = "council.published"
    DATASET_PUBLISHED = "dataset.published"
    SOURCE_CHANGED = "source.changed"
    CONSENT_GIVEN = "consent.given"
    CONSENT_REFUSED = "consent.refused"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    CONSENT_LAPSED = "consent.lapsed"
    RESTRICTION_SET = "restriction.set"
    RESTRICTION_LIFTED = "restriction.lifted"
    PERSON_LINKED = "person.linked"
    PERSON_UNLINKED = "person.unlinked"
    PARTNER_REGISTERED = "partner.registered"
    PARTNER_CHANGED = "partner.changed"
    PARTNER_SUSPENDED = "partner.suspended"
    PARTNER_RESUMED = "partner.resumed"
    CLIENT_REGISTERED = "client.registered"
    CLIENT_REVOKED = "client.revoked"
    KEY_REGISTERED = "key.registered"
    KEY_REVOKED = "key.revoked"
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 -- a kind of entry, not a secret
    SEMANTICS_CHANGED = "semantics.changed"
    OBJECTION_DECIDED = "objection.decided"
    EMERGENCY_INCIDENT_OPENED = "emergency.incident_opened"
    EMERGENCY_INCIDENT_CLOSED = "emergency.incident_closed"
    ERASURE = "erasure"
    DISCLOSURE = "disclosure"
    REFUSAL = "refusal"
    FAILURE = "failure"
    COMPLETION = "completion"
    TOTALS = "totals"
    AGREEMENT_PROPOSED = "agreement.proposed"
    AGREEMENT_APPROVED = "agreement.approved"
    AGREEMENT_REJECTED = "agreement.rejected"
    EMERGENCY_REVIEWED = "emergency.reviewed"
    LOG_KEY_ROTATED = "log_key.rotated"
    HOLD_SET = "hold.set"
    HOLD_LIFTED = "hold.lifted"
    LOG_EXPIRED = "log.expired"
    WITNESS_TRIPPED = "witness.tripped"
    WITNESS_RECOVERED = "witness.recovered"
    RESTORE = "restore"
    SEARCH = "search"
    EXPORT = "export"
    OUTAGE = "outage"
    SOFTWARE_STARTED = "software.started"
    OPERATOR_GRANTED = "operator.granted"
    OPERATOR_REVOKED = "operator.revoked"
    SIGN_IN = "sign-in"
    SIGN_IN_FAILED = "sign-in.failed"
    OBJECTION_RECEIVED = "objection.received"
    RECTIFIED = "rectified"
    NOTICE_SENT = "notice.sent"
    NOTICE_ACKNOWLEDGED = "notice.acknowledged"
    DISPOSAL_ATTESTED = "disposal.attested"
    CHECK_ASKED = "check.asked"
    CHECK_ANSWERED = "check.answered"
    ONE_OFF_RECEIVED = "one_off.received"
    ONE_OFF_DECIDED = "one_off.decided"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_CLOSED = "incident.closed"
    COMPLAINT_RECEIVED = "complaint.received"
    COMPLAINT_CLOSED = "complaint.closed"
    MISSES_LIFTED = "misses.lifted"
    EMERGENCY_RAISED = "emergency.raised"
    PERSON_CHECKED = "person.checked"
    STATE_ADOPTED = "state.adopted"
    STATE_KEPT = "state.kept"
    LOG_SUCCEEDED = "log.succeeded"
    KEYS_REWRAPPED = "keys.rewrapped"
    CHANGE_PROPOSED = "change.proposed"
    CHANGE_APPROVED = "change.approved"
    CHANGE_REJECTED = "change.rejected"
    ADVICE_GIVEN = "advice.given"


# Kinds that change what may leave: they move the log's state_index.
STATE_KINDS: Final = frozenset(
    {
        Kind.AGREEMENT_PUBLISHED,
        Kind.AGREEMENT_ENDED,
        Kind.CORE_PUBLISHED,
        Kind.CORE_ENDED,
        Kind.COUNCIL_PUBLISHED,
        Kind.DATASET_PUBLISHED,
        Kind.SOURCE_CHANGED,
        Kind.CONSENT_GIVEN,
        Kind.CONSENT_REFUSED,
        Kind.CONSENT_WITHDRAWN,
        Kind.CONSENT_LAPSED,
        Kind.RESTRICTION_SET,
        Kind.RESTRICTION_LIFTED,
        Kind.PERSON_LINKED,
        Kind.PERSON_UNLINKED,
        Kind.PARTNER_REGISTERED,
        Kind.PARTNER_CHANGED,
        Kind.PARTNER_SUSPENDED,
        Kind.PARTNER_RESUMED,
        Kind.CLIENT_REGISTERED,
        Kind.CLIENT_REVOKED,
        Kind.KEY_REGISTERED,
        Kind.KEY_REVOKED,
        Kind.TOKEN_REVOKED,
        Kind.SEMANTICS_CHANGED,
        Kind.OBJECTION_DECIDED,
        Kind.EMERGENCY_INCIDENT_OPENED,
        Kind.EMERGENCY_INCIDENT_CLOSED,
        Kind.ERASURE,
        Kind.STATE_ADOPTED,
        Kind.STATE_KEPT,
        Kind.CHANGE_APPROVED,
    }
)
# Kinds that say what rows are: no decision of what may leave rests on those of operators and proposals.
TELLING_KINDS: Final = STATE_KINDS | {
    Kind.OPERATOR_GRANTED,
    Kind.OPERATOR_REVOKED,
    Kind.SIGN_IN,
    Kind.AGREEMENT_PROPOSED,
    Kind.AGREEMENT_REJECTED,
    Kind.CHANGE_PROPOSED,
    Kind.CHANGE_REJECTED,
    Kind.ADVICE_GIVEN,
}


def canonical(value: JsonValue) -> bytes:
    """Return the RFC 8785 bytes of a value of our subset.

    Strings, integers below 2**53, booleans, null, arrays and objects with ASCII names: over these, sorting by
    code point is sorting by UTF-16 unit, and orjson writes what RFC 8785 asks. Raises EntryError for the rest.
    """
    try:
        _check(value, DEEPEST)
    except TypeError as error:
        raise EntryError("a member's name is not a string") from error
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        raise EntryError(
            "a string holds what UTF-8 can't, a name is of a subclass of str, or an integer is 2**53 or more"
        ) from error


def written(value: JsonValue) -> JsonValue:
    """Return a value that was checked and written once, and may stand in others as it is."""
    return orjson.Fragment(canonical(value))


def each_written(values: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, JsonValue]:
    """Return each of some objects `written`: by the short way where it holds plain scalars alone, as most do."""
    try:
        return {
            name: orjson.Fragment(orjson.dumps(one, option=_OPTIONS))
            if type(one) is dict and _PLAIN.issuperset(map(type, one.values())) and "".join(one).isascii()
            else written(dict(one))
            for name, one in values.items()
        }
    except orjson.JSONEncodeError as error:
        raise EntryError("a string holds what UTF-8 can't, or an integer is 2**53 or more") from error


def _check(value: JsonValue, depth: int) -> None:
    """Raise EntryError for what is not of the subset, TypeError for a member's name that is no string.

    An integer's size is left to orjson, which refuses what is not exact (RFC 8785, section 3.2.2.3).
    """
    kind = type(value)
    if kind in _SCALARS:
        return
    if kind is dict:
        if not "".join(value).isascii():
            raise EntryError("a member's name is not an ASCII string")
        value = value.values()
    elif kind is not list and kind is not tuple:
        raise EntryError(f"a {kind.__name__} can't stand in an entry")
    if depth == 0:
        raise EntryError(f"nested over {DEEPEST} levels deep")
    # Most hold scalars alone, and a loop of Python's costs more than the question.
    if not _SCALARS.issuperset(map(type, value)):
        for inner in value:
            if type(inner) not in _SCALARS:
                _check(inner, depth - 1)


def as_text(at: datetime) -> str:
    """Return an instant as entries hold it: RFC 3339, UTC, always to the microsecond."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def new_entry_id(prefix: str, at: datetime, random: bytes) -> str:
    """Return a prefix and a ULID of an instant (milliseconds) and 10 random bytes: 26 Crockford characters."""
    if len(random) != 10:  # noqa: PLR2004 -- a ULID's 80 bits
        raise EntryError("a ULID takes 10 random bytes")
    number = (int(at.timestamp() * 1000) << 80) | int.from_bytes(random)
    return f"{prefix}_" + "".join([_CROCKFORD_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def entry_bytes(
    *,
    kind: Kind,
    entry_id: str,
    at: datetime,
    sd: tuple[str, ...],
    outcome: str | None,
    counter: int | None,
    people: Mapping[str, JsonValue] | None = None,
) -> bytes:
    """Return an entry's canonical bytes; EntryError past `ENTRY_LIMIT`."""
    entry: dict[str, JsonValue] = {
        "v": VERSION,
        "kind": str(kind),
        "id": entry_id,
        "at": as_text(at),
        "_sd_alg": "sha-256",
        "_sd": sd,
    }
    if outcome is not None:
        entry["outcome"] = outcome
    if counter is not None:
        entry["counter"] = counter
    if people is not None:
        entry["people"] = dict(people)
    found = canonical(entry)
    if len(found) > ENTRY_LIMIT:
        raise EntryError(f"the entry is {len(found)} bytes, over {ENTRY_LIMIT}")
    return found

"""What is recorded of a person's consents and restrictions, and which of it counts now? Never the person's reference.

One place for the command line and the control API, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.store.persons import read_consents
from gateway.store.state import Reader
from policies.deciding.consents import Scope, is_no, rests_on
from policies.deciding.restrictions import is_in_force
from policies.deciding.standing import Standing, standing
from schemas.consent import ConsentRecord, Restriction
from schemas.dataset import Field
from schemas.instants import as_text
from schemas.terms import ConsentState

WHOLE = "all"


def consent_told(one: ConsentRecord, reader: Reader, now: datetime) -> dict[str, Any]:
    """Return a consent as it stands: what it counts for now, and what outweighs it where it does not."""
    records = read_consents(reader.connection, one.subject_ref)
    places = list(_places(one, records, _fields(one.dataset, reader)))
    found = [
        (recipient, field.path, standing(one, records, field, _scope(one, recipient, now))) for recipient, field in places
    ]
    by = {other for _, _, stands in found for other in stands.outweighed_by}
    counts = any(stands.counts for *_, stands in found)
    return {
        **_members(one, now),
        "counts": counts,
        "counts_for": _counts_for(found),
        "rests_on": sorted(term.value for term in rests_on(one)) if counts and not is_no(one) else [],
        "why_not": sorted({stands.why_not.value for *_, stands in found if stands.why_not is not None}),
        "outweighed_by": [_briefly(other) for other in records if other.consent_id in by],
    }


def _places(
    one: ConsentRecord, records: Sequence[ConsentRecord], fields: Mapping[str, Field]
) -> Iterator[tuple[str, Field]]:
    """Yield each recipient and field that an answer is about; a no to everybody, whom the other answers name."""
    named = one.recipients or frozenset().union(*(other.recipients for other in records)) or frozenset({""})
    for recipient in sorted(named):
        yield from ((recipient, field) for path, field in fields.items() if not one.fields or path in one.fields)


def _fields(dataset: str, reader: Reader) -> Mapping[str, Field]:
    versions = [one for one in reader.datasets() if one.id == dataset]
    return versions[-1].fields if versions else {}


def _scope(one: ConsentRecord, recipient: str, now: datetime) -> Scope:
    return Scope(one.controller, one.dataset, one.purpose, recipient, now)


def _counts_for(found: Sequence[tuple[str, str, Standing]]) -> dict[str, Any]:
    """Return by recipient the fields that an answer counts for now."""
    told: dict[str, Any] = {}
    for recipient in dict.fromkeys(recipient for recipient, *_ in found):
        about = [(path, stands.counts) for who, path, stands in found if who == recipient]
        paths = [path for path, counts in about if counts]
        if paths:
            told[recipient] = WHOLE if len(paths) == len(about) else sorted(paths)
    return told


def _briefly(one: ConsentRecord) -> dict[str, Any]:
    return {
        "consent_id": one.consent_id,
        "state": one.state.value,
        "given_by": one.given_by.value,
        "from": as_text(one.from_at),
    }


def _members(record: ConsentRecord, now: datetime) -> dict[str, Any]:
    """Return a consent as it was recorded; one past its end shows as expired."""
    expired = record.state is ConsentState.GIVEN and record.until is not None and record.until <= now
    return {
        "consent_id": record.consent_id,
        "state": (ConsentState.EXPIRED if expired else record.state).value,
        "purpose": record.purpose,
        "dataset": record.dataset,
        "recipients": sorted(record.recipients),
        "fields": sorted(record.fields),
        "kind": record.kind.value,
        "given_by": record.given_by.value,
        "capacity": record.capacity.value,
        "authority": record.authority,
        "evidence": record.evidence,
        "text_version": record.text_version,
        "how": record.how,
        "recorded_by": record.recorded_by,
        "from": as_text(record.from_at),
        "until": as_text(record.until) if record.until else None,
        "unchecked": record.unchecked,
    }


def restriction_told(one: Restriction, now: datetime) -> dict[str, Any]:
    """Return a restriction that was not lifted, and whether it holds anything back now."""
    return {
        "restriction_id": one.restriction_id,
        "kind": one.kind.value,
        "dataset": one.dataset,
        "fields": sorted(one.fields),
        "recipients": sorted(one.recipients),
        "scheme": one.scheme.value if one.scheme else None,
        "purposes": sorted(one.purposes),
        "from": as_text(one.from_at) if one.from_at.timestamp() else None,  # None: from its entry on
        "until": as_text(one.until) if one.until else None,
        "recorded_by": one.recorded_by,
        "decided": one.decided.value if one.decided else None,
        "unchecked": one.unchecked,
        "counts": is_in_force(one, now),
    }

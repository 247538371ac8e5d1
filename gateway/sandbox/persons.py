"""What might a person have allowed, refused or objected to, and what might their record say?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.sandbox.facts import Paths
from gateway.store.live import LiveAgreement
from policies.deciding.compile import DECEASED
from schemas.consent import ConsentRecord, Restriction
from schemas.dataset import Dataset
from schemas.decision import RawValue, Record, Unusable
from schemas.terms import Capacity, ConsentKind, ConsentState, GivenBy, RestrictionKind

SINCE: Final = datetime(2020, 1, 1, tzinfo=UTC)
OLD: Final = timedelta(days=400)
WHO: Final = "scenario"


def consented(state: ConsentState) -> Callable[[LiveAgreement, str], tuple[ConsentRecord, ...]]:
    """Return an answer of each kind, to all that an agreement asks for: a yes, or one that was taken back."""

    def answers(live: LiveAgreement, ref: str) -> tuple[ConsentRecord, ...]:
        return tuple(_consent(live, ref, kind, state) for kind in ConsentKind)

    return answers


def silent(_live: LiveAgreement, _ref: str) -> tuple[ConsentRecord, ...]:
    """Return no answer: the person was never asked, or did not say."""
    return ()


def restricted(kind: RestrictionKind) -> Callable[[LiveAgreement, str], tuple[Restriction, ...]]:
    """Return a restriction on everything, against everyone."""

    def held(live: LiveAgreement, ref: str) -> tuple[Restriction, ...]:
        return (
            Restriction(
                restriction_id="r_scenario",
                subject_ref=ref,
                dataset=live.dataset.id,
                kind=kind,
                fields=frozenset(),
                recipients=frozenset(),
                from_at=SINCE,
                until=None,
                recorded_by=WHO,
            ),
        )

    return held


def _consent(live: LiveAgreement, ref: str, kind: ConsentKind, state: ConsentState) -> ConsentRecord:
    agreement = live.agreement
    return ConsentRecord(
        consent_id=f"c_scenario_{kind}",
        subject_ref=ref,
        controller=agreement.controller,
        dataset=live.dataset.id,
        purpose=agreement.purpose,
        recipients=frozenset(agreement.recipients),
        fields=frozenset(),
        state=state,
        kind=kind,
        given_by=GivenBy.SELF,
        capacity=Capacity.PRESUMED,
        authority=None,
        evidence=None,
        text_version=WHO,
        how=WHO,
        recorded_by=WHO,
        from_at=SINCE,
        until=None,
    )


# -- what a record says


def protected(record: Record, paths: Paths, dataset: Dataset) -> Record:
    """Return a record of somebody whom every marker protects."""
    return _saying(record, {one.path: True for one in dataset.fields.values() if one.protects}, paths)


def dead(record: Record, paths: Paths, _dataset: Dataset) -> Record:
    """Return the record of somebody who has died."""
    return _saying(record, {DECEASED: True}, paths)


def empty(record: Record, _paths: Paths, _dataset: Dataset) -> Record:
    """Return a record that holds nothing of what was asked for."""
    return replace(record, values={}, groups={})


def unusable(record: Record, paths: Paths, _dataset: Dataset) -> Record:
    """Return a record whose values fit no type."""
    return replace(record, values=dict.fromkeys(paths, Unusable.INVALID), groups={})


def stale(record: Record, _paths: Paths, _dataset: Dataset) -> Record:
    """Return a record that is older than its dataset allows."""
    return replace(record, as_at=record.as_at - OLD, stale=True)


def _saying(record: Record, values: Mapping[str, RawValue], paths: Paths) -> Record:
    """Put values into a record at those places that were asked for: a source says nothing else."""
    return replace(record, values={**record.values, **{path: one for path, one in values.items() if path in paths}})

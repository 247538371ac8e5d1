"""Which of a person's answers counts, and what outweighs another? By the order of authority that decisions go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from policies.consents import Scope, covering, deciding, heard, is_no, is_own_word
from schemas.consent import ConsentRecord
from schemas.dataset import Field
from schemas.terms import ConsentState, GivenBy


class Why(StrEnum):
    """Why an answer counts for nothing."""

    NOT_BEGUN = "not_begun"
    ENDED = "ended"
    LACKING_CAPACITY = "lacking_capacity"  # the person's own, who can't decide this
    OUTWEIGHED = "outweighed"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one answer stands for one recipient and field. A yes that counts still rests on what is known of the person."""

    why_not: Why | None = None
    outweighed_by: tuple[str, ...] = ()  # consents

    @property
    def counts(self) -> bool:
        """Tell whether the answer is what a decision goes by."""
        return self.why_not is None


def standing(one: ConsentRecord, records: Sequence[ConsentRecord], field: Field, scope: Scope) -> Standing:
    """Return where an answer about a field stands among all that the person has."""
    if one.from_at > scope.at:
        return Standing(Why.NOT_BEGUN)
    if one.state is ConsentState.GIVEN and one.until is not None and one.until <= scope.at:
        return Standing(Why.ENDED)
    answers = covering(records, field, scope)
    weighed, yes = heard(answers, one.kind), deciding(answers, one.kind, scope.at)
    if one in yes or (is_no(one) and one in weighed and not yes):
        return Standing()
    if one.given_by is GivenBy.SELF and not is_own_word(one) and not is_no(one):
        return Standing(Why.LACKING_CAPACITY)
    others = (other for other in weighed if other is not one)
    by = tuple(other.consent_id for other in others if (is_no(one) and other in yes) or _outweighs(other, one, scope))
    return Standing(Why.OUTWEIGHED, by)


def _outweighs(other: ConsentRecord, one: ConsentRecord, scope: Scope) -> bool:
    """Tell whether an answer would not count beside this other alone."""
    both = (one, other)
    return one not in (heard(both, one.kind) if is_no(one) else deciding(both, one.kind, scope.at))

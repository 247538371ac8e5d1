"""Which of a person's answers counts, and what outweighs another? By the order of authority that decisions go by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from policies.deciding.consents import Scope, covering, deciding, has_begun, heard, is_no, is_own_word
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
    if not has_begun(one, scope.at):
        return Standing(Why.NOT_BEGUN)
    if one.state is ConsentState.GIVEN and one.until is not None and one.until <= scope.at:
        return Standing(Why.ENDED)
    answers = covering(records, field, scope)
    weighed, yes = heard(answers, one.kind), deciding(answers, one.kind, scope.at)
    if one in yes or (is_no(one) and one in weighed and not yes):
        return Standing()
    if one.given_by is GivenBy.SELF and not is_own_word(one) and not is_no(one):
        return Standing(Why.LACKING_CAPACITY)
    by = _outweighing_no(one, weighed, yes) if is_no(one) else _outweighing_yes(one, weighed, answers, scope)
    return Standing(Why.OUTWEIGHED, tuple(other.consent_id for other in by))


def _outweighing_no(
    one: ConsentRecord, weighed: Sequence[ConsentRecord], yes: Sequence[ConsentRecord]
) -> Sequence[ConsentRecord]:
    """Return the yes beside which a no counts for nothing; else what the same person said later."""
    if one in weighed:
        return yes
    is_own = one.given_by is GivenBy.SELF
    return [other for other in weighed if other.given_by is one.given_by and (is_own or other.authority == one.authority)]


def _outweighing_yes(
    one: ConsentRecord, weighed: Sequence[ConsentRecord], answers: Sequence[ConsentRecord], scope: Scope
) -> Iterator[ConsentRecord]:
    """Yield each answer beside which, and nothing else, a yes would not count."""
    for other in weighed:
        both = tuple(each for each in answers if each in {one, other})
        if other != one and one not in deciding(both, one.kind, scope.at):
            yield other

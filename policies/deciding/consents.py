"""Has somebody said yes to a field, and whose word is it? The newest answer counts, in one order of authority.

A person's own word, given with capacity, outranks anybody's who speaks for them, and their own no always does. Of those
who do, each is one voice, and one that says no is a no for all: parents who disagree have not consented. Two answers of
one instant are a no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from policies.deciding.compile import DECEASED, Compiled, born_of
from schemas.agreement import PersonTerm, Speaking
from schemas.consent import ConsentRecord
from schemas.dataset import Field
from schemas.request import Circumstances
from schemas.terms import Capacity, ConsentKind, ConsentState, GivenBy

SINCE: Final = 2  # the semantics with one order of authority
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Yes:
    """A yes that counts for one person, path and kind; `own`: their own word. `needs` must be known of them."""

    person: str
    path: str
    kind: ConsentKind
    own: bool = True
    needs: tuple[PersonTerm, ...] = ()


Covered = frozenset[Yes]


@dataclass(frozen=True, slots=True)
class Scope:
    """What answers are looked at for: whose data, for which purpose, to whom, at which instant."""

    controller: str
    dataset: str
    purpose: str
    recipient: str | None
    at: datetime
    heeds_kin: bool = True  # False under the first semantics: then a no to an age is none to the birth date


def _scope(compiled: Compiled, c: Circumstances) -> Scope:
    agreement = compiled.rules.agreement
    return Scope(
        *(agreement.controller, compiled.rules.dataset.id, agreement.purpose, c.recipient, c.at),
        heeds_kin=compiled.rules.semantics.tightens(SINCE),
    )


def consented(compiled: Compiled, c: Circumstances) -> Covered:
    """Return what live consents cover, per person, field and kind. Nothing unknown counts as a yes."""
    scope = _scope(compiled, c)
    return frozenset(
        yes
        for person, records in c.consents.items()
        for path in compiled.consent_paths
        for yes in _said(person, path, covering(records, compiled.lanes[path].field, scope), compiled, c)
    )


def refused(compiled: Compiled, c: Circumstances, paths: Iterable[str]) -> tuple[str, ...]:
    """Return who of the record has a no that stands against one of some fields; for the log alone."""
    scope = _scope(compiled, c)
    fields = [compiled.lanes[path].field for path in paths if path in compiled.consent_paths]
    return tuple(
        sorted(
            person
            for person, records in c.consents.items()
            if any(is_no(one) for field in fields for one in _weighed(covering(records, field, scope)))
        )
    )


def _weighed(answers: Sequence[ConsentRecord]) -> Iterator[ConsentRecord]:
    for kind in ConsentKind:
        yield from heard(answers, kind)


def is_no(one: ConsentRecord) -> bool:
    """Tell whether an answer says no, whatever kind of consent was asked for."""
    return one.state in {ConsentState.REFUSED, ConsentState.WITHDRAWN}


def has_begun(one: ConsentRecord, at: datetime) -> bool:
    """Tell whether an answer counts yet. A no does from its entry on, also where a clock that ran ahead recorded it."""
    return is_no(one) or one.from_at <= at


def covering(records: Sequence[ConsentRecord], field: Field, scope: Scope) -> tuple[ConsentRecord, ...]:
    """Return the answers about a field: a no to what it derives from, what derives from it, or what it lies in, is one."""
    kin = field.kin if scope.heeds_kin else frozenset()
    named = frozenset({field.path, field.derived_from, field.path.partition(".")[0], *kin})
    fitting = (one for one in records if _fits(one, scope))
    return tuple(one for one in fitting if not one.fields or (named if is_no(one) else {field.path}) & one.fields)


def _fits(one: ConsentRecord, scope: Scope) -> bool:
    return (
        one.state is not ConsentState.ASKED
        and has_begun(one, scope.at)
        and (one.controller, one.dataset, one.purpose) == (scope.controller, scope.dataset, scope.purpose)
        and (scope.recipient in one.recipients or (is_no(one) and not one.recipients))
    )


def _said(person: str, path: str, answers: Sequence[ConsentRecord], compiled: Compiled, c: Circumstances) -> Iterator[Yes]:
    semantics, at = compiled.rules.semantics, c.at
    for kind in ConsentKind:
        if not semantics.loosens(SINCE) and not _newest_is_yes(answers, kind, at):
            continue  # an older text releases no more than it did
        if not semantics.tightens(SINCE):
            yield Yes(person, path, kind)
            continue
        for one in deciding(answers, kind, at):
            yield Yes(person, path, kind, is_own_word(one), tuple(_needs(person, one, compiled, c.subject)))


def deciding(answers: Sequence[ConsentRecord], kind: ConsentKind, at: datetime) -> tuple[ConsentRecord, ...]:
    """Return the live answers by which a kind of consent is given, each enough by itself; none where it is not."""
    # Who decides without the capacity to has not decided (Mental Capacity Act 2005, section 3), and opens nothing by it.
    own, said = _heard(answers, kind)
    if own is not None and is_no(own):
        return ()
    spoken = [] if any(map(is_no, said)) else said
    return tuple(one for one in (*([own] if own else []), *spoken) if _is_live_yes(one, at))


def heard(answers: Sequence[ConsentRecord], kind: ConsentKind) -> tuple[ConsentRecord, ...]:
    """Return the newest answer of the person, and of everybody who speaks for them: no other is weighed."""
    own, said = _heard(answers, kind)
    return tuple(dict.fromkeys((*([own] if own else []), *said)))


def _heard(answers: Sequence[ConsentRecord], kind: ConsentKind) -> tuple[ConsentRecord | None, list[ConsentRecord]]:
    own = _newest([one for one in answers if is_own_word(one)], kind)
    return own, [newest for voice in _voices(answers) if (newest := _newest(voice, kind)) is not None]


def is_own_word(one: ConsentRecord) -> bool:
    """Tell whether it is the person's own answer: a yes that was given with capacity, or a no, however it was given."""
    return one.given_by is GivenBy.SELF and (one.capacity is not Capacity.LACKING or is_no(one))


def _voices(answers: Sequence[ConsentRecord]) -> list[list[ConsentRecord]]:
    """Part the answers of those who speak for somebody by who it was."""
    voices: dict[tuple[GivenBy, str | None], list[ConsentRecord]] = {}
    for one in answers:
        if one.given_by is not GivenBy.SELF:
            voices.setdefault((one.given_by, one.authority), []).append(one)
    return list(voices.values())


def _newest(answers: Sequence[ConsentRecord], kind: ConsentKind) -> ConsentRecord | None:
    """Return the newest answer that bears on a kind: any no does. Of those of one instant the one that opens least."""
    bearing = [one for one in answers if one.kind is kind or is_no(one)]
    return max(bearing, key=_age, default=None)


def _age(one: ConsentRecord) -> tuple[datetime, bool, timedelta, bool]:
    """Return what the newest has most of. At one instant a no is newer than a yes, and what ends sooner than what lasts."""
    left = _LAST - (one.until or _LAST)
    return one.from_at, one.state is not ConsentState.GIVEN, left, one.capacity is Capacity.PRESUMED


def _is_live_yes(one: ConsentRecord, at: datetime) -> bool:
    return one.state is ConsentState.GIVEN and (one.until is None or at < one.until)


def _needs(person: str, yes: ConsentRecord, compiled: Compiled, subject: str | None) -> Iterator[PersonTerm]:
    """Yield what must be known of the person: nobody is dead; a parent speaks to 18; capacity is presumed from 16.

    Mental Capacity Act 2005, sections 1(2) and 2(5); Family Law Reform Act 1969, section 1. What the dataset does not
    hold of a person at all, nobody can look at; but without an age no parent speaks for anybody.
    """
    deceased = compiled.rules.dataset.fields.get(DECEASED)
    held = {
        Speaking.ALIVE: deceased is not None and (deceased.of or subject) == person,
        Speaking.UNDER_18: True,
        Speaking.PRESUMED_ABLE: born_of(compiled, person=person, subject=subject) is not None,
    }
    yield from (PersonTerm(person, one) for one in rests_on(yes) if held[one])


def rests_on(yes: ConsentRecord) -> Iterator[Speaking]:
    """Yield what a yes rests on, by who gave it."""
    yield Speaking.ALIVE
    if yes.given_by is GivenBy.PARENTAL_RESPONSIBILITY:
        yield Speaking.UNDER_18
    if yes.given_by is GivenBy.SELF and yes.capacity is Capacity.PRESUMED:
        yield Speaking.PRESUMED_ABLE


# -- the first semantics: the newest of a kind, whoever said it


def _newest_is_yes(answers: Sequence[ConsentRecord], kind: ConsentKind, at: datetime) -> bool:
    newest = _newest(answers, kind)
    if newest is None or not _is_live_yes(newest, at):
        return False
    return not (newest.capacity is Capacity.LACKING and newest.given_by is GivenBy.SELF)

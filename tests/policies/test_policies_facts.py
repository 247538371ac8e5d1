"""What counts as a yes, as a hold, as known?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import policies_building as build
import policies_random as some
import policies_texts as texts
import pytest

from policies.deciding import compile as compiling
from policies.deciding.compile import compile_rules
from policies.deciding.decide import decide
from policies.deciding.rows import MOST_ROWS
from schemas.agreement import Atom, ConsentOf, Guardrail
from schemas.decision import Release
from schemas.instants import instant_after, london_day
from schemas.reasons import Reason, TrueReason
from schemas.terms import Capacity, ConsentKind, ConsentState, GivenBy, LawfulBasis, SpecialCategoryCondition

HARBOUR = texts.compiled("northmoor-harbour-tenancies")
CALDER = texts.compiled("northmoor-calder-discharge")


def agreed(*records, compiled=HARBOUR, path="arrears") -> bool:
    c = build.circumstances(compiled, asked=(path,), consents={next(iter(compiled.rules.dataset.people)): records})
    return isinstance(decide(compiled, c).fields[path], Release)


def yes(compiled=HARBOUR, **more):
    return build.consent(compiled, **more)


def test_a_yes_counts_for_what_it_was_given():
    assert agreed(yes())
    assert agreed(yes(fields=frozenset({"arrears"})))
    assert not agreed(yes(fields=frozenset({"date_of_birth"})))
    assert not agreed(yes(recipients=frozenset({"hope-charity"})))
    assert not agreed(yes(recipients=frozenset()))
    assert not agreed(yes(controller="southmoor"))
    assert not agreed(yes(dataset="housing"))
    assert not agreed(yes(from_at=build.NOW + build.MICROSECOND))


@pytest.mark.parametrize("state", sorted(set(ConsentState) - {ConsentState.GIVEN}))
def test_only_given_is_a_yes(state):
    assert not agreed(yes(state=state))


@pytest.mark.parametrize("state", [ConsentState.REFUSED, ConsentState.WITHDRAWN])
def test_a_no_of_any_kind_counts_against_every_yes_before_it(state):
    """And one that names nobody is a no to everybody."""
    no = yes(state=state, kind=ConsentKind.STATUTORY, from_at=build.EARLIER + build.MICROSECOND)

    assert not agreed(yes(), no)
    assert not agreed(no, yes())
    assert not agreed(yes(), replace(no, recipients=frozenset()))
    assert agreed(yes(), replace(no, recipients=frozenset({"hope-charity"})))
    assert agreed(replace(yes(), from_at=build.NOW), no)


def test_at_one_instant_the_no_comes_later():
    assert not agreed(yes(), yes(state=ConsentState.WITHDRAWN))


def test_being_asked_again_takes_no_yes_away():
    assert agreed(yes(), yes(state=ConsentState.ASKED, from_at=build.NOW))


def test_a_no_to_a_birth_date_is_a_no_to_the_age():
    """An age asked daily yields the birth date."""
    line = replace(HARBOUR.rules.agreement.releases[1], when=(Atom.CONSENT,))
    lines = tuple(line if one.id == line.id else one for one in HARBOUR.rules.agreement.releases)
    compiled = compile_rules(replace(HARBOUR.rules, agreement=replace(HARBOUR.rules.agreement, releases=lines)))
    no = yes(state=ConsentState.REFUSED, fields=frozenset({"date_of_birth"}), from_at=build.NOW)

    assert agreed(yes(), compiled=compiled, path="age")
    assert not agreed(yes(), no, compiled=compiled, path="age")
    assert not agreed(yes(fields=frozenset({"date_of_birth"})), compiled=compiled, path="age")


def test_who_lacks_capacity_has_not_decided():
    """Mental Capacity Act 2005, section 3; an attorney may decide instead (section 9)."""
    assert not agreed(yes(capacity=Capacity.LACKING))
    assert agreed(yes(capacity=Capacity.LACKING, given_by=GivenBy.ATTORNEY))


def test_ones_own_no_needs_no_capacity():
    """It ends what they agreed to while they had it; a later yes, given with capacity, counts again."""
    first, then, last = (build.NOW - timedelta(hours=hours) for hours in (3, 2, 1))
    no = yes(state=ConsentState.WITHDRAWN, capacity=Capacity.LACKING, from_at=then)

    assert not agreed(yes(from_at=first), no)
    assert not agreed(no, yes(capacity=Capacity.LACKING, given_by=GivenBy.ATTORNEY, from_at=last))
    assert agreed(yes(from_at=first), no, yes(from_at=last))


def with_law(**discloser):
    agreement = CALDER.rules.agreement
    first = replace(agreement.lawful[0], discloser=replace(agreement.lawful[0].discloser, **discloser))
    lines = [replace(one, when=(Atom.CONSENT,)) for one in agreement.releases if one.fields[0] in {"tenure", "diagnosis"}]
    lawful, asked = (first, *agreement.lawful[1:]), ConsentOf.ASKED
    agreement = replace(agreement, lawful=lawful, releases=tuple(lines), consent_of=asked)
    return compile_rules(replace(CALDER.rules, agreement=agreement))


@pytest.mark.parametrize("kind", sorted(ConsentKind))
def test_the_kind_of_a_yes_is_the_laws(kind):
    """UK GDPR Article 9(2)(a) asks for an explicit one, Article 6(1)(a) for one under data protection law."""
    explicit = with_law(condition=SpecialCategoryCondition.EXPLICIT_CONSENT)
    basis = with_law(basis=LawfulBasis.CONSENT)
    other = with_law()
    given = yes(CALDER, kind=kind)

    assert agreed(given, compiled=explicit, path="diagnosis") is (kind is ConsentKind.EXPLICIT)
    assert agreed(given, compiled=explicit, path="tenure")
    assert agreed(given, compiled=basis, path="tenure") is (kind in {ConsentKind.EXPLICIT, ConsentKind.UK_GDPR})
    assert agreed(given, compiled=other, path="tenure")


def test_a_decision_holds_until_a_consent_ends_or_begins():
    later = build.NOW + timedelta(hours=1)
    ends = build.circumstances(HARBOUR, consents={"liable": (yes(until=later),)})
    begins = build.circumstances(HARBOUR, restrictions={"joint": (build.restriction(HARBOUR, from_at=later),)})

    assert decide(HARBOUR, ends).holds_until == later
    assert decide(HARBOUR, begins).holds_until == later


def test_a_restriction_that_begins_now_holds_now():
    for from_at, held in ((build.NOW, True), (build.NOW + build.MICROSECOND, False)):
        c = build.circumstances(HARBOUR, restrictions={"liable": (build.restriction(HARBOUR, from_at=from_at),)})
        assert isinstance(decide(HARBOUR, c).fields["full_name"], Release) is not held


@pytest.mark.parametrize(
    ("named", "held"), [("age", True), ("date_of_birth", True), ("arrears", False), ("postcode", False)]
)
def test_who_holds_back_their_age_holds_back_the_birth_date(named, held):
    """A birth date tells the age, as an age that is asked for every day tells the birth date."""
    holds = {"liable": (build.restriction(HARBOUR, fields=frozenset({named})),)}
    for path in ("age", "date_of_birth"):
        c = build.circumstances(HARBOUR, asked=(path,), consents={"liable": (yes(),)}, restrictions=holds)
        assert isinstance(decide(HARBOUR, c).fields[path], Release) is not held


def test_another_recipients_restriction_is_not_ours():
    theirs = build.restriction(HARBOUR, recipients=frozenset({"hope-charity"}))
    c = build.circumstances(HARBOUR, restrictions={"liable": (theirs,)})

    assert isinstance(decide(HARBOUR, c).fields["full_name"], Release)


def test_whose_field_it_is_shows_as_no_refusal():
    """The carer's age is asked for under the resident: 200 and `not_available`, as where no carer is held."""
    c = build.circumstances(CALDER, asked=("carer_age",))

    decision = decide(CALDER, c)

    assert decision.fields["carer_age"].reason is Reason.NOT_AVAILABLE
    assert decision.permits
    assert decision.read == frozenset()


def test_the_memo_is_bounded(monkeypatch):
    monkeypatch.setattr(compiling, "MOST_DECISIONS", 4)
    compiled = compile_rules(HARBOUR.rules)

    for number in range(20):
        decide(compiled, build.circumstances(compiled, role=f"role-{number}"))

    assert 0 < len(compiled.memo) <= 4


def test_what_shaping_keeps_is_bounded(monkeypatch):
    monkeypatch.setattr(compiling, "MOST_PLANS", 4)
    monkeypatch.setattr(compiling, "MOST_REACHED", 1)
    compiled = compile_rules(HARBOUR.rules)
    paths = compiled.asked_by_default
    held = build.record(compiled.rules.dataset, {"full_name": "Grace Okafor", "postcode": "LS1 4AP"})

    for number in range(len(paths) - 1):
        build.answer(compiled, build.circumstances(compiled, asked=paths[number:]), held)
        build.answer(compiled, build.circumstances(compiled, asked=paths[: number + 1]), held)

    assert 0 < len(compiled.plans) <= 4
    assert len(compiled.reached) == 1


def test_a_kept_plan_is_not_that_of_a_record_with_other_people():
    c = build.circumstances(CALDER, asked=("carer_name",))
    held = build.record(CALDER.rules.dataset, {"carer_name": "Ruth", "carer_born": "1970-01-01"})

    _, with_carer = build.answer(CALDER, c, held, frozenset({"resident", "carer"}))
    _, without = build.answer(CALDER, c, held, frozenset({"resident"}))
    _, again = build.answer(CALDER, c, held, frozenset({"resident", "carer"}))

    assert set(with_carer.fields) == {"carer_name"}
    assert without.true_reasons == {"carer_name": TrueReason.NOT_HELD}
    assert again == with_carer


def test_too_many_rows_are_no_answer():
    """A part of them would be a false count."""
    rows = [{"started_on": "2026-01-01", "hidden": False}] * (MOST_ROWS + 1)
    c = build.circumstances(CALDER, asked=("episodes",))

    _, shaped = build.answer(CALDER, c, build.record(CALDER.rules.dataset, {}, {"episodes": rows}))

    assert shaped.withheld == {"episodes": Reason.NOT_AVAILABLE}
    assert shaped.true_reasons == {"episodes": TrueReason.SOURCE_VALUE_INVALID}


def test_a_field_of_somebody_who_is_not_in_the_record_is_not_held():
    c = build.circumstances(CALDER, asked=("carer_name",))
    held = build.record(CALDER.rules.dataset, {"carer_name": "Ruth", "carer_born": "1970-01-01"})

    _, shaped = build.answer(CALDER, c, held, frozenset({"resident"}))

    assert shaped.true_reasons == {"carer_name": TrueReason.NOT_HELD}


PROTECTED = {"postcode": "LS1 4AP", "full_name": "Grace Okafor"}


@pytest.mark.parametrize(
    "held",
    [
        {**PROTECTED, "protected_address": True},
        {**PROTECTED, "protected_address": None},
        {**PROTECTED, "postcode": None, "protected_address": False},
        {**PROTECTED, "postcode": "", "protected_address": False},
        {**PROTECTED, "postcode": "INVALID", "protected_address": False},
    ],
)
def test_a_partner_cannot_tell_protected_from_not_held(held):
    """Fields, reasons and status are equal; the log alone knows why."""
    c = build.circumstances(HARBOUR, asked=("full_name", "postcode"))

    decision, shaped = build.answer(HARBOUR, c, build.record(HARBOUR.rules.dataset, held))

    assert decision.permits
    assert dict(shaped.fields) == {"full_name": {"value": "Grace Okafor", "form": "full"}}
    assert dict(shaped.withheld) == {"postcode": Reason.NOT_AVAILABLE}
    assert shaped.true_reasons


def test_the_random_worlds_release_and_withhold_enough():
    """A property over worlds in which nothing leaves would hold of itself."""
    left = rows = capped = tripped = 0
    for seed in range(600):
        r = some.world(seed)
        rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
        rail: Guardrail = some.guardrail(r)
        _, shaped = build.answer(compile_rules(replace(rules, guardrails=(rail,))), c, held if c.subject else None)
        left += bool(shaped.lines)
        rows += any("." in path for path in shaped.lines)
        capped += TrueReason.RECORD_CAP in shaped.true_reasons.values()
        tripped += bool(shaped.tripped)

    assert left > 100
    assert min(rows, capped, tripped) > 5


def test_what_is_long_past_and_never_ends_bounds_no_decision():
    """A consent that began before now, with no end, leaves the decision's own bound."""
    compiled = texts.compiled("northmoor-harbour-tenancies")
    alone = decide(compiled, build.circumstances(compiled))
    given = build.circumstances(compiled, consents={"liable": (build.consent(compiled),)})

    assert decide(compiled, given).holds_until == alone.holds_until


def test_once_an_agreement_is_over_only_the_persons_own_dates_bound_a_decision():
    compiled = texts.compiled("northmoor-harbour-tenancies")
    late = max(compiled.edges) + timedelta(days=1)
    until = late + timedelta(days=1)
    given = build.circumstances(compiled, at=late, consents={"liable": (build.consent(compiled, until=until),)})

    assert decide(compiled, replace(given, consents={})).holds_until is None
    assert decide(compiled, given).holds_until == until


def test_a_decision_on_somebodys_yes_holds_to_midnight():
    """Whose yes counts may change on a birthday, also where no age is released or asked about."""
    rules = HARBOUR.rules
    lines = tuple(one for one in rules.agreement.releases if one.when == (Atom.CONSENT,))
    compiled = compile_rules(replace(rules, caps=(), guardrails=(), agreement=replace(rules.agreement, releases=lines)))
    parents = build.consent(compiled, given_by=GivenBy.PARENTAL_RESPONSIBILITY, authority="mother")
    c = build.circumstances(compiled, consents={"liable": (parents,)})

    assert lines
    assert decide(compiled, c).holds_until == instant_after(london_day(c.at))

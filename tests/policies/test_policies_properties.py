"""The law as properties: over random rules, circumstances and records, what is always so?"""

from __future__ import annotations

from dataclasses import replace

import policies_building as build
import policies_random as some
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.deciding.bind import bind
from policies.deciding.compile import compile_rules
from policies.deciding.decide import decide
from schemas.agreement import RecordTerm, RuleSet, Variation
from schemas.consent import ConsentRecord
from schemas.decision import Decision, Record, Release, Shaped, Unusable
from schemas.reasons import Reason, TrueReason
from schemas.request import Circumstances
from schemas.semantics import FIRST, NEWEST, Semantics
from schemas.terms import ConsentState

promise = settings(deadline=None, max_examples=200, derandomize=True)
SEEDS = st.integers(0, 2**64 - 1)


def outcome(rules: RuleSet, c: Circumstances, held: Record) -> tuple[Decision, Shaped]:
    return build.answer(compile_rules(rules), c, held if c.subject else None)


def releases_no_more(rules: RuleSet, one: Shaped, other: Shaped) -> bool:
    """Tell whether every field leaves in no finer form, and no group with more rows."""
    fields = rules.dataset.fields
    for path, (form, _) in one.lines.items():
        if path not in other.lines or fields[path].rank(form) > fields[path].rank(other.lines[path][0]):
            return False
        # `latest` shows one row and does not say of how many, so numbers compare within a form alone.
        same_form = path in rules.dataset.groups and form == other.lines[path][0]
        if same_form and rows_of(one, path) > rows_of(other, path):
            return False
    return True


def rows_of(shaped: Shaped, path: str) -> int:
    value = shaped.fields[path]["value"]
    return len(value) if isinstance(value, list) else int(value)


@promise
@given(SEEDS)
def test_losing_a_fact_of_the_request_never_releases_more(seed):
    """Absent, a role, a reference, a statement, an emergency or a yes opens nothing."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    _, full = outcome(rules, c, held)
    lost = r.choice(sorted(_LOSSES))

    _, less = outcome(rules, replace(c, **_LOSSES[lost](c)), held)

    assert releases_no_more(rules, less, full), lost


def without_yes(c: Circumstances) -> dict[str, dict[str, tuple[ConsentRecord, ...]]]:
    left = {who: tuple(one for one in many if one.state is not ConsentState.GIVEN) for who, many in c.consents.items()}
    return {"consents": left}


_LOSSES = {
    "role": lambda _: {"role": None},
    "caseworker": lambda _: {"has_caseworker": False},
    "vouching": lambda _: {"is_vouched": False},
    "assurances": lambda _: {"assurances": frozenset()},
    "case reference": lambda _: {"has_case_reference": False},
    "statement": lambda _: {"has_statement": False},
    "assessment": lambda _: {"has_assessment": False},
    "emergency": lambda _: {"emergency": None},
    "consents": without_yes,
    "actions": lambda _: {"token_actions": frozenset()},
    "purpose": lambda _: {"token_purpose": ""},
    "dataset": lambda _: {"token_dataset": ""},
    "subject": lambda _: {"subject": None},
    "recipient": lambda _: {"recipient": ""},
}


@promise
@given(SEEDS)
def test_losing_or_corrupting_a_fact_of_the_record_never_releases_more(seed):
    """A blank or broken marker holds back; a blank or broken value does not leave."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    _, full = outcome(rules, c, held)
    spoilt = r.choice([None, Unusable.INVALID, b"not what it was"])
    path = r.choice([*some.OUTER, *some.INNER])

    _, less = outcome(rules, c, spoil(held, path, spoilt))

    assert releases_no_more(rules, less, full), path


def spoil(held: Record, path: str, raw: object) -> Record:
    if "." not in path:
        return replace(held, values={**held.values, path: raw})
    return replace(held, groups={name: tuple({**row, path: raw} for row in rows) for name, rows in held.groups.items()})


@promise
@given(SEEDS)
def test_another_cap_never_releases_more(seed):
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    cap = some.cap(r)
    _, full = outcome(rules, c, held)
    _, less = outcome(replace(rules, caps=(*rules.caps, cap)), c, held)

    assert releases_no_more(rules, less, full)


@promise
@given(SEEDS)
def test_another_guardrail_never_releases_more(seed):
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    rail = some.guardrail(r)
    _, full = outcome(rules, c, held)
    _, less = outcome(replace(rules, guardrails=(rail,)), c, held)

    assert releases_no_more(rules, less, full)


@promise
@given(SEEDS)
def test_another_restriction_never_releases_more(seed):
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    restriction = some.restriction(r)
    who = r.choice(some.PEOPLE)
    _, full = outcome(rules, c, held)
    more = {**c.restrictions, who: (*c.restrictions.get(who, ()), restriction)}
    _, less = outcome(rules, replace(c, restrictions=more), held)

    assert releases_no_more(rules, less, full)


@promise
@given(SEEDS)
def test_a_narrower_token_never_releases_more(seed):
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    names = frozenset(r.sample(some.FIELDS, 5))
    _, full = outcome(rules, c, held)
    narrowed = names if c.token_fields is None else c.token_fields & names
    _, less = outcome(rules, replace(c, token_fields=narrowed), held)

    assert releases_no_more(rules, less, full)


@promise
@given(SEEDS)
def test_the_order_of_lines_never_matters(seed):
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    lines, caps = list(rules.agreement.releases), list(rules.caps)
    r.shuffle(lines)
    r.shuffle(caps)
    shuffled = replace(rules, agreement=replace(rules.agreement, releases=tuple(lines)), caps=tuple(caps))

    decision, one = outcome(rules, c, held)
    again, other = outcome(shuffled, c, held)

    assert (one.fields, one.lines, one.withheld, one.true_reasons) == (
        other.fields,
        other.lines,
        other.withheld,
        other.true_reasons,
    )
    assert (decision.permits, decision.read, decision.holds_until) == (again.permits, again.read, again.holds_until)


@promise
@given(SEEDS)
def test_nothing_leaves_that_was_not_both_asked_and_released(seed):
    """Data minimisation; a group that carries an asked field in its rows is the one thing more."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    decision, shaped = outcome(rules, c, held)

    released = {path for line in rules.agreement.releases for path in line.fields}
    asked = set(released if c.asked is None else c.asked)
    for path in shaped.lines:
        assert path in released
        assert path in asked or any(one.startswith(path + ".") and one in shaped.lines for one in asked)
    for path, field in decision.fields.items():
        assert isinstance(field, Release) or path not in shaped.lines
    assert asked == (set(shaped.lines) | set(shaped.withheld)) - (decision.carriers - asked)


@promise
@given(SEEDS)
def test_what_the_record_causes_has_one_public_reason(seed):
    """Whatever a record holds, a field's reason is the decision's, or `not_available`."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    decision, shaped = outcome(rules, c, held)

    for path, reason in shaped.withheld.items():
        one = decision.fields[path]
        assert reason is (Reason.NOT_AVAILABLE if isinstance(one, Release) else one.reason)
        assert isinstance(one, Release) == (path in shaped.true_reasons)


@promise
@given(SEEDS)
def test_the_decision_never_depends_on_the_record(seed):
    """Status and all but the withheld fields are settled before anything is read."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    other = some.record(r)
    one, _ = outcome(rules, c, held)
    two, _ = outcome(rules, c, other)

    assert one == two


@promise
@given(SEEDS)
def test_only_what_the_decision_reads_can_matter(seed):
    """A source that hands over the whole record changes nothing: what was not to be read is not looked at."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    compiled = compile_rules(rules)
    held_back = build.answer(compiled, c, held if c.subject else None)[1]

    decision = decide(compiled, c)
    whole = build.shape(
        held if c.subject else None,
        decision,
        compiled,
        people=frozenset({"resident", "carer"}),
        on=build.london_day(c.at),
        emergency=c.emergency,
        recipient=c.recipient,
        pseudonym=build.pseudonym_for(compiled, c),
    )

    assert whole == held_back


@promise
@given(SEEDS)
def test_a_decision_holds_until_it_says(seed):
    """At any instant before `holds_until` the same is decided, and the same leaves."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    compiled = compile_rules(rules)
    decision, shaped = build.answer(compiled, c, held if c.subject else None)
    if decision.holds_until is None:
        return
    assert decision.holds_until > c.at
    span = (decision.holds_until - c.at) // build.MICROSECOND
    at = c.at + build.MICROSECOND * r.randrange(span)

    again, same = build.answer(compiled, replace(c, at=at), held if c.subject else None)

    assert (again.fields, again.permits, again.holds_until) == (decision.fields, decision.permits, decision.holds_until)
    assert same == shaped


@promise
@given(SEEDS)
def test_a_remembered_decision_is_the_decision(seed):
    """The memo changes how fast, never what."""
    r = some.world(seed)
    rules, c = some.rule_set(r), some.circumstances(r)
    compiled = compile_rules(rules)
    first = decide(compiled, c)

    assert decide(compiled, c) == first == decide(compile_rules(rules), c)


@promise
@given(SEEDS)
def test_nobody_confirmed_leaves_nothing(seed):
    r = some.world(seed)
    rules, c = some.rule_set(r), some.circumstances(r)
    _, shaped = build.answer(compile_rules(rules), replace(c, subject=None), None)

    assert not shaped.fields
    assert set(shaped.true_reasons.values()) <= {TrueReason.NOT_CONFIRMED}


@promise
@given(SEEDS)
def test_taking_up_semantics_never_releases_more_of_a_text_that_was_published_before(seed):
    """A tightening counts for it, a loosening does not: nobody has agreed to that."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    _, before = outcome(replace(rules, semantics=Semantics(FIRST, FIRST)), c, held)

    _, after = outcome(replace(rules, semantics=Semantics(FIRST, NEWEST)), c, held)

    assert releases_no_more(rules, after, before)


@promise
@given(SEEDS)
def test_a_no_of_anybodys_never_releases_more(seed):
    """Whoever says it, of whomever, in whatever capacity."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    _, full = outcome(rules, c, held)
    no, who = replace(some.consent(r), state=ConsentState.REFUSED), r.choice(some.PEOPLE)

    _, less = outcome(rules, replace(c, consents={**c.consents, who: (*c.consents.get(who, ()), no)}), held)

    assert releases_no_more(rules, less, full)


@promise
@given(SEEDS)
def test_what_a_published_text_means_is_never_refused(seed):
    """Whatever has gone since: fields, forms, people, lines of law, cores, recipients."""
    r = some.world(seed)
    rules, c, held = some.rule_set(r), some.circumstances(r), some.record(r)
    agreement = rules.agreement
    broken = replace(
        agreement,
        releases=tuple(replace(line, **r.choice(BREAKS)) for line in agreement.releases),
        follows=r.choice([agreement.follows, (*agreement.follows, ("no-such-core", 1))]),
        variations=(Variation("no_such_field", "full", "", "", (), agreement.ends_on, 1),),
    )
    kinds = r.choice([rules.recipient_kinds, {}])
    semantics = r.choice([Semantics(), Semantics(FIRST, FIRST), Semantics(FIRST, NEWEST)])

    bound = bind(broken, dataset=rules.dataset, cores=rules.cores, recipient_kinds=kinds, semantics=semantics)
    decision, shaped = outcome(bound, c, held)

    assert set(shaped.lines) <= {path for line in agreement.releases for path in line.fields}
    assert decision.permits or not shaped.lines
    if len(broken.follows) > len(agreement.follows):
        assert not shaped.lines, "what a missing core allows, nobody knows"


BREAKS = [
    {},
    {},
    {"fields": ("no_such_field",)},
    {"form": "no_such_form"},
    {"under": "no-such-law"},
    {"of": "nobody"},
    {"to": ("no-such-kind",)},
    {"when": (RecordTerm("no_such_marker", value=True),)},
]

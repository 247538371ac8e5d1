"""Whom do caps spare, and which lines do not make each other idle?"""

from __future__ import annotations

from dataclasses import replace

import policies_building as build
import policies_texts as texts
import pytest

from policies.checking.guarded import guardrail_flaws
from policies.checking.idle import idle_flaws
from policies.deciding.compile import compile_rules
from schemas.agreement import Atom, Cap, Guardrail, ReleaseLine, Target
from schemas.decision import Release
from schemas.reasons import TrueReason
from schemas.semantics import FIRST, NEWEST, Semantics
from schemas.terms import ConsentKind, Despite, EmergencyKind, LawfulBasis, RecipientKind, RestrictionKind

AIRE = texts.composed(texts.agreements()["northmoor-aire-safeguarding"])
POWER = "crime-and-disorder-act-1998-s115"
BARE = Cap("cap", "", Target(fields=("tenure",)), "withheld")


def line(place: int, path: str = "tenure", form: str = "full", **more) -> ReleaseLine:
    return ReleaseLine(id=f"releases/{place}", line=place, fields=(path,), form=form, **more)


def rules_of(*lines: ReleaseLine, caps: tuple[Cap, ...] = (), guardrails: tuple[Guardrail, ...] = ()):
    agreement = replace(AIRE.agreement, releases=lines)
    return replace(AIRE, agreement=agreement, caps=caps, guardrails=guardrails)


def test_an_emergency_does_not_lift_a_cap_for_an_ordinary_line():
    """The police are excepted in an emergency, on lines that name one; the area of a protected address stays."""
    caps = tuple(one for one in AIRE.caps if one.id == "protected-addresses")
    compiled = compile_rules(rules_of(line(1, "postcode", "area"), caps=caps))
    c = build.circumstances(compiled, emergency=EmergencyKind.RISK_TO_LIFE)
    held = build.record(compiled.rules.dataset, {"postcode": "LS1 4AP", "protected_address": True})

    _, shaped = build.answer(compiled, c, held)

    assert shaped.true_reasons == {"postcode": TrueReason.RECORD_CAP}


@pytest.mark.parametrize("semantics", [Semantics(), Semantics(FIRST, NEWEST), Semantics(FIRST, FIRST)], ids=str)
def test_an_objection_lifts_no_cap(semantics: Semantics):
    """Whoever objects would have more released. Under the first semantics alone it does: one on this very field."""
    cap = replace(BARE, when=(Atom.NO_OBJECTION,))
    rules = rules_of(line(1, exempt="Schedule 2, paragraph 2", despite=frozenset(Despite)), caps=(cap,))
    compiled = compile_rules(replace(rules, semantics=semantics))

    def released(*fields: str) -> bool:
        held = build.restriction(compiled, kind=RestrictionKind.OBJECTION_PENDING, fields=frozenset(fields))
        c = build.circumstances(compiled, restrictions={"resident": (held,)} if fields else {})
        return isinstance(build.decide(compiled, c).fields["tenure"], Release)

    assert released("tenure") is (semantics.floor == FIRST)
    assert not released("age")
    assert not released()


LAWS = {one.id: one for one in AIRE.agreement.lawful}
FULL = line(1)
# (a line, another that does not make it idle though it looks as much)
PAIRS = {
    "for others": (line(2, form="group"), line(1, to=("police",))),
    "of another person": (line(2, form="group", of="carer"), FULL),
    "in other roles": (line(2, form="group"), line(1, roles=("nurse",))),
    "under a condition": (line(2, form="group"), line(1, when=(Atom.RISK_HIGH,))),
    "despite a restriction": (line(2, form="group", despite=frozenset({Despite.LEGAL_CLAIM})), FULL),
}


@pytest.mark.parametrize("what", sorted(PAIRS))
def test_a_line_matters_where_no_other_always_gives_as_much(what):
    assert list(idle_flaws(rules_of(*PAIRS[what]))) == []


def test_a_line_is_idle_where_another_gives_more_to_more():
    """In any role, to anybody, under fewer conditions, surviving more."""
    lesser = line(2, form="group", to=("police",), roles=("nurse",), when=(Atom.CONSENT, Atom.RISK_HIGH))
    greater = line(1, when=(Atom.CONSENT,), despite=frozenset({Despite.LEGAL_CLAIM}))

    (flaw,) = idle_flaws(rules_of(lesser, greater))

    assert "can never matter" in flaw.message


def test_a_line_under_a_power_that_lifts_a_cap_matters():
    cap = replace(BARE, except_powers=frozenset({POWER}))
    lines = (line(1, under="emergency"), line(2, form="group"))

    assert list(idle_flaws(rules_of(*lines, caps=(cap,)))) == []
    assert len(list(idle_flaws(rules_of(*lines)))) == 1


def test_an_emergencys_own_line_always_matters_beside_an_ordinary_one():
    """A cap, or what somebody has said, holds the ordinary line back, and lets the emergency's through."""
    cap = replace(BARE, except_emergency=frozenset({RecipientKind.FIRE}))
    lines = (FULL, line(2, when=(Atom.EMERGENCY,), under="emergency"))

    assert list(idle_flaws(rules_of(*lines, caps=(cap,)))) == []
    assert list(idle_flaws(rules_of(*lines, caps=(BARE,)))) == [], "it survives an objection, as the ordinary line does not"
    assert len(list(idle_flaws(rules_of(line(1, when=(Atom.EMERGENCY,)), lines[1], caps=(cap,))))) == 1


def test_a_line_that_takes_more_kinds_of_consent_matters():
    """Under consent as the basis, a yes to confidentiality is none; under a public task it is a condition met."""
    basis = replace(LAWS["emergency"], discloser=replace(LAWS["emergency"].discloser, basis=LawfulBasis.CONSENT))
    rules = rules_of(line(1, when=(Atom.CONSENT,), under="emergency"), line(2, form="group", when=(Atom.CONSENT,)))
    narrow = replace(rules, agreement=replace(rules.agreement, lawful=(LAWS["main"], basis)))

    assert list(idle_flaws(narrow)) == []
    assert len(list(idle_flaws(rules))) == 1
    assert len(ConsentKind) > 2


def test_a_cap_that_spares_a_line_does_not_keep_a_guardrail():
    """By its power, or as an emergency's own: then nothing holds the line back."""
    rail = Guardrail("rail", "Never", Target(fields=("tenure",)), None, {})
    ordinary, urgent = FULL, line(1, when=(Atom.EMERGENCY,), under="emergency")
    everyone = frozenset({RecipientKind.POLICE, RecipientKind.AMBULANCE})

    def breaks(one: ReleaseLine, cap: Cap) -> bool:
        return bool(list(guardrail_flaws(rules_of(one, caps=(cap,), guardrails=(rail,)))))

    assert not breaks(ordinary, BARE)
    assert breaks(ordinary, replace(BARE, except_powers=frozenset({POWER})))
    assert not breaks(ordinary, replace(BARE, except_emergency=everyone))
    assert breaks(urgent, replace(BARE, except_emergency=everyone))
    assert breaks(ordinary, replace(BARE, recipient_kinds=frozenset({RecipientKind.POLICE})))

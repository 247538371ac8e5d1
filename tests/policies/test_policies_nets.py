"""Does a guardrail's net catch what no proof let through? These rule sets never publish: each is a bug on purpose."""

from __future__ import annotations

from dataclasses import replace

import policies_building as build
import policies_texts as texts
import pytest

from policies.deciding.compile import compile_rules
from policies.reading.findings import TextError
from schemas.agreement import Atom, Guardrail, RecordTerm, ReleaseLine, Target
from schemas.reasons import Reason, TrueReason
from schemas.terms import EmergencyKind, RecipientKind, Tag

AIRE = texts.composed(texts.agreements()["northmoor-aire-safeguarding"])
HELD = {"postcode": "LS1 4AP", "date_of_birth": "1988-05-17", "full_name": "Grace Okafor", "protected_address": True}


def rail(**more) -> Guardrail:
    base = Guardrail(id="rail", says="", target=Target(reveals=Tag.LOCATION), above=None, together={})
    return replace(base, **more)


def line(place: int, path: str, form: str, **more) -> ReleaseLine:
    return ReleaseLine(id=f"releases/{place}", line=place, fields=(path,), form=form, **more)


def shaped_by(guardrail: Guardrail, *lines: ReleaseLine, groups=None, emergency=None):
    agreement = replace(AIRE.agreement, releases=lines, roles=())
    broken = compile_rules(replace(AIRE, agreement=agreement, caps=(), guardrails=(guardrail,)))
    c = build.circumstances(broken, emergency=emergency)
    return build.answer(broken, c, build.record(broken.rules.dataset, HELD, groups))[1]


def test_a_net_takes_back_what_a_guardrail_forbids():
    """The field looks as if it were not held, and the log knows that a net caught it."""
    shaped = shaped_by(rail(), line(1, "postcode", "full"), line(2, "full_name", "full"))

    assert set(shaped.fields) == {"full_name"}
    assert shaped.withheld == {"postcode": Reason.NOT_AVAILABLE}
    assert shaped.true_reasons == {"postcode": TrueReason.GUARDRAIL_TRIPPED}
    assert shaped.tripped == ("rail",)


def test_a_net_is_cast_over_what_another_has_left():
    """What the first took back does not count for the second: two fields together are one no more."""
    both = rail(id="both", target=None, together={"postcode": "full", "full_name": "full"})
    agreement = replace(AIRE.agreement, releases=(line(1, "postcode", "full"), line(2, "full_name", "full")), roles=())
    rules = replace(AIRE, agreement=agreement, caps=())

    for guardrails, tripped, left in (((rail(), both), ("rail",), {"full_name"}), ((both, rail()), ("both",), set())):
        broken = compile_rules(replace(rules, guardrails=guardrails))
        _, shaped = build.answer(broken, build.circumstances(broken), build.record(broken.rules.dataset, HELD))
        assert shaped.tripped == tripped
        assert set(shaped.fields) == left


def test_a_net_leaves_what_is_below_it():
    shaped = shaped_by(rail(above="district"), line(1, "postcode", "district"))

    assert set(shaped.fields) == {"postcode"}
    assert shaped.tripped == ()


def test_a_net_on_two_forms_together_takes_both_back():
    """It never chooses a field."""
    both = rail(target=None, together={"postcode": "full", "date_of_birth": "full"})

    shaped = shaped_by(both, line(1, "postcode", "full"), line(2, "date_of_birth", "full"))

    assert shaped.fields == {}
    assert shaped.tripped == ("rail",)


def test_a_net_on_two_forms_leaves_one_alone():
    both = rail(target=None, together={"postcode": "full", "date_of_birth": "full"})

    shaped = shaped_by(both, line(1, "postcode", "full"), line(2, "date_of_birth", "month"))

    assert set(shaped.fields) == {"postcode", "date_of_birth"}
    assert shaped.tripped == ()


def test_a_net_on_a_birth_date_covers_the_age_in_years():
    """An age asked daily yields the birth date."""
    both = rail(target=None, together={"postcode": "full", "date_of_birth": "full"})

    shaped = shaped_by(both, line(1, "postcode", "full"), line(2, "age", "years"))

    assert shaped.fields == {}


def test_a_net_whose_marker_is_known_to_be_false_catches_nothing():
    shaped = shaped_by(rail(when=(RecordTerm("protected_address", False),)), line(1, "postcode", "full"))

    assert shaped.tripped == ()


def test_a_net_whose_marker_is_not_known_catches():
    shaped = shaped_by(rail(when=(RecordTerm("risk_level", "red"),)), line(1, "postcode", "full"))

    assert shaped.tripped == ("rail",)


@pytest.mark.parametrize(
    ("more", "catches"),
    [
        ({"recipient_kinds": frozenset({RecipientKind.POLICE})}, True),
        ({"recipient_kinds": frozenset({RecipientKind.CHARITY})}, False),
        ({"except_powers": frozenset({"crime-and-disorder-act-1998-s115"})}, False),
        ({"except_powers": frozenset({"another-act-s1"})}, True),
    ],
)
def test_a_net_is_for_whom_its_guardrail_is_for(more, catches):
    shaped = shaped_by(rail(**more), line(1, "postcode", "full"))

    assert bool(shaped.tripped) is catches


def test_a_net_excepts_an_emergencys_own_line():
    excepted = rail(except_emergency=frozenset({RecipientKind.POLICE}))
    shaped = shaped_by(
        excepted,
        line(1, "postcode", "full", when=(Atom.EMERGENCY,), under="emergency"),
        emergency=EmergencyKind.RISK_TO_LIFE,
    )

    assert shaped.tripped == ()


def test_a_net_does_not_except_an_ordinary_line_in_an_emergency():
    """An emergency opens only lines that name it."""
    excepted = rail(except_emergency=frozenset({RecipientKind.POLICE}))

    shaped = shaped_by(excepted, line(1, "postcode", "full"), emergency=EmergencyKind.RISK_TO_LIFE)

    assert shaped.tripped == ("rail",)


ROWS = {"episodes": [{"started_on": "2026-01-01", "placement_postcode": "LS1 4AP", "hidden": False}]}
GROUP = (line(1, "episodes", "all"), line(2, "episodes.placement_postcode", "full"), line(3, "episodes.started_on", "full"))


def test_a_row_whose_condition_is_not_met_keeps_its_value_and_no_other_rows():
    """A line that rests on a row's own marker opens the rows in which it holds."""
    provider = line(4, "episodes.provider", "full", when=(RecordTerm("episodes.hidden", value=False),))
    rows = [
        {**ROWS["episodes"][0], "provider": name, "hidden": hidden} for name, hidden in (("Elms", False), ("Oaks", True))
    ]

    shaped = shaped_by(rail(above="full"), *GROUP, provider, groups={"episodes": rows})

    assert [row.get("provider") for row in shaped.fields["episodes"]["value"]] == ["Elms", None]


def test_a_net_in_a_group_takes_the_rows_with_it():
    """A row can't leave with a hole that tells what was there."""
    shaped = shaped_by(rail(), *GROUP, groups=ROWS)

    assert shaped.fields == {}
    assert set(shaped.withheld) == {"episodes", "episodes.placement_postcode", "episodes.started_on"}
    assert set(shaped.true_reasons.values()) == {TrueReason.GUARDRAIL_TRIPPED}


def test_a_net_on_a_rows_marker_looks_at_the_rows_that_leave():
    hidden = rail(when=(RecordTerm("episodes.hidden", True),))

    assert shaped_by(hidden, *GROUP, groups=ROWS).tripped == ()
    assert shaped_by(hidden, *GROUP, groups={"episodes": [{**ROWS["episodes"][0], "hidden": True}]}).tripped == ("rail",)


def test_a_net_on_a_rows_marker_guards_other_fields_by_any_row():
    hidden = rail(target=Target(fields=("postcode",)), when=(RecordTerm("episodes.hidden", True),))

    caught = shaped_by(hidden, line(1, "postcode", "full"), groups={"episodes": [{"hidden": False}, {"hidden": True}]})

    assert caught.tripped == ("rail",)
    assert shaped_by(hidden, line(1, "postcode", "full"), groups=ROWS).tripped == ()


def test_the_nets_of_rules_that_publish_never_catch():
    """What is proved before is never a surprise after: the check and the net say the same of every line."""
    broken = replace(AIRE, caps=())
    with pytest.raises(TextError, match="social-security-data-proved"):
        texts.composed(
            texts.agreements()["northmoor-aire-safeguarding"],
            cores=[replace(one, caps=()) for one in texts.bounds(broken.agreement)],
        )

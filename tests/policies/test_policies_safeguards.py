"""What no text can take away: what a marker protects, in the header and in rows, and what older guardrails cover since."""

from __future__ import annotations

from dataclasses import replace

from policies_publishing import CORE, DATASET, publish, put

from policies.deciding.safeguards import caps_of_wider_rules, safeguards
from policies.reading.parse import parse_dataset
from schemas.forms import WITHHELD

STAYS = """groups:
  stays:
    label: Stays
    order_by: began_on
    fields:
      began_on: {type: date, label: Began on, classification: personal}
      where: {type: postcode, label: Where, classification: personal, reveals: [location]}
      hidden: {type: boolean, label: Hidden, classification: personal, marker: true, protects: [location]}
"""


def test_a_marker_of_the_header_protects_all_that_reveals_its_tag() -> None:
    (cap,) = safeguards(parse_dataset(DATASET))

    assert (cap.target.reveals, cap.target.fields, cap.form) == ("location", (), WITHHELD)


def test_a_marker_of_a_row_protects_its_own_row() -> None:
    caps = {one.id: one for one in safeguards(parse_dataset(DATASET.rstrip() + "\n" + STAYS))}

    assert caps["safeguard-stays-hidden-location"].target.fields == ("stays.where",)


def test_a_marker_whose_rows_reveal_nothing_keeps_itself_back() -> None:
    plain = STAYS.replace(", reveals: [location]", "").replace("type: postcode", "type: text")

    caps = {one.id: one for one in safeguards(parse_dataset(DATASET.rstrip() + "\n" + plain))}

    assert caps["safeguard-stays-hidden-location"].target.fields == ("stays.hidden",)


def test_what_an_older_guardrail_has_come_to_cover_is_capped_and_trips_no_net() -> None:
    """A rule on an age covers the birth date since; one on what may not leave together is proved as it was."""
    rail = put("never: {classification: criminal_offence", "never: {fields: [age], above: band", CORE)
    rules = publish(core=rail)
    guardrails = tuple(replace(one, recipient_kinds=frozenset()) for one in rules.guardrails)

    caps = {one.id: one for one in caps_of_wider_rules(guardrails, rules.dataset)}

    assert set(caps) == {"no-criminal-data-to-charities"}
    cap = caps["no-criminal-data-to-charities"]
    assert (cap.target.fields, cap.form) == (("date_of_birth",), "band")

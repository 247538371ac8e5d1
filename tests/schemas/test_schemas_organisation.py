"""Official codes, contacts and assurances: what can be, and until when it counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.organisation import (
    Contact,
    OrganisationError,
    PartnerAssurance,
    check_assurance,
    check_contact,
    live_levels,
    next_end,
    parse_official_code,
)
from schemas.terms import AssuranceLevel, CodeScheme, ContactRole

TODAY = date(2026, 10, 2)


@pytest.mark.parametrize(
    ("scheme", "given", "kept"),
    [
        ("ods", "rcf", "RCF"), ("ods", " R C F ", "RCF"), ("ods", "8J094", "8J094"), ("ons", "e08000032", "E08000032"),
        ("companies_house", "00445790", "00445790"), ("companies_house", "sc123456", "SC123456"),
        ("charity", "1089464", "1089464"),
        ("charity", "sc005336", "SC005336"), ("charity", "NIC100012", "NIC100012"), ("ukprn", "10007157", "10007157"),
        ("urn", "107952", "107952"),
    ],
)  # fmt: skip
def test_a_code_has_one_spelling(scheme: str, given: str, kept: str) -> None:
    assert parse_official_code(CodeScheme(scheme), given) == kept


def test_every_scheme_refuses_what_is_none() -> None:
    """And says what one looks like, never what was given."""
    assert len(CodeScheme) >= 6
    for scheme in CodeScheme:
        for wrong in ("", "x" * 40, "E0800003!", "\u0660\u0661\u0662", "1 OR 1=1", "a\nb"):
            with pytest.raises(OrganisationError, match=f"an official code of {scheme} is") as refused:
                parse_official_code(scheme, wrong)
            assert wrong not in str(refused.value) or wrong == ""


@pytest.mark.parametrize(
    "contact",
    [
        Contact(ContactRole.DPO, "", "dpo@harbour.example"),
        Contact(ContactRole.DPO, "n" * 201, "dpo@harbour.example"),
        Contact(ContactRole.DPO, "a\x1b[2J", "dpo@harbour.example"),
        Contact(ContactRole.DPO, "Desk"),
        Contact(ContactRole.DPO, "Desk", "dpo"),
        Contact(ContactRole.DPO, "Desk", "dpo@"),
        Contact(ContactRole.DPO, "Desk", "a@b.example, c@d.example"),
        Contact(ContactRole.DPO, "Desk", "a@b.example\nBcc: x@y.example"),
        Contact(ContactRole.DPO, "Desk", telephone="call me"),
        Contact(ContactRole.DPO, "Desk", telephone="12"),
    ],
)
def test_a_contact_that_reaches_nobody_is_refused(contact: Contact) -> None:
    with pytest.raises(OrganisationError):
        check_contact(contact)


def test_a_contact_has_one_way_at_least() -> None:
    check_contact(Contact(ContactRole.URGENT, "Night desk", telephone="+44 113 496 0000"))
    check_contact(Contact(ContactRole.DPO, "Jo Bright", "dpo@harbour.example"))


def shown(
    level: AssuranceLevel, *, expires_on: date, checked_on: date = TODAY, evidence: str = "IASME-1"
) -> PartnerAssurance:
    return PartnerAssurance(level, evidence, checked_on, expires_on)


@pytest.mark.parametrize(
    ("assurance", "said"),
    [
        (shown(AssuranceLevel.ISO_27001, expires_on=TODAY, evidence=""), "evidence"),
        (shown(AssuranceLevel.ISO_27001, expires_on=TODAY, evidence="a\nb"), "evidence"),
        (shown(AssuranceLevel.ISO_27001, expires_on=date(2027, 1, 1), checked_on=date(2026, 10, 3)), "future"),
        (shown(AssuranceLevel.ISO_27001, expires_on=date(2026, 1, 1)), "order"),
    ],
)
def test_an_assurance_that_can_not_be_is_refused(assurance: PartnerAssurance, said: str) -> None:
    with pytest.raises(OrganisationError, match=said):
        check_assurance(assurance, TODAY)


def test_an_assurance_counts_to_the_last_instant_of_its_day_in_london() -> None:
    """In summer that is an hour before midnight UTC."""
    summer = shown(AssuranceLevel.ISO_27001, expires_on=date(2026, 7, 31))
    winter = shown(AssuranceLevel.CYBER_ESSENTIALS, expires_on=date(2026, 12, 31))
    both, end = (summer, winter), datetime(2026, 7, 31, 23, tzinfo=UTC)

    assert live_levels(both, end - timedelta(microseconds=1)) == {AssuranceLevel.ISO_27001, AssuranceLevel.CYBER_ESSENTIALS}
    assert live_levels(both, end) == {AssuranceLevel.CYBER_ESSENTIALS}
    assert next_end(both, end - timedelta(microseconds=1)) == end
    assert next_end(both, end) == winter.ends
    assert next_end((), end) is None

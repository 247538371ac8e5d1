"""Who is found, and who is not?"""

from __future__ import annotations

import asyncio

import pytest

from gateway.sources.sql import SqlSource
from policies.reading.parse import parse_dataset
from schemas.dataset import Dataset
from schemas.request import SubjectQuery
from schemas.terms import Match

GRACE = {"surname": "Okafor", "date_of_birth": "1985-02-14"}


def test_each_joint_holder_is_found_on_the_one_account(ask) -> None:
    """The subject is the role of whom the details fit; both people come along, for their consents count."""
    lead = ask("account_ref", "1000042", **GRACE)
    joint = ask("account_ref", "1000042", surname="Okafor", date_of_birth="1983-09-02")

    assert (lead.match, lead.subject) == (Match.CONFIRMED, "liable")
    assert (joint.match, joint.subject) == (Match.CONFIRMED, "joint")
    assert lead.people == joint.people == {"liable": "P0000042", "joint": "P0000043"}


def test_joint_holders_whom_the_details_fit_are_several(own_northmoor, source_from, ask) -> None:
    """Details that fit both tell nobody apart."""
    directory = own_northmoor("UPDATE ctaccount SET joint_birth_date = lead_birth_date WHERE account_ref = '1000042'")

    assert ask("account_ref", "1000042", of=source_from(directory=directory), **GRACE).match is Match.SEVERAL


def test_a_joint_reference_is_never_taken_for_the_lead(ask) -> None:
    """Confirming details answer together: one person's surname and the other's birthday fit nobody."""
    assert ask("account_ref", "1000042", surname="Adeyemi", date_of_birth="1983-09-02").match is Match.MISMATCH


def test_a_former_name_finds(ask) -> None:
    found = ask("account_ref", "1000042", surname="Adeyemi", date_of_birth="1985-02-14")

    assert (found.match, found.subject) == (Match.CONFIRMED, "liable")


def test_a_former_name_never_leaves(source: SqlSource, ask, dataset) -> None:
    """It is mapped to no field, so not even a fetch of everything reads it."""
    found = ask("account_ref", "1000042", surname="Adeyemi", date_of_birth="1985-02-14")

    record = asyncio.run(source.fetch([(found, frozenset(dataset.fields))]))[0]

    assert record.values["full_name"] == "Grace Okafor"
    assert "adeyemi" not in repr((record, found)).casefold()


def test_a_number_one_digit_off_that_exists_is_not_confirmed(ask) -> None:
    """1000043 is Alan Price's: Grace's details do not fit him."""
    assert ask("account_ref", "1000043", **GRACE).match is Match.MISMATCH


def test_a_number_that_nobody_has_finds_nobody(ask) -> None:
    found = ask("account_ref", "1999999", **GRACE)

    assert (found.match, found.subject, found.people, found.row) == (Match.NOBODY, None, None, None)


@pytest.mark.parametrize("value", ["", "   ", "\x00"])
def test_a_key_that_is_no_reference_finds_nobody(ask, value: str) -> None:
    assert ask("account_ref", value, **GRACE).match is Match.NOBODY


def test_father_and_son_of_one_name_are_told_apart_by_their_birthdays(ask) -> None:
    """One surname and one UPRN, two accounts."""
    father = ask("uprn", "900000000051", surname="Hargreaves", date_of_birth="1952-06-05")
    son = ask("uprn", "900000000051", surname="Hargreaves", date_of_birth="1980-01-17")

    assert (father.match, father.row) == (Match.CONFIRMED, "1000051")
    assert (son.match, son.row) == (Match.CONFIRMED, "1000052")


def test_twins_at_one_place_are_several(ask) -> None:
    """One surname, one birthday, one UPRN: a place is not a person."""
    found = ask("uprn", "900000000061", surname="Rahman", date_of_birth="1999-03-21")

    assert (found.match, found.people) == (Match.SEVERAL, None)


def test_twins_are_found_by_their_own_accounts(ask) -> None:
    assert ask("account_ref", "1000062", surname="Rahman", date_of_birth="1999-03-21").people == {"liable": "P0000062"}


def test_a_former_occupier_is_not_found_by_the_place_she_left(ask) -> None:
    """Alan Price lives there now, and he is another."""
    assert ask("uprn", "900000000043", surname="Bell", date_of_birth="1990-08-09").match is Match.MISMATCH


def test_a_former_occupier_is_found_by_her_account(ask) -> None:
    assert ask("account_ref", "1000071", surname="Bell", date_of_birth="1990-08-09").match is Match.CONFIRMED


@pytest.mark.parametrize(
    ("uprn", "surname", "born"),
    [
        pytest.param("900000000081", "Walsh", "1994-12-11", id="protected"),
        pytest.param("900000000082", "Dunn", "1988-05-01", id="marker garbled"),
        pytest.param("900000000083", "Petrov", "1977-02-28", id="marker blank"),
    ],
)
def test_a_protected_person_is_never_found_by_a_place(ask, uprn: str, surname: str, born: str) -> None:
    """An unknown marker counts as protected; and what follows from a person, such as a lock, follows from no guess."""
    found = ask("uprn", uprn, surname=surname, date_of_birth=born)

    assert found.match is Match.PROTECTED_BY_PLACE
    assert (found.subject, found.people, found.row) == (None, None, None)


def test_a_protected_person_is_found_by_her_own_account(ask) -> None:
    assert ask("account_ref", "1000081", surname="Walsh", date_of_birth="1994-12-11").match is Match.CONFIRMED


def test_nobody_is_found_by_a_place_where_the_marker_is_not_mapped(source_from, ask) -> None:
    """What is not mapped is not known, and what is not known counts as protected."""
    blind = source_from(("  protected_address: a.protected_ind\n", ""))

    found = ask("uprn", "900000000042", of=blind, **GRACE)

    assert found.match is Match.PROTECTED_BY_PLACE


def test_a_blank_marker_counts_as_free_only_where_the_mapping_says_so(source_from, ask) -> None:
    told = source_from(("protected_address: a.protected_ind", "protected_address: {sql: a.protected_ind, blank: false}"))

    blank = ask("uprn", "900000000083", of=told, surname="Petrov", date_of_birth="1977-02-28")
    garbled = ask("uprn", "900000000082", of=told, surname="Dunn", date_of_birth="1988-05-01")

    assert (blank.match, garbled.match) == (Match.CONFIRMED, Match.PROTECTED_BY_PLACE)


def test_a_dataset_that_knows_no_protection_is_found_by_place(source_from, ask, dataset: Dataset) -> None:
    """Protection is a matter of the dataset: where no such marker exists, none is missed."""
    line = next(one for one in dataset.text.splitlines() if one.strip().startswith("protected_address:"))
    unmarked = source_from(of=parse_dataset(dataset.text.replace(line + "\n", "")))

    assert ask("uprn", "900000000042", of=unmarked, **GRACE).match is Match.CONFIRMED


@pytest.mark.parametrize("given", [{}, {"surname": "Okafor"}, {"date_of_birth": "1985-02-14"}])
def test_a_place_confirms_nobody_without_two_details(ask, given: dict[str, str]) -> None:
    """`at_least` holds here too, whatever the caller forgot to check."""
    assert ask("uprn", "900000000042", **given).match is Match.MISMATCH


@pytest.mark.parametrize("typed", ["okafor", " OKAFOR ", "Ókafor", "O'Kafor", "Oka-for", "\uff2fkafor"])
def test_spellings_of_one_name_fit(ask, typed: str) -> None:
    assert ask("account_ref", "1000042", surname=typed, date_of_birth="1985-02-14").match is Match.CONFIRMED


@pytest.mark.parametrize("typed", ["Okafo", "Okaforr", "", "'-", "%", "_kafor"])
def test_another_name_does_not_fit(ask, typed: str) -> None:
    assert ask("account_ref", "1000042", surname=typed, date_of_birth="1985-02-14").match is Match.MISMATCH


@pytest.mark.parametrize("typed", ["14/02/1985", "1985-2-30", "19850214 ", "", "1985"])
def test_a_partner_writes_dates_in_one_way(ask, typed: str) -> None:
    """A date that could be read in two ways is none."""
    assert ask("account_ref", "1000042", surname="Okafor", date_of_birth=typed).match is Match.MISMATCH


@pytest.mark.parametrize("held", ["14/02/1985", "19850214", " 14/02/1985 "])
def test_the_source_may_spell_dates_in_two_ways(own_northmoor, source_from, ask, held: str) -> None:
    directory = own_northmoor("UPDATE ctaccount SET lead_birth_date = ? WHERE account_ref = '1000042'", values=(held,))

    assert ask("account_ref", "1000042", of=source_from(directory=directory), **GRACE).match is Match.CONFIRMED


def test_a_placeholder_fits_nobody(own_northmoor, source_from, ask) -> None:
    """A code that means "not held" is no birthday, however well it would read as one."""
    directory = own_northmoor("UPDATE ctaccount SET lead_birth_date = '01/01/1900' WHERE account_ref = '1000042'")
    wary = source_from(("UNKNOWN]", "UNKNOWN, 01/01/1900]"), directory=directory)
    naive = source_from(directory=directory)
    given = {"surname": "Adeyemi", "date_of_birth": "1900-01-01"}

    assert ask("account_ref", "1000042", of=naive, **given).match is Match.CONFIRMED
    assert ask("account_ref", "1000042", of=wary, **given).match is Match.MISMATCH


@pytest.mark.parametrize("typed", ["900000000042", " 900000000042 ", "000900000000042"])
def test_spellings_of_one_uprn_find(ask, typed: str) -> None:
    assert ask("uprn", typed, **GRACE).match is Match.CONFIRMED


@pytest.mark.parametrize(
    "typed", ["1000042' OR '1'='1", "1000042; DROP TABLE ctaccount", "1000042--", "' UNION SELECT 1--", "%", ":key", "?"]
)
@pytest.mark.parametrize("key", ["account_ref", "uprn"])
def test_a_key_is_a_value_and_never_sql(ask, source: SqlSource, key: str, typed: str) -> None:
    assert ask(key, typed, **GRACE).match is Match.NOBODY
    assert ask("account_ref", "1000042", **GRACE).match is Match.CONFIRMED


def test_a_crowded_place_confirms_nobody(own_northmoor, source_from, ask) -> None:
    """Beyond the limit of records another might fit as well, and so the one that fits is not confirmed."""
    crowd = own_northmoor(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70) "
        "INSERT INTO ctaccount (account_ref, party_ref, lead_liab_surname, lead_birth_date, protected_ind) "
        "SELECT 'C' || i, 'PC' || i, 'CROWD' || i, '01/02/1980', 'N' FROM n",
        "INSERT INTO ctoccupation SELECT account_ref, 'R900000000042', '', NULL, 'Y' FROM ctaccount "
        "WHERE account_ref LIKE 'C%'",
    )

    assert ask("uprn", "900000000042", of=source_from(directory=crowd), **GRACE).match is not Match.CONFIRMED


def test_a_record_without_a_persons_reference_confirms_nobody(own_northmoor, source_from, ask) -> None:
    """Consent, restrictions and keys hang on the source's own reference: without it there is no person."""
    directory = own_northmoor("UPDATE ctaccount SET party_ref = ' ' WHERE account_ref = '1000042'")

    assert ask("account_ref", "1000042", of=source_from(directory=directory), **GRACE).match is Match.MISMATCH


def test_many_may_ask_at_once(source: SqlSource) -> None:
    async def all_at_once() -> list[Match]:
        query = SubjectQuery("account_ref", "1000042", GRACE)
        return [found.match for (found,) in await asyncio.gather(*(source.identify([query]) for _ in range(40)))]

    assert set(asyncio.run(all_at_once())) == {Match.CONFIRMED}

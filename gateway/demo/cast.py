"""Who are the people that the story and the tests know by name? All of them are made up.

UPRNs lie from 900000000001 on, which were never allocated; telephone numbers in the drama ranges.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A liable person, as the council's own register would spell them."""

    party_ref: str
    title: str
    forename: str
    surname: str
    born: str  # dd/mm/yyyy, as text, as such systems hold it
    former_surname: str = ""


@dataclass(frozen=True, slots=True)
class Household:
    """One account at one property. `live` is False for people who have left."""

    account_ref: str
    uprn: str
    lead: Person
    joint: Person | None = None
    address: str = ""
    postcode: str = ""
    arrears: str = "0.00"
    protected: str = "N"
    deceased: str = "N"
    live: bool = True


GRACE = Person("P0000042", "MRS", "GRACE", "OKAFOR", "14/02/1985", former_surname="ADEYEMI")
SAMUEL = Person("P0000043", "MR", "SAMUEL", "OKAFOR", "02/09/1983")

CAST = (
    # The story's household: joint holders, a married name, arrears that only a consent opens.
    Household("1000042", "900000000042", GRACE, SAMUEL, "12 MILL LANE", "LS1 4AB", "642.18"),
    # A number one digit off that exists.
    Household(
        "1000043",
        "900000000043",
        Person("P0000044", "MR", "ALAN", "PRICE", "30/11/1961"),
        None,
        "14 MILL LANE",
        "LS1 4AB",
    ),
    # Father and son of one name at one UPRN, on two accounts.
    Household(
        "1000051",
        "900000000051",
        Person("P0000051", "MR", "JOHN", "HARGREAVES", "05/06/1952"),
        None,
        "3 CANAL ROW",
        "LS11 5TB",
    ),
    Household(
        "1000052",
        "900000000051",
        Person("P0000052", "MR", "JOHN", "HARGREAVES", "17/01/1980"),
        None,
        "3 CANAL ROW",
        "LS11 5TB",
    ),
    # Twins at one UPRN: one surname, one birthday.
    Household(
        "1000061",
        "900000000061",
        Person("P0000061", "MS", "AISHA", "RAHMAN", "21/03/1999"),
        None,
        "7 ST MARY'S CLOSE",
        "LS6 3QN",
    ),
    Household(
        "1000062",
        "900000000061",
        Person("P0000062", "MR", "BILAL", "RAHMAN", "21/03/1999"),
        None,
        "7 ST MARY'S CLOSE",
        "LS6 3QN",
    ),
    # A former occupier: the place no longer finds her, her account does.
    Household(
        "1000071",
        "900000000043",
        Person("P0000071", "MISS", "RUTH", "BELL", "09/08/1990"),
        None,
        "14 MILL LANE",
        "LS1 4AB",
        live=False,
    ),
    # A protected person, and one whose marker is garbled, blank or missing.
    Household(
        "1000081",
        "900000000081",
        Person("P0000081", "MS", "NINA", "WALSH", "11/12/1994"),
        None,
        "FLAT 2 HAREWOOD COURT",
        "LS7 2DQ",
        "120.50",
        protected="Y",
    ),
    Household(
        "1000082",
        "900000000082",
        Person("P0000082", "MS", "ORLA", "DUNN", "01/05/1988"),
        None,
        "9 PARK RISE",
        "LS8 1PF",
        protected="?",
    ),
    Household(
        "1000083",
        "900000000083",
        Person("P0000083", "MR", "IVAN", "PETROV", "28/02/1977"),
        None,
        "11 PARK RISE",
        "LS8 1PF",
        protected="",
    ),
    # One who has died.
    Household(
        "1000091",
        "900000000091",
        Person("P0000091", "MR", "HAROLD", "FENN", "19/10/1934"),
        None,
        "2 BECK SIDE",
        "LS28 6AJ",
        deceased="Y",
    ),
)

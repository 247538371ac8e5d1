"""How is Northmoor's system of record generated? By seed, and dirty on purpose, as such systems are.

Values are padded, in capitals, dates are text in two spellings, codes are blanks as often as nulls, and a few do
not fit their type at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pysqlite3
from faker import Faker

from gateway.demo.cast import CAST, Household, Person

TABLES: Final = """
CREATE TABLE ctaccount (
  account_ref TEXT PRIMARY KEY, party_ref TEXT, joint_party_ref TEXT,
  lead_liab_title TEXT, lead_liab_forename TEXT, lead_liab_middlename TEXT, lead_liab_surname TEXT,
  lead_former_surname TEXT, lead_birth_date TEXT, lead_email TEXT, lead_phone TEXT,
  joint_liab_title TEXT, joint_liab_forename TEXT, joint_liab_surname TEXT, joint_birth_date TEXT,
  for_addr1 TEXT, for_addr2 TEXT, for_postcode TEXT,
  paymeth_code TEXT, paymeth_type TEXT, person_status TEXT, lead_consent_ind TEXT, equal_access_code TEXT,
  discount_code TEXT, exemption_code TEXT, annual_charge TEXT, balance TEXT, arrears TEXT,
  last_payment_date TEXT, last_payment_amount TEXT, instalments INTEGER, recovery_stage TEXT,
  liable_from TEXT, liable_to TEXT, protected_ind TEXT, deceased_ind TEXT, updated_at TEXT
);
CREATE TABLE ctproperty (
  property_ref TEXT PRIMARY KEY, uprn TEXT, addr1 TEXT, addr2 TEXT, addr3 TEXT, addr4 TEXT, postcode TEXT,
  property_type TEXT, band TEXT, council_ha_ind TEXT, owner_name TEXT, parish_code TEXT
);
CREATE TABLE ctoccupation (
  account_ref TEXT, property_ref TEXT, occupation_date TEXT, vacation_date TEXT, live_ind TEXT
);
CREATE INDEX ctaccount_by_ref ON ctaccount (trim(account_ref));
CREATE INDEX ctproperty_by_uprn ON ctproperty (trim(uprn));
CREATE INDEX ctoccupation_by_account ON ctoccupation (account_ref);
CREATE INDEX ctoccupation_by_property ON ctoccupation (property_ref);
CREATE INDEX ctaccount_by_birth ON ctaccount (lead_birth_date);
CREATE INDEX ctaccount_by_joint_birth ON ctaccount (joint_birth_date);
CREATE INDEX ctproperty_by_postcode ON ctproperty (trim(postcode));
"""
AREAS: Final = ("LS1", "LS2", "LS6", "LS7", "LS11", "LS12", "LS28", "BD1", "BD11", "WF3")
STREETS: Final = (
    "MILL LANE",
    "CANAL ROW",
    "PARK RISE",
    "BECK SIDE",
    "HIGH ST",
    "STATION RD",
    "CHURCH VIEW",
    "MOOR END",
)
DAY: Final = datetime(2026, 10, 2, 2, tzinfo=UTC)  # when an extract was made, unless one says otherwise
Progress = Callable[[int], None]


def generate(
    path: Path, *, residents: int, seed: int, as_at: datetime = DAY, progress: Progress = lambda _done: None
) -> None:
    """Write the database of the council's revenues system: the cast first, then made-up households."""
    connection = pysqlite3.connect(str(path))
    connection.executescript(TABLES)
    rng = random.Random(seed)
    fake = Faker("en_GB")
    fake.seed_instance(seed)
    with connection:
        for done, household in enumerate(_households(rng, fake, residents), start=1):
            _write(connection, household, rng, fake, as_at)
            progress(done)
    connection.close()


def _households(rng: random.Random, fake: Faker, residents: int) -> Iterator[Household]:
    yield from CAST
    for number in range(len(CAST), residents):
        lead = _person(rng, fake, f"P{1_000_000 + number * 2}")
        joint = _person(rng, fake, f"P{1_000_001 + number * 2}") if rng.random() < 0.35 else None
        area = rng.choice(AREAS)
        yield Household(
            account_ref=str(2_000_000 + number),
            uprn=str(900_000_100_000 + number),
            lead=lead,
            joint=joint,
            address=f"{rng.randint(1, 240)} {rng.choice(STREETS)}",
            postcode=f"{area} {rng.randint(1, 9)}{rng.choice('ABDEFGHJLN')}{rng.choice('ABDEFGHJLN')}",
            arrears=f"{rng.choice((0, 0, 0, rng.uniform(5, 4000))):.2f}",
            protected=rng.choices(("N", "Y", "", "?"), (95, 2, 2, 1))[0],
            deceased=rng.choices(("N", "Y"), (99, 1))[0],
        )


def _person(rng: random.Random, fake: Faker, party_ref: str) -> Person:
    born = f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(1930, 2007)}"
    if rng.random() < 0.01:
        born = rng.choice(("00/00/0000", "31/02/1980", "UNKNOWN"))
    surname = fake.last_name().upper()
    former = fake.last_name().upper() if rng.random() < 0.08 else ""
    title = rng.choice(("MR", "MRS", "MS", "MISS", "DR", ""))
    return Person(party_ref, title, fake.first_name().upper(), surname, born, former)


def dirty(rng: random.Random, text: str) -> str:
    """Pad as fixed-width systems do, now and then."""
    return text + " " * rng.randint(1, 8) if rng.random() < 0.5 else text


def _blank(rng: random.Random, *others: str) -> str | None:
    return rng.choice((None, "", " ", *others))


def _spelt(rng: random.Random, born: str) -> str:
    """Spell a date as the older half of the system does, now and then."""
    day, _, rest = born.partition("/")
    month, _, year = rest.partition("/")
    return f"{year}{month}{day}" if year and rng.random() < 0.2 else born


def date_between(rng: random.Random, years: tuple[int, int]) -> str:
    """Return a day of some years, both included, as dd/mm/yyyy."""
    return f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(*years)}"


def _write(connection: Any, household: Household, rng: random.Random, fake: Faker, as_at: datetime) -> None:
    moved_in = _spelt(rng, date_between(rng, (2005, 2025)))
    _insert(
        connection,
        "ctaccount",
        (*_people(household, rng, fake), *_money(household, rng, moved_in), as_at.strftime("%Y-%m-%dT%H:%M:%SZ")),
    )
    now = _property(rng, "R" + household.uprn, household.uprn, household.address, household.postcode)
    _insert(connection, "ctproperty", now)
    if household not in CAST and rng.random() < 0.3:
        _former_occupation(connection, household, rng, moved_in)
    left = None if household.live else "30/06/2025"
    live = "Y" if household.live else "N"
    _insert(connection, "ctoccupation", (household.account_ref, "R" + household.uprn, moved_in, left, live))


def _former_occupation(connection: Any, household: Household, rng: random.Random, until: str) -> None:
    """Write where the account was before: at a property that nobody else is at."""
    uprn = str(int(household.uprn) + 50_000_000)
    address, postcode = f"{rng.randint(1, 240)} {rng.choice(STREETS)}", f"{rng.choice(AREAS)} {rng.randint(1, 9)}AB"
    _insert(connection, "ctproperty", _property(rng, "R" + uprn, uprn, address, postcode))
    came = date_between(rng, (1990, 2004))
    _insert(connection, "ctoccupation", (household.account_ref, "R" + uprn, came, until, "N"))


def _insert(connection: Any, table: str, values: tuple[object, ...]) -> None:
    marks = ",".join("?" * len(values))
    connection.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", values)


def _people(household: Household, rng: random.Random, fake: Faker) -> tuple[object, ...]:
    lead, joint = household.lead, household.joint
    return (
        household.account_ref,
        lead.party_ref,
        joint.party_ref if joint else None,
        lead.title,
        dirty(rng, lead.forename),
        _blank(rng, "J", "MARIE"),
        dirty(rng, lead.surname),
        lead.former_surname or None,
        _spelt(rng, lead.born),
        fake.ascii_safe_email() if rng.random() < 0.7 else _blank(rng),
        fake.cellphone_number() if rng.random() < 0.8 else _blank(rng),
        joint.title if joint else None,
        joint.forename if joint else None,
        joint.surname if joint else None,
        joint.born if joint else None,
        *((None, None, None) if household.live else ("4 FERRY ROAD", "HULL", "HU1 1AA")),
    )


def _money(household: Household, rng: random.Random, moved_in: str) -> tuple[object, ...]:
    return (
        rng.choice(("DD", "CA", "SO", " ")),
        rng.choice(("01", "15", "28", "")),
        rng.choice(("A", "A", "A", "S")) if household.live else "C",
        _blank(rng, "Y", "N"),
        _blank(rng, "LP", "BR"),
        rng.choice(("SPD", "", None, "DIS")),
        rng.choice(("", "", None, "N")),
        rng.choice(("1247.66", "1455.60", "1663.55", "1871.49", "2287.38")),
        f"{float(household.arrears) + rng.randint(0, 900):.2f}",
        household.arrears if rng.random() > 0.005 or household in CAST else "see notes",
        f"{rng.randint(1, 28):02}/09/2026",
        rng.choice(("124.77", "145.56", "50.00", "")),
        rng.choice((10, 12)),
        rng.choice(("", "REM", "FIN", "SUM")) if household.arrears != "0.00" else "",
        moved_in,
        "" if household.live else "30/06/2025",
        household.protected,
        household.deceased,
    )


def _property(rng: random.Random, ref: str, uprn: str, address: str, postcode: str) -> tuple[object, ...]:
    return (
        ref,
        uprn,
        address,
        _blank(rng),
        "NORTHMOOR",
        "",
        dirty(rng, postcode),
        rng.choice(("HT", "HS", "HD", "FL", "")),
        rng.choice("ABCDEFGH"),
        rng.choice(("Y", "N", "")),
        _blank(rng, "NORTHMOOR HOMES LTD"),
        rng.choice(("E04000123", "E04000124", "")),
    )

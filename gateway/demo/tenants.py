"""How is the landlord's system generated? By seed, as records of JSON, and dirty on purpose."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any, Final

from faker import Faker

from gateway.demo.cast import GRACE, SAMUEL, Person
from gateway.demo.residents import AREAS, DAY, STREETS, date_between, dirty

MOST: Final = 2_000
TENANCY: Final = "T0000042"  # the story's
Tenancy = dict[str, Any]
Member = dict[str, str]
HOUSEHOLD: Final[tuple[Member, ...]] = (
    {
        "name": "AMARA OKAFOR",
        "born": "03/05/2018",
        "sex": "F",
        "relat": "C",
        "ecstat": "9",
        "moved_in_on": "03/05/2018",
        "not_shown": "N",
    },
    {
        "name": "DAVID OKAFOR",
        "born": "19/02/2020",
        "sex": "M",
        "relat": "C",
        "ecstat": "9",
        "moved_in_on": "19/02/2020",
        "not_shown": "N",
    },
    # Come back from a violent home, and hidden: neither shown nor counted.
    {
        "name": "RUTH ADEYEMI",
        "born": "07/08/1996",
        "sex": "F",
        "relat": "X",
        "ecstat": "1",
        "moved_in_on": "12/06/2026",
        "not_shown": "Y",
    },
)


def generate_tenancies(*, tenancies: int, seed: int, as_at: datetime = DAY) -> list[Tenancy]:
    """Return the records of the council's housing system: the story's household first, then made-up ones."""
    rng = random.Random(seed + 1)
    fake = Faker("en_GB")
    fake.seed_instance(seed + 1)
    synced = as_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    first = _tenancy(rng, fake, 42, (GRACE, SAMUEL), list(HOUSEHOLD), synced)
    first["property"] |= {"uprn": "900000000042", "address_line1": "12 MILL LANE", "postcode": "LS1 4AB"}
    first |= {"status": "current", "protected": "N", "deceased": "N"}
    first["rent"] |= {"arrears": "385.20", "arrears_stage": "NSP"}
    found = [first]
    for number in range(1, min(tenancies, MOST)):
        people = [_person(rng, fake, f"H{number:06}A")]
        if rng.random() < 0.3:
            people.append(_person(rng, fake, f"H{number:06}B"))
        household = [_member(rng, fake) for _ in range(rng.choice((0, 0, 1, 2, 3)))]
        found.append(_tenancy(rng, fake, 100_000 + number, tuple(people), household, synced))
    return found


def _person(rng: random.Random, fake: Faker, ref: str) -> Person:
    return Person(ref, "", fake.first_name().upper(), fake.last_name().upper(), date_between(rng, (1940, 2007)))


def _member(rng: random.Random, fake: Faker) -> Member:
    born = date_between(rng, (1990, 2024))
    return {
        "name": f"{fake.first_name()} {fake.last_name()}".upper(),
        "born": born if rng.random() > 0.03 else rng.choice(("", "00/00/0000")),
        "sex": rng.choice(("F", "M", "X", "")),
        "relat": rng.choice(("P", "C", "X", "R")),
        "ecstat": str(rng.randint(1, 10)),
        "moved_in_on": date_between(rng, (2015, 2025)),
        "not_shown": rng.choices(("N", "Y", ""), (94, 3, 3))[0],
    }


def _tenancy(
    rng: random.Random, fake: Faker, number: int, people: tuple[Person, ...], household: list[Member], synced: str
) -> Tenancy:
    joint = _told(rng, fake, people[1], "P") if len(people) > 1 else None
    return {
        "tenancy": f"T{number:07}",
        "status": rng.choice(("current", "current", "current", "former")),
        "synced_at": synced,
        "tenant": _told(rng, fake, people[0], ""),
        "joint": joint,
        "household": household,
        "property": _property(rng, number),
        "terms": _terms(rng, len(people) + len(household)),
        "needs": _needs(rng),
        "before": _before(rng),
        "rent": _rent(rng),
        "protected": rng.choices(("N", "Y", "", "?"), (95, 2, 2, 1))[0],
        "deceased": rng.choices(("N", "Y"), (99, 1))[0],
    }


def _told(rng: random.Random, fake: Faker, person: Person, relat: str) -> Tenancy:
    return {
        "ref": person.party_ref,
        "name": dirty(rng, f"{person.forename} {person.surname}"),
        "surname": person.surname,
        "former_surnames": [person.former_surname] if person.former_surname else [],
        "born": person.born,
        # A prefix that is never issued: it does not fit its type, and so it can be nobody's.
        "nino": f"QQ{rng.randint(100_000, 999_999)}C" if rng.random() < 0.5 else rng.choice((None, "")),
        "phone": fake.cellphone_number() if rng.random() < 0.8 else None,
        "email": fake.ascii_safe_email() if rng.random() < 0.6 else "",
        "sex": rng.choice(("F", "M", "X", "R")),
        "ethnic_group": str(rng.randint(1, 19)),
        "nationality": rng.choice(("826", "616", "586", "")),
        "ecstat": str(rng.randint(1, 10)),
        "armedforces": rng.choice(("1", "2", "2", "2", "3")),
        "relat": relat,
    }


def _property(rng: random.Random, number: int) -> Tenancy:
    area = rng.choice(AREAS)
    return {
        "ref": f"PR{number:06}",
        "uprn": str(900_000_200_000 + number),
        "address_line1": dirty(rng, f"{rng.randint(1, 240)} {rng.choice(STREETS)}"),
        "town": "NORTHMOOR",
        "postcode": f"{area} {rng.randint(1, 9)}{rng.choice('ABDEFGHJLN')}{rng.choice('ABDEFGHJLN')}",
        "la": "E08000099",
        "type": rng.choice(("1", "1", "7", "8", "6", "2")),
        "beds": rng.choice((1, 2, 2, 3, 3, 4, "2 OR 3")),
        "wheelchair": rng.choice(("N", "N", "N", "Y", "")),
    }


def _terms(rng: random.Random, people: int) -> Tenancy:
    return {
        "startdate": date_between(rng, (2000, 2025)),
        "voiddate": rng.choice((None, "", date_between(rng, (2000, 2005)))),
        "mrcdate": None,
        "needstype": rng.choice(("1", "1", "1", "2")),
        "lettype": str(rng.randint(1, 8)),
        "renttype": rng.choice(("1", "1", "2", "3")),
        "tenancy": rng.choice(("2", "7", "4", "6", "8")),
        "tenancylength": rng.choice((None, 2, 5, 10)),
        "hhmemb": people,
    }


def _needs(rng: random.Random) -> Tenancy:
    ill = rng.random() < 0.3
    return {
        "preg_occ": rng.choice(("N", "N", "N", "Y", "")),
        "housingneeds": rng.choice(("1", "2", "2", "3")),
        "illness": "Y" if ill else rng.choice(("N", "")),
        **{f"illness_type_{number}": "Y" if ill and rng.random() < 0.2 else "N" for number in range(1, 11)},
    }


def _before(rng: random.Random) -> Tenancy:
    return {
        "reason": str(rng.randint(1, 54)),
        "prevten": str(rng.randint(3, 37)),
        "homeless": rng.choice(("N", "N", "Y")),
        "ppostcode": rng.choice(("", None, f"{rng.choice(AREAS)} {rng.randint(1, 9)}AB")),
        "prevloc": rng.choice(("E08000099", "E08000035", "")),
        "referral": rng.choice(("1", "2", "4", "14", "16")),
    }


def _rent(rng: random.Random) -> Tenancy:
    basic = rng.randint(70, 160)
    return {
        "brent": f"{basic}.00",
        "scharge": rng.choice(("0.00", "4.20", "12.75")),
        "pscharge": "0.00",
        "supcharg": rng.choice(("0.00", "0.00", "8.00")),
        "tcharge": f"{basic + rng.randint(0, 20)}.50",
        "tshortfall": rng.choice((None, "14.20", "31.00")),
        "earnings": rng.choice((None, "212.40", "390.00", "not told")),
        "incref": rng.choice(("N", "Y")),
        "incfreq": rng.choice(("1", "2", "3")),
        "net_income_known": rng.choice(("1", "2")),
        "hb": rng.choice(("1", "6", "9", "3")),
        "has_benefits": rng.choice(("Y", "N")),
        "arrears": f"{rng.choice((0, 0, 0, rng.uniform(5, 3000))):.2f}",
        "arrears_stage": rng.choice(("", "LET", "AGR", "NSP", "CRT")),
        "last_payment_on": date_between(rng, (2025, 2026)),
        "notice_expires_on": rng.choice((None, None, "30/11/2026")),
    }

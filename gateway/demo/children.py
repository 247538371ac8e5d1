"""How is the export of children's services generated? By seed: files by day, dd/mm/yyyy, and dirty on purpose."""

from __future__ import annotations

import csv
import random
from datetime import date
from pathlib import Path
from typing import Final

from faker import Faker
from stdnum.gb import upn

from gateway.demo.residents import AREAS, date_between, dirty

FOLDER: Final = "903"
MOST: Final = 300
CHILD: Final = "903001"  # the story's
Row = dict[str, str]

_HEADER: Final = """
    CHILD NAME SURNAME SEX DOB ETHNIC UPN NHS_NUMBER UASC DUC MOTHER MC_DOB
    MOTHER_REF MOTHER_NAME MOTHER_DOB MOTHER_PHONE MOTHER_HEALTH
    SDQ_SCORE SDQ_REASON CONVICTED HEALTH_CHECK IMMUNISATIONS TEETH_CHECK HEALTH_ASSESSMENT HEALTH_ASSESSED_ON
    SUBSTANCE_MISUSE INTERVENTION_RECEIVED INTERVENTION_OFFERED CONSENT_FOR_TREATMENT IN_TOUCH ACTIV ACCOM
    DATE_INT DATE_MATCH DATE_PLACED DATE_PLACED_CEASED REASON_PLACED_CEASED FOSTER_CARE NB_ADOPTR PREV_PERM DATE_PERM
    SOCIAL_WORKER TEAM_PHONE PROTECTED DECEASED MAY_BE_ADOPTED
"""
_EPISODES: Final = """
    CHILD DECOM RNE LS CIN PLACE PLACE_PROVIDER DEC REC REASON_PLACE_CHANGE HOME_POST PL_POST URN CONFIDENTIAL
"""
HEADER: Final = _HEADER.split()
EPISODES: Final = _EPISODES.split()
REVIEWS: Final = ["CHILD", "REVIEW", "REVIEW_CODE"]
MISSING: Final = ["CHILD", "MIS_START", "MIS_END", "MISSING"]
CALLUM: Final = {
    "CHILD": CHILD,
    "NAME": "CALLUM REID",
    "SURNAME": "REID",
    "SEX": "1",
    "DOB": "19/04/2014",
    "ETHNIC": "WBRI",
    "MOTHER_REF": "M903001",
    "MOTHER_NAME": "DAWN REID",
    "MOTHER_DOB": "02/09/1990",
    "MOTHER_HEALTH": "LONG QT SYNDROME",
    "SDQ_SCORE": "18",
    "CONVICTED": "0",
    "HEALTH_CHECK": "1",
    "IMMUNISATIONS": "0",
    "TEETH_CHECK": "1",
    "HEALTH_ASSESSMENT": "1",
    "HEALTH_ASSESSED_ON": "08/10/2025",
    "CONSENT_FOR_TREATMENT": "SH",
    "SOCIAL_WORKER": "J. MARSH",
    "PROTECTED": "N",
    "DECEASED": "N",
    "MAY_BE_ADOPTED": "N",
}  # fmt: skip -- one row, read as one
# Two that may be told, the later one in lower case, and a last one that is confidential.
SPELLS: Final = (
    ("01/03/2022", "S", "C2", "N1", "U6", "PR1", "20/06/2025", "X1", "LS9 7TF", "LS8 1PF", "N"),
    ("20/06/2025", "P", "C2", "N1", "K2", "PR4", "14/08/2026", "X1", "LS9 7TF", "bd3 9ab", "N"),
    ("14/08/2026", "P", "C2", "N1", "U4", "PR4", "", "", "LS9 7TF", "HD1 2QQ", "Y"),
)


def generate_children(folder: Path, *, children: int, seed: int, on: date) -> None:
    """Write the files of one day's export: the story's child first, then made-up ones."""
    folder.mkdir(mode=0o700)
    for name, (columns, rows) in generate_tables(children=children, seed=seed).items():
        _write(folder / f"{name}-{on.isoformat()}.csv", columns, rows)


def generate_tables(*, children: int, seed: int) -> dict[str, tuple[list[str], list[Row]]]:
    """Return columns and rows of each file of the export, by its name."""
    rng = random.Random(seed + 2)
    fake = Faker("en_GB")
    fake.seed_instance(seed + 2)
    header, episodes, reviews, missing = [_callum(rng)], list(_callums_spells()), [], []
    reviews += [{"CHILD": CHILD, "REVIEW": day, "REVIEW_CODE": "PN1"} for day in ("04/11/2025", "05/05/2026")]
    for number in range(2, min(children, MOST) + 1):
        child = f"{903_000 + number}"
        header.append(_child(rng, fake, child))
        episodes += _spells(rng, child)
        reviews += [
            {"CHILD": child, "REVIEW": date_between(rng, (2025, 2026)), "REVIEW_CODE": f"PN{rng.randint(0, 7)}"}
            for _ in range(rng.randint(0, 3))
        ]
        if rng.random() < 0.1:
            start = date_between(rng, (2026, 2026))
            missing.append({"CHILD": child, "MIS_START": start, "MIS_END": rng.choice((start, "")), "MISSING": "M"})
    return {
        "header": (HEADER, header),
        "episodes": (EPISODES, episodes),
        "reviews": (REVIEWS, reviews),
        "missing": (MISSING, missing),
    }


def _write(file: Path, columns: list[str], rows: list[Row]) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.DictWriter(opened, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _callum(rng: random.Random) -> Row:
    return {
        **CALLUM,
        "UPN": _upn(rng),
        "NHS_NUMBER": _nhs_number(rng),
        "TEAM_PHONE": "01632 960100",
        "MOTHER_PHONE": "07700 900042",
    }


def _callums_spells() -> tuple[Row, ...]:
    own = [name for name in EPISODES if name not in {"CHILD", "REASON_PLACE_CHANGE", "URN"}]
    return tuple({"CHILD": CHILD, **dict(zip(own, spell, strict=True))} for spell in SPELLS)


def _child(rng: random.Random, fake: Faker, child: str) -> Row:
    surname = fake.last_name().upper()
    may_be_adopted = rng.choices(("N", "Y", ""), (90, 5, 5))[0]
    placed = date_between(rng, (2025, 2026)) if may_be_adopted == "Y" else ""
    return {
        "CHILD": child,
        "NAME": dirty(rng, f"{fake.first_name().upper()} {surname}"),
        "SURNAME": dirty(rng, surname),
        "SEX": rng.choice(("1", "2", " 2")),
        "DOB": _born(rng),
        "ETHNIC": rng.choice(("WBRI", "MWBC", "APKN", "BAFR", "REFU", "wbri", "")),
        "UPN": _upn(rng) if rng.random() < 0.9 else rng.choice(("", "UN1")),
        "NHS_NUMBER": _nhs_number(rng) if rng.random() < 0.9 else rng.choice(("", "0000000000")),
        "UASC": rng.choices(("0", "1"), (9, 1))[0],
        "MOTHER": rng.choices(("0", "1", ""), (8, 1, 1))[0],
        "SOCIAL_WORKER": f"{fake.first_name()[0]}. {fake.last_name()}".upper(),
        "TEAM_PHONE": "01632 960100",
        "CONVICTED": rng.choices(("0", "1", ""), (8, 1, 1))[0],
        "DATE_PLACED": placed,
        "PROTECTED": rng.choices(("N", "Y", "", "?"), (88, 6, 4, 2))[0],
        "DECEASED": "N",
        "MAY_BE_ADOPTED": may_be_adopted,
        **_mother(rng, fake, child, surname),
        **_health(rng),
    }


def _born(rng: random.Random) -> str:
    """Return a birth date, now and then in the spelling of the system before."""
    if rng.random() < 0.02:
        return rng.choice(("00/00/0000", "31/02/2014", ""))
    born = date_between(rng, (2009, 2025))
    return born if rng.random() > 0.1 else f"{born[6:]}-{born[3:5]}-{born[:2]}"


def _mother(rng: random.Random, fake: Faker, child: str, surname: str) -> Row:
    if rng.random() < 0.1:
        return {}
    return {
        "MOTHER_REF": f"M{child}",
        "MOTHER_NAME": f"{fake.first_name_female().upper()} {surname}",
        "MOTHER_DOB": date_between(rng, (1975, 2000)),
        "MOTHER_PHONE": fake.cellphone_number(),
        "MOTHER_HEALTH": rng.choice(("", "", "EPILEPSY", "SICKLE CELL TRAIT")),
    }


def _health(rng: random.Random) -> Row:
    checks = ("HEALTH_CHECK", "IMMUNISATIONS", "TEETH_CHECK", "HEALTH_ASSESSMENT")
    return {
        **{name: rng.choice(("1", "1", "0", "")) for name in checks},
        "HEALTH_ASSESSED_ON": date_between(rng, (2025, 2025)),
        "SDQ_SCORE": rng.choice(("", str(rng.randint(0, 40)), "n/a")),
        "SDQ_REASON": rng.choice(("", "SDQ1", "SDQ3")),
        "SUBSTANCE_MISUSE": rng.choices(("0", "1"), (9, 1))[0],
        "INTERVENTION_RECEIVED": "0",
        "INTERVENTION_OFFERED": rng.choice(("0", "1")),
        "CONSENT_FOR_TREATMENT": rng.choice(("PR", "SH", "LA", "YP", "")),
    }


def _spells(rng: random.Random, child: str) -> list[Row]:
    begun, rows = 2019, []
    home = f"{rng.choice(AREAS)} {rng.randint(1, 9)}AB"
    for number in range(rng.randint(1, 4)):
        begun += rng.randint(1, 2)
        place = f"{rng.choice(AREAS)} {rng.randint(1, 9)}{rng.choice('ABDE')}{rng.choice('FGHJ')}"
        rows.append(
            {
                "CHILD": child,
                "DECOM": f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{begun}",
                "RNE": "S" if number == 0 else rng.choice("LPTBU"),
                "LS": rng.choice(("C1", "C2", "V2", "E1", "L2")),
                "CIN": f"N{rng.randint(1, 8)}",
                "PLACE": rng.choice(("U1", "U4", "U6", "K2", "H5", "P1", "P2", "A3", "Z1")),
                "PLACE_PROVIDER": f"PR{rng.randint(0, 5)}",
                "REC": rng.choice(("", "X1", "E11")),
                "REASON_PLACE_CHANGE": rng.choice(("", "CARPL", "OTHER")),
                "HOME_POST": home,
                "PL_POST": rng.choice((place, place, place.lower(), place.replace(" ", ""), "")),
                "URN": rng.choice(("", "SC000000")),
                "CONFIDENTIAL": rng.choices(("N", "Y", ""), (92, 4, 4))[0],
            }
        )
    return rows


def _upn(rng: random.Random) -> str:
    """Return a number whose check letter fits, of an authority that there is not."""
    number = f"999{rng.randint(0, 10**9 - 1):09}"
    return f"{upn.calc_check_digit(number)}{number}"


def _nhs_number(rng: random.Random) -> str:
    """Return a number of the range that is kept for made-up people (NHS Data Dictionary, NHS NUMBER: modulus 11)."""
    while True:
        digits = f"999{rng.randint(0, 10**6 - 1):06}"
        check = 11 - sum(int(one) * (10 - place) for place, one in enumerate(digits)) % 11
        if check != 10:  # such a number is never given
            return f"{digits}{check % 11}"

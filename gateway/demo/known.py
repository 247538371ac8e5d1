"""Whom may a developer ask a sandbox about, and what comes of each? Read from the made-up people themselves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pysqlite3

from gateway.demo.made_up import CHILDREN, HOUSING
from gateway.demo.making import REVENUES
from schemas.terms import Identity

NOT_CONFIRMED: Final = Identity.NOT_CONFIRMED
PROTECTED: Final = "found; whether the address is protected is yes, or was never asked: where they live stays"
DEAD: Final = "found; has died, which only the council may know"
ORDINARY: Final = "found and confirmed: an ordinary answer"
SPELLINGS: Final = ("%d/%m/%Y", "%Y%m%d", "%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A made-up person: the member `subject` to ask by, whether they are confirmed by it, and what comes."""

    dataset: str
    subject: Mapping[str, Any]
    identity: Identity
    says: str

    def document(self) -> dict[str, object]:
        """Return it JSON-ready."""
        return {"dataset": self.dataset, "subject": self.subject, "identity": self.identity.value, "says": self.says}


def known_people(directory: Path, *, most: int) -> list[KnownPerson]:
    """Return people of a sandbox, `most` of each dataset, some of each sort."""
    found = []
    for file, read in _READERS:
        if not (directory / file).is_file():
            continue
        with closing(pysqlite3.connect(f"{(directory / file).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found += _mixed(read(connection))[:most]
    return found


def _mixed(people: Iterable[KnownPerson]) -> list[KnownPerson]:
    """Put the first of each sort before the second of any, so that a short list has all; and name nobody twice."""
    seen: Counter[str] = Counter()
    places: dict[str, tuple[int, KnownPerson]] = {}
    for one in people:
        known = json.dumps(one.subject)
        if known not in places:
            places[known] = (seen[one.says], one)
            seen[one.says] += 1
    return [one for _, one in sorted(places.values(), key=lambda found: found[0])]


def _of_council_tax(connection: Any) -> Iterator[KnownPerson]:
    # By a property nobody is named: no agreement of the demo may release its reference in full.
    rows = connection.execute(
        "SELECT account_ref, lead_liab_surname, lead_birth_date, protected_ind, deceased_ind FROM ctaccount "
        "ORDER BY account_ref"
    ).fetchall()
    for account, surname, born, protected, dead in rows:
        confirm = _confirm(surname, born, "date_of_birth")
        if confirm is not None:
            yield _person("council-tax", {"account_ref": account, "confirm": confirm}, protected, dead)


def _of_housing(connection: Any) -> Iterator[KnownPerson]:
    rows = connection.execute(
        "SELECT tenancy, tenant_surname, tenant_born, protected, deceased FROM tenancies ORDER BY tenancy"
    ).fetchall()
    for tenancy, surname, born, protected, dead in rows:
        confirm = _confirm(surname, born, "date_of_birth")
        if confirm is not None:
            yield _person("housing-tenancies", {"tenancycode": tenancy, "confirm": confirm}, protected, dead)


def _of_children(connection: Any) -> Iterator[KnownPerson]:
    rows = connection.execute("SELECT CHILD, SURNAME, DOB, PROTECTED, DECEASED FROM header ORDER BY CHILD").fetchall()
    for child, surname, born, protected, dead in rows:
        confirm = _confirm(surname, born, "dob")
        if confirm is not None:
            yield _person("children-looked-after", {"child": child, "confirm": confirm}, protected, dead)


_READERS: Final[tuple[tuple[str, Callable[[Any], Iterator[KnownPerson]]], ...]] = (
    (REVENUES, _of_council_tax),
    (HOUSING, _of_housing),
    (CHILDREN, _of_children),
)


def _person(dataset: str, subject: Mapping[str, Any], protected: object, dead: object) -> KnownPerson:
    says = DEAD if dead == "Y" else PROTECTED if _is_protected(protected) else ORDINARY
    return KnownPerson(dataset, subject, Identity.CONFIRMED, says)


def _is_protected(marker: object) -> bool:
    return marker != "N"  # a blank is no no: nobody has asked


def _confirm(surname: object, born: object, detail: str) -> dict[str, str] | None:
    """Return confirming details that fit; None for somebody whose birth date is none."""
    for spelling in SPELLINGS:
        try:
            day = datetime.strptime(str(born).strip(), spelling).date()  # noqa: DTZ007 -- a day, not an instant
        except ValueError:
            continue
        return {"surname": str(surname).strip().title(), detail: day.isoformat()}
    return None

"""Which organisation is it? Its official codes, whom to reach there, and what it has shown of its security."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from schemas.instants import instant_after
from schemas.terms import AssuranceLevel, CodeScheme, ContactRole

# The shapes that their givers publish; whether a code was ever given, only they know.
_SHAPES: Final[Mapping[CodeScheme, tuple[str, str]]] = {
    CodeScheme.ODS: (r"[A-Z0-9]{3,8}", "3 to 8 letters and digits, such as RCF"),
    CodeScheme.ONS: (r"[EKNSW][0-9]{8}", "a letter and 8 digits, such as E08000032"),
    CodeScheme.COMPANIES_HOUSE: (r"[0-9]{8}|[A-Z]{2}[0-9]{6}", "8 digits, or 2 letters and 6 digits"),
    CodeScheme.CHARITY: (r"[0-9]{6,7}|SC[0-9]{6}|NIC[0-9]{6}", "6 or 7 digits, or SC or NIC and 6 digits"),
    CodeScheme.UKPRN: (r"1[0-9]{7}", "8 digits that begin with 1"),
    CodeScheme.URN: (r"[1-9][0-9]{5}", "6 digits"),
}
_EMAIL: Final = re.compile(r"[^\s@<>\"(),;:\\]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII | re.IGNORECASE)
_TELEPHONE: Final = re.compile(r"\+?[0-9][0-9 ()-]{5,24}", re.ASCII)
LONGEST_NAME: Final = 200


class OrganisationError(ValueError):
    """What is said of an organisation can't be so; says what is wrong and what it should look like."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody to reach at a partner. A person's name may stand here: it is shown to the council's offices alone."""

    role: ContactRole
    name: str
    email: str | None = None
    telephone: str | None = None


@dataclass(frozen=True, slots=True)
class PartnerAssurance:
    """What a partner has shown, by which evidence; it counts to the end of its last day in London."""

    level: AssuranceLevel
    evidence: str
    checked_on: date
    expires_on: date

    @property
    def ends(self) -> datetime:
        """Return the first instant at which it counts no more."""
        return instant_after(self.expires_on)


def parse_official_code(scheme: CodeScheme, text: str) -> str:
    """Return an official code in its one spelling, or raise OrganisationError. Only its shape is checked."""
    shape, said = _SHAPES[scheme]
    found = "".join(text.split()).upper()
    if not re.fullmatch(shape, found, re.ASCII):
        raise OrganisationError(f"an official code of {scheme} is {said}")
    return found


def is_email(text: str) -> bool:
    """Tell whether a text is one plain email address; whether anybody reads it, nobody knows."""
    return text.isprintable() and _EMAIL.fullmatch(text) is not None


def check_contact(contact: Contact) -> None:
    """Raise OrganisationError for a contact that nobody could be reached by."""
    if not 0 < len(contact.name) <= LONGEST_NAME or not contact.name.isprintable():
        raise OrganisationError(f"a contact's name is 1 to {LONGEST_NAME} printable characters")
    if contact.email is None and contact.telephone is None:
        raise OrganisationError("a contact has an email address, a telephone number, or both")
    if contact.email is not None and not is_email(contact.email):
        raise OrganisationError("a contact's email is one address, such as dpo@harbour.example")
    if contact.telephone is not None and not _TELEPHONE.fullmatch(contact.telephone):
        raise OrganisationError("a contact's telephone is digits with spaces, such as +44 113 496 0000")


def check_assurance(assurance: PartnerAssurance, today: date) -> None:
    """Raise OrganisationError for an assurance without evidence, or whose days can't be."""
    if not 0 < len(assurance.evidence) <= LONGEST_NAME or not assurance.evidence.isprintable():
        raise OrganisationError(f"the evidence is a reference of 1 to {LONGEST_NAME} printable characters")
    if assurance.checked_on > today:
        raise OrganisationError("the day on which it was checked lies in the future")
    if assurance.expires_on < assurance.checked_on:
        raise OrganisationError("it would end before it was checked: put the days in order")


def live_levels(assurances: tuple[PartnerAssurance, ...], at: datetime) -> frozenset[AssuranceLevel]:
    """Return what counts at an instant."""
    return frozenset(one.level for one in assurances if at < one.ends)


def next_end(assurances: tuple[PartnerAssurance, ...], at: datetime) -> datetime | None:
    """Return the next instant at which one of them counts no more."""
    return min((one.ends for one in assurances if at < one.ends), default=None)

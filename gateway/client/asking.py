"""What is asked, about whom, by whom? Nothing here shows a person's details in its `repr`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypedDict

_SCENARIO: Final = re.compile(r"[a-z][a-z-]{0,63}", re.ASCII)  # it goes into a header


class Action(StrEnum):
    """What is done with a person's record: given, compared with claims, or only found."""

    READ = "read"
    VERIFY = "verify"
    MATCH = "match"


@dataclass(frozen=True, slots=True)
class Subject:
    """One data subject: a key of the dataset, its value, and the details that confirm whose it is.

    The value of a composite key is all its details, and nothing confirms them besides.
    `ref` is your own label, needed where many are asked about; `claims` are for verifying many.
    """

    key: str
    value: str | Mapping[str, str] = field(repr=False)
    confirm: Mapping[str, str] = field(default_factory=dict, repr=False)
    ref: str | None = None
    claims: Mapping[str, str | bool | int] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.value, str) and self.confirm:
            raise ValueError(f"the details of the composite key {self.key} are its value: leave confirm out")

    def body(self) -> dict[str, Any]:
        """Return the member `subject`."""
        if not isinstance(self.value, str):
            return {self.key: dict(self.value)}
        return {self.key: self.value, "confirm": dict(self.confirm)}

    def named_body(self) -> dict[str, Any]:
        """Return an item of `subjects`."""
        claimed = {} if self.claims is None else {"claims": dict(self.claims)}
        return {"ref": self.ref, **self.body(), **claimed}


@dataclass(frozen=True, slots=True)
class Caseworker:
    """The practitioner who asks, as you assert."""

    id: str = field(repr=False)
    name: str = field(repr=False)
    role: str
    organisation_code: str | None = None

    def body(self) -> dict[str, str]:
        """Return the member `caseworker`."""
        code = {} if self.organisation_code is None else {"organisation_code": self.organisation_code}
        return {"id": self.id, "name": self.name, "role": self.role, **code}


@dataclass(frozen=True, slots=True)
class Emergency:
    """A declared emergency: its kind, and the reason in words, which is recorded."""

    kind: str
    reason: str = field(repr=False)

    def body(self) -> dict[str, str]:
        """Return the member `emergency`."""
        return {"kind": self.kind, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Vouch:
    """You vouch for the caseworker by your own signature: your organisation's official code, and why they ask."""

    organisation: str
    reason: str = field(repr=False)
    device: str | None = field(default=None, repr=False)


class Said(TypedDict, total=False):
    """What may be said with a call, by keyword; `Matter` holds it."""

    agreement: str | None
    fields: Sequence[str] | None
    case_reference: str | None
    caseworker: Caseworker | None
    emergency: Emergency | None
    statement: str | None
    assessment: str | None
    vouch: Vouch | None
    scenario: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a call says beside its subject: the same for one person or many. `scenario` is for a sandbox alone."""

    agreement: str | None = None
    fields: Sequence[str] | None = None
    case_reference: str | None = field(default=None, repr=False)
    caseworker: Caseworker | None = None
    emergency: Emergency | None = None
    statement: str | None = field(default=None, repr=False)
    assessment: str | None = field(default=None, repr=False)
    vouch: Vouch | None = None
    scenario: str | None = None

    def __post_init__(self) -> None:
        if self.scenario is not None and not _SCENARIO.fullmatch(self.scenario):
            raise ValueError("scenario: give a name of the sandbox's list, such as consent-withdrawn")
        if self.vouch is not None and self.caseworker is None:
            raise ValueError("name the caseworker whom you vouch for")

    def body(self) -> dict[str, Any]:
        """Return the members that are given."""
        members = {
            "agreement": self.agreement,
            "fields": None if self.fields is None else list(self.fields),
            "case_reference": self.case_reference,
            "caseworker": self.caseworker.body() if self.caseworker else None,
            "emergency": self.emergency.body() if self.emergency else None,
            "statement": self.statement,
            "assessment": self.assessment,
        }
        return {name: value for name, value in members.items() if value is not None}

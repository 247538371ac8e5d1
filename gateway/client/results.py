"""What comes back? Frozen values, made from bytes whose receipt has been verified; no `repr` shows a person's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.checking.verify import Verified


@dataclass(frozen=True, slots=True)
class Released:
    """A field that came, and its form. Money is text; a band a mapping of `from` and `below`. `forms` are a group's."""

    value: Any = field(repr=False)
    form: str
    forms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Withheld:
    """A field that stayed: why, and what would change that."""

    field: str
    reason: str
    remedy: str
    detail: str
    see: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """What binds you with the data: use, passing on, keeping."""

    use_for: tuple[str, ...]
    onward: str
    retain: str
    until: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One verified answer about one person. `raw` are the exact bytes that verify, with their receipt: keep them.

    `refused` is true where request-time facts alone permitted nothing (403): then nobody was looked for.
    """

    disclosure_id: str
    ref: str | None
    outcome: str
    identity: str
    refused: bool
    agreement: str | None
    agreement_version: int | None
    agreement_digest: str | None
    next_version_from: str | None
    purpose: str | None
    decided_at: str
    as_at: str | None
    stale: bool
    fields: Mapping[str, Released] = field(repr=False)
    withheld: Mapping[str, Withheld] = field(repr=False)
    conditions: Conditions | None
    urgent_contact: str | None
    assurance: str | None
    raw: bytes = field(repr=False)
    verified: Verified = field(repr=False)

    @property
    def is_confirmed(self) -> bool:
        """Tell whether the person was found and confirmed."""
        return self.identity == "confirmed"

    def said(self, name: str) -> bool | None:
        """Return what was said of a claim: True, False, or None where it has no answer. None is not a no."""
        found = self.fields.get(name)
        return None if found is None else {"yes": True, "no": False}.get(str(found.value))


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that was asked for again: verified down to its entry. `answers` is true where the answer was at hand."""

    entry_id: str
    index: int
    size: int
    at: str
    outcome: str
    raw: bytes = field(repr=False)
    answers: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """One of your own agreements, as it stands today. What it lists has no receipt: it is about nobody."""

    id: str
    version: int
    digest: str
    purpose: str
    dataset: str
    first_day: str
    last_day: str
    in_force: bool
    next_version_from: str | None
    requires: tuple[str, ...]
    roles: tuple[str, ...]
    keys: Mapping[str, Any]
    releases: tuple[Mapping[str, Any], ...]
    limits: Mapping[str, int | None]
    left: Mapping[str, int]
    urgent_contact: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would be decided, about nobody: per field the forms and lines, or the reason and its remedy."""

    agreement: str | None
    permits: bool
    fields: Mapping[str, Mapping[str, Any]]


def answer_of(disclosure: Mapping[str, Any], verified: Verified, *, raw: bytes, refused: bool) -> Answer:
    """Return a disclosure as a value; only for one that was verified. KeyError or TypeError where it has another shape."""
    agreement, record, contacts = disclosure["agreement"], disclosure["record"], disclosure["contacts"]
    return Answer(
        disclosure_id=disclosure["disclosure_id"],
        ref=disclosure.get("ref"),
        outcome=disclosure["outcome"],
        identity=disclosure["identity"],
        refused=refused,
        agreement=agreement["id"],
        agreement_version=agreement["version"],
        agreement_digest=agreement["digest"],
        next_version_from=agreement["next_version_from"],
        purpose=disclosure["purpose"],
        decided_at=disclosure["decided_at"],
        as_at=record["as_at"],
        stale=record.get("stale", False),
        fields={name: Released(one["value"], one["form"], one.get("forms", {})) for name, one in record["fields"].items()},
        withheld={one["field"]: _withheld(one) for one in disclosure["withheld"]},
        conditions=_conditions(disclosure["conditions"]),
        urgent_contact=contacts["urgent"],
        assurance=(disclosure["caseworker"] or {}).get("assurance"),
        raw=raw,
        verified=verified,
    )


def _withheld(one: Mapping[str, str]) -> Withheld:
    return Withheld(one["field"], one["reason"], one["remedy"], one["detail"], one["see"])


def _conditions(given: Mapping[str, Any] | None) -> Conditions | None:
    if given is None:
        return None
    retain = given["retain"]
    return Conditions(tuple(given["use_for"]), given["onward"], retain["rule"], retain["until"])


def agreement_of(listed: Mapping[str, Any]) -> Agreement:
    """Return an agreement as `GET /v1/agreements` lists it; KeyError where it lists another thing."""
    names = ("id", "version", "digest", "purpose", "dataset", "first_day", "last_day", "in_force", "next_version_from")
    return Agreement(
        **{name: listed[name] for name in names},
        requires=tuple(listed["requires"]),
        roles=tuple(listed["roles"]),
        keys=listed["keys"],
        releases=tuple(listed["releases"]),
        limits=listed["limits"],
        left=listed["left"],
        urgent_contact=listed["urgent_contact"],
    )

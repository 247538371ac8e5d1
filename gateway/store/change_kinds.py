"""Which changes need a second person, who may propose and who decide each, and what makes it so? One row a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from audit.format.entry import Kind
from audit.writing.item import Within
from gateway.oauth.clients import Role
from gateway.sources.mapping import read_mapping
from gateway.store import resting
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.partners import Partners
from gateway.store.registrations import Registrations
from gateway.store.staffing import Staffing
from gateway.store.state import Reader
from gateway.store.texts import Texts
from policies.reading.findings import did_you_mean
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.terms import Environment

Content = Mapping[str, Any]
Roles = frozenset[Role]


@dataclass(frozen=True, slots=True)
class Tools:
    """By what changes are made so. With `approval`, every entry says how it was decided."""

    entries: Entries
    controller: str
    environment: Environment
    check_uri: Callable[[str], None]

    def saying(self, key: str) -> Tools:
        """Return what makes the same changes, whose entries say the rows of this key too."""
        return replace(self, entries=self.entries.with_names((key,)))

    def texts(self, approval: Content) -> Texts:
        """Return what publishes texts."""
        return Texts(self.entries.with_names(approval=dict(approval)), self.controller)

    def registrations(self, approval: Content) -> Registrations:
        """Return what lets clients in."""
        entries = self.entries.with_names(approval=dict(approval))
        return Registrations(entries, Partners(entries, self.environment))

    def staffing(self, approval: Content) -> Staffing:
        """Return what says how many people decide."""
        return Staffing(self.entries.with_names(approval=dict(approval)))


@dataclass(frozen=True, slots=True)
class ChangeKind:
    """One kind of change. `members` are its content's, each with its type; `about` names what it changes.

    `apply` gives the change that approving makes so; it writes an entry of the kind that the change itself has.
    `alone`: who makes it as one person, where the council is too small for two.
    """

    name: str
    members: Mapping[str, type]
    proposers: Roles
    approvers: Roles
    about: Callable[[Content], str]
    rests_on: Callable[[Reader, Content], resting.Resting]
    apply: Callable[[Tools, Content, Content, str], Within]
    proposed_as: Kind = Kind.CHANGE_PROPOSED
    rejected_as: Kind = Kind.CHANGE_REJECTED
    alone: Roles = frozenset({Role.DPO, Role.APPROVER})
    others_read: Roles = frozenset({Role.DPO, Role.AUDITOR})

    @property
    def readers(self) -> Roles:
        """Return who is shown all of it: who may propose or decide; and who advises or audits, but for addresses."""
        return self.proposers | self.approvers | self.others_read

    def checked(self, content: Content) -> dict[str, Any]:
        """Return the content, or raise ChangeRefusedError where a member is missing, unknown or of another type."""
        wrong = [name for name, of in self.members.items() if type(content.get(name)) is not of]
        wrong += [name for name in content if name not in self.members]
        if wrong:
            wanted = ", ".join(f"{name} ({of.__name__})" for name, of in self.members.items()) or "nothing more"
            raise ChangeRefusedError(f"a change of kind {self.name} takes {wanted}: mend {min(wrong)}")
        return dict(content)


_EDITORS: Final = frozenset({Role.AUTHOR, Role.DPO, Role.APPROVER})
_OWNERS: Final = frozenset({Role.APPROVER})
_KEEPERS: Final = frozenset({Role.ADMINISTRATOR, Role.APPROVER})
_DOORKEEPERS: Final = frozenset({Role.DPO, Role.ADMINISTRATOR})
_TEXT: Final = {"text": str}


def _agreement(content: Content) -> str:
    found = parse_agreement(content["text"])
    return f"agreement {found.id}@{found.version}"


def _core(content: Content) -> str:
    found = parse_core(content["text"])
    return f"{'council' if found.is_council else 'core'} {found.id}@{found.version}"


def _dataset(content: Content) -> str:
    found = parse_dataset(content["text"])
    return f"dataset {found.id}@{found.version}"


def _mapping(content: Content) -> str:
    found, _, _ = read_mapping(content["text"])
    return f"source {found.dataset}, version {found.version}"


def _publish_mapping(tools: Tools, content: Content, approval: Content, by: str) -> Within:
    return tools.texts(approval).publish_mapping(content["text"], by=by, unchecked=content["unchecked"])


def _let_in(tools: Tools, content: Content, approval: Content, by: str) -> Within:
    doors = tools.registrations(approval)
    return doors.approve(content["client"], digest=content["client_digest"], by=by, check_uri=tools.check_uri)


AGREEMENT: Final = ChangeKind(
    "agreement",
    _TEXT,
    proposers=_EDITORS,
    approvers=_OWNERS,
    about=_agreement,
    rests_on=lambda reader, content: resting.under_agreement(reader, content["text"]),
    apply=lambda tools, content, approval, by: tools.texts(approval).publish_agreement(content["text"], by=by),
    proposed_as=Kind.AGREEMENT_PROPOSED,
    rejected_as=Kind.AGREEMENT_REJECTED,
)
CORE: Final = ChangeKind(
    "core",
    _TEXT,
    proposers=_EDITORS,
    approvers=_OWNERS,
    about=_core,
    rests_on=lambda reader, content: resting.under_core(reader, content["text"]),
    apply=lambda tools, content, approval, by: tools.texts(approval).publish_core(content["text"], by=by),
)
DATASET: Final = ChangeKind(
    "dataset",
    _TEXT,
    proposers=_EDITORS | {Role.ADMINISTRATOR},
    approvers=_OWNERS,
    about=_dataset,
    rests_on=lambda reader, content: resting.under_dataset(reader, content["text"]),
    apply=lambda tools, content, approval, by: tools.texts(approval).publish_dataset(content["text"], by=by),
)
SOURCE: Final = ChangeKind(
    "source",
    {"text": str, "unchecked": bool},
    proposers=frozenset({Role.ADMINISTRATOR}),
    approvers=_KEEPERS,
    about=_mapping,
    rests_on=lambda reader, content: resting.under_mapping(reader, content["text"]),
    apply=_publish_mapping,
    alone=_KEEPERS,
    others_read=frozenset(),  # the address of a council's system stands in it
)
REGISTRATION: Final = ChangeKind(
    "registration",
    {"client": str, "client_digest": str},
    proposers=_DOORKEEPERS,
    approvers=_DOORKEEPERS | _OWNERS,
    about=lambda content: f"client {content['client']}",
    rests_on=lambda reader, content: resting.under_registration(reader, content["client"]),
    apply=_let_in,
    alone=_DOORKEEPERS,
)
ONE_PERSON: Final = ChangeKind(
    "one-person",
    {},
    proposers=_DOORKEEPERS | _OWNERS,
    approvers=_OWNERS,
    about=lambda _content: "how many people decide",
    rests_on=lambda reader, _content: resting.under_staffing(reader),
    apply=lambda tools, _content, approval, by: tools.staffing(approval).approved_one(reason=approval["reason"], by=by),
)
CHANGE_KINDS: Final = {one.name: one for one in (AGREEMENT, CORE, DATASET, SOURCE, REGISTRATION, ONE_PERSON)}


def kind_called(name: str) -> ChangeKind:
    """Return a kind of change by its name, or raise ChangeRefusedError."""
    found = CHANGE_KINDS.get(name)
    if found is None:
        raise ChangeRefusedError(f"no kind of change is called {name[:50]}. {did_you_mean(name[:50], CHANGE_KINDS)}")
    return found

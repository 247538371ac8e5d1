"""Do the live agreements still hold together, under what was just published or under other decision semantics?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

from audit.stores.connection import Connection
from audit.writing.item import Moment
from gateway.store.draft_checks import check_agreement, newest_versions
from gateway.store.entries import ChangeRefusedError
from gateway.store.live import binding_cores
from gateway.store.mapping_checks import check_mapping
from gateway.store.state import Reader
from policies.checking.core_rules import core_draft
from policies.checking.dataset_checks import dataset_draft
from policies.checking.may_publish import mosaic_warnings, warnings
from policies.deciding.bind import bind
from policies.reading.findings import Finding, TextError
from policies.reading.parse import parse_agreement
from schemas.agreement import Agreement, RuleSet
from schemas.instants import london_day
from schemas.semantics import NEWEST, Semantics

Name = tuple[str, int]


@dataclass(frozen=True, slots=True)
class LiveTexts:
    """The agreements that are live at an instant, with what was wrong with them before a change.

    A text that was published under older semantics may have flaws that nobody refused then: a change is refused for
    those that it makes, and for no others.
    """

    moment: Moment
    flaws: Mapping[Name, frozenset[str]]

    @classmethod
    def before(cls, connection: Connection, moment: Moment) -> Self:
        """Return the live agreements as they stand before a change."""
        reader = Reader(connection)
        older = [(name, text, number) for name, text, number in _live(reader, london_day(moment.at)) if number < NEWEST]
        return cls(
            moment, {name: frozenset(one.message for one in _flaws(reader, text, number)) for name, text, number in older}
        )

    def check_after(self, connection: Connection) -> None:
        """Raise TextError where a live agreement no longer holds together under what was just written."""
        reader = Reader(connection)
        findings: list[Finding] = []
        for name, text, number in _live(reader, london_day(self.moment.at)):
            known = self.flaws.get(name, frozenset())
            new = [one for one in _flaws(reader, text, number) if one.message not in known]
            findings += [replace(one, message=f"{name[0]}@{name[1]}: {one.message}") for one in new]
        if findings:
            raise TextError(tuple(findings))


def bound_rules(reader: Reader, agreement: Agreement, number: int) -> RuleSet | None:
    """Return what an agreement means beside what is published; None where its dataset is not there."""
    dataset = reader.find_dataset(*agreement.dataset)
    if dataset is None:
        return None
    return bind(
        agreement,
        dataset=dataset,
        cores=binding_cores(reader, agreement),
        recipient_kinds=reader.partner_kinds(),
        semantics=Semantics(number, reader.floor()),
    )


def fallen(reader: Reader, on: date) -> Iterator[tuple[str, Finding]]:
    """Yield what is wrong with each live text, were it published today; of agreements of older semantics also what is
    worth a look.
    """
    live = list(_live(reader, on))
    for (name, version), text, number in live:
        findings = _flaws(reader, text, NEWEST)
        if not findings and number < NEWEST:
            findings = warnings(check_agreement(reader, text))
        yield from ((f"agreement {name}@{version}", one) for one in findings)
    agreements = [parse_agreement(text) for _, text, _ in live]
    kept: dict[str, set[Name]] = {
        "core": {core for one in agreements for core in one.follows},
        "council": set(),
        "dataset": {one.dataset for one in agreements},
        "mapping": set(),
    }
    for kind, named in kept.items():
        newest = newest_versions(reader, kind)
        for name, version, text, _ in reader.texts(kind):
            if version == newest[name] or (name, version) in named:
                what = f"the source of {name}" if kind == "mapping" else f"{kind} {name}@{version}"
                yield from ((what, one) for one in _refused(reader, kind, text))


def beside(reader: Reader, rules: RuleSet, on: date) -> list[RuleSet]:
    """Return the other live agreements over the same dataset that name a recipient of this one."""
    found = []
    for (name, _), text, number in _live(reader, on):
        other = parse_agreement(text)
        if (
            name == rules.agreement.id
            or other.dataset[0] != rules.dataset.id
            or not set(other.recipients) & set(rules.agreement.recipients)
        ):
            continue
        bound = bound_rules(reader, other, number)
        if bound is not None:
            found.append(bound)
    return found


def mosaics(reader: Reader, on: date) -> Iterator[tuple[str, Finding]]:
    """Yield, over all live agreements, what two of them would give together that a guardrail forbids."""
    for (name, version), text, number in _live(reader, on):
        rules = bound_rules(reader, parse_agreement(text), number)
        if rules is not None:
            yield from ((f"{name}@{version}", one) for one in mosaic_warnings(rules, beside(reader, rules, on)))


def _live(reader: Reader, on: date) -> Iterator[tuple[Name, str, int]]:
    for name, version, text, ended_at in reader.texts("agreement"):
        if ended_at is None and parse_agreement(text).ends_on >= on:
            yield (name, version), text, reader.number_of("agreement", name, version)


def _refused(reader: Reader, kind: str, text: str) -> tuple[Finding, ...]:
    """Return what would keep a text that is no agreement from being published today."""
    try:
        match kind:
            case "mapping":
                check_mapping(reader, text)
            case "dataset":
                dataset_draft(text)
            case _:
                core_draft(text, reader.datasets())
    except TextError as error:
        return error.findings
    return ()


def _flaws(reader: Reader, text: str, number: int) -> tuple[Finding, ...]:
    try:
        check_agreement(reader, text, number)
    except TextError as error:
        return error.findings
    except ChangeRefusedError as error:
        return (Finding(1, 1, str(error), "Publish it first."),)
    return ()

"""What is wrong with an agreement's text among all that is published? Everything at once.

A text may name what is not there: another version of a core, a recipient whose name is misspelt. Then the rest is looked
at as if the remedy had been taken, so that one mistake neither hides another nor makes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.sources.mapping import mapped_paths
from gateway.store.live import binding_cores
from gateway.store.resuming import resuming_flaws
from gateway.store.state import Reader
from policies.checking.may_publish import publication_flaws
from policies.deciding.bind import bind
from policies.reading.drafts import draft_slips
from policies.reading.findings import TextError, did_you_mean, nearest
from policies.reading.parse_agreement import read_agreement
from policies.reading.places import Flaw, located
from schemas.agreement import Agreement, Core, RuleSet
from schemas.dataset import Dataset
from schemas.semantics import NEWEST, Semantics
from schemas.terms import RecipientKind

Named = tuple[str, int]


def check_draft(reader: Reader, text: str, number: int = NEWEST) -> RuleSet:
    """Return a draft's rule set; raise TextError with all that keeps it from publication, as the next version of its id."""
    return _checked(reader, text, number, is_next=True)


def check_agreement(reader: Reader, text: str, number: int = NEWEST) -> RuleSet:
    """Return an agreement's rule set; raise TextError where it could not be published now."""
    return _checked(reader, text, number, is_next=False)


def _checked(reader: Reader, text: str, number: int, *, is_next: bool) -> RuleSet:
    read = read_agreement(text)
    slips = draft_slips(text) if number >= NEWEST else ()
    agreement = read.agreement
    flaws: list[Flaw] = []
    dataset = None if "dataset" in read.broken else _dataset(reader, agreement, flaws)
    kinds = _kinds(reader, agreement, flaws)
    agreement, stand_ins = _following(reader, agreement, flaws)
    rules = None
    if dataset is not None:
        doubts = read.broken | {str(flaw.way[0]) for flaw in flaws if _is_open(flaw, agreement, kinds)}
        agreement = replace(agreement, dataset=(dataset.id, dataset.version))
        rules = bind(
            agreement,
            dataset=dataset,
            cores=[*binding_cores(reader, agreement), *stand_ins],
            recipient_kinds=kinds,
            semantics=Semantics(number, reader.floor()),
        )
        mapped = mapped_of(reader, dataset)
        told = {flaw.way for flaw in flaws}
        flaws += [one for one in publication_flaws(rules, mapped=mapped, doubts=doubts) if one.way not in told]
    flaws += resuming_flaws(reader.connection, read.agreement) if is_next else []
    findings = dict.fromkeys((*read.findings, *slips, *located(text, flaws)))
    if findings or rules is None:
        raise TextError(findings)
    return rules


def mapped_of(reader: Reader, dataset: Dataset) -> frozenset[str] | None:
    """Return the paths that a dataset's source gives; None where none is mapped."""
    mapping = reader.find_mapping(f"{dataset.id}@{dataset.version}")
    return mapped_paths(mapping[0]) if mapping else None


def _is_open(flaw: Flaw, agreement: Agreement, kinds: Mapping[str, RecipientKind]) -> bool:
    """Tell whether nothing stands in for what a flaw is about."""
    member, *rest = flaw.way
    if member == "follows":
        return not agreement.follows[int(rest[0])][0]
    return member == "recipients" and agreement.recipients[int(rest[0])] not in kinds


# -- what is not there, and what may have been meant


def _dataset(reader: Reader, agreement: Agreement, flaws: list[Flaw]) -> Dataset | None:
    found = reader.find_dataset(*agreement.dataset)
    if found is not None:
        return found
    name, version = agreement.dataset
    meant, remedy = meant_version(name, newest_versions(reader, "dataset"), "Publish it first.")
    flaws.append(Flaw(("dataset",), f"dataset {name}@{version} is not published", remedy))
    return reader.find_dataset(*meant) if meant else None


def _kinds(reader: Reader, agreement: Agreement, flaws: list[Flaw]) -> dict[str, RecipientKind]:
    """Return the kinds of all partners, of those that are misspelt too."""
    kinds = dict(reader.partner_kinds())
    for place, name in enumerate(agreement.recipients):
        if name and name not in kinds:
            near = nearest(name, kinds)
            remedy = f"Did you mean {near}?" if near else "Register the partner first, or mend the name."
            flaws.append(Flaw(("recipients", place), f"recipient {name} is not registered", remedy))
            if near:
                kinds[name] = kinds[near]
    return kinds


def _following(reader: Reader, agreement: Agreement, flaws: list[Flaw]) -> tuple[Agreement, list[Core]]:
    """Return the agreement without cores that are not there, and the ones that stand in for them under their names."""
    follows, stand_ins = list(agreement.follows), []
    published, councils = newest_versions(reader, "core"), newest_versions(reader, "council")
    for place, (name, version) in enumerate(agreement.follows):
        if not name or name in councils or reader.find_text("core", name, version):
            continue
        meant, remedy = meant_version(name, published, "Publish the core first.")
        flaws.append(Flaw(("follows", place), f"core {name}@{version} is not published", remedy))
        row = reader.find_text("core", *meant) if meant else None
        if row is None:
            follows[place] = ("", 0)
        else:
            stand_ins.append(replace(reader.readings.core(row[1]), id=name, version=version))
    return replace(agreement, follows=tuple(follows)), stand_ins


def newest_versions(reader: Reader, kind: str) -> dict[str, int]:
    """Return the newest version of each published text of a kind."""
    return {name: version for name, version, *_ in reader.texts(kind)}


def meant_version(name: str, published: Mapping[str, int], otherwise: str) -> tuple[Named | None, str]:
    """Return the version that a name may mean, with what to write instead."""
    if name in published:
        return (name, published[name]), f"{name}@{published[name]} is the newest."
    near = nearest(name, published)
    if near is not None:
        return (near, published[near]), f"Did you mean {near}@{published[near]}?"
    known = [f"{one}@{version}" for one, version in published.items()]
    return None, did_you_mean(name, known) if known else otherwise

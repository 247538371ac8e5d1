"""What does a dataset's text say? Chain law is checked here, so that no later room has to doubt it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from policies.reading.findings import Finding, TextError, did_you_mean
from policies.reading.parse_field import parse_field
from policies.reading.sections import (
    Section,
    choice,
    integer,
    listed,
    members,
    name,
    one_of,
    refused,
    slug,
    span,
    word,
)
from policies.reading.yaml_text import Members, Node, Scalar, read_document
from schemas.dataset import Dataset, Field, Group, Key
from schemas.forms import CHAINS, FieldType
from schemas.semantics import NEWEST
from schemas.terms import Classification, Tag

MOST_FIELDS: Final = 400
MOST_PEOPLE: Final = 8


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a field's text stands, for findings that only the whole dataset shows."""

    field: Field
    at: Node


def parse_dataset(text: str, number: int = NEWEST) -> Dataset:
    """Return the dataset that a text describes, or raise TextError with all that is wrong with it.

    The text is kept as it was written; `digest` is SHA-256 of its UTF-8 bytes. `number` is the semantics that it was
    published under: an older text keeps its words.
    """
    dataset, findings, _ = read_dataset(text, number)
    if findings:
        raise TextError(findings)
    return dataset


def read_dataset(text: str, number: int = NEWEST) -> tuple[Dataset, tuple[Finding, ...], frozenset[str]]:
    """Return a dataset as far as it can be read, what is wrong, and which members are not whole."""
    root = read_document(text)
    section = Section(root, "the dataset", keeps=True)
    dataset_id = section.need("dataset", slug)
    version = section.need("version", integer(1, 999_999))
    title = section.need("title", word)
    collected_for = section.need("collected_for", slug)
    collected_under = section.need("collected_under", slug)
    stale_after = section.may("stale_after", span, None)
    people = section.need("people", members(name, _person))
    keys = section.need("keys", _keys)
    plain = section.need("fields", lambda node: _all_fields(node, "", number))
    groups = section.may("groups", lambda node: _groups(node, number), ((), ()))
    no_protection = section.may("no_protection", word, None)
    placed = (*(plain or ()), *groups[1])
    dataset = Dataset(
        id=dataset_id or "",
        version=version or 0,
        title=title or "",
        collected_for=collected_for or "",
        collected_under=collected_under or "",
        stale_after=stale_after,
        people=people or {},
        keys={key.name: key for key, _ in keys or ()},
        fields=_fields(one.field for one in placed),
        groups={group.name: group for group in groups[0]},
        text=text,
        digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
        no_protection=no_protection,
    )
    # What stands in the text and can't be read is unknown to nobody.
    lost = _Lost(_names(root, "people") - dataset.people.keys(), _names(root, "fields") - dataset.fields.keys())
    findings = (*section.told(), *_whole(dataset, placed, lost), *_key_findings(dataset, keys or (), lost))
    found = {
        key.name: replace(key, finds=tuple(dataset.people)) if key.finds_place else key for key in dataset.keys.values()
    }
    return replace(dataset, keys=found), findings, frozenset(section.broken)


@dataclass(frozen=True, slots=True)
class _Lost:
    """The names of people and fields that stand in a text and can't be read."""

    people: frozenset[str] | set[str]
    fields: frozenset[str] | set[str]


def _names(root: Members, member: str) -> frozenset[str]:
    found = root.members.get(member)
    return frozenset(found[1].members) if found and isinstance(found[1], Members) else frozenset()


def _person(node: Node) -> str:
    section = Section(node, "a person")
    ref = section.need("ref", name)
    section.close()
    return ref


# -- keys


def _keys(node: Node) -> tuple[tuple[Key, Node], ...]:
    if not isinstance(node, Members) or not node.members:
        raise refused(node, "keys must name at least one key", "Write key: {finds: …, confirm: …}.")
    found: list[tuple[Key, Node]] = []
    findings: list[Finding] = []
    for at, value in node.members.values():
        try:
            found.append(_key(at, value))
        except TextError as error:
            findings += error.findings
    if findings:
        raise TextError(findings, kept=tuple(found))
    return tuple(found)


def _key(at: Scalar, node: Node) -> tuple[Key, Node]:
    section = Section(node, f"key {at.text}")
    finds_place = isinstance(found := section.need("finds", _finds), str)
    all_of = section.may("all_of", listed(name), ())
    if all_of:
        section.check("confirm" not in section.names(), "confirm", "`all_of` names the details already", "Take it out.")
        section.check("at_least" not in section.names(), "at_least", "of `all_of` every detail must fit", "Take it out.")
        section.check(len(all_of) > 1, "all_of", "one detail is no composite key", "Name two or more.")
        section.check(not finds_place, "finds", "a composite key finds persons", "Name whom it finds: [person].")
        confirm, at_least = all_of, len(all_of)
    else:
        confirm = section.need("confirm", listed(name))
        at_least = section.may("at_least", integer(1, 9), 1)
    section.close()
    roles = () if isinstance(found, str) else found
    return Key(name(at), roles, finds_place, confirm, at_least, all_of), at


def _finds(node: Node) -> str | tuple[str, ...]:
    return one_of("place")(node) if isinstance(node, Scalar) else listed(name)(node)


def _key_findings(dataset: Dataset, keys: tuple[tuple[Key, Node], ...], lost: _Lost) -> list[Finding]:
    found = []
    for key, at in keys:
        for known, gone, names, what in (
            (dataset.people, lost.people, key.finds, "person"),
            (_top_level(dataset), lost.fields, (*key.confirm, *key.named_by), "field"),
        ):
            found += [
                Finding(at.line, at.column, f"key {key.name} names an unknown {what} {one}", did_you_mean(one, known))
                for one in names
                if one not in known and one not in gone
            ]
        if key.all_of and key.name in dataset.fields:
            text = f"key {key.name} is composite, and a field has its name"
            found.append(Finding(at.line, at.column, text, "Give the key another name."))
        if key.at_least > len(key.confirm):
            text = f"key {key.name} wants {key.at_least} of {len(key.confirm)} confirming details"
            found.append(Finding(at.line, at.column, text, "Name more details, or want fewer."))
        if key.finds_place and key.at_least < 2:  # noqa: PLR2004 -- a surname alone is not a person at an address
            text = f"key {key.name} finds a place, and a place is not a person"
            found.append(Finding(at.line, at.column, text, "Write at_least: 2 or more."))
    return found


def _top_level(dataset: Dataset) -> list[str]:
    return [one for one in dataset.fields if "." not in one and one not in dataset.groups]


# -- fields


def _all_fields(node: Node, prefix: str, number: int) -> tuple[_Place, ...]:
    if not isinstance(node, Members) or not node.members:
        raise refused(node, "fields must name at least one field", "Write name: {type: …, label: …}.")
    if len(node.members) > MOST_FIELDS:
        raise refused(node, f"more than {MOST_FIELDS} fields", "Split the dataset.")
    found: list[_Place] = []
    findings: list[Finding] = []
    for at, value in node.members.values():
        try:
            found.append(_Place(parse_field(at, value, prefix, number), at))
        except TextError as error:
            findings += error.findings
    if findings:
        raise TextError(findings, kept=tuple(found))
    return tuple(found)


# -- groups


def _groups(node: Node, number: int) -> tuple[tuple[Group, ...], tuple[_Place, ...]]:
    if not isinstance(node, Members):
        raise refused(node, "groups must have members", "Write name: {label: …, order_by: …, fields: …}.")
    groups: list[Group] = []
    places: list[_Place] = []
    findings: list[Finding] = []
    for at, value in node.members.values():
        try:
            group, own = _group(at, value, number)
        except TextError as error:
            findings += error.findings
            continue
        groups.append(group)
        places += own
    if findings:
        raise TextError(findings, kept=(tuple(groups), tuple(places)))
    return tuple(groups), tuple(places)


def _group(at: Scalar, node: Node, number: int) -> tuple[Group, list[_Place]]:
    own = name(at)
    section = Section(node, f"group {own}")
    label = section.need("label", word)
    order_by = section.need("order_by", name)
    fields = section.need("fields", lambda inner: _all_fields(inner, own + ".", number))
    allowed = section.may("forms", listed(one_of(*CHAINS[FieldType.GROUP])), None)
    classification = section.may("classification", choice(Classification), Classification.PERSONAL)
    reveals = section.may("reveals", listed(choice(Tag)), ())
    of = section.may("of", name, None)
    section.close()
    paths = tuple(one.field.path for one in fields)
    if f"{own}.{order_by}" not in paths:
        text = f"group {own} is ordered by an unknown field {order_by}"
        raise refused(section.place("order_by"), text, did_you_mean(order_by, [one.split(".")[1] for one in paths]))
    chain = tuple(form for form in CHAINS[FieldType.GROUP] if allowed is None or form in allowed)
    header = Field(own, FieldType.GROUP, label, classification, chain, reveals=frozenset(reveals), of=of)
    return Group(own, label, f"{own}.{order_by}", paths), [_Place(header, at), *fields]


# -- what only the whole shows


def _fields(given: Iterable[Field]) -> dict[str, Field]:
    """Return the fields by their paths, each with its kin: a date, and the ages that derive from it, tell of each other."""
    found = {one.path: one for one in given}
    for base in {one.derived_from for one in found.values() if one.derived_from is not None} & found.keys():
        whole = {base, *(path for path, one in found.items() if one.derived_from == base)}
        found |= {path: replace(found[path], kin=frozenset(whole - {path})) for path in whole}
    return found


def _whole(dataset: Dataset, placed: tuple[_Place, ...], lost: _Lost) -> list[Finding]:
    found: list[Finding] = []
    seen: set[str] = set()
    for one in placed:
        field, at = one.field, one.at
        if field.path in seen:
            found.append(Finding(at.line, at.column, f"{field.path} stands here twice", "Rename one of them."))
        seen.add(field.path)
        if field.of is not None and field.of not in dataset.people and field.of not in lost.people:
            text = f"field {field.path} is of an unknown person {field.of}"
            found.append(Finding(at.line, at.column, text, did_you_mean(field.of, dataset.people)))
        base = dataset.fields.get(field.derived_from) if field.derived_from else None
        if field.derived_from in lost.fields:
            continue
        if field.derived_from and (base is None or base.type is not FieldType.DATE):
            text = f"field {field.path} must derive from a date"
            dates = [path for path, other in dataset.fields.items() if other.type is FieldType.DATE]
            found.append(Finding(at.line, at.column, text, did_you_mean(field.derived_from, dates)))
        elif base is not None and (base.of, base.classification) != (field.of, field.classification):
            text = f"field {field.path} derives from {base.path}, and is as much someone's and as sensitive as that"
            found.append(Finding(at.line, at.column, text, "Give both the same `of` and `classification`."))
    if len(dataset.people) > MOST_PEOPLE:
        found.append(Finding(1, 1, f"more than {MOST_PEOPLE} people in one record", "Split the dataset."))
    return found

"""What does a dataset's text say? Chain law is checked here, so that no later room has to doubt it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from policies.findings import Finding, TextError, did_you_mean
from policies.reading import (
    Section,
    boolean,
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
from policies.yaml_text import Members, Node, Scalar, read_document
from schemas.dataset import CHAINS, Dataset, Field, FieldType, Group, Key
from schemas.terms import Classification, Origin, SpecialCategory, Tag

MOST_FIELDS: Final = 400
MOST_PEOPLE: Final = 8
_DEFAULT_OVER: Final = 18


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a field's text stands, for findings that only the whole dataset shows."""

    field: Field
    at: Node


def parse_dataset(text: str) -> Dataset:
    """Return the dataset that a text describes, or raise TextError with all that is wrong with it.

    The text is kept as it was written; `digest` is SHA-256 of its UTF-8 bytes.
    """
    section = Section(read_document(text), "the dataset")
    dataset_id = section.need("dataset", slug)
    version = section.need("version", integer(1, 999_999))
    title = section.need("title", word)
    collected_for = section.need("collected_for", slug)
    collected_under = section.need("collected_under", slug)
    stale_after = section.may("stale_after", span, None)
    people = section.need("people", members(name, _person))
    keys = section.need("keys", _keys)
    plain = section.need("fields", _fields)
    groups = section.may("groups", _groups, ((), ()))
    section.close()
    placed = (*plain, *groups[1])
    dataset = Dataset(
        id=dataset_id,
        version=version,
        title=title,
        collected_for=collected_for,
        collected_under=collected_under,
        stale_after=stale_after,
        people=people,
        keys={key.name: key for key, _ in keys},
        fields={one.field.path: one.field for one in placed},
        groups={group.name: group for group in groups[0]},
        text=text,
        digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
    )
    findings = [*_whole(dataset, placed), *_key_findings(dataset, keys)]
    if findings:
        raise TextError(findings)
    keys_found = {key.name: replace(key, finds=tuple(people)) if key.finds_place else key for key in dataset.keys.values()}
    return replace(dataset, keys=keys_found)


def _person(node: Node) -> str:
    section = Section(node, "a person")
    ref = section.need("ref", name)
    section.close()
    return ref


# -- keys


def _keys(node: Node) -> tuple[tuple[Key, Node], ...]:
    if not isinstance(node, Members) or not node.members:
        raise refused(node, "keys must be a mapping with at least one key", "Write key: {finds: …, confirm: …}.")
    return tuple(_key(at, value) for at, value in node.members.values())


def _key(at: Scalar, node: Node) -> tuple[Key, Node]:
    section = Section(node, f"key {at.text}")
    finds_place = isinstance(found := section.need("finds", _finds), str)
    confirm = section.need("confirm", listed(name))
    at_least = section.may("at_least", integer(1, 9), 1)
    section.close()
    roles = () if isinstance(found, str) else found
    return Key(name(at), roles, finds_place, confirm, at_least), at


def _finds(node: Node) -> str | tuple[str, ...]:
    return one_of("place")(node) if isinstance(node, Scalar) else listed(name)(node)


def _key_findings(dataset: Dataset, keys: tuple[tuple[Key, Node], ...]) -> list[Finding]:
    found = []
    for key, at in keys:
        for known, names, what in (
            (dataset.people, key.finds, "person"),
            (_top_level(dataset), (*key.confirm, key.name), "field"),
        ):
            found += [
                Finding(at.line, at.column, f"key {key.name} names an unknown {what} {one}", did_you_mean(one, known))
                for one in names
                if one not in known
            ]
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


def _fields(node: Node) -> tuple[_Place, ...]:
    return _all_fields(node, "")


def _all_fields(node: Node, prefix: str) -> tuple[_Place, ...]:
    if not isinstance(node, Members) or not node.members:
        raise refused(node, "fields must be a mapping with at least one field", "Write name: {type: …, label: …}.")
    if len(node.members) > MOST_FIELDS:
        raise refused(node, f"more than {MOST_FIELDS} fields", "Split the dataset.")
    found, findings = [], []
    for at, value in node.members.values():
        try:
            found.append(_Place(_field(at, value, prefix), at))
        except TextError as error:
            findings += error.findings
    if findings:
        raise TextError(findings)
    return tuple(found)


def _field(at: Scalar, node: Node, prefix: str) -> Field:
    own = name(at)
    section = Section(node, f"field {prefix}{own}")
    type_ = section.need("type", choice(FieldType))
    label = section.need("label", word)
    classification = section.need("classification", choice(Classification))
    bands = section.may("bands", listed(integer(-1_000_000, 1_000_000_000)), ())
    step = section.may("step", integer(1, 1_000_000), None)
    over = section.may("over", integer(1, 120), None)
    base = section.may("from", name, None)
    groups = section.may("groups", members(word, word), None)
    allowed = section.may("forms", listed(name), None)
    categories = section.may("categories", listed(choice(SpecialCategory)), ())
    field = Field(
        path=prefix + own,
        type=type_,
        label=label,
        classification=classification,
        chain=(),
        categories=frozenset(categories),
        reveals=frozenset(section.may("reveals", listed(choice(Tag)), ())),
        origin=section.may("origin", choice(Origin), None),
        marker=section.may("marker", boolean, False),
        of=section.may("of", name, None),
        derived_from=prefix + base if base else None,
        bands=bands,
        step=step,
        code_groups=groups,
    )
    if type_ is not None:
        _check_field(section, field, over)
    section.close()
    return replace(field, chain=_chain(node, field, over, allowed))


def _check_field(section: Section, field: Field, over: int | None) -> None:
    kind, bands = field.type, field.bands
    check = section.check
    check(kind is not FieldType.GROUP, "type", "a group is not a field's type", "Write it under groups.")
    special = field.classification is Classification.SPECIAL_CATEGORY
    check(
        special == bool(field.categories),
        "classification",
        "special_category and categories go together",
        "Name the Article 9 categories of a special category field, and of no other.",
    )
    check(
        not field.marker or kind in {FieldType.BOOLEAN, FieldType.CODE},
        "marker",
        "a marker must be a boolean or a code",
        "Take `marker` out, or change the type.",
    )
    check(
        (kind is FieldType.AGE) == (field.derived_from is not None),
        "from",
        "`from` and the type age go together",
        "An age names the date that it derives from; nothing else does.",
    )
    banded = kind in {FieldType.AGE, FieldType.NUMBER, FieldType.MONEY}
    check(not bands or banded, "bands", f"a {kind.value} has no bands", "Take `bands` out.")
    check(list(bands) == sorted(set(bands)), "bands", "bands must rise", "Put the edges in order, each once.")
    check(
        field.step is None or kind in {FieldType.NUMBER, FieldType.MONEY},
        "step",
        f"a {kind.value} has no step",
        "Take `step` out.",
    )
    check(
        field.step is None or all(edge % field.step == 0 for edge in bands),
        "bands",
        f"every band edge must be a multiple of the step {field.step}",
        "Move the edge, or change the step.",
    )
    check(over is None or kind is FieldType.AGE, "over", f"a {kind.value} has no `over`", "Take it out.")
    check(
        over is None or not bands or over in bands,
        "over",
        f"bands must have an edge at {over}, so that over_{over} follows from the band",
        f"Add {over} to bands.",
    )
    check(
        (kind is FieldType.CODE) or field.code_groups is None,
        "groups",
        f"a {kind.value} has no groups",
        "Take `groups` out.",
    )


def _chain(node: Node, field: Field, over: int | None, allowed: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return what the dataset allows of the type's chain; a form that lacks what it needs is left out."""
    full = list(CHAINS[field.type])
    if field.type is FieldType.AGE:
        threshold = over or _DEFAULT_OVER
        follows = not field.bands or threshold in field.bands
        full = [*([f"over_{threshold}"] if follows else []), "band", "years"]
    missing = {
        "band": not field.bands,
        "rounded": field.step is None,
        "group": field.type is FieldType.CODE and field.code_groups is None,
    }
    chain = tuple(form for form in full if not missing.get(form, False))
    if allowed is None:
        return chain
    unknown = [form for form in allowed if form not in chain]
    if unknown:
        text = f"field {field.path} can't take the form {unknown[0]}"
        raise refused(node, text, did_you_mean(unknown[0], chain))
    return tuple(form for form in chain if form in allowed)


# -- groups


def _groups(node: Node) -> tuple[tuple[Group, ...], tuple[_Place, ...]]:
    if not isinstance(node, Members):
        raise refused(node, "groups must be a mapping", "Write name: {label: …, order_by: …, fields: …}.")
    groups, places = [], []
    for at, value in node.members.values():
        group, own = _group(at, value)
        groups.append(group)
        places += own
    return tuple(groups), tuple(places)


def _group(at: Scalar, node: Node) -> tuple[Group, list[_Place]]:
    own = name(at)
    section = Section(node, f"group {own}")
    label = section.need("label", word)
    order_by = section.need("order_by", name)
    fields = section.need("fields", lambda inner: _all_fields(inner, own + "."))
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


def _whole(dataset: Dataset, placed: tuple[_Place, ...]) -> list[Finding]:
    found: list[Finding] = []
    seen: Mapping[str, int] = {}
    for one in placed:
        field, at = one.field, one.at
        if field.path in seen:
            found.append(Finding(at.line, at.column, f"{field.path} stands here twice", "Rename one of them."))
        seen = {**seen, field.path: at.line}
        if field.of is not None and field.of not in dataset.people:
            text = f"field {field.path} is of an unknown person {field.of}"
            found.append(Finding(at.line, at.column, text, did_you_mean(field.of, dataset.people)))
        base = dataset.fields.get(field.derived_from) if field.derived_from else None
        if field.derived_from and (base is None or base.type is not FieldType.DATE):
            text = f"field {field.path} must derive from a date"
            dates = [path for path, other in dataset.fields.items() if other.type is FieldType.DATE]
            found.append(Finding(at.line, at.column, text, did_you_mean(field.derived_from, dates)))
    if len(dataset.people) > MOST_PEOPLE:
        found.append(Finding(1, 1, f"more than {MOST_PEOPLE} people in one record", "Split the dataset."))
    return found

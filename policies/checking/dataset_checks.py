"""May a dataset be published, and what in it is worth a second look? What older texts left open is asked of new ones."""

from __future__ import annotations

from collections.abc import Iterator

from policies.deciding.naming import facts_in
from policies.reading.drafts import draft_slips
from policies.reading.findings import Finding, TextError
from policies.reading.parse_dataset import read_dataset
from policies.reading.places import Flaw, located
from schemas.dataset import Dataset, Key
from schemas.forms import FieldType
from schemas.terms import Tag

TWO = 2  # facts that tell a person from a neighbour, or a child from a parent


def dataset_draft(text: str) -> Dataset:
    """Return the dataset that a draft describes, or raise TextError with everything that keeps it from being published."""
    dataset, findings, broken = read_dataset(text)
    # The marker that is missing may be the field that can't be read.
    flaws = () if broken & {"fields", "groups"} else located(text, _flaws(dataset))
    found = dict.fromkeys((*findings, *draft_slips(text), *flaws))
    if found:
        raise TextError(found)
    return dataset


def dataset_warnings(dataset: Dataset) -> tuple[Finding, ...]:
    """Return what may be published and is still worth a second look."""
    return located(dataset.text, [*_thin_keys(dataset), *_codes(dataset), *_untagged(dataset)], "warning")


def _flaws(dataset: Dataset) -> Iterator[Flaw]:
    placed = [one for one in dataset.fields.values() if Tag.LOCATION in one.reveals]
    protected = any(Tag.LOCATION in one.protects and "." not in one.path for one in dataset.fields.values())
    if placed and not protected and dataset.no_protection is None:
        yield Flaw(
            _way(placed[0].path),
            f"{placed[0].path} reveals where somebody is, and no marker protects that",
            "Give the dataset a boolean marker with `protects: [location]`, or say `no_protection:` with the reason.",
        )
    if protected and dataset.no_protection is not None:
        yield Flaw(("no_protection",), "a marker protects where people are", "Take `no_protection` out.")


def _way(path: str) -> tuple[str, ...]:
    group, dot, own = path.partition(".")
    return ("groups", group, "fields", own) if dot else ("fields", path)


def _thin_keys(dataset: Dataset) -> Iterator[Flaw]:
    for key in dataset.keys.values():
        way = ("keys", key.name)
        facts = facts_in(key, key.confirm, dataset)
        if key.at_least < TWO:
            text = f"one detail finds a person by the key {key.name}, and as often the neighbour or the son"
            yield Flaw(way, text, "Write at_least: 2.")
        elif facts < key.at_least:
            text = f"the details of the key {key.name} are {_counted(facts)}: {_why(key)}"
            yield Flaw(way, text, "Name a detail that does not follow from the others.")


def _counted(facts: int) -> str:
    return "one fact" if facts == 1 else f"{facts} facts"


def _why(key: Key) -> str:
    return f"of {', '.join(key.confirm)} some follow from others, or from the key"


def _codes(dataset: Dataset) -> Iterator[Flaw]:
    for path, field in dataset.fields.items():
        if field.type is FieldType.CODE and field.codes is not None and not field.codes:
            text = f"{path} is a code without a list, so nothing in it is a value, and it never leaves"
            yield Flaw(_way(path), text, "List its `codes`, or say `open: true` where anything may stand in it.")


def _untagged(dataset: Dataset) -> Iterator[Flaw]:
    """Yield what by its type is a place and by its tags is none: then no safeguard and no rule on places is about it."""
    for path, field in dataset.fields.items():
        if field.type in {FieldType.POSTCODE, FieldType.UPRN} and Tag.LOCATION not in field.reveals:
            text = f"{path} is a place by its type, and does not say that it reveals one: no safeguard keeps it back"
            yield Flaw(_way(path), text, "Write `reveals: [location]`, unless it can be nobody's.")

"""How does a published text read aloud, to who answers for it? Its state comes first."""

from __future__ import annotations

from datetime import date
from typing import assert_never

from gateway.desk.shelf import state_text, text_of
from gateway.sources.export import Export
from gateway.sources.mapping import Database, Mapping, mapped_paths
from gateway.sources.upstream import Upstream
from gateway.store.entries import ChangeRefusedError
from gateway.store.live import binding_cores
from gateway.store.published import PublishedText
from gateway.store.state import Reader
from policies.deciding.bind import bind
from policies.reading.findings import TextError
from policies.telling.explain import explain_agreement
from policies.telling.explain_core import explain_core
from policies.telling.wording import listed
from schemas.agreement import RuleSet
from schemas.dataset import Dataset
from schemas.semantics import Semantics


def reading(reader: Reader, one: PublishedText, today: date) -> str:
    """Return a text read aloud, its state first. Ends with a newline."""
    try:
        return f"{state_text(one, today)}\n\n{_aloud(reader, one, text_of(one))}"
    except ChangeRefusedError:
        return f"{state_text(one, today)}\n"
    except TextError as error:
        why = f"It does not hold together any more, and so can't be read aloud; its text is kept as it was. {error}"
        return f"{state_text(one, today)}\n\n{why}\n"


def _aloud(reader: Reader, one: PublishedText, text: str) -> str:
    match one.kind:
        case "agreement":
            return explain_agreement(rules_of(reader, one))
        case "core" | "council":
            return explain_core(reader.readings.core(text))
        case "dataset":
            return _dataset(reader, reader.readings.dataset(text, reader.number_of("dataset", one.id, one.version)))
        case _:
            return _source(reader, reader.readings.mapping(text))


def rules_of(reader: Reader, one: PublishedText) -> RuleSet:
    """Return a published agreement with all that bounds it, as it counts."""
    parsed = reader.readings.agreement(one.text)
    found = reader.find_dataset(*parsed.dataset)
    if found is None:
        raise ChangeRefusedError(f"dataset {parsed.dataset[0]}@{parsed.dataset[1]} can't be read: restore the database")
    return bind(
        parsed,
        dataset=found,
        cores=binding_cores(reader, parsed),
        recipient_kinds=reader.partner_kinds(),
        semantics=Semantics(reader.number_of("agreement", one.id, one.version), reader.floor()),
    )


def _dataset(reader: Reader, found: Dataset) -> str:
    said = [
        f"{found.title} ({found.id}@{found.version}), for {found.collected_for}",
        f"source: {_source_of(reader, f'{found.id}@{found.version}')}",
    ]
    for field in found.fields.values():
        marks = [field.classification.value, *sorted(field.reveals), *(["marker"] if field.marker else [])]
        said.append(f"  {field.path:32} {field.type.value:10} {' < '.join(field.chain):40} {', '.join(marks)}")
    return "\n".join(said) + "\n"


def _source_of(reader: Reader, name: str) -> str:
    """Say of which kind a dataset's source is, where it is minimised, and since when it is mapped so."""
    mapping, row = reader.find_mapping(name), reader.find_text("mapping", name)
    if mapping is None or row is None:
        return "none mapped yet"
    mapped_at = reader.published_at("mapping", name, row[0])
    return f"{_kind_of(mapping[0])} ({mapping[0].source}, version {row[0]}, mapped {mapped_at:%Y-%m-%d %H:%M} UTC)"


def _source(reader: Reader, mapping: Mapping) -> str:
    name, _, version = mapping.dataset.partition("@")
    found = reader.find_dataset(name, int(version))
    given = mapped_paths(mapping)
    left = [path for path, field in found.fields.items() if path not in given and not field.derived_from] if found else []
    said = [
        f"{mapping.source}, version {mapping.version}: where the dataset {mapping.dataset} lies.",
        f"{_kind_of(mapping)}.",
        f"It gives {listed(sorted(given))}.",
        f"It leaves out {listed(left)}: always not_available." if left else "It leaves nothing out.",
    ]
    return "\n".join(said) + "\n"


def _kind_of(mapping: Mapping) -> str:
    match mapping.system:
        case Database():
            return "SQL, minimised at the source"
        case Upstream(select=None):
            return "HTTP, minimised at the door: it sends whole records, and what was not decided is dropped"
        case Upstream():
            return f"HTTP, minimised at the source: it is asked for single members by `{mapping.system.select}`"
        case Export():
            return "CSV, minimised at the door: files hold whole records, and what was not decided is dropped"
    assert_never(mapping.system)

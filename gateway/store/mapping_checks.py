"""What is wrong with a mapping's text, by itself and among what is published? Everything at once."""

from __future__ import annotations

from gateway.sources.mapping import Mapping, read_mapping
from gateway.sources.mapping_findings import mapping_findings
from gateway.store.draft_checks import meant_version, newest_versions
from gateway.store.state import Reader
from policies.reading.drafts import draft_slips
from policies.reading.findings import Finding, TextError
from policies.reading.places import Flaw, located
from schemas.dataset import Dataset


def check_mapping(reader: Reader, text: str) -> tuple[Mapping, Dataset, tuple[Finding, ...]]:
    """Return a mapping, its published dataset, and what is worth a look; raise TextError with all that is wrong with it.

    Where its dataset is misspelt, it is looked at as if it had the one that was meant.
    """
    mapping, findings, broken = read_mapping(text)
    dataset, flaws = _dataset(reader, mapping, broken)
    known = broken | {str(flaw.way[0]) for flaw in flaws}
    fitting = mapping_findings(mapping, dataset, known) if dataset is not None else ()
    errors = [one for one in fitting if one.severity == "error"]
    found = dict.fromkeys((*findings, *draft_slips(text), *located(text, flaws), *errors))
    if found or dataset is None:
        raise TextError(found)
    return mapping, dataset, fitting


def _dataset(reader: Reader, mapping: Mapping, broken: frozenset[str]) -> tuple[Dataset | None, tuple[Flaw, ...]]:
    if "dataset" in broken:
        return None, ()
    name, _, version = mapping.dataset.partition("@")
    found = reader.find_dataset(name, int(version))
    if found is not None:
        return found, ()
    meant, remedy = meant_version(name, newest_versions(reader, "dataset"), "Publish it first.")
    flaw = Flaw(("dataset",), f"dataset {mapping.dataset} is not published", remedy)
    return (reader.find_dataset(*meant) if meant else None), (flaw,)

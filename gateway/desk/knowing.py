"""Does the source know the person whom an operator names? Asked before anything is recorded of them.

A yes, a no or an opt-out that was recorded for nobody would look like one that counts, and hold nothing back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.sources.contract import Known, Source, SourceFailedError
from gateway.store.entries import ChangeRefusedError
from gateway.store.state import Reader
from policies.telling.wording import listed
from schemas.dataset import Dataset

SourceOf = Callable[[Dataset, Reader], Source]


@dataclass(frozen=True, slots=True)
class Looked:
    """Whom a reference names, as records yield it. `why_not`: why the source could not be asked, None where it was."""

    person: str
    why_not: str | None = None

    @property
    def unchecked(self) -> bool:
        """Tell whether nobody knows that the source knows them."""
        return self.why_not is not None


class PersonUnknownError(ChangeRefusedError):
    """The source has no record of the person. Nothing was recorded."""


async def look_up(dataset: str, person: str, *, reader: Reader, source_of: SourceOf) -> Looked:
    """Return whom a reference names, or raise PersonUnknownError; as it stands where the source can't be asked."""
    if not person.strip() or reader.find_text("dataset", dataset) is None:
        return Looked(person)  # refused where it is recorded, with what is wrong
    found = _mapped(dataset, reader)
    if found is None:
        return Looked(person, f"{dataset} is mapped to no source")
    try:
        known = await source_of(found, reader).knows(person)
    except SourceFailedError as error:
        return Looked(person, f"{error} ({error.why})")
    if known.form is None:
        raise PersonUnknownError(_nobody(dataset, person, known))
    return Looked(known.form)


def _mapped(name: str, reader: Reader) -> Dataset | None:
    """Return the newest version of a dataset that is mapped to a source."""
    versions = [one for one in reader.datasets() if one.id == name]
    return next((one for one in reversed(versions) if reader.find_mapping(f"{name}@{one.version}") is not None), None)


def _nobody(dataset: str, person: str, known: Known) -> str:
    near = f" Did you mean {listed(known.near, 'or')}?" if known.near else ""
    return f"no record of {dataset} has the person {person.strip()}.{near}"

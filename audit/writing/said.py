"""What have entries said of state keys, as far as they were followed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from audit.format.entry import STATE_KINDS, Kind
from audit.stores.checked import LogCorruptError
from audit.writing.item import LogUnavailableError

_STATE_KINDS: Final = frozenset(one.value for one in STATE_KINDS)
Change = tuple[int, str, Mapping[str, bytes]]  # an entry's index and kind, and what it says of state keys


class RowsDifferError(LogUnavailableError):
    """Rows of the state are not what the log says: nothing may rest on them. `key` names the state key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the rows of {key} are not what the log says of them: run `stile log check`")
        self.key = key


class Said(NamedTuple):
    """What the newest entry of a state key says: that entry's index, and what stands for the rows."""

    entry: int
    digest: bytes


@dataclass(slots=True)
class Told:
    """What entries say, as far as they were followed.

    `moved` is the index of the newest entry that moves the state, `shared` that of the newest one that moves it for others
    than one person or one token; `untold` that of the newest one that moves it and does not say what its rows are, as none
    did once; `adopted` that of the entry by which the rows of those were sealed.
    """

    keys: dict[str, Said]
    moved: int = -1
    shared: int = -1
    untold: int | None = None
    adopted: int | None = None

    def take(self, index: int, kind: str, sets: Mapping[str, bytes], personal: tuple[str, ...]) -> None:
        """Take what one entry says. Raises LogCorruptError for one that this log can't have."""
        if kind == Kind.STATE_ADOPTED:
            if self.adopted is not None:
                raise LogCorruptError(f"entry {index} adopts the state, as entry {self.adopted} did: once is all")
            self.adopted = index
        if kind in _STATE_KINDS:
            if not sets:
                if self.adopted is not None:
                    raise LogCorruptError(f"entry {index} does not say what it makes of the state")
                self.untold = index
            self.moved = index
            if not sets or not all(key.startswith(personal) for key in sets):
                self.shared = index
        for key, digest in sets.items():
            self.keys[key] = Said(index, digest)

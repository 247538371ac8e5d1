"""Under which rules does a published text count? `docs/semantics.md` lists what each number changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST: Final = 1  # texts that were published before texts had a number
NEWEST: Final = 2  # what this build publishes under, and the highest floor that it knows


@dataclass(frozen=True, slots=True)
class Semantics:
    """The number that an agreement was published under, and the floor: the least that counts for all.

    A tightening counts for every text from the floor's entry on (`semantics.changed`); a loosening only for texts
    that were published after it.
    """

    published: int = NEWEST
    floor: int = NEWEST

    def tightens(self, number: int) -> bool:
        """Tell whether what a number tightened counts for this text."""
        return max(self.published, self.floor) >= number

    def loosens(self, number: int) -> bool:
        """Tell whether what a number loosened counts for this text."""
        return self.published >= number

    @property
    def named(self) -> tuple[str, ...]:
        """Return what `rules_digest` takes of it: before the first floor, the one word that it took then."""
        return (str(FIRST),) if self.floor == FIRST else (str(self.published), str(self.floor))

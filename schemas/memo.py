"""What was worked out once, and need not be again? A bounded memory, which is emptied when it is full."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Known = TypeVar("Known", bound=Hashable)
Kept = TypeVar("Kept")


class Memo(Generic[Known, Kept]):
    """What was worked out, by everything that it was worked out of: at most `most` at a time.

    For any thread: at worst something is worked out twice, and one more a thread is kept. All goes at once: few memories
    ever fill, and to know which part is the oldest would cost each call. Where None may be kept, ask `holds` before `find`.
    """

    __slots__ = ("_kept", "find", "holds", "most")

    def __init__(self, most: int) -> None:
        self._kept: dict[Known, Kept] = {}
        self.most = most
        # The dictionary's own, for they stand in the way of every decision.
        self.find: Callable[[Known], Kept | None] = self._kept.get
        self.holds: Callable[[Known], bool] = self._kept.__contains__

    def keep(self, known: Known, worked_out: Kept) -> Kept:
        """Keep what was worked out, and return it."""
        if len(self._kept) >= self.most:
            self._kept.clear()
        self._kept[known] = worked_out
        return worked_out

    def clear(self) -> None:
        """Forget everything: what it was worked out of has changed."""
        self._kept.clear()

    def __getitem__(self, known: Known) -> Kept:
        """Return what is kept; KeyError where nothing is."""
        return self._kept[known]

    def __contains__(self, known: Known) -> bool:
        """Tell whether anything is kept."""
        return known in self._kept

    def __len__(self) -> int:
        """Return how much is kept."""
        return len(self._kept)

"""What do published texts say? Kept by the text itself, so that readers in any transaction may share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from gateway.sources.mapping import parse_mapping
from policies.deciding.bind import bind
from policies.deciding.compile import Compiled, compile_rules
from policies.reading.parse import parse_agreement, parse_core, parse_dataset
from schemas.semantics import Semantics
from schemas.terms import RecipientKind

KEPT: Final = 4_096
Text = tuple[str, int]  # a published text, and the decision semantics that it was published under


class Readings:
    """Parsed and compiled texts. A text says the same for ever, so nothing here goes stale. For any thread.

    The methods raise TextError for a text that can't be read.
    """

    def __init__(self) -> None:
        self.agreement = lru_cache(KEPT)(parse_agreement)
        self.core = lru_cache(KEPT)(parse_core)
        self.dataset = lru_cache(KEPT)(parse_dataset)
        self.mapping = lru_cache(KEPT)(parse_mapping)
        self._compiled = lru_cache(KEPT)(self._compile)

    def compiled(
        self,
        agreement: Text,
        *,
        dataset: Text,
        cores: Sequence[str],
        kinds: Mapping[str, RecipientKind],
        floor: int,
    ) -> Compiled:
        """Return an agreement's text compiled with the texts of all that bounds it."""
        named = self.agreement(agreement[0]).recipients
        registered = tuple((one, kinds[one]) for one in named if one in kinds)
        return self._compiled(agreement, dataset, tuple(cores), registered, floor)

    def _compile(
        self,
        agreement: Text,
        dataset: Text,
        cores: tuple[str, ...],
        kinds: tuple[tuple[str, RecipientKind], ...],
        floor: int,
    ) -> Compiled:
        rules = bind(
            self.agreement(agreement[0]),
            dataset=self.dataset(*dataset),
            cores=[self.core(text) for text in cores],
            recipient_kinds=dict(kinds),
            semantics=Semantics(published=agreement[1], floor=floor),
        )
        return compile_rules(rules)

"""What do published texts say? Kept by the text itself, so that readers in any transaction may share it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from gateway.sources.mapping import Mapping as SourceMapping
from gateway.sources.mapping import mapped_paths, parse_mapping
from policies.compile import Compiled, compile_rules
from policies.compose import compose
from policies.parse import parse_agreement, parse_core, parse_dataset
from schemas.terms import RecipientKind

KEPT: Final = 4_096


class Readings:
    """Parsed and compiled texts. A text says the same for ever, so nothing here goes stale. For any thread.

    The methods raise TextError for a text that does not hold together.
    """

    def __init__(self) -> None:
        self.agreement = lru_cache(KEPT)(parse_agreement)
        self.core = lru_cache(KEPT)(parse_core)
        self.dataset = lru_cache(KEPT)(parse_dataset)
        self.mapping = lru_cache(KEPT)(parse_mapping)
        self._compiled = lru_cache(KEPT)(self._compile)

    def compiled(
        self,
        agreement: str,
        *,
        dataset: str,
        cores: tuple[str, ...],
        kinds: Mapping[str, RecipientKind],
        mapping: str | None,
    ) -> Compiled:
        """Return an agreement's text compiled with the texts of all that bounds it."""
        named = self.agreement(agreement).recipients
        return self._compiled(agreement, dataset, cores, tuple((one, kinds[one]) for one in named if one in kinds), mapping)

    def _compile(
        self,
        agreement: str,
        dataset: str,
        cores: tuple[str, ...],
        kinds: tuple[tuple[str, RecipientKind], ...],
        mapping: str | None,
    ) -> Compiled:
        parsed: SourceMapping | None = self.mapping(mapping) if mapping is not None else None
        rules = compose(
            self.agreement(agreement),
            dataset=self.dataset(dataset),
            cores=[self.core(text) for text in cores],
            recipient_kinds=dict(kinds),
            mapped=mapped_paths(parsed) if parsed is not None else None,
        )
        return compile_rules(rules)

"""What is one person's part of an entry, and what is ready to be recorded?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from audit.format.commitment import SealingKey
from audit.format.entry import each_written
from audit.format.people import Leaf
from audit.stores.subject_keys import Whose
from audit.writing.item import Draft
from gateway.journey.answer import outcome_of
from gateway.journey.call import Ask
from gateway.journey.entry_keys import Keys
from gateway.journey.judge import Judgement
from gateway.limits.reached import Reached
from policies.deciding.claims import wrong_in
from schemas.decision import Record, Shaped
from schemas.terms import Action, Outcome


@dataclass(frozen=True, slots=True)
class Line:
    """One person of a round: what was judged and fetched of them, or what stands of it inside the transaction.

    `ref` is the caller's own label, where they ask about many; `reached` a limit that withholds this person alone;
    `guessed_at` are the references of those about whom no claim is answered today.
    """

    ask: Ask
    judged: Judgement
    record: Record | None
    ref: str | None = None
    reached: Reached | None = None
    guessed_at: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """One person's answer, ready: the disclosure's RFC 8785 bytes, and its leaves where it has any."""

    disclosure: bytes
    leaves: tuple[Leaf, ...]
    keys: Keys
    outcome: Outcome
    permits: bool
    wrong: frozenset[str]  # references of those about whom a claim was answered with no
    tripped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Answers ready to be recorded. They leave only with the receipt of their entry."""

    parts: tuple[Part, ...]
    draft: Draft

    @property
    def claims(self) -> dict[Whose, SealingKey]:
        """Return whose keys it is sealed under, but for the controller's."""
        found: dict[Whose, SealingKey] = {}
        for part in self.parts:
            found.update(part.keys.claims)
        return found

    @property
    def permits(self) -> bool:
        """Tell whether anything was permitted to anybody."""
        return any(part.permits for part in self.parts)

    @property
    def tripped(self) -> tuple[str, ...]:
        """Return the guardrails whose nets changed a result."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.tripped))


def roles_of(judged: Judgement) -> list[str]:
    """Return the roles of people whose own fields were asked for: each then has a leaf, whether or not they are there.

    From the request and the dataset alone, so that the number of leaves tells nothing of the record.
    """
    if judged.live is None:
        return []
    fields = judged.live.dataset.fields
    roles = {fields[path].of for path in judged.decision.fields if path in fields}
    return sorted(role for role in roles if role is not None)


def released_of(shaped: Shaped) -> dict[str, Any]:
    """Return the released fields, written: they stand in the disclosure, and are committed to one by one."""
    return each_written(shaped.fields)


def made_part(
    disclosure: bytes, leaves: tuple[Leaf, ...], keys: Keys, shaped: Shaped, line: Line, *, permits: bool
) -> Part:
    """Return a part from what was made of it."""
    is_to_verify = line.ask.request.action is Action.VERIFY
    wrong = refs_of(line.judged, wrong_in(shaped)) if is_to_verify else frozenset()
    return Part(disclosure, leaves, keys, outcome_of(shaped), permits, wrong, shaped.tripped)


def refs_of(judged: Judgement, paths: Iterable[str]) -> frozenset[str]:
    """Return the references of the people whose fields these are."""
    fields = judged.live.dataset.fields if judged.live is not None else {}
    return frozenset(judged.whose(path) for path in paths if path in fields)

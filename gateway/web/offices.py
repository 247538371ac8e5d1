"""Which offices may do what? One rule for a page or an address, whichever entrance it stands behind."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from gateway.oauth.clients import Role

SAFE: Final = frozenset({"GET", "HEAD"})  # by these a page or a call that has a rule only reads


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call an address; with `needs_fresh`, by a session only with a sign-in of the last minutes."""

    roles: frozenset[Role]
    needs_fresh: bool = False

    def lets(self, roles: AbstractSet[Role]) -> bool:
        """Tell whether one of these roles may."""
        return not self.roles.isdisjoint(roles)

    def by(self, method: str) -> Rule:
        """Return the rule of a call by this method: what changes nothing needs no fresh sign-in."""
        return Rule(self.roles) if method in SAFE else self

    def words(self) -> str:
        """Say whom it lets."""
        return ", ".join(sorted(self.roles))


_OFFICES: Final = frozenset(Role) - {Role.PARTNER}
ANYBODY: Final = Rule(_OFFICES)
ACTING: Final = Rule(_OFFICES, needs_fresh=True)  # to let a command line act as oneself
EVERYDAY: Final = Rule(frozenset({Role.DPO, Role.ADMINISTRATOR}))
EMERGENCIES: Final = Rule(frozenset({Role.DPO, Role.ADMINISTRATOR, Role.DUTY}))
PUBLISHING: Final = Rule(frozenset({Role.AUTHOR, Role.DPO, Role.APPROVER}), needs_fresh=True)  # an author proposes
DRAFTING: Final = Rule(PUBLISHING.roles)  # a text is looked at, and nothing is published
KEYS: Final = Rule(frozenset({Role.ADMINISTRATOR}), needs_fresh=True)
LETTING_IN: Final = Rule(frozenset({Role.DPO, Role.ADMINISTRATOR}), needs_fresh=True)
# Which of them may for a change of which kind stands with the kinds: gateway/store/change_kinds.py.
PROPOSING: Final = Rule(frozenset({Role.AUTHOR, Role.DPO, Role.APPROVER, Role.ADMINISTRATOR}), needs_fresh=True)
DECIDING: Final = Rule(frozenset({Role.APPROVER, Role.DPO, Role.ADMINISTRATOR}), needs_fresh=True)
ADVISING: Final = Rule(frozenset({Role.DPO}), needs_fresh=True)
AUDITING: Final = Rule(frozenset({Role.AUDITOR, Role.DPO}))
READING: Final = Rule(_OFFICES)
ADDRESSES: Final = Rule(frozenset({Role.ADMINISTRATOR}))  # where a council's systems lie

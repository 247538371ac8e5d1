"""How does what may leave change? Each change is written in the same transaction as its own entry.

Every method returns a `within`: hand it to the log, and when that has answered, no later entry discloses under
the old state. They raise ChangeRefusedError, or TextError for a text that does not hold together, inside the
transaction, and then nothing of the change is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from audit.format.state_rows import state_secret
from audit.writing.keyring import Keyring
from gateway.store.adopting import Adopting
from gateway.store.change_kinds import Tools
from gateway.store.client_keys import ClientKeys
from gateway.store.decisions import Decisions
from gateway.store.emergencies import Emergencies
from gateway.store.entries import ChangeRefusedError, Entries
from gateway.store.issuer_keys import IssuerKeyChanges
from gateway.store.locks import LockChanges
from gateway.store.operators import OperatorChanges
from gateway.store.organisations import Organisations
from gateway.store.partners import Partners
from gateway.store.people import People
from gateway.store.proposals import Proposals
from gateway.store.registrations import Registrations
from gateway.store.sign_ins import SignIns
from gateway.store.staffing import Staffing
from gateway.store.texts import Texts
from gateway.store.tokens import TokenChanges
from schemas.terms import Environment

__all__ = ["ChangeRefusedError", "Changes", "changes_of"]


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes that there are; and `entries`, by which what is no change of state is entered too."""

    texts: Texts
    partners: Partners
    organisations: Organisations
    people: People
    tokens: TokenChanges
    client_keys: ClientKeys
    registrations: Registrations
    issuer_keys: IssuerKeyChanges
    operators: OperatorChanges
    sign_ins: SignIns
    locks: LockChanges
    emergencies: Emergencies
    adopting: Adopting
    entries: Entries
    staffing: Staffing
    proposals: Proposals
    decisions: Decisions


def changes_of(
    *,
    keyring: Keyring,
    controller: str,
    new_id: Callable[[str, datetime], str],
    environment: Environment,
    check_uri: Callable[[str], None],
) -> Changes:
    """Return the changes of one council. `check_uri` raises JwksRefusedError where clients' keys may not lie."""
    entries = Entries(keyring, new_id, state_secret(keyring.named("index")))
    tools = Tools(entries, controller, environment, check_uri)
    partners = Partners(entries, environment)
    return Changes(
        Texts(entries, controller),
        partners,
        Organisations(entries),
        People(entries, keyring.named("index")),
        TokenChanges(entries),
        ClientKeys(entries),
        Registrations(entries, partners),
        IssuerKeyChanges(entries),
        OperatorChanges(entries, keyring.named("index")),
        SignIns(entries),
        LockChanges(entries),
        Emergencies(entries, keyring.named("index")),
        Adopting(entries),
        entries,
        Staffing(entries),
        Proposals(tools),
        Decisions(tools),
    )

"""Under which keys is a person's part of an entry sealed, and which of them does the entry claim?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from audit.format.commitment import SealingKey
from audit.stores.shelf import Key
from audit.stores.subject_keys import Whose
from audit.writing.item import Known
from audit.writing.key_shelf import Held
from audit.writing.key_shelf import key_of as persons_key
from gateway.journey.call import Ask
from gateway.journey.equipment import Services
from gateway.journey.judge import Judgement
from schemas.instants import london_day

Claim = tuple[Whose, SealingKey]  # and the key that they are to have


KeyOf = Callable[[Whose], SealingKey]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that one person's part of an entry is sealed under, and the references that they are claimed by.

    `others` are those of other people in the record, by their role.
    """

    controller: SealingKey
    subject: SealingKey
    caseworker: SealingKey
    others: dict[str, SealingKey]
    claims: tuple[Claim, ...]


def choose_keys(judged: Judgement, ask: Ask, services: Services, key_of: KeyOf, *, roles: Sequence[str] = ()) -> Keys:
    """Choose the keys of everybody concerned. Who has none yet is given one, which the append claims.

    `roles` are other people whose own fields were asked for; one who is not in the record has the subject's key.
    """
    claims: list[Claim] = []

    def claimed(ref: bytes) -> SealingKey:
        whose = whose_key(judged, ref)
        found = key_of(whose)
        claims.append((whose, found))
        return found

    controller = services.keyring.controller()
    subject = claimed(bytes.fromhex(judged.subject_ref))
    others = {role: claimed(bytes.fromhex(judged.refs[role])) if role in judged.refs else subject for role in roles}
    caseworker = claimed(ask.caseworker_ref) if ask.caseworker_ref is not None else controller
    return Keys(controller, subject, caseworker, others, tuple(claims))


def whose_key(judged: Judgement, ref: bytes) -> Whose:
    """Return which of a person's keys a call is sealed under: that of its agreement's retention class, and of its year."""
    retention_class = judged.live.agreement.retention_class if judged.live else "P6Y"
    return ref, retention_class, london_day(judged.at).year


def given_before(services: Services) -> KeyOf:
    """Return how keys are chosen before the transaction: as the reader's connection knows them."""
    return lambda whose: services.keyring.key_for(services.reader.connection, *whose)[0]


def held_now(known: Known) -> KeyOf:
    """Return how keys are chosen inside the transaction: as its rows tell. Raises NeedsError for those not read."""

    def key_of(whose: Whose) -> SealingKey:
        held: Held = known.one(persons_key(whose))
        return held.key

    return key_of


def claim_rows(claims: Mapping[Whose, SealingKey], known: Known) -> dict[Key, Held]:
    """Return the rows that claim those keys that are nobody's yet."""
    rows = known.all([persons_key(whose) for whose in claims])
    return {key: Held(held.key, is_claimed=True) for key, held in rows.items() if not held.is_claimed}


def are_held(claims: Mapping[Whose, SealingKey], known: Known) -> bool:
    """Tell whether these keys are still those that the rows tell, or that they would claim."""
    rows = known.all([persons_key(whose) for whose in claims])
    # The rows come in the order in which they were asked for.
    return [row.key.key_id for row in rows.values()] == [key.key_id for key in claims.values()]

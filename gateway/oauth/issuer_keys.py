"""Which of the gateway's own keys signs at an instant, which are published, and by which may a token have been signed?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gateway.oauth.access_token import LIFETIME

PUBLISHED_BEFORE: Final = 86_400  # seconds before a key signs: who keeps the set has it by then


@dataclass(frozen=True, slots=True)
class Turn:
    """One key's turn; instants are epoch seconds. `name` is its name in the key file."""

    kid: str
    name: str
    published_at: float
    signs_at: float
    revoked_at: float | None


@dataclass(frozen=True, slots=True)
class OnDuty:
    """The keys of an instant; it holds up to `until`."""

    signing: Turn
    accepted: tuple[Turn, ...]
    published: tuple[Turn, ...]
    until: float


def on_duty(turns: Sequence[Turn], now: float) -> OnDuty:
    """Return the keys of an instant. `turns` stand in the order in which they sign; one at least is not revoked.

    A key is accepted until the last token under it is over, and is published as long.
    """
    live = [one for one in turns if one.revoked_at is None]
    begun = [one for one in live if one.signs_at <= now] or live[:1]
    ends = {one.kid: after.signs_at + LIFETIME for one, after in pairwise(live)}
    accepted = tuple(one for one in begun if now < ends.get(one.kid, now + 1))
    known = {one.kid for one in accepted}
    published = tuple(one for one in live if one.kid in known or (one not in begun and one.published_at <= now))
    instants = [at for one in live for at in (one.published_at, one.signs_at, ends.get(one.kid, 0.0))]
    return OnDuty(begun[-1], accepted, published, min((at for at in instants if at > now), default=float("inf")))

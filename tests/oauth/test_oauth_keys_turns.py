"""Which of the gateway's own keys counts how at an instant: pure, and at each boundary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.oauth.access_token import LIFETIME
from gateway.oauth.issuer_keys import Turn, on_duty

FIRST = Turn("a", "issuer", 0.0, 0.0, None)
SECOND = Turn("b", "issuer.2", 1_000.0, 2_000.0, None)


@pytest.mark.parametrize(
    ("now", "signing", "accepted", "published"),
    [
        (999, "a", "a", "a"),
        (1_000, "a", "a", "ab"),
        (1_999, "a", "a", "ab"),
        (2_000, "b", "ab", "ab"),
        (2_000 + LIFETIME - 1, "b", "ab", "ab"),
        (2_000 + LIFETIME, "b", "b", "b"),
    ],
)
def test_one_signs_while_the_other_goes(now: float, signing: str, accepted: str, published: str) -> None:
    duty = on_duty((FIRST, SECOND), now)

    assert duty.signing.kid == signing
    assert "".join(one.kid for one in duty.accepted) == accepted
    assert "".join(one.kid for one in duty.published) == published


def test_a_revoked_key_counts_for_nothing() -> None:
    gone = Turn("a", "issuer", 0.0, 0.0, 1_500.0)

    duty = on_duty((gone, SECOND), 2_100)

    assert (duty.signing, duty.accepted, duty.published) == (SECOND, (SECOND,), (SECOND,))


def test_a_token_whose_instant_was_rounded_down_is_signed_all_the_same() -> None:
    """`--now`, and a token of the same second: its iat may lie before the new key's turn by a fraction."""
    gone = Turn("a", "issuer", 0.0, 0.0, 1_500.0)
    new = Turn("b", "issuer.2", 1_500.0, 1_500.0, None)

    assert on_duty((gone, new), 1_499).signing == new


@given(
    gaps=st.lists(st.integers(min_value=400, max_value=100_000), min_size=1, max_size=5),
    now=st.integers(min_value=0, max_value=600_000),
)
def test_whoever_signs_is_accepted_and_published(gaps: list[int], now: int) -> None:
    """And what was signed a moment before is accepted as long as it may live."""
    at, turns = 0.0, [FIRST]
    for number, gap in enumerate(gaps):
        at += gap
        turns.append(Turn(f"k{number}", f"issuer.{number + 2}", at - 300, at, None))

    duty = on_duty(turns, now)

    assert duty.signing in duty.accepted
    assert set(duty.accepted) <= set(duty.published)
    before = on_duty(turns, max(0, now - LIFETIME + 1)).signing
    assert before in duty.accepted
    assert duty.until > now
    assert on_duty(turns, min(duty.until - 0.5, now + 1_000_000)).signing == duty.signing

"""Does a bounded memory keep what it was given, no more than it may, and nothing once it was emptied?"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.memo import Memo


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 9), st.text(max_size=2))))
def test_what_is_found_is_what_was_kept_last(most: int, kept: list[tuple[int, str]]) -> None:
    """Whatever was emptied in between: found is what was put there, or nothing."""
    memo: Memo[int, str] = Memo(most)
    last: dict[int, str] = {}
    for known, value in kept:
        assert memo.keep(known, value) == value
        last[known] = value
        assert memo[known] == memo.find(known) == value
        assert len(memo) <= most
        assert all(memo.find(one) in {None, last[one]} for one in last)


def test_the_last_one_stands_alone_once_it_was_full() -> None:
    memo: Memo[int, int] = Memo(2)
    for known in (1, 2, 3):
        memo.keep(known, -known)

    assert (len(memo), memo.find(1), memo.find(2), memo.find(3)) == (1, None, None, -3)


def test_nothing_is_found_once_it_was_cleared() -> None:
    memo: Memo[str, int] = Memo(2)
    memo.keep("a", 1)
    memo.clear()

    assert (len(memo), memo.find("a"), "a" in memo) == (0, None, False)
    with pytest.raises(KeyError):
        memo["a"]


def test_a_none_that_is_kept_is_there() -> None:
    memo: Memo[str, None] = Memo(2)
    memo.keep("a", None)

    assert "a" in memo
    assert "b" not in memo


def test_threads_that_fill_it_together_keep_it_bounded() -> None:
    most, threads, numbers = 3, 4, count()
    memo: Memo[int, int] = Memo(most)

    def fill(_: int) -> int:
        seen = 0
        for _ in range(2_000):
            number = next(numbers)
            memo.keep(number, number)
            assert memo.find(number) in {None, number}
            seen = max(seen, len(memo))
        return seen

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(threads) as pool:
            assert max(pool.map(fill, range(threads))) <= most + threads
    finally:
        sys.setswitchinterval(before)

"""RetryPolicy: figures and bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.middleware.retries import LONGEST_DELAY, RetryPolicy


def test_the_default_is_60_300_900() -> None:
    policy = RetryPolicy()
    assert (policy.limit, [policy.delay(n) for n in (1, 2, 3)], policy.at_end) == (
        3,
        [60, 300, 900],
        "delete",
    )


def test_beyond_its_delays_the_last_one_stays() -> None:
    assert RetryPolicy(delays=(5, 7)).delay(9) == 7


def test_no_delays_no_retries() -> None:
    assert (RetryPolicy(delays=()).limit, RetryPolicy(delays=()).delay(1)) == (0, 0)


def test_back_off_doubles_up_to_the_longest() -> None:
    policy = RetryPolicy(first=10, retries=6, longest=120)
    assert [policy.delay(n) for n in range(1, 7)] == [10, 20, 40, 80, 120, 120]
    assert policy.limit == 6
    assert RetryPolicy(first=10).limit == 3


@given(
    first=st.floats(0, LONGEST_DELAY),
    factor=st.floats(1, 1000),
    longest=st.floats(0, LONGEST_DELAY),
    jitter=st.floats(0, 1),
    attempt=st.integers(1, 10_000),
)
def test_back_off_with_jitter_stays_in_its_bounds(
    first: float, factor: float, longest: float, jitter: float, attempt: int
) -> None:
    sure = RetryPolicy(first=first, factor=factor, longest=longest, retries=attempt)
    loose = RetryPolicy(first=first, factor=factor, longest=longest, retries=attempt, jitter=jitter)
    top = sure.delay(attempt)
    assert 0 <= top <= longest
    assert top == longest or top >= first
    assert top * (1 - jitter) * 0.999_999 <= loose.delay(attempt) <= top
    assert sure.delay(attempt + 1) >= top


@given(delays=st.lists(st.floats(0, LONGEST_DELAY), min_size=1, max_size=9), attempt=st.integers(1, 9))
def test_given_delays_are_kept_to(delays: list[float], attempt: int) -> None:
    assert RetryPolicy(delays=tuple(delays)).delay(attempt) in delays


def test_jitter_spreads_a_crowd() -> None:
    policy = RetryPolicy(delays=(100,), jitter=0.5)
    drawn = [policy.delay(1) for _ in range(200)]
    assert max(drawn) - min(drawn) > 25
    assert all(50 <= delay <= 100 for delay in drawn)


@pytest.mark.parametrize(
    "wrong",
    [
        {"jitter": -0.1},
        {"jitter": 1.1},
        {"delays": (-1,)},
        {"delays": (float("nan"),)},
        {"delays": (LONGEST_DELAY + 1,)},
        {"retries": 5},
        {"retries": -1, "first": 5},
        {"first": -1},
        {"first": float("inf")},
        {"factor": 0.5},
        {"factor": float("nan")},
        {"longest": -1},
        {"at_end": "forget"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RetryPolicy(**wrong)

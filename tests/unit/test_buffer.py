"""The ready buffer: threads take jobs by the weights of the queues, by priority and by age."""

from __future__ import annotations

import threading
import time
from collections import Counter
from queue import Empty
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.queue.buffer import ReadyBuffer
from infra.queue.run import Run
from infra.store.connections import Store

STORE = Store("common", "postgresql://nowhere")
_orders = iter(range(10**9))


def job(queue_name: str = "default", priority: int = 0, *, age: float = 0.0) -> Run:
    order = next(_orders)
    row = (f"job-{order}", queue_name, "run", "{}", 1, priority, order, 0.0, None, 0, None, None, None)
    made = Run(STORE, "lease", "worker", cast(Any, row))
    made.claimed_at -= age
    return made


def buffer_of(weights: dict[str, int]) -> ReadyBuffer:
    return ReadyBuffer(weights, lambda: None, lambda _: True)


def taken(buffer: ReadyBuffer, count: int) -> list[Run]:
    return [buffer.get_nowait() for _ in range(count)]


weights_of_queues = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 20), min_size=2, max_size=5)


@given(weights=weights_of_queues, rounds=st.integers(1, 6))
def test_shares_follow_the_weights(weights: dict[str, int], rounds: int) -> None:
    """While all queues have work, each gets its weight's share, give or take one job a queue."""
    total = sum(weights.values())
    buffer = buffer_of(weights)
    buffer.fill([job(name) for name in weights for _ in range(rounds * total + 1)])
    got = Counter(run.queue_name for run in taken(buffer, rounds * total))
    for name, weight in weights.items():
        assert abs(got[name] - rounds * weight) <= 1


@given(weights=weights_of_queues)
def test_no_queue_starves(weights: dict[str, int]) -> None:
    """Between two jobs of a queue there are no more others than the weights say."""
    total = sum(weights.values())
    buffer = buffer_of(weights)
    buffer.fill([job(name) for name in weights for _ in range(4 * total)])
    order = [run.queue_name for run in taken(buffer, 3 * total)]
    for name, weight in weights.items():
        turns = [n for n, taken_from in enumerate(order) if taken_from == name]
        longest = max(later - earlier for earlier, later in zip([-1, *turns], turns, strict=False))
        assert longest <= total / weight + len(weights)


@given(weights=weights_of_queues, alone=st.integers(0, 300))
def test_a_queue_that_was_empty_saves_up_no_turns_and_waits_for_none(
    weights: dict[str, int], alone: int
) -> None:
    first, second, *_ = sorted(weights, key=lambda name: -weights[name])
    buffer = buffer_of(weights)
    buffer.fill([job(second) for _ in range(alone + 100)])
    taken(buffer, alone)
    buffer.fill([job(first) for _ in range(100)])
    total = weights[first] + weights[second]
    got = Counter(run.queue_name for run in taken(buffer, min(total, 60)))
    assert got[first] >= 1
    expected = min(total, 60) * weights[first] / total
    assert abs(got[first] - expected) <= 2


def test_a_critical_job_is_next_whatever_waits() -> None:
    buffer = buffer_of({"critical": 6, "default": 3, "low-priority": 1})
    buffer.fill([job("low-priority") for _ in range(1_000)])
    taken(buffer, 500)
    urgent = job("critical")
    buffer.fill([urgent])
    assert buffer.get_nowait() is urgent


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=50))
def test_within_a_queue_priority_goes_before_age(priorities: list[int]) -> None:
    jobs = [job(priority=priority) for priority in priorities]
    buffer = buffer_of({"default": 1})
    buffer.fill(jobs)
    assert taken(buffer, len(jobs)) == sorted(jobs, key=lambda run: (run.priority, run.order))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=60))
def test_what_is_taken_back_is_gone_and_the_rest_stays_in_order(jobs: list[tuple[str, bool]]) -> None:
    buffer = buffer_of({"a": 2, "b": 1})
    made = [job(name, age=10.0 if old else 0.0) for name, old in jobs]
    buffer.fill(made)
    back = buffer.take_back(older_than=5.0)
    assert set(back) == {run for run, (_, old) in zip(made, jobs, strict=True) if old}
    assert buffer.waiting == len(made) - len(back)
    rest = taken(buffer, buffer.waiting)
    assert set(rest) == set(made) - set(back)
    for name in "ab":
        orders = [run.order for run in rest if run.queue_name == name]
        assert orders == sorted(orders)
    with pytest.raises(Empty):
        buffer.get_nowait()


def test_an_unknown_queue_is_served_too() -> None:
    buffer = buffer_of({"default": 3})
    buffer.fill([job("new"), job("default")])
    assert {run.queue_name for run in taken(buffer, 2)} == {"new", "default"}


def test_a_waiting_thread_takes_the_job_as_it_comes() -> None:
    buffer = buffer_of({"default": 1})
    got: list[Run] = []
    thread = threading.Thread(target=lambda: got.append(buffer.get(timeout=10)))
    thread.start()
    while not buffer.idle:
        time.sleep(0.001)
    only = job()
    buffer.fill([only])
    thread.join(10)
    assert got == [only]
    assert buffer.idle == 0


def test_without_a_job_it_is_empty_after_the_timeout() -> None:
    began = time.monotonic()
    with pytest.raises(Empty):
        buffer_of({"default": 1}).get(timeout=0.05)
    assert 0.04 < time.monotonic() - began < 1


def test_each_job_goes_to_one_thread() -> None:
    buffer = buffer_of({"a": 3, "b": 1})
    jobs = [job("ab"[n % 2]) for n in range(2_000)]
    got: list[Run] = []

    def work() -> None:
        while True:
            try:
                got.append(buffer.get(timeout=0.3))
            except Empty:
                return

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for start in range(0, len(jobs), 50):
        buffer.fill(jobs[start : start + 50])
    for thread in threads:
        thread.join(20)
    assert Counter(got) == Counter(jobs)


def test_a_job_that_may_not_start_is_passed_over() -> None:
    refused = job()
    good = job()
    buffer = ReadyBuffer({"default": 1}, lambda: None, lambda run: run is not refused)
    buffer.fill([refused, good])
    assert buffer.get_nowait() is good


def test_more_is_asked_for_before_it_runs_dry() -> None:
    asked = []
    buffer = ReadyBuffer({"default": 1}, lambda: asked.append(buffer.waiting), lambda _: True)
    buffer.low_water = 3
    buffer.fill([job() for _ in range(5)])
    taken(buffer, 5)
    assert asked == [2, 1, 0]

"""dramatiq's rate limiters on Postgres: what they promise, they promise to threads and processes together."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from dramatiq import RateLimitExceeded
from dramatiq.rate_limits import (
    Barrier,
    BucketRateLimiter,
    ConcurrentRateLimiter,
    WindowRateLimiter,
)

from infra.maintenance.pruner import prune
from infra.queue import actor
from infra.queue.broker import JobBroker
from infra.queue.rate_limits import PostgresRateLimits
from infra.settings import Settings
from infra.store.connections import Store
from tests.support.queue import execute, wait_until, working

ROOT = Path(__file__).resolve().parents[2]
LONG = 60_000


@pytest.fixture
def backend(store_url: str) -> PostgresRateLimits:
    return PostgresRateLimits(Store("common", store_url))


def expire(url: str, key: str) -> None:
    execute(url, "update common_jobs.limiter set expires_at = now() - interval '1 ms' where key = %s", (key,))


def at_once(work: Callable[[int], Any], times: int, threads: int = 8) -> list[Any]:
    start = threading.Barrier(threads)

    def one(number: int) -> Any:
        if number < threads:
            start.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(times)))


def elsewhere(url: str, program: str) -> subprocess.Popen[str]:
    """The program in a process of its own, with `backend` there."""
    head = (
        "from dramatiq.rate_limits import *\n"
        "from infra.queue.rate_limits import PostgresRateLimits\n"
        "from infra.store.connections import Store\n"
        f"backend = PostgresRateLimits(Store('common', {url!r}))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


# -- the counters


def test_a_counter_is_added_once(backend: PostgresRateLimits, store_url: str) -> None:
    assert backend.add("a", 1, LONG)
    assert not backend.add("a", 1, LONG)
    assert backend.add("b", 1, LONG)
    expire(store_url, "a")
    assert backend.add("a", 5, LONG)


def test_a_counter_stays_within_its_bounds(backend: PostgresRateLimits) -> None:
    assert [backend.incr("a", 1, 3, LONG) for _ in range(4)] == [True, True, True, False]
    assert not backend.incr("a", 2, 4, LONG)
    assert backend.incr("a", 2, 5, LONG)
    assert [backend.decr("a", 2, 0, LONG) for _ in range(3)] == [True, True, False]
    assert backend.decr("a", 1, 0, LONG)
    assert not backend.decr("a", 1, 0, LONG)


def test_a_counter_that_is_not_there_counts_from_nothing(backend: PostgresRateLimits) -> None:
    assert not backend.incr("a", 4, 3, LONG)
    assert not backend.decr("a", 1, 0, LONG)
    assert backend.decr("a", 1, -1, LONG)
    assert backend.incr("a", 4, 3, LONG)


def test_a_counter_past_its_time_counts_from_nothing(backend: PostgresRateLimits, store_url: str) -> None:
    assert backend.incr("a", 3, 3, LONG)
    expire(store_url, "a")
    assert backend.incr("a", 3, 3, LONG)
    expire(store_url, "a")
    assert not backend.decr("a", 1, 0, LONG)


def test_counting_prolongs_a_counters_life(backend: PostgresRateLimits) -> None:
    assert backend.add("a", 1, 150)
    assert backend.incr("a", 1, 9, LONG)
    time.sleep(0.2)
    assert not backend.add("a", 1, LONG)


def test_many_threads_and_two_processes_count_right(backend: PostgresRateLimits, store_url: str) -> None:
    program = "print(sum(backend.incr('a', 1, 300, 60_000) for _ in range(400)))"
    others = [elsewhere(store_url, program) for _ in range(2)]
    here = sum(at_once(lambda _: backend.incr("a", 1, 300, LONG), 400))
    there = [int(other.communicate(timeout=60)[0]) for other in others]
    assert here + sum(there) == 300
    assert execute(store_url, "select value from common_jobs.limiter where key = 'a'") == [(300,)]


def test_one_of_many_adds(backend: PostgresRateLimits) -> None:
    for number in range(5):
        assert sum(at_once(lambda _, n=number: backend.add(f"a{n}", 1, LONG), 8)) == 1  # type: ignore[misc]


# -- the limiters


def test_a_mutex_lets_one_in_at_a_time(backend: PostgresRateLimits) -> None:
    mutex = ConcurrentRateLimiter(backend, "portal", limit=1)
    with mutex.acquire(), mutex.acquire(raise_on_failure=False) as second:
        assert not second
        with pytest.raises(RateLimitExceeded), mutex.acquire():
            pass
    with mutex.acquire(raise_on_failure=False) as again:
        assert again


def test_no_more_are_inside_than_the_limit(backend: PostgresRateLimits) -> None:
    limiter = ConcurrentRateLimiter(backend, "portal", limit=3)
    lock = threading.Lock()
    inside, most, entered = [0], [0], [0]

    def enter(_: int) -> None:
        with limiter.acquire(raise_on_failure=False) as acquired:
            if not acquired:
                return
            with lock:
                inside[0] += 1
                entered[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.002)
            with lock:
                inside[0] -= 1

    at_once(enter, 200, threads=10)
    assert most[0] == 3
    assert entered[0] > 10


def test_two_processes_share_a_mutex(backend: PostgresRateLimits, store_url: str) -> None:
    program = (
        "mutex = ConcurrentRateLimiter(backend, 'portal', limit=1)\n"
        "with mutex.acquire():\n"
        "    print('inside', flush=True)\n"
        "    input()\n"
    )
    other = elsewhere(store_url, program)
    assert other.stdout is not None
    assert other.stdout.readline() == "inside\n"
    mutex = ConcurrentRateLimiter(backend, "portal", limit=1)
    with mutex.acquire(raise_on_failure=False) as acquired:
        assert not acquired
    other.communicate("\n", timeout=20)
    with mutex.acquire(raise_on_failure=False) as acquired:
        assert acquired


def test_a_bucket_takes_so_many_and_the_next_as_many_again(
    backend: PostgresRateLimits, store_url: str
) -> None:
    limiter = BucketRateLimiter(backend, "portal", limit=5, bucket=1_000)
    taken = 0
    until = time.time() + 2.5
    while time.time() < until:
        with limiter.acquire(raise_on_failure=False) as acquired:
            taken += acquired
        time.sleep(0.01)
    buckets = [row[0] for row in execute(store_url, "select value from common_jobs.limiter order by key")]
    assert sum(buckets) == taken
    assert max(buckets) == 5
    assert buckets.count(5) >= 2


def test_a_window_takes_no_more_than_its_limit_from_many_at_once(
    backend: PostgresRateLimits, store_url: str
) -> None:
    program = (
        "limiter = WindowRateLimiter(backend, 'portal', limit=40, window=30)\n"
        "taken = 0\n"
        "for _ in range(60):\n"
        "    with limiter.acquire(raise_on_failure=False) as acquired:\n"
        "        taken += acquired\n"
        "print(taken)\n"
    )
    others = [elsewhere(store_url, program) for _ in range(2)]
    limiter = WindowRateLimiter(backend, "portal", limit=40, window=30)

    def take(_: int) -> bool:
        with limiter.acquire(raise_on_failure=False) as acquired:
            return bool(acquired)

    here = sum(at_once(take, 60))
    assert here + sum(int(other.communicate(timeout=60)[0]) for other in others) == 40


def test_a_window_moves_on(backend: PostgresRateLimits) -> None:
    limiter = WindowRateLimiter(backend, "portal", limit=2, window=1)
    taken = 0
    until = time.time() + 3
    while time.time() < until:
        with limiter.acquire(raise_on_failure=False) as acquired:
            taken += acquired
        time.sleep(0.02)
    assert 6 <= taken <= 8


def test_a_barrier_opens_for_the_last_party(backend: PostgresRateLimits) -> None:
    barrier = Barrier(backend, "billing", ttl=LONG)
    assert barrier.create(parties=3)
    assert not barrier.create(parties=3)
    assert [barrier.wait(block=False) for _ in range(3)] == [False, False, True]


def test_who_waits_at_a_barrier_goes_on_with_the_last(backend: PostgresRateLimits, store_url: str) -> None:
    barrier = Barrier(backend, "billing", ttl=LONG)
    barrier.create(parties=4)
    program = "print(Barrier(backend, 'billing', ttl=60_000).wait(timeout=20_000))"
    other = elsewhere(store_url, program)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(barrier.wait, timeout=20_000) for _ in range(2)]
        while execute(store_url, "select value from common_jobs.limiter where key = 'billing'") != [(1,)]:
            time.sleep(0.01)
        assert not any(one.done() for one in waiting)
        begin = time.monotonic()
        assert barrier.wait(timeout=20_000)
        assert all(one.result(5) for one in waiting)
        assert other.communicate(timeout=20)[0] == "True\n"
        assert time.monotonic() - begin < 2


def test_who_waits_in_vain_is_told_so(backend: PostgresRateLimits) -> None:
    barrier = Barrier(backend, "billing", ttl=LONG)
    barrier.create(parties=2)
    begin = time.monotonic()
    assert barrier.wait(timeout=300) is False
    assert 0.3 <= time.monotonic() - begin < 1.5


def test_a_job_uses_a_limiter(broker: JobBroker, backend: PostgresRateLimits) -> None:
    mutex = ConcurrentRateLimiter(backend, "portal", limit=1)

    @actor(service="common")
    def file_return() -> str:
        with mutex.acquire():
            return "filed"

    with working(broker):
        job = file_return.send()
        wait_until(broker, job, "Succeeded")


def test_the_common_store_is_the_default(broker: JobBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    store = broker.store("common")
    monkeypatch.setattr("infra.queue.rate_limits.store_of", broker.store)
    assert PostgresRateLimits().store == store


def test_counters_past_their_time_are_removed(backend: PostgresRateLimits, store_url: str) -> None:
    execute(
        store_url,
        "insert into common_jobs.limiter select 'a' || n, 1, now() + (n - 1500.5) * interval '1 min' "
        "from generate_series(1, 2000) n",
    )
    assert prune(backend.store, Settings()).limits == 1500
    assert execute(store_url, "select count(*) from common_jobs.limiter") == [(500,)]

"""A unique key: at most one such job waits, or waits and runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dramatiq
import pytest

from infra.middleware.retries import RetryPolicy
from infra.queue import actor, cancel, enqueue_many
from infra.queue.broker import JobBroker
from tests.support.queue import (
    becomes_due,
    count,
    history,
    job_row,
    job_state,
    jobs_of,
    refusal,
    wait_until,
    working,
)


class Gate:
    """A job that waits here until the test lets it go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def pass_through(self) -> None:
        self.entered.release()
        assert self.open.wait(20)

    def wait_for_entry(self) -> None:
        assert self.entered.acquire(timeout=20)


@pytest.fixture
def gate() -> Any:
    made = Gate()
    yield made
    made.open.set()


def declare(broker: JobBroker, gate: Gate, **options: Any) -> Any:
    @actor(service="common", **options)
    def close(month: str = "2026-04", flat: str = "A-101") -> None:
        gate.pass_through()

    return close


def test_without_a_key_any_number_may_wait(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate)
    assert close.send().message_id != close.send().message_id
    assert count(broker) == 2


def test_a_second_waiting_one_is_the_first(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="waiting")
    first, second = close.send("2026-04"), close.send("2026-04")
    assert second.message_id == first.message_id
    assert close.send("2026-05").message_id != first.message_id
    assert count(broker) == 2


def test_a_delayed_one_counts_as_waiting(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="waiting")
    first = close.send_with_options(delay=3_600_000)
    assert close.send().message_id == first.message_id
    assert job_state(broker, first) == "Scheduled"


def test_waiting_frees_the_key_when_the_job_starts(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="waiting")
    with working(broker):
        first = close.send()
        gate.wait_for_entry()
        second = close.send()
        assert second.message_id != first.message_id
        gate.open.set()
        wait_until(broker, first, "Succeeded")
        wait_until(broker, second, "Succeeded")


def test_running_keeps_the_key_until_the_job_is_finished(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="running")
    with working(broker):
        first = close.send()
        gate.wait_for_entry()
        assert close.send().message_id == first.message_id
        gate.open.set()
        wait_until(broker, first, "Succeeded")
        second = close.send()
        assert second.message_id != first.message_id
        wait_until(broker, second, "Succeeded")


def test_running_keeps_the_key_between_attempts_and_frees_it_at_the_end(broker: JobBroker) -> None:
    @actor(service="common", unique="running", retry_policy=RetryPolicy(delays=(60,)))
    def fail() -> None:
        raise RuntimeError

    with working(broker):
        first = fail.send()
        wait_until(broker, first, "Retrying")
        assert fail.send().message_id == first.message_id
        becomes_due(broker, first)
        wait_until(broker, first, "Deleted")
    assert fail.send().message_id != first.message_id


def test_a_cancelled_job_frees_its_key(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="running")
    first = close.send()
    cancel(broker.store("common"), [first.message_id], by="a test")
    assert close.send().message_id != first.message_id


def test_the_key_of_equal_arguments_is_equal_however_they_are_given(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="waiting")
    first = close.send_with_options(kwargs={"month": "2026-04", "flat": "A-101"})
    second = close.send_with_options(kwargs={"flat": "A-101", "month": "2026-04"})
    assert first.message_id == second.message_id


def test_a_key_may_be_made_from_the_arguments(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="waiting", unique_key=lambda month, flat: month)
    first = close.send("2026-04", "A-101")
    assert close.send("2026-04", "A-102").message_id == first.message_id
    assert close.send("2026-05", "A-101").message_id != first.message_id
    assert job_row(broker, first)["unique_key"] == "common.close:2026-04"


def test_a_key_given_at_send_goes_before_the_actors(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="waiting")
    first = close.send_with_options(args=("2026-04",), unique_key="k")
    assert close.send_with_options(args=("2026-05",), unique_key="k").message_id == first.message_id
    assert close.send("2026-04").message_id != first.message_id


def test_a_key_given_at_send_makes_any_actors_job_unique_while_it_waits(
    broker: JobBroker, gate: Gate
) -> None:
    close = declare(broker, gate)
    first = close.send_with_options(unique_key="k")
    assert close.send_with_options(unique_key="k").message_id == first.message_id
    assert close.send().message_id != first.message_id


def test_the_same_key_of_two_actors_is_two_keys(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate)

    @dramatiq.actor(actor_name="common.open")
    def open_month() -> None:
        pass

    first = close.send_with_options(unique_key="2026-04")
    assert open_month.send_with_options(unique_key="2026-04").message_id != first.message_id


def test_a_key_made_of_nonsense_is_refused(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="waiting", unique_key=lambda month, flat: 5)
    assert "unique_key must be a text" in refusal(lambda: close.send("2026-04", "A-101"))
    assert count(broker) == 0


def test_of_many_senders_at_one_moment_one_wins(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="waiting")
    start = threading.Barrier(8)

    def send(_: int) -> str:
        start.wait()
        return str(close.send().message_id)

    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(send, range(8)))
        assert ids == {jobs_of(broker, "common.close")[0][0]}
    assert count(broker) == 1


def test_a_crowd_may_hold_the_same_key_twice(broker: JobBroker, gate: Gate) -> None:
    close = declare(broker, gate, unique="waiting")
    waiting = close.send("2026-01")
    months = ["2026-04", "2026-05", "2026-04", "2026-01", "2026-04"]
    sent = enqueue_many([close.message(month) for month in months])
    assert sent[0].message_id == sent[2].message_id == sent[4].message_id != sent[1].message_id
    assert sent[3].message_id == waiting.message_id
    assert count(broker) == 3
    assert {job_state(broker, job) for job in sent} == {"Enqueued"}


def test_a_failed_attempt_yields_to_the_twin_that_waits(broker: JobBroker) -> None:
    """The first one runs; a second is sent; the first fails. Both may not wait: the second will do the work."""
    entered, go_on = threading.Event(), threading.Event()
    attempts = []

    @actor(service="common", unique="waiting")
    def close() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            entered.set()
            assert go_on.wait(20)
            raise RuntimeError("first")

    with working(broker, threads=1):
        first = close.send()
        assert entered.wait(20)
        second = close.send_with_options(delay=3_600_000)
        assert second.message_id != first.message_id
        go_on.set()
        wait_until(broker, first, "Cancelled")
        becomes_due(broker, second)
        wait_until(broker, second, "Succeeded")
    assert "its unique key" in job_row(broker, first)["reason"]
    assert [entry["state"] for entry in history(broker, first)] == ["cancelled"]
    assert "RuntimeError: first" in history(broker, first)[0]["error"]


def test_a_job_given_back_at_a_stop_yields_to_the_twin_that_waits(broker: JobBroker) -> None:
    entered, go_on = threading.Event(), threading.Event()

    @actor(service="common", unique="waiting")
    def close() -> None:
        entered.set()
        go_on.wait(20)

    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=1)
    worker.start()
    first = close.send()
    assert entered.wait(20)
    second = close.send_with_options(delay=3_600_000)
    worker.stop(timeout=100)
    assert job_state(broker, first) == "Cancelled"
    assert job_state(broker, second) == "Scheduled"
    go_on.set()

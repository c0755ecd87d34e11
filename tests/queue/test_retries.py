"""What becomes of a job that fails: the next attempt at its time, and an end."""

from __future__ import annotations

import itertools
import time
from typing import Any

import dramatiq
import pytest
from dramatiq.errors import RateLimitExceeded

from infra.middleware.retries import RetryPolicy
from infra.queue import actor
from infra.queue.broker import JobBroker
from tests.support.queue import (
    becomes_due,
    history,
    job_row,
    jobs_of,
    rows,
    wait_until,
    working,
)
from tests.support.waiting import wait_for


def seconds_until_next(broker: JobBroker, job: Any) -> float:
    """How long after its failed attempt the job waits, as the store has it."""
    found = rows(
        broker,
        "select extract(epoch from q.eta - h.at)::float8 "
        "from {schema}.queue q join {schema}.history h using (message_id) "
        "where message_id = %s order by h.at desc limit 1",
        job.message_id,
    )
    return float(found[0][0])


def has_failed(broker: JobBroker, job: Any, attempt: int) -> bool:
    row = job_row(broker, job)
    return (row["state"], row["attempts"]) == ("retrying", attempt)


def waits_after_each_attempt(broker: JobBroker, job: Any, attempts: int) -> list[float]:
    """Lets the job fail so many times, not waiting for its times but moving them, and says how long it would wait."""
    waits = []
    for attempt in range(1, attempts + 1):
        wait_for(lambda: has_failed(broker, job, attempt), f"attempt {attempt}")  # noqa: B023
        waits.append(seconds_until_next(broker, job))
        becomes_due(broker, job)
    return waits


def test_after_60_300_and_900_seconds_then_deleted(broker: JobBroker) -> None:
    runs = []

    @actor(service="common")
    def fail(flat: str) -> None:
        runs.append(flat)
        raise RuntimeError(f"no charge for {flat}")

    with working(broker):
        job = fail.send("A-101")
        assert waits_after_each_attempt(broker, job, 3) == pytest.approx([60, 300, 900], abs=0.5)
        wait_until(broker, job, "Deleted")
    assert runs == ["A-101"] * 4
    row = job_row(broker, job)
    assert (row["attempts"], row["reason"]) == (4, "attempts used up after 4")
    assert row["error"] == "RuntimeError: no charge for A-101"
    assert row["message"]["args"] == ["A-101"]  # still there to be seen and revived


def test_history_tells_each_attempt(broker: JobBroker) -> None:
    @actor(service="common", retry_policy=RetryPolicy(delays=(60,)))
    def fail() -> None:
        time.sleep(0.03)
        raise RuntimeError("no \0 charge")

    with working(broker):
        worker = wait_for(lambda: rows(broker, "select worker_id::text from {schema}.worker"), "a worker")[0][
            0
        ]
        job = fail.send()
        waits_after_each_attempt(broker, job, 1)
        wait_until(broker, job, "Deleted")
    first, second = history(broker, job)
    assert (first["state"], first["attempt"], second["state"], second["attempt"]) == (
        "retrying",
        1,
        "rejected",
        2,
    )
    assert first["reason"] == "attempt 1 failed, next in 60 s"
    for entry in (first, second):
        assert entry["error"] == "RuntimeError: no \\0 charge"
        assert "test_retries.py" in entry["traceback"]
        assert 'raise RuntimeError("no \\0 charge")' in entry["traceback"]
        assert 30 <= entry["duration_ms"] < 5_000
        assert entry["worker_id"] == worker


def test_a_job_that_recovers_is_done_and_remembers(broker: JobBroker) -> None:
    runs = []

    @actor(service="common")
    def recover() -> None:
        runs.append(1)
        if len(runs) < 3:
            raise RuntimeError

    with working(broker):
        job = recover.send()
        waits_after_each_attempt(broker, job, 2)
        wait_until(broker, job, "Succeeded")
    assert [(entry["state"], entry["attempt"]) for entry in history(broker, job)] == [
        ("retrying", 1),
        ("retrying", 2),
        ("done", 3),
    ]
    assert job_row(broker, job)["error"] is None


def test_a_waiting_retry_runs_at_its_time_without_being_polled_for(broker: JobBroker) -> None:
    runs = []

    @actor(service="common", retry_policy=RetryPolicy(delays=(0.2, 0.2)))
    def recover() -> None:
        runs.append(time.monotonic())
        if len(runs) < 3:
            raise RuntimeError

    with working(broker):
        wait_until(broker, recover.send(), "Succeeded", within=5)  # the poll interval is 15 s
    assert all(0.19 < later - earlier < 2 for earlier, later in itertools.pairwise(runs))


def test_a_policy_sets_delays_of_its_own(broker: JobBroker) -> None:
    @actor(service="common", retry_policy=RetryPolicy(delays=(5, 50)))
    def fail() -> None:
        raise RuntimeError

    with working(broker):
        job = fail.send()
        assert waits_after_each_attempt(broker, job, 2) == pytest.approx([5, 50], abs=0.5)
        wait_until(broker, job, "Deleted")


def test_a_policy_backs_off(broker: JobBroker) -> None:
    @actor(service="common", retry_policy=RetryPolicy(first=10, retries=3, factor=3, longest=60))
    def fail() -> None:
        raise RuntimeError

    with working(broker):
        job = fail.send()
        assert waits_after_each_attempt(broker, job, 3) == pytest.approx([10, 30, 60], abs=0.5)
        wait_until(broker, job, "Deleted")


def test_a_policy_gives_up_on_errors_that_no_retry_mends(broker: JobBroker) -> None:
    runs = []

    @actor(service="common", retry_policy=RetryPolicy(give_up_on=(LookupError,)))
    def fail() -> None:
        runs.append(1)
        raise KeyError("A-101")

    with working(broker):
        job = fail.send()
        wait_until(broker, job, "Deleted")
    assert runs == [1]
    assert job_row(broker, job)["reason"] == "KeyError is not retried"


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        (RetryPolicy(delays=(), at_end="fail"), RuntimeError),
        (RetryPolicy(give_up_on=(KeyError,), at_end="fail"), KeyError),
    ],
    ids=["used up", "given up"],
)
def test_a_policy_may_keep_the_job_as_failed(
    broker: JobBroker, policy: RetryPolicy, error: type[Exception]
) -> None:
    @actor(service="common", retry_policy=policy)
    def fail() -> None:
        raise error

    with working(broker):
        wait_until(broker, fail.send(), "Failed")


def test_max_retries_of_the_actor(broker: JobBroker) -> None:
    @dramatiq.actor(max_retries=1)
    def fail() -> None:
        raise RuntimeError

    with working(broker):
        job = fail.send()
        waits_after_each_attempt(broker, job, 1)
        wait_until(broker, job, "Deleted")


def test_max_retries_of_the_message_goes_before_the_actors(broker: JobBroker) -> None:
    @dramatiq.actor(max_retries=5)
    def fail() -> None:
        raise RuntimeError

    with working(broker):
        job = fail.send_with_options(max_retries=0)
        wait_until(broker, job, "Deleted")
    assert job_row(broker, job)["attempts"] == 1


def test_min_and_max_backoff(broker: JobBroker) -> None:
    @dramatiq.actor(min_backoff=10_000, max_backoff=15_000, max_retries=9)
    def fail() -> None:
        raise RuntimeError

    with working(broker):
        job = fail.send()
        waits = waits_after_each_attempt(broker, job, 3)
    assert all(5 <= wait <= limit for wait, limit in zip(waits, (10.1, 15.1, 15.1), strict=True))


def test_throws(broker: JobBroker) -> None:
    @dramatiq.actor(throws=(KeyError,))
    def fail() -> None:
        raise KeyError

    with working(broker):
        job = fail.send()
        wait_until(broker, job, "Deleted")
    assert job_row(broker, job)["attempts"] == 1


def test_retry_when(broker: JobBroker) -> None:
    asked = []

    def again(retries: int, error: BaseException) -> bool:
        asked.append((retries, type(error)))
        return retries < 2

    @dramatiq.actor(retry_when=again, min_backoff=60_000)
    def fail() -> None:
        raise KeyError

    with working(broker):
        job = fail.send()
        waits_after_each_attempt(broker, job, 2)
        wait_until(broker, job, "Deleted")
    assert asked == [(0, KeyError), (1, KeyError), (2, KeyError)]


@pytest.mark.parametrize(
    "error", [dramatiq.Retry("later", delay=120_000), RateLimitExceeded("full")], ids=str
)
def test_an_error_may_say_when(broker: JobBroker, error: Exception) -> None:
    @dramatiq.actor
    def fail() -> None:
        raise error

    with working(broker):
        job = fail.send()
        [wait] = waits_after_each_attempt(broker, job, 1)
    assert wait == pytest.approx(120 if isinstance(error, dramatiq.Retry) else 60, abs=0.5)


def test_on_retry_exhausted_is_told_once(broker: JobBroker) -> None:
    told = []

    @dramatiq.actor
    def sorry(message: dict[str, Any], facts: dict[str, Any]) -> None:
        told.append((message["message_id"], message["args"], facts))

    @dramatiq.actor(max_retries=1, on_retry_exhausted="sorry")
    def fail(flat: str) -> None:
        raise RuntimeError

    with working(broker):
        job = fail.send("A-101")
        waits_after_each_attempt(broker, job, 1)
        wait_until(broker, job, "Deleted")
        [(sorry_job, _)] = wait_for(lambda: jobs_of(broker, "sorry"), "sorry")
        wait_until(broker, sorry_job, "Succeeded")
    assert told == [(job.message_id, ["A-101"], {"retries": 1, "max_retries": 1})]


def test_a_job_over_its_time_limit_is_retried(broker: JobBroker) -> None:
    @dramatiq.actor(time_limit=50)
    def hang() -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            time.sleep(0.01)

    broker.emit_after("process_boot")  # as `dramatiq actors` does: the clock of time limits starts
    with working(broker):
        job = hang.send()
        wait_until(broker, job, "Retrying")
    assert "TimeLimitExceeded" in history(broker, job)[0]["error"]


def test_a_coroutine_is_retried_like_any_other(broker: JobBroker) -> None:
    @dramatiq.actor
    async def fail() -> None:
        raise RuntimeError("async")

    with working(broker):
        job = fail.send()
        wait_until(broker, job, "Retrying")
    assert history(broker, job)[0]["error"] == "RuntimeError: async"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_a_job_that_wants_to_end_the_process_is_only_a_failed_job(
    broker: JobBroker, error: BaseException
) -> None:
    @dramatiq.actor
    def leave() -> None:
        raise error

    @dramatiq.actor
    def stay() -> None:
        pass

    with working(broker, threads=1):
        job = leave.send()
        wait_until(broker, job, "Retrying")
        wait_until(broker, stay.send(), "Succeeded")


def test_an_error_whose_text_cannot_be_had_is_a_failed_attempt_too(broker: JobBroker) -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    @dramatiq.actor
    def fail() -> None:
        raise Unspeakable

    @dramatiq.actor
    def surrogate() -> None:
        raise RuntimeError("\ud800 half a letter")

    with working(broker, threads=1):
        wait_until(broker, fail.send(), "Retrying")
        wait_until(broker, surrogate.send(), "Retrying")

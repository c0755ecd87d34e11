"""Results: kept with the finished job, in the transaction that finishes it."""

from __future__ import annotations

import threading
import time
from typing import Any

import dramatiq
import pytest
from dramatiq.results import ResultFailure, ResultMissing, ResultTimeout

from infra.middleware.retries import RetryPolicy
from infra.queue import cancel
from infra.queue.broker import JobBroker
from infra.queue.results import RESULT_TTL
from tests.support.queue import job_row, job_state, rows, wait_until, working
from tests.support.waiting import wait_for


@pytest.fixture
def give(broker: JobBroker) -> Any:
    @dramatiq.actor
    def give(value: Any) -> Any:
        return value

    return give


@pytest.mark.parametrize(
    "value",
    [0, False, "", [], {}, "₹ हिन्दी 😀", [1, {"a": [None, 1.5]}], "x" * 20_000, ["y" * 300] * 200],
    ids=lambda value: f"{type(value).__name__} of {len(str(value))}",
)
def test_a_result_comes_back_whole(broker: JobBroker, give: Any, value: Any) -> None:
    with working(broker):
        assert give.send(value).get_result(block=True) == value


def test_none_is_a_result(broker: JobBroker, give: Any) -> None:
    with working(broker):
        assert give.send(None).get_result(block=True) is None


def test_a_job_that_is_done_has_its_result(broker: JobBroker, give: Any) -> None:
    """One transaction: whoever sees the job done sees its result, at every moment."""
    seen = []
    with working(broker):
        for n in range(50):
            job = give.send(n)
            while job_state(broker, job) != "Succeeded":
                pass
            seen.append(job.get_result())
    assert seen == list(range(50))
    assert rows(broker, "select count(*) from {schema}.finished where result is not null") == [(50,)]


def test_no_result_yet_is_missing_and_waiting_for_it_times_out(broker: JobBroker, give: Any) -> None:
    job = give.send(1)
    with pytest.raises(ResultMissing):
        job.get_result()
    began = time.monotonic()
    with pytest.raises(ResultTimeout):
        job.get_result(block=True, timeout=150)
    assert 0.1 <= time.monotonic() - began < 1


def test_waiting_ends_when_the_result_comes(broker: JobBroker, give: Any) -> None:
    job = give.send("late")
    got = []
    waiter = threading.Thread(target=lambda: got.append(job.get_result(block=True, timeout=20_000)))
    waiter.start()
    with working(broker):
        waiter.join(20)
    assert got == ["late"]


def test_a_job_that_waits_for_its_retry_has_no_result(broker: JobBroker) -> None:
    @dramatiq.actor
    def fail() -> None:
        raise RuntimeError

    with working(broker):
        job = fail.send()
        wait_until(broker, job, "Retrying")
        with pytest.raises(ResultMissing):
            job.get_result()


@pytest.mark.parametrize("at_end", ["delete", "fail"])
def test_an_error_is_raised_and_never_returned(broker: JobBroker, at_end: Any) -> None:
    @dramatiq.actor(retry_policy=RetryPolicy(delays=(), at_end=at_end))
    def fail() -> None:
        raise KeyError("A-101")

    with working(broker), pytest.raises(ResultFailure, match="KeyError") as caught:
        fail.send().get_result(block=True)
    assert caught.value.orig_exc_type == "KeyError"
    assert caught.value.orig_exc_msg == "'A-101'"


def test_a_cancelled_job_fails_its_waiters(broker: JobBroker, give: Any) -> None:
    job = give.send(1)
    cancel(broker.store("common"), [job.message_id], by="a test")
    with pytest.raises(ResultFailure, match="cancelled"):
        job.get_result(block=True)


def test_a_result_past_its_time_is_missing(broker: JobBroker) -> None:
    @dramatiq.actor(result_ttl=300)
    def give(value: int) -> int:
        return value

    with working(broker):
        job = give.send(7)
        assert job.get_result(block=True) == 7
        wait_for(lambda: is_missing(job), "it is over", within=5)


def is_missing(job: Any) -> bool:
    try:
        job.get_result()
    except ResultMissing:
        return True
    return False


def test_the_time_is_the_databases(broker: JobBroker, give: Any) -> None:
    with working(broker):
        job = give.send(7)
        assert job.get_result(block=True) == 7
    [(kept,)] = rows(
        broker, "select extract(epoch from result_ttl - finished_at)::float8 * 1000 from {schema}.finished"
    )
    assert kept == pytest.approx(RESULT_TTL)
    rows(broker, "update {schema}.finished set result_ttl = {schema}.clock() - interval '1 second'")
    with pytest.raises(ResultMissing):
        job.get_result()


def test_an_error_past_its_time_is_missing_too(broker: JobBroker) -> None:
    @dramatiq.actor(retry_policy=RetryPolicy(delays=()), result_ttl=60_000)
    def fail() -> None:
        raise KeyError

    with working(broker):
        job = fail.send()
        wait_until(broker, job, "Deleted")
    [(kept,)] = rows(
        broker, "select extract(epoch from result_ttl - finished_at)::float8 from {schema}.finished"
    )
    assert kept == pytest.approx(60)
    rows(broker, "update {schema}.finished set result_ttl = {schema}.clock() - interval '1 second'")
    with pytest.raises(ResultMissing):
        job.get_result()


def test_results_may_be_left_out(broker: JobBroker) -> None:
    @dramatiq.actor(store_results=False)
    def give() -> int:
        return 7

    with working(broker):
        job = give.send()
        wait_until(broker, job, "Succeeded")
        with pytest.raises(ResultMissing):
            job.get_result()
    assert rows(broker, "select result from {schema}.finished") == [(None,)]


@pytest.mark.parametrize(
    "value", ["a\0b", "\ud800", float("nan"), {1, 2}, object()], ids=lambda value: type(value).__name__
)
def test_a_result_that_cannot_be_kept_is_the_jobs_fault_and_harms_nobody_else(
    broker: JobBroker, value: Any
) -> None:
    @dramatiq.actor
    def give(odd: bool) -> Any:
        return value if odd else 1

    with working(broker):
        odd = give.send(True)
        others = [give.send(False) for _ in range(5)]
        for job in others:
            assert job.get_result(block=True) == 1
        wait_until(broker, odd, "Failed")
    row = job_row(broker, odd)
    assert "result" in row["reason"]


def test_results_of_two_services_are_apart(broker: JobBroker) -> None:
    @dramatiq.actor(service="sales")
    def sell() -> str:
        return "sold"

    @dramatiq.actor
    def greet() -> str:
        return "hello"

    with working(broker):
        assert sell.send().get_result(block=True) == "sold"
        assert greet.send().get_result(block=True) == "hello"
    assert rows(broker, "select result from {schema}.finished", service="sales") == [("sold",)]

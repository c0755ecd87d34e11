"""Cancelling: a waiting job never starts, a running one is asked, then interrupted; none of them is tried again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dramatiq
import dramatiq_abort
import pytest

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import RunWorker


@pytest.fixture
def abort(job_store: JobStore) -> Iterator[None]:
    """`dramatiq_abort.abort` finds the test's broker."""
    before = dramatiq.get_broker()
    dramatiq.set_broker(job_store.broker)
    yield
    dramatiq.set_broker(before)


def test_waiting_jobs_never_start(job_store: JobStore, run_worker: RunWorker, abort: None) -> None:
    waiting, aborted = job_store.send("common.ran"), job_store.send("common.ran")
    delayed = job_store.send("common.ran", delay=200)

    assert job_store.cancel(waiting) == {waiting: "cancelled"}
    dramatiq_abort.abort(aborted)
    job_store.cancel(delayed)
    run_worker()
    job_store.wait_until(job_store.send("common.ran", delay=300), "done")

    for job in (waiting, aborted, delayed):
        assert job_store.state(job) == "cancelled"
        assert job_store.did(job) == []
        assert job_store.history(job) == [("cancelled", 0)]


def test_running_jobs_stop_each_in_its_way(job_store: JobStore, run_worker: RunWorker, abort: None) -> None:
    run_worker(threads=6).wait_ready()
    asks = job_store.send("common.asks", "gate", on_success="common.follows")
    interrupted = job_store.send("common.holds", "gate", on_success="common.follows")
    aborted = job_store.send("common.holds", "gate")
    stubborn = job_store.send("common.cannot_be_interrupted", "gate")
    untouched = job_store.send("common.holds", "gate")
    job_store.wait_until_started(asks, interrupted, aborted, stubborn, untouched)
    cancelled_at = time.monotonic()
    assert job_store.cancel(asks) == {asks: "asked"}
    for job in (interrupted, stubborn):
        job_store.cancel(job)
    dramatiq_abort.abort(aborted)

    job_store.wait_until(asks, "cancelled")
    assert time.monotonic() - cancelled_at < 1.5, "the one that asks stops at once"
    job_store.wait_until(interrupted, "cancelled")
    job_store.wait_until(aborted, "cancelled")
    assert time.monotonic() - cancelled_at < 5
    assert job_store.state(stubborn) == job_store.state(untouched) == "consumed"
    job_store.open("gate")
    job_store.wait_until(stubborn, "done")
    job_store.wait_until(untouched, "done")

    assert job_store.did(asks) == ["started", "asked to stop"]
    for job in (interrupted, aborted):
        assert job_store.did(job) == ["started"]
        assert job_store.history(job) == [("consumed", 1), ("cancelled", 1)]
    assert job_store.did(stubborn) == ["started", "ended"]
    for job in (asks, interrupted):
        row = job_store.job(job)
        assert row.attempts == 1
        assert row.reason == "cancelled by a test"
        assert job_store.effects(what=f"follows {job}") == [], "a cancelled job leads to nothing"
    assert job_store.ask("select 1 from common_jobs.queue") == [], "and is not tried again"


def test_a_job_that_waits_for_its_retry_can_be_cancelled(job_store: JobStore, run_worker: RunWorker) -> None:
    run_worker().wait_ready()
    job = job_store.send("common.fails", "gate", min_backoff=60_000, max_backoff=60_000)
    job_store.open("gate")
    job_store.wait_until(job, "retrying")

    assert job_store.cancel(job) == {job: "cancelled"}

    assert job_store.history(job) == [("retrying", 1), ("cancelled", 1)]
    assert job_store.job(job).error == "RuntimeError: as it must"


def test_a_cancelled_job_of_a_dead_worker_does_not_run_again(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    worker = run_worker().wait_ready()
    job = job_store.send("common.cannot_be_interrupted", "gate")
    job_store.wait_until_started(job)
    job_store.cancel(job)
    worker.kill9()

    run_worker()

    row = job_store.wait_until(job, "cancelled")
    assert row.attempts == 1
    assert job_store.did(job) == ["started"]


def test_without_notifications_workers_poll(job_store: JobStore, run_worker: RunWorker) -> None:
    poll = {"JOBS_LISTEN": "false", "JOBS_POLL_INTERVAL": "500ms"}
    run_worker(env=poll).wait_ready()
    job_store.wait_until(job_store.send("common.ran"), "done")  # the worker has settled

    sent_at = time.monotonic()
    job, delayed = job_store.send("common.ran"), job_store.send("common.ran", delay=700)
    job_store.wait_until(job, "done", within=1.5)
    job_store.wait_until(delayed, "done", within=0.7 + 1.5)
    running = job_store.send("common.asks", "gate")
    job_store.wait_until_started(running)
    job_store.cancel(running)
    job_store.wait_until(running, "cancelled", within=4)

    assert time.monotonic() - sent_at < 10
    listening = "select 1 from pg_stat_activity where datname = current_database() and query like 'listen%'"
    wait_for(lambda: not job_store.ask(listening), "nobody listens")

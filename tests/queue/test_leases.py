"""A lease holds for as long as its worker lives, and not a moment longer: long jobs, and a worker that was away."""

from __future__ import annotations

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import RunWorker


def test_a_job_longer_than_every_timeout_runs_once(job_store: JobStore, run_worker: RunWorker) -> None:
    short = {
        "JOBS_HEARTBEAT_INTERVAL": "250ms",
        "JOBS_SERVER_TIMEOUT": "1500ms",
        "JOBS_RESCUE_GRACE": "500ms",
        "JOBS_POLL_INTERVAL": "250ms",
    }
    workers = [run_worker(threads=4, env=short), run_worker(threads=4, env=short)]
    for worker in workers:
        worker.wait_ready()

    jobs = [job_store.send("common.lasts", 4.0), job_store.send("common.computes", 4.0)]
    jobs += [job_store.send("common.lasts_low", 4.0)]

    for job in jobs:
        row = job_store.wait_until(job, "done")
        assert job_store.did(job) == ["started", "ended"]
        assert row.attempts == 1
        assert job_store.history(job) == [("done", 1)]
        assert row.started_at is not None
        assert row.finished_at is not None
        assert (row.finished_at - row.started_at).total_seconds() >= 4.0, "the store knows how long it took"
    for worker in workers:
        assert "lost its lease" not in worker.log()
        assert "declared dead" not in worker.log()


def test_a_worker_that_was_stopped_past_its_lease_can_hand_in_nothing(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    first = run_worker(threads=5).wait_ready()
    succeeds = job_store.send("common.holds", "gate", on_success="common.follows")
    fails = job_store.send("common.fails", "gate", max_retries=5)
    tells = job_store.send("common.tells", "gate")
    step, next_step = job_store.send_pipeline(("common.held_back", ("gate", 1)), ("common.gives", ()))
    asks = job_store.send("common.asks", "another gate")
    jobs = [succeeds, fails, tells, step, asks]
    job_store.wait_until_started(*jobs)
    wait_for(lambda: job_store.job(tells).progress == (1, 2), "its progress is stored")
    [(first_identity, _)] = job_store.workers()

    first.sigstop()
    second = run_worker(threads=5)
    wait_for(lambda: len(job_store.effects(what="started")) == 10, "all start again elsewhere")
    job_store.open("gate")
    for job in (succeeds, tells, step, next_step):
        job_store.wait_until(job, "done")
    job_store.wait_until(fails, "retrying")
    first.sigcont()

    # The first one goes on where it was, and is told that it lost what it held.
    wait_for(lambda: "asked to stop" in job_store.did(asks), "the job of the lost lease is asked to stop")
    wait_for(lambda: first.log().count("lost its lease") == 5, "five outcomes are dropped")
    job_store.open("another gate")
    job_store.wait_until(asks, "done")
    wait_for(lambda: job_store.job(fails).attempts == 3, "the failed one is tried again")
    job_store.cancel(fails)

    assert job_store.history(succeeds) == [("queued", 1), ("done", 2)]
    assert len(job_store.effects(what=f"follows {succeeds}")) == 1
    assert job_store.history(step) == [("queued", 1), ("done", 2)]
    assert job_store.did(next_step) == ["gives 2"]
    assert job_store.history(fails)[:2] == [("queued", 1), ("retrying", 2)]
    assert job_store.log_of(tells) == ["half of it is done", "half of it is done", "all of it is done"]
    assert job_store.history(tells) == [("queued", 1), ("done", 2)]
    assert job_store.history(asks) == [("queued", 1), ("done", 2)]
    # 'fails' may be waiting to be cancelled or done with it; of all the others there is one row.
    assert job_store.ask("select count(*) from common_jobs.job where message_id <> %s", fails) == [(6,)]

    # And it takes new jobs, under a new name.
    second.kill9()
    later = job_store.send("common.ran")
    row = job_store.wait_until(later, "done")
    assert job_store.effects(later)[0].worker in first.pids
    assert row.worker_id != first_identity


def test_a_job_that_returns_to_a_worker_that_had_lost_it_runs_like_any_other(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    worker = run_worker(threads=2).wait_ready()
    job = job_store.send("common.holds", "gate")
    job_store.wait_until_started(job)
    worker.sigstop()
    declare_dead = "update common_jobs.worker set heartbeat_at = heartbeat_at - interval '1 hour'"
    job_store.ask(declare_dead)
    rescuer = run_worker(threads=1, queues=["low-priority"])
    wait_for(lambda: job_store.state(job) == "queued", "the job is free again")
    worker.sigcont()

    wait_for(lambda: len(job_store.effects(job, "started")) == 2, "it comes back to the same worker")
    job_store.open("gate")
    row = job_store.wait_until(job, "done")

    assert {effect.worker for effect in job_store.effects(job)} == set(worker.pids)
    assert row.attempts == 2
    assert job_store.history(job) == [("queued", 1), ("done", 2)]
    assert not rescuer.ended

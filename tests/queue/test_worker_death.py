"""A worker that dies takes no job with it: kill -9 in mid-job, and a job that kills every worker."""

from __future__ import annotations

from datetime import timedelta

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import QUIET, SERVER_TIMEOUT, RunWorker


def test_a_killed_workers_jobs_run_again_by_another_within_the_server_timeout(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    workers = [run_worker(threads=1), run_worker(threads=1)]
    for worker in workers:
        worker.wait_ready()
    job = job_store.send("common.holds", "gate")
    job_store.wait_until_started(job)
    [first] = job_store.effects(job, "started")
    [doomed] = [worker for worker in workers if first.worker in worker.pids]
    [survivor] = [worker for worker in workers if worker is not doomed]

    doomed.kill9()
    [(killed_at,)] = job_store.ask("select clock_timestamp()")
    wait_for(lambda: len(job_store.effects(job, "started")) == 2, "the job starts again")
    job_store.open("gate")

    assert job_store.wait_until(job, "done").attempts == 2
    _, second = job_store.effects(job, "started")
    assert second.worker in survivor.pids
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.at - killed_at <= timedelta(seconds=SERVER_TIMEOUT + 0.3), "the rest is for a busy machine"
    assert job_store.history(job) == [("queued", 1), ("done", 2)]
    assert [effect.attempt for effect in job_store.effects(job, "ended")] == [2]


def test_a_restarted_worker_takes_up_what_its_predecessor_held(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    first = run_worker(threads=2).wait_ready()
    running = [job_store.send("common.holds", "gate") for _ in range(2)]
    job_store.wait_until_started(*running)
    waiting = job_store.send("common.ran")
    first.kill9()

    run_worker(threads=2)
    job_store.open("gate")

    job_store.wait_until_empty()
    assert [job_store.job(job).attempts for job in running] == [2, 2]
    assert job_store.did(waiting) == ["ran"]
    assert job_store.states() == {"done": 3}


def test_a_job_that_kills_every_worker_stops_after_its_attempts(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    quick = {"JOBS_HEARTBEAT_INTERVAL": "150ms", "JOBS_SERVER_TIMEOUT": "1s"}
    workers = [run_worker(threads=1, env=quick) for _ in range(4)]
    for worker in workers:
        worker.wait_ready()
    killer = job_store.send("common.kills_its_worker")

    row = job_store.wait_until(killer, "rejected")
    wait_for(lambda: sum(worker.ended for worker in workers) == 3, "three workers died of it")
    job_store.wait_until(job_store.send("common.ran"), "done")

    assert len(job_store.effects(killer, "started")) == 3
    assert row.attempts == 3, "the fourth was refused before it began"
    assert row.reason is not None
    assert "attempts used up" in row.reason
    assert job_store.history(killer) == [("queued", 1), ("queued", 2), ("queued", 3), ("rejected", 3)]
    assert sum(worker.ended for worker in workers) == 3


def test_jobs_that_only_waited_in_a_dying_worker_lose_no_attempt(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    quick = {"JOBS_HEARTBEAT_INTERVAL": "150ms", "JOBS_SERVER_TIMEOUT": "1s"}
    workers = [run_worker(threads=1, env=quick | QUIET) for _ in range(5)]
    for worker in workers:
        worker.wait_ready()

    job_store.send_many("common.naps", 1_000, 0.001)  # brings them to speed: they claim ahead
    killer = job_store.send("common.kills_its_worker")
    innocent = job_store.send_many("common.ran_once_at_most", 20) + job_store.send_many(
        "common.ran_at_most_thrice", 20
    )
    job_store.send_many("common.naps", 20_000, 0.001)  # keeps them so while the dead are found
    job_store.wait_until(killer, "rejected")
    wait_for(
        lambda: all(job_store.state(job) in ("done", "rejected") for job in innocent), "they came to an end"
    )

    assert len(job_store.effects(killer, "started")) == 3
    never_ran = set(innocent) - {effect.job for effect in job_store.effects(what="ran")}
    assert never_ran == set(), "each had its attempt, whoever died beside it"

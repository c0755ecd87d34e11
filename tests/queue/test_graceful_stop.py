"""SIGTERM, as at every deploy: what runs is finished or given back, what waits is given back, and nothing counts."""

from __future__ import annotations

import time

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import QUIET, RunWorker


def test_a_running_job_finishes_and_what_cannot_is_given_back_uncounted(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    worker = run_worker(threads=3, shutdown_timeout=3).wait_ready()
    finishes = job_store.send("common.holds", "gate")
    endless = job_store.send("common.holds", "another gate", on_success="common.follows")
    heeds = job_store.send("common.heeds_shutdown", "another gate", on_failure="common.follows")
    job_store.wait_until_started(finishes, endless, heeds)

    worker.sigterm()
    # The one that heeds a shutdown is interrupted; its thread's turn to end, so it is not claimed here again.
    job_store.wait_until(heeds, "queued")
    assert job_store.state(endless) == "consumed", "it still has its time"
    job_store.open("gate")
    job_store.wait_until(finishes, "done")
    waiting = job_store.send("common.ran")
    assert worker.wait() == 0

    assert job_store.job(finishes).attempts == 1
    for job in (endless, heeds):
        assert job_store.state(job) == "queued"
        assert job_store.job(job).attempts == 0, "being given back costs no attempt"
        assert "retrying" not in dict(job_store.history(job))
    assert job_store.state(waiting) == "queued", "a worker that stops takes nothing new"
    assert job_store.workers() == [], "it took its leave"

    run_worker(threads=3)
    job_store.open("another gate")
    job_store.wait_until_empty()
    assert job_store.job(endless).attempts == job_store.job(heeds).attempts == 1
    assert len(job_store.effects(what=f"follows {endless}")) == 1
    assert job_store.effects(what=f"follows {heeds}") == [], "being interrupted is no failure"


def test_a_stop_in_mid_flood_gives_back_what_was_claimed_ahead(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    jobs = job_store.send_many("common.naps", 20_000, 0.001)
    worker = run_worker(threads=4, env=QUIET)
    wait_for(
        lambda: job_store.ask("select 1 from common_jobs.finished limit 1"), "the flood is being drained"
    )

    worker.sigterm()
    assert worker.wait() == 0

    states = job_store.states()
    assert sum(states.values()) == len(jobs)
    assert set(states) <= {"done", "queued"}, states
    assert states.get("queued", 0) > 0, "the flood was too small to be stopped in the middle of it"
    assert job_store.ask("select distinct attempts from common_jobs.queue") == [(0,)]
    assert job_store.ask("select distinct attempts from common_jobs.finished") == [(1,)]


def test_deploys_during_a_drain_lose_nothing(job_store: JobStore, run_worker: RunWorker) -> None:
    jobs = job_store.send_many("common.ran", 3_000)
    old = run_worker(processes=2, threads=4, env=QUIET).wait_ready()
    for _ in range(2):
        new = run_worker(processes=2, threads=4, env=QUIET).wait_ready()
        old.sigterm()
        job_store.send_many("common.ran", 50)
        assert old.wait() == 0
        old = new
    stopped_at = time.monotonic()
    job_store.wait_until_empty()

    assert time.monotonic() - stopped_at < 15
    assert job_store.states() == {"done": len(jobs) + 100}
    ran = job_store.ask("select count(*), count(distinct job), max(attempt) from effect")
    assert ran == [(len(jobs) + 100, len(jobs) + 100, 1)], "each ran once, at the first attempt"

"""What a job says of itself while it runs."""

from __future__ import annotations

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import RunWorker


def test_log_lines_and_progress_are_seen_while_the_job_runs(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    run_worker().wait_ready()
    job = job_store.send("common.tells", "gate")
    job_store.wait_until_started(job)

    wait_for(lambda: job_store.log_of(job) == ["half of it is done"], "its line is there", within=3)
    wait_for(lambda: job_store.job(job).progress == (1, 2), "its progress is there", within=3)
    assert job_store.state(job) == "consumed"
    job_store.open("gate")
    row = job_store.wait_until(job, "done")

    assert row.progress == (2, 2)
    assert job_store.log_of(job) == ["half of it is done", "all of it is done"]
    assert job_store.ask("select distinct attempt from common_jobs.job_log") == [(1,)]


def test_many_lines_of_short_jobs_are_all_kept(job_store: JobStore, run_worker: RunWorker) -> None:
    jobs = job_store.send_many("common.chatters", 200, 30)

    run_worker(threads=8)
    job_store.wait_until_empty()

    assert job_store.ask("select count(*), count(distinct message_id) from common_jobs.job_log") == [
        (30 * 200, len(jobs))
    ]
    assert job_store.log_of(jobs[7]) == [f"line {number}" for number in range(30)]

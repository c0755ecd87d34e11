"""Which job runs next: weights between queues, priorities within one, nobody starved, nobody kept waiting."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import QUIET, RunWorker


def test_queues_share_the_threads_by_weight(job_store: JobStore, run_worker: RunWorker) -> None:
    names = {"common.ran_critical": "critical", "common.ran": "default", "common.ran_low": "low-priority"}
    queue_of: dict[str, str] = {}
    for actor, queue in names.items():
        queue_of |= dict.fromkeys(job_store.send_many(actor, 600), queue)

    run_worker(threads=2, env=QUIET)
    wait_for(lambda: len(job_store.effects()) >= 500, "500 of them ran")

    shares = Counter(queue_of[effect.job] for effect in job_store.effects()[:500])
    assert shares["critical"] == pytest.approx(300, abs=30)
    assert shares["default"] == pytest.approx(150, abs=25)
    assert shares["low-priority"] == pytest.approx(50, abs=15)


def test_a_critical_job_starts_next_however_long_the_low_priority_queue(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    run_worker(threads=2, env=QUIET).wait_ready()
    job_store.send_many("common.lasts_low", 300, 0.05)
    wait_for(lambda: len(job_store.effects(what="started")) >= 20, "the flood is being worked off")

    for number in range(1, 4):
        sent_at = datetime.now(UTC)
        job = job_store.send("common.ran_critical")
        wait_for(lambda number=number: len(job_store.effects(what="ran")) == number, "it ran")  # type: ignore[misc]
        [ran] = job_store.effects(job)
        before = [e for e in job_store.effects(what="started") if sent_at < e.at < ran.at]
        assert len(before) <= 3, f"{len(before)} low-priority jobs started before it"


def test_a_job_does_not_wait_behind_a_long_one_while_another_worker_is_idle(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    for worker in [run_worker(threads=1, env=QUIET), run_worker(threads=1, env=QUIET)]:
        worker.wait_ready()

    # Many short ones, so that workers claim ahead; then one that lasts, with short ones behind it.
    job_store.send_many("common.nothing", 3_000)
    long = job_store.send("common.holds", "gate")
    job_store.send_many("common.nothing", 3_000)
    job_store.wait_until_started(long)
    seen_at = time.monotonic()
    wait_for(
        lambda: job_store.ask("select count(*) from common_jobs.queue") == [(1,)],
        "all but the long one are done",
    )

    assert time.monotonic() - seen_at < 5
    assert job_store.state(long) == "consumed"
    job_store.open("gate")
    job_store.wait_until(long, "done")
    assert job_store.ask("select max(attempts) from common_jobs.finished") == [(1,)]


def test_priority_goes_before_age_within_a_queue(job_store: JobStore, run_worker: RunWorker) -> None:
    low = [job_store.send("common.ran", priority=20) for _ in range(20)]
    plain = [job_store.send("common.ran") for _ in range(20)]
    high = [job_store.send("common.ran", priority=-5) for _ in range(20)]

    run_worker(threads=1, env=QUIET)
    job_store.wait_until_empty()

    assert [effect.job for effect in job_store.effects()] == high + plain + low


def test_delayed_jobs_run_on_time(job_store: JobStore, run_worker: RunWorker) -> None:
    run_worker(threads=4).wait_ready()
    start = datetime.now(UTC)
    due = {
        job_store.send("common.ran", delay=400): start + timedelta(seconds=0.4),
        job_store.send("common.ran", delay=timedelta(seconds=1)): start + timedelta(seconds=1),
        job_store.send("common.ran", eta=start + timedelta(seconds=1.7)): start + timedelta(seconds=1.7),
        job_store.send("common.ran", eta=(start.timestamp() + 2.2) * 1000): start + timedelta(seconds=2.2),
        job_store.send("common.ran", eta=start - timedelta(hours=1)): start,
    }
    job_store.send("common.ran", delay=3_600_000)
    wait_for(lambda: len(job_store.effects()) == 5, "all but the one in an hour ran")

    for job, at in due.items():
        [effect] = job_store.effects(job)
        assert timedelta(0) <= effect.at - at <= timedelta(seconds=0.5)
    assert job_store.states() == {"done": 5, "scheduled": 1}


def test_a_worker_takes_only_the_queues_it_was_given(job_store: JobStore, run_worker: RunWorker) -> None:
    critical, low = run_worker(queues=["critical"]), run_worker(queues=["low-priority"])
    jobs = {actor: job_store.send(actor) for actor in ("common.ran_critical", "common.ran", "common.ran_low")}
    elsewhere = job_store.send("common.ran", queue_name="critical")
    for job in (jobs["common.ran_critical"], jobs["common.ran_low"], elsewhere):
        job_store.wait_until(job, "done")

    assert job_store.effects(jobs["common.ran_critical"])[0].worker in critical.pids
    assert job_store.effects(jobs["common.ran_low"])[0].worker in low.pids
    assert job_store.effects(elsewhere)[0].worker in critical.pids
    assert job_store.state(jobs["common.ran"]) == "queued"


def test_two_processes_share_the_work(job_store: JobStore, run_worker: RunWorker) -> None:
    worker = run_worker(processes=2, threads=2).wait_ready()
    jobs = [job_store.send("common.holds", "gate") for _ in range(4)]
    job_store.wait_until_started(*jobs)
    job_store.open("gate")
    job_store.wait_until_empty()

    assert len(worker.pids) == 2
    assert Counter(effect.worker for effect in job_store.effects(what="started")) == dict.fromkeys(
        worker.pids, 2
    )


def test_a_paused_queue_is_left_alone_until_it_is_resumed(job_store: JobStore, run_worker: RunWorker) -> None:
    job_store.pause("default")
    run_worker(env={"JOBS_POLL_INTERVAL": "200ms"}).wait_ready()
    paused, other = job_store.send("common.ran"), job_store.send("common.ran_critical")

    job_store.wait_until(other, "done")
    assert job_store.state(paused) == "queued"
    job_store.ask("delete from common_jobs.queue_pause")
    job_store.wait_until(paused, "done")

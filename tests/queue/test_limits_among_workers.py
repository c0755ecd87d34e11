"""Limits hold among all worker processes, whatever becomes of one; a place that comes up in one is heard of in all."""

from __future__ import annotations

import time

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import SERVER_TIMEOUT, RunWorker

PROMPTLY = 2.0
"""Seconds; well below the poll interval, which is 5 s here."""


def at_once(job_store: JobStore) -> int:
    """How many jobs were on at the moment when most were, of all attempts that came to an end."""
    spans = job_store.ask(
        "select extract(epoch from s.began)::float8, extract(epoch from e.at)::float8"
        " from effect s join effect e using (job, attempt) where s.what = 'started' and e.what = 'ended'"
    )
    most = now = 0
    for _, step in sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans]):
        now += step
        most = max(most, now)
    return most


def test_no_more_run_at_once_than_allowed_in_all_workers_together(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    for worker in (run_worker(threads=4), run_worker(threads=4)):
        worker.wait_ready()
    jobs = job_store.send_many("common.lasts_three_at_once", 90, 0.05)
    job_store.wait_until_empty()

    effects = job_store.effects()
    assert sum(effect.what == "ended" for effect in effects) == len(jobs)
    assert at_once(job_store) == 3
    took = (effects[-1].at - effects[0].at).total_seconds()
    assert took < 3 * 90 * 0.05 / 3, "the three places are made use of"


def test_a_rate_holds_in_all_workers_together(job_store: JobStore, run_worker: RunWorker) -> None:
    for worker in (run_worker(threads=4), run_worker(threads=4)):
        worker.wait_ready()
    job_store.send_many("common.ran_at_a_rate", 24)
    job_store.wait_until_empty()

    began = [
        row[0] for row in job_store.ask("select extract(epoch from began)::float8 from effect order by 1")
    ]
    assert len(began) == 24
    assert min(later - first for first, later in zip(began, began[8:], strict=False)) > 2.0


def test_a_killed_worker_gives_its_places_back_once_it_is_found_dead(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    doomed = run_worker(threads=1).wait_ready()
    first = job_store.send("common.holds_one_at_once", "gate")
    job_store.wait_until_started(first)
    second = job_store.send("common.holds_one_at_once", "gate")
    run_worker(threads=2).wait_ready()
    assert job_store.state(second) == "queued"

    doomed.kill9()
    wait_for(
        lambda: len(job_store.effects(what="started")) == 2, "one starts again", within=SERVER_TIMEOUT + 2
    )
    assert sorted(job_store.state(job) for job in (first, second)) == ["consumed", "queued"]
    job_store.open("gate")
    job_store.wait_until_empty()
    assert job_store.states() == {"done": 2}


def test_a_limit_holds_while_workers_are_killed_and_replaced(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    fragile = {"JOBS_HEARTBEAT_INTERVAL": "200ms", "JOBS_SERVER_TIMEOUT": "1s", "JOBS_RESCUE_GRACE": "500ms"}
    jobs = job_store.send_many("common.lasts_three_at_once", 60, 0.1, max_retries=50)
    crew = [run_worker(threads=3, env=fragile).wait_ready() for _ in range(2)]
    for number in range(4):
        time.sleep(0.6)
        crew[number % 2].kill9()
        crew[number % 2] = run_worker(threads=3, env=fragile)
    job_store.wait_until_empty(within=40)
    assert job_store.states() == {"done": len(jobs)}
    assert at_once(job_store) == 3


def test_a_worker_whose_threads_are_busy_leaves_the_place_to_another(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    run_worker(threads=1, queues=("default", "critical")).wait_ready()
    first = job_store.send("common.holds_one_at_once", "first")
    job_store.wait_until_started(first)
    run_worker(threads=1, queues=("default",)).wait_ready()
    busy = job_store.send("common.holds_critical", "busy")
    other_busy = job_store.send("common.holds_critical", "busy")
    second = job_store.send("common.holds_one_at_once", "second")

    job_store.open("first")
    job_store.wait_until_started(second, within=PROMPTLY)
    job_store.open("busy")
    job_store.open("second")
    for job in (busy, other_busy, second):
        job_store.wait_until(job, "done")


def test_a_worker_that_stops_leaves_the_place_to_another(job_store: JobStore, run_worker: RunWorker) -> None:
    leaving = run_worker(threads=1).wait_ready()
    first = job_store.send("common.holds_one_at_once", "first")
    job_store.wait_until_started(first)
    run_worker(threads=1).wait_ready()
    second = job_store.send("common.holds_one_at_once", "second")
    leaving.sigterm()
    wait_for(lambda: "Shutting down" in leaving.log(), "it has begun to stop")

    job_store.open("first")
    job_store.wait_until_started(second, within=PROMPTLY)
    job_store.open("second")
    job_store.wait_until(second, "done")
    leaving.wait()


def test_without_notifications_polls_find_the_jobs(job_store: JobStore, run_worker: RunWorker) -> None:
    run_worker(threads=2, env={"JOBS_LISTEN": "false", "JOBS_POLL_INTERVAL": "300ms"}).wait_ready()
    job_store.send_many("common.lasts_three_at_once", 10, 0.01)
    job_store.wait_until_empty()
    assert job_store.states() == {"done": 10}


def test_a_worker_says_little_while_jobs_wait_under_limits(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    # A fifth of the default intervals, so five times as much is allowed.
    brisk = {"JOBS_HEARTBEAT_INTERVAL": "3s", "JOBS_SERVER_TIMEOUT": "12s", "JOBS_POLL_INTERVAL": "3s"}
    run_worker(threads=4, env=brisk).wait_ready()
    held = [job_store.send("common.lasts_one_of_each", seconds) for seconds in (60, 61)]
    job_store.wait_until_started(*held)
    for seconds in (60, 61):
        job_store.send_many("common.lasts_one_of_each", 500, seconds)
    job_store.send_many("common.ran_seldom", 500)
    wait_for(lambda: len(job_store.effects(what="ran")) == 2, "the rate is used up")

    def calm() -> bool:
        begin, before = time.monotonic(), transactions(job_store)
        time.sleep(6)
        own = 1
        return (transactions(job_store) - before - own) / (time.monotonic() - begin) <= 5 * 2.0

    # Sessions tell the statistics what they did when they are idle, so some of the start-up is counted late.
    wait_for(calm, "little is said")
    assert len(job_store.effects(what="started")) == 2


def transactions(job_store: JobStore) -> int:
    [(count,)] = job_store.ask(
        "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()"
    )
    return int(count)

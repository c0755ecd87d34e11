"""Each tick once, with real processes: two schedulers and a worker in real minutes, workers that catch up by
themselves, and runs that last longer than the distance of their ticks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from infra.queue.broker import JobBroker
from infra.scheduling import cron
from infra.scheduling.declare import declare
from infra.scheduling.ledger import fire
from infra.scheduling.operate import trigger
from infra.store.connections import Store
from tests.support.job_store import JobStore, fresh_job_store
from tests.support.queue import becomes_due, broker_on
from tests.support.recurring import store_at
from tests.support.scheduler import (
    APP,
    INDIA,
    Job,
    SchedulerProcess,
    declare_actors,
    environment_for,
    shown,
)
from tests.support.waiting import wait_for
from tests.support.worker import QUIET, RunWorker, workers_of

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
DAY = datetime(2096, 2, 29, tzinfo=INDIA)
LEAP_DAYS = "0 * 29 2 *"
"""Far ahead, so that workers, who live today, find nothing due. When they start, they take DAY for a clock that was
ahead, and expect the next leap day instead.
"""

BEAT = Job("beat", "0 0 1 1 *")
"""Shows that workers looked for ticks that nobody sent."""

EVERY_MINUTE = (
    Job("allowed", "* * * * *", missed="all"),
    Job("queued", "* * * * *", missed="all", overlap="queue"),
    Job("skipping", "* * * * *", overlap="skip"),
    Job("of-sales", "* * * * *", missed="all", service="sales"),
)
NOW_AND_THEN = (Job("every-other", "*/2 * * * *", missed="all"), Job("yearly", "0 0 1 1 *"))


@pytest.fixture(scope="module", autouse=True)
def minutes(postgres_server: str, job_store_template: str) -> Iterator[RealMinutes]:
    """They pass while the other tests of this file run."""
    with (
        fresh_job_store(postgres_server, job_store_template) as store,
        workers_of(lambda: store.url) as run_worker,
    ):
        passing = RealMinutes(store, run_worker)
        passing.start()
        try:
            yield passing
        finally:
            passing.over.set()
            passing.join()


class RealMinutes(threading.Thread):
    """Two schedulers and a worker see two minutes begin; between the two a scheduler is killed, and another started."""

    def __init__(self, store: JobStore, run_worker: RunWorker) -> None:
        super().__init__(name="minutes")
        self.store = store
        self.over = threading.Event()
        self.failure: BaseException | None = None
        jobs = (*EVERY_MINUTE, *NOW_AND_THEN)
        with broker_on(store.url) as broker:
            declare_actors(jobs)
            for service in ("common", "sales"):
                declare(broker, Store(service, store.url), complete=True)
        [(self.first,)] = store.ask("select min(next_at) from common_jobs.recurring")
        self.second = self.first + timedelta(minutes=1)
        self._env = environment_for(jobs, catch_up_every=1.0)
        run_worker(module=APP, env=QUIET | self._env)
        self.schedulers = [SchedulerProcess(store.url, self._env) for _ in range(2)]

    def run(self) -> None:
        try:
            wait_for(lambda: self._has_come(self.first), "the first minute", within=90)
            self.schedulers[0].kill9()
            self.schedulers.append(SchedulerProcess(self.store.url, self._env))
            wait_for(lambda: self._has_come(self.second), "the second minute", within=90)
        except BaseException as error:
            self.failure = error
        finally:
            for scheduler in self.schedulers:
                scheduler.end()

    def _has_come(self, minute: datetime) -> bool:
        common, sales = (
            self.store.ask(
                f"select count(*) from {service}_jobs.tick join {service}_jobs.finished using (message_id)"
                " where due_at = %s",
                minute,
            )[0][0]
            for service in ("common", "sales")
        )
        return self.over.is_set() or (common >= len(EVERY_MINUTE) - 1 and sales == 1)


# -- nobody fired for hours


def test_workers_make_up_for_three_hours_without_a_scheduler(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    half_past = f"{datetime.now(INDIA) + HOUR / 2:%M} * * * *"  # as seen from now
    jobs = tuple(Job(missed, half_past, missed=missed) for missed in ("once", "all", "skip"))
    with known(job_store.url, *jobs, BEAT):
        [(next_at,)] = job_store.ask("select next_at from common_jobs.recurring where name = 'all'")
        job_store.ask(
            "update common_jobs.recurring set next_at = next_at - interval '3 hours' where name <> 'beat'"
        )

        for _ in range(2):
            run_worker(module=APP, env=QUIET | environment_for((*jobs, BEAT), catch_up_every=0.2))
        wait_for(lambda: len(ran(job_store)) >= 4, "four runs")
        wait_for_a_look(job_store)

    dues = [next_at - 3 * HOUR, next_at - 2 * HOUR, next_at - HOUR]
    assert ran(job_store) == sorted([f"all {shown(due)}" for due in dues] + [f"once {shown(dues[-1])}"])
    ledger = job_store.ask(
        "select name, due_at, outcome from common_jobs.tick where name <> 'beat' order by 1, 2"
    )
    assert ledger == [
        *(("all", due, "sent") for due in dues),
        ("once", dues[-1], "sent"),
        ("skip", dues[-1], "missed"),
    ]
    assert job_store.ask("select distinct next_at from common_jobs.recurring where name <> 'beat'") == [
        (next_at,)
    ]


# -- runs that last longer than the distance of their ticks


def test_queued_runs_follow_one_another_whatever_becomes_of_them(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    job = Job("long", LEAP_DAYS, overlap="queue", holds=True)
    seven, eight, nine, ten, eleven = (DAY + hour * HOUR for hour in range(7, 12))
    env = QUIET | environment_for((job, BEAT), catch_up_every=0.1)
    with known(job_store.url, job, BEAT) as broker:
        for due in (seven, eight, nine, ten, eleven):
            fire(store_at(broker, due + SECOND), broker)
        assert outcomes(job_store) == ["sent", "waiting", "waiting", "waiting", "waiting"]

        doomed = run_worker(module=APP, env=env).wait_ready()
        wait_until_started(job_store, seven)
        doomed.kill9()
        run_worker(module=APP, env=env)
        wait_until_started(job_store, seven, times=2)
        wait_for_a_look(job_store)
        job_store.open(shown(seven))

        wait_until_started(job_store, eight)
        job_store.open(f"{shown(eight)} stumbles")
        job_store.open(shown(eight))
        job_store.wait_until(run_of(job_store, eight), "retrying")
        wait_for_a_look(job_store)
        becomes_due(broker, run_of(job_store, eight))

        wait_until_started(job_store, nine)
        job_store.cancel(run_of(job_store, nine))

        wait_until_started(job_store, ten)
        job_store.open(f"{shown(ten)} fails")
        job_store.open(shown(ten))
        job_store.wait_until(run_of(job_store, ten), "retrying")
        becomes_due(broker, run_of(job_store, ten))

        job_store.open(shown(eleven))
        wait_until_started(job_store, eleven)
        job_store.wait_until(run_of(job_store, eleven), "done")

    assert outcomes(job_store) == ["sent"] * 5
    story = job_store.ask(
        "select f.state::text, f.attempts, min(e.began) >= lag(f.finished_at) over (order by t.due_at)"
        " from common_jobs.tick t join common_jobs.finished f using (message_id)"
        " join effect e on e.job = t.message_id::text"
        " where t.name = 'long' group by t.due_at, f.state, f.attempts, f.finished_at order by t.due_at"
    )
    assert story == [
        ("done", 2, None),
        ("done", 2, True),
        ("cancelled", 1, True),
        ("failed", 2, True),
        ("done", 1, True),
    ]


def test_a_tick_is_skipped_while_an_earlier_run_has_not_ended(
    job_store: JobStore, run_worker: RunWorker
) -> None:
    job = Job("long", LEAP_DAYS, overlap="skip", holds=True)
    seven, eight, nine, ten, eleven = (DAY + hour * HOUR for hour in range(7, 12))
    with known(job_store.url, job) as broker:
        run_worker(module=APP, env=QUIET | environment_for((job,), catch_up_every=60))
        fire(store_at(broker, seven + SECOND), broker)
        wait_until_started(job_store, seven)
        by_hand = trigger(store_at(broker, seven + HOUR / 2), broker, "long", by="asha")
        job_store.open(shown(seven + HOUR / 2))
        job_store.wait_until(by_hand, "done")
        assert fire(store_at(broker, eight + SECOND), broker) == 0, "the one triggered by hand has ended only"

        job_store.open(shown(seven))
        job_store.wait_until(run_of(job_store, seven), "done")
        fire(store_at(broker, nine + SECOND), broker)
        job_store.open(f"{shown(nine)} stumbles")
        job_store.open(shown(nine))
        job_store.wait_until(run_of(job_store, nine), "retrying")
        assert fire(store_at(broker, ten + SECOND), broker) == 0, "what will be tried again has not ended"

        becomes_due(broker, run_of(job_store, nine))
        job_store.wait_until(run_of(job_store, nine), "done")
        assert fire(store_at(broker, eleven + SECOND), broker) == 1

    assert outcomes(job_store) == ["sent", "triggered", "skipped", "sent", "skipped", "sent"]
    reasons = job_store.ask("select reason from common_jobs.tick where outcome = 'skipped' order by due_at")
    first_words = [reason.partition(";")[0] for (reason,) in reasons]
    assert first_words == [f"run {run_of(job_store, due)} had not ended" for due in (seven, nine)]


# -- real minutes: last, as they began with the first test


@pytest.mark.timeout(200)
def test_in_real_minutes_two_schedulers_and_a_worker_run_each_tick_once(minutes: RealMinutes) -> None:
    minutes.join(180)
    if minutes.failure:
        raise minutes.failure
    minutes.store.wait_until_empty()
    declared_at, until = minutes.first - SECOND, minutes.second
    for job in (*EVERY_MINUTE, *NOW_AND_THEN):
        dues = list(cron(job.spec).ticks_between(declared_at, until))
        ticks = minutes.store.ask(
            "select due_at, outcome, at - due_at < interval '20 seconds'"
            f" from {job.service}_jobs.tick where name = %s and due_at <= %s order by due_at",
            job.name,
            until,
        )
        assert ticks == [(due, "sent", True) for due in dues], f"{job.name}: sent, by a scheduler"
        for due in dues:
            what = [f"started {job.name} {shown(due)}", f"ended {job.name} {shown(due)}"]
            effects = minutes.store.ask("select what from effect where what = any (%s) order by at", what)
            assert [effect for (effect,) in effects] == what, "it ran once, and was told for when"
    assert minutes.store.states().keys() | minutes.store.states("sales").keys() == {"done"}


# -- words


@contextmanager
def known(url: str, *jobs: Job) -> Iterator[JobBroker]:
    """A broker that knows these jobs; so does the store: those of leap days since half past six of DAY."""
    with broker_on(url) as broker:
        declare_actors(jobs)
        far_ahead = any(job.spec == LEAP_DAYS for job in jobs)
        store = store_at(broker, DAY + 6.5 * HOUR) if far_ahead else broker.store("common")
        declare(broker, store, complete=True)
        yield broker


def wait_until_started(job_store: JobStore, due: datetime, times: int = 1) -> None:
    what = f"started long {shown(due)}"
    wait_for(lambda: len(job_store.effects(what=what)) == times, f"{what}, {times} times")


def wait_for_a_look(job_store: JobStore) -> None:
    """Until workers have looked for ticks that nobody sent, and done what there was to do."""
    moved = "select 1 from common_jobs.recurring where name = 'beat' and next_at > now()"
    for _ in range(2):  # the first look may have begun before
        job_store.ask(
            "update common_jobs.recurring set next_at = now() - interval '1 minute' where name = 'beat'"
        )
        wait_for(lambda: job_store.ask(moved), "a worker looks")


def run_of(job_store: JobStore, due: datetime) -> str:
    [(message_id,)] = job_store.ask(
        "select message_id::text from common_jobs.tick where name = 'long' and due_at = %s", due
    )
    return str(message_id)


def outcomes(job_store: JobStore) -> list[str]:
    rows = job_store.ask("select outcome from common_jobs.tick where name = 'long' order by due_at")
    return [outcome for (outcome,) in rows]


def ran(job_store: JobStore) -> list[str]:
    """What ran, as `<job> <due>`; without the beat."""
    ended = [
        effect.what.removeprefix("ended ")
        for effect in job_store.effects()
        if effect.what.startswith("ended ")
    ]
    return sorted(what for what in ended if not what.startswith("beat"))

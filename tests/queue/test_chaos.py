"""Everything at once: workers killed, stopped past their lease, replaced, while thousands of jobs are sent and run."""

from __future__ import annotations

import random
import threading
import time

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import QUIET, RunWorker, WorkerProcess

SECONDS = 8
CREW = 3
FRAGILE = {"JOBS_HEARTBEAT_INTERVAL": "200ms", "JOBS_SERVER_TIMEOUT": "1s", "JOBS_RESCUE_GRACE": "500ms"}


def test_nothing_is_lost_and_nothing_runs_after_its_ack(job_store: JobStore, run_worker: RunWorker) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    sender = Sender(job_store)
    sender.accepted += job_store.send_many("common.ran", 4_000)
    sender.start()
    crew = [run_worker(threads=4, env=QUIET | FRAGILE) for _ in range(CREW)]
    for worker in crew:
        worker.wait_ready()

    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        fate = chance.choice(["kill", "stop", "stop", "end"])
        place = chance.randrange(CREW)
        print(f"{fate} {crew[place].process.pid}")
        if fate == "kill":
            crew[place].kill9()
            crew[place] = run_worker(threads=4, env=QUIET | FRAGILE)
        elif fate == "stop":
            crew[place].sigstop()
            wait_some_time(chance.uniform(0.2, 2.0))
            crew[place].sigcont()
        else:
            crew[place].sigterm()
            crew[place] = run_worker(threads=4, env=QUIET | FRAGILE)
        wait_some_time(chance.uniform(0.1, 0.6))
    sender.over.set()
    sender.join()
    job_store.wait_until_empty(within=30)

    sent = len(sender.accepted)
    assert sent > 2_000
    assert job_store.ask(
        "select state::text, count(*), count(distinct message_id) from common_jobs.job group by 1"
    ) == [("done", sent, sent)]
    assert job_store.ask("select count(distinct job) from effect") == [(sent,)]
    assert job_store.ask("select job, attempt from effect group by 1, 2 having count(*) > 1") == []
    late = job_store.ask(
        "select e.job, e.attempt, e.began - f.finished_at from effect e"
        " join common_jobs.finished f on f.message_id::text = e.job where e.began > f.finished_at"
    )
    assert late == [], "an acknowledged job began again"
    assert (
        job_store.ask(
            "select message_id from common_jobs.history where state = 'done' group by 1 having count(*) > 1"
        )
        == []
    )
    wait_for(lambda: no_more_than_live(job_store, crew), "workers that are gone are forgotten")


def no_more_than_live(job_store: JobStore, crew: list[WorkerProcess]) -> bool:
    alive = {pid for worker in crew for pid in worker.pids}
    return {pid for _, pid in job_store.workers()} == alive


def wait_some_time(seconds: float) -> None:
    """The one wait that is for nothing: chaos keeps no appointments."""
    time.sleep(seconds)


class Sender(threading.Thread):
    """Sends jobs, three queues in turn, until it is told to stop, and remembers those that were accepted."""

    def __init__(self, job_store: JobStore) -> None:
        super().__init__()
        self.job_store = job_store
        self.accepted: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            for queue_name in ("default", "critical", "low-priority"):
                self.accepted += self.job_store.send_many("common.ran", 5, queue_name=queue_name)

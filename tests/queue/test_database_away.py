"""The database goes away and comes back: nothing is lost, and workers heal by themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from infra.queue import StoreUnavailable
from infra.settings import settings
from tests.support.job_store import JobStore, prepare
from tests.support.own_server import OwnServer, own_server
from tests.support.waiting import wait_for
from tests.support.worker import QUIET, RunWorker, workers_of


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server() as running:
        prepare(running.url)
        yield running


@pytest.fixture
def store(server: OwnServer) -> Iterator[JobStore]:
    store = JobStore(server.url)
    yield store
    tables = "queue, common_jobs.finished, common_jobs.history, common_jobs.job_log, common_jobs.worker"
    store.ask(f"truncate common_jobs.{tables}, effect, gate")
    store.close()


@pytest.fixture
def run_worker(store: JobStore) -> Iterator[RunWorker]:
    with workers_of(lambda: store.url) as run:
        yield run


class Sender(threading.Thread):
    """Sends jobs as fast as it can until it is told to stop, and remembers those that were accepted."""

    def __init__(self, store: JobStore) -> None:
        super().__init__()
        self.store = store
        self.accepted: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.002):
            self.accepted.append(self.store.send("common.ran"))

    def wait_for_more(self, count: int) -> None:
        """Until so many more were accepted, and so many jobs done."""
        accepted, done = len(self.accepted) + count, self._done() + count
        wait_for(lambda: len(self.accepted) > accepted and self._done() > done, "jobs are sent and done")

    def _done(self) -> int:
        [(count,)] = self.store.ask("select count(*) from effect")
        return int(count)


def test_restarts_of_the_database_under_load_lose_nothing(
    server: OwnServer, store: JobStore, run_worker: RunWorker
) -> None:
    patient = {"JOBS_SERVER_TIMEOUT": "8s", "JOBS_HEARTBEAT_INTERVAL": "500ms"}
    workers = [run_worker(threads=4, env=QUIET | patient) for _ in range(2)]
    for worker in workers:
        worker.wait_ready()
    sender = Sender(JobStore(server.url))
    sender.start()

    for mode in ("fast", "immediate"):
        sender.wait_for_more(100)
        server.stop(mode)
        server.start()
        sender.wait_for_more(100)
    sender.over.set()
    sender.join()
    store.wait_until_empty()

    sent_jobs = set(sender.accepted)
    assert len(sent_jobs) == len(sender.accepted)
    done = store.ask("select message_id::text, attempts from common_jobs.finished where state = 'done'")
    assert sorted(row[0] for row in done) == sorted(sent_jobs), "one row each"
    assert store.ask("select count(*) from common_jobs.job") == [(len(sent_jobs),)]
    assert {effect.job for effect in store.effects(what="ran")} == sent_jobs
    assert {row[1] for row in done} == {1}, "workers that live finish what they hold"
    for worker in workers:
        assert not worker.ended


def test_an_outage_longer_than_the_server_timeout(
    server: OwnServer, store: JobStore, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [run_worker(threads=2) for _ in range(2)]
    for worker in workers:
        worker.wait_ready()
    held = [store.send("common.holds", "gate") for _ in range(4)]
    store.wait_until_started(*held)
    delayed = store.send("common.ran", delay=500)

    server.stop()
    stopped_at = time.monotonic()
    monkeypatch.setenv("JOBS_SEND_TIMEOUT", "1s")
    settings.cache_clear()
    try:
        with pytest.raises(StoreUnavailable, match=r"did not answer within 1 s, the job was not enqueued"):
            store.send("common.ran")
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert 0.5 < time.monotonic() - stopped_at < 3
    for worker in workers:
        wait_for(lambda worker=worker: "is away" in worker.log(), "it is said")  # type: ignore[misc]
    wait_for(lambda: time.monotonic() - stopped_at > 3, "the server timeout is long over")
    server.start()
    wait_for(lambda: all("is back after" in worker.log() for worker in workers), "it is said")
    store.open("gate")

    store.wait_until_empty()
    assert store.states() == {"done": 5}
    for job in held:
        assert store.did(job) == ["started", "ended"], "nobody took it from its worker, which lived"
        assert store.job(job).attempts == 1
    assert store.did(delayed) == ["ran"]
    for worker in workers:
        assert worker.log().count("is away") == worker.log().count("is back after") == 1
        assert [event for event in worker.events() if event.get("level") == "error"] == [
            event for event in worker.events() if "is away" in str(event.get("event"))
        ]
        assert "Traceback" not in worker.log()


def test_a_worker_that_starts_before_the_database_waits_for_it(
    server: OwnServer, store: JobStore, run_worker: RunWorker
) -> None:
    job = store.send("common.ran")
    server.stop()
    worker = run_worker().wait_ready()
    wait_for(lambda: "is away" in worker.log(), "it is said")
    server.start()

    store.wait_until(job, "done")
    assert worker.log().count("is away") == 1

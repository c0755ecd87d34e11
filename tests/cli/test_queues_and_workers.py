"""`queues`, `workers`: what waits, who works, and how to hold it up."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import Desk
from tests.support.job_store import JobStore
from tests.support.queue import working
from tests.support.waiting import wait_for


def queue(desk: Desk, name: str, service: str = "common") -> dict[str, object]:
    found = desk.run("queues", "list", "--json", "--service", service).json["queues"]
    return next(q for q in found if q["name"] == name)


def test_a_queue_shows_what_waits_and_for_how_long(desk: Desk, job_store: JobStore) -> None:
    for priority in (0, 5):
        job_store.send_many("common.greet", 3, "Asha", priority=priority)
    job_store.send("common.greet", "Bo", delay=60_000)
    job_store.ask(
        "update common_jobs.queue set enqueued_at = enqueued_at - interval '1 h' where priority = 5"
    )

    found = queue(desk, "default")

    assert (found["ready"], found["delayed"], found["running"], found["weight"]) == (6, 1, 0, 3)
    assert 3600 <= float(str(found["oldest"])) < 3700
    assert queue(desk, "critical")["ready"] == 0


def test_latency_comes_from_what_finished_lately(
    desk: Desk, job_store: JobStore, worked: Callable[[dict[str, str]], None]
) -> None:
    jobs = job_store.send_many("common.greet", 3, "Asha")
    worked(dict.fromkeys(jobs, "done"))

    found = queue(desk, "default")

    assert 0 < float(str(found["latency_p50"])) <= float(str(found["latency_p95"])) < 30


def test_a_paused_queue_waits_until_it_is_resumed_and_its_workers_wake_at_once(
    desk: Desk, job_store: JobStore
) -> None:
    assert (
        desk.run("queues", "pause", "default", "--reason", "the ledger moves", "--service", "common").code
        == 0
    )
    found = queue(desk, "default")
    assert "@" in str(found["paused_by"])
    assert found["paused_because"] == "the ledger moves"
    assert queue(desk, "default", "sales")["paused_by"] is None

    with working(job_store.broker):
        held, free = (
            job_store.send("common.greet", "Asha"),
            job_store.send("common.greet", "Bo", queue_name="critical"),
        )
        job_store.wait_until(free, "done")
        assert job_store.state(held) == "queued"

        assert desk.run("queues", "resume", "default").code == 0
        job_store.wait_until(held, "done", within=5)  # the poll interval is 15 s


def test_pausing_twice_keeps_the_first_reason_and_an_unknown_queue_is_refused(desk: Desk) -> None:
    desk.run("queues", "pause", "default", "--reason", "first")
    again = desk.run("queues", "pause", "default", "--reason", "second", "--json")
    assert again.json["paused"] == {"common": False, "sales": False}
    assert queue(desk, "default")["paused_because"] == "first"

    unknown = desk.run("queues", "pause", "defualt")
    assert (unknown.code, "did you mean 'default'" in unknown.err) == (2, True)


def test_a_worker_is_shown_once_with_all_it_serves(desk: Desk, job_store: JobStore) -> None:
    assert "no worker" in desk.run("workers").out
    with working(job_store.broker, threads=3):

        def shown() -> list[dict[str, object]]:
            return [w for w in desk.run("workers", "--json").json["workers"] if len(w["services"]) == 2]

        worker = wait_for(shown, "the worker is registered in both stores")[0]
        assert (worker["services"], worker["threads"], worker["alive"]) == (["common", "sales"], 3, True)
        assert "common, sales" in desk.run("workers").out
    assert desk.run("workers", "--json").json == {"workers": []}


def test_a_worker_that_fell_silent_is_shown_as_such(desk: Desk, job_store: JobStore) -> None:
    with working(job_store.broker):
        job_store.ask("update common_jobs.worker set heartbeat_at = heartbeat_at - interval '5 min'")

        assert not desk.run("workers", "--json").json["workers"][0]["alive"]
        assert "silent" in desk.run("workers").out

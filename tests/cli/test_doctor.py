"""`doctor`: each known trouble is named, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from infra.maintenance import checkup
from tests.cli.conftest import Desk
from tests.support.job_store import JobStore
from tests.support.queue import working

Examine = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def examine(desk: Desk, job_store: JobStore, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """What doctor finds of one check, where the code declares the actors that the test sends to."""
    monkeypatch.setattr("infra.cli.actors.loaded_broker", lambda: job_store.broker)

    def found(check: str, *words: str, level: str | None = None) -> list[dict[str, Any]]:
        answer = desk.run("doctor", "--json", *words)
        findings = [f for f in answer.json["findings"] if f["check"] == check]
        assert answer.json["ok"] == (answer.code == 0)
        if level is not None:
            assert {f["level"] for f in findings} == {level}, findings
            assert all(f["advice"] for f in findings) or level == "ok"
        return findings

    return found


def a_living_worker(job_store: JobStore, threads: int = 4) -> None:
    """A worker by its row: it has just said that it lives, and takes nothing."""
    job_store.ask(
        "insert into common_jobs.worker (worker_id, name, hostname, pid, queues, threads) "
        "values (gen_random_uuid(), 'host:1', 'host', 1, '{critical,default,low-priority}', %s)",
        threads,
    )


def test_all_is_well_with_a_worker(desk: Desk, job_store: JobStore, examine: Examine) -> None:
    with working(job_store.broker):
        answer = desk.run("doctor", "--json")
        assert {f["level"] for f in answer.json["findings"]} == {"ok"}, answer.out
        assert desk.run("doctor").code == 0


def test_no_database(bare_desk: Desk) -> None:
    answer = bare_desk.process("doctor", "--json")

    finding = answer.json["findings"][0]
    assert (answer.code, finding["check"], finding["level"]) == (1, "database", "error")
    assert "JOBS_DATABASE_URL" in finding["advice"]
    assert "sesame" not in answer.out


def test_not_migrated(empty_desk: Desk) -> None:
    answer = empty_desk.run("doctor", "--json", "--service", "sales")

    finding = next(f for f in answer.json["findings"] if f["check"] == "migrated")
    assert (answer.code, finding["level"], finding["advice"]) == (1, "error", "dhanman-jobs migrate")


def test_clock_skew(job_store: JobStore, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = checkup.time.time
    monkeypatch.setattr(checkup.time, "time", lambda: real() + 5)
    assert "behind" in examine("clock", level="warning")[0]["what"]


@pytest.mark.usefixtures("alters_the_schema")
def test_a_missing_index(job_store: JobStore, examine: Examine) -> None:
    missing = ("finished_message_id", "queue_ready", "queue_unique_waiting")
    for index in missing:
        job_store.ask(f"drop index sales_jobs.{index}")

    findings = [f for f in examine("indexes") if f["level"] == "error"]

    assert [(f["where"], f["what"].split()[1]) for f in findings] == [
        ("sales_jobs", index) for index in missing
    ]


@pytest.mark.usefixtures("alters_the_schema")
def test_an_invalid_index(job_store: JobStore, examine: Examine) -> None:
    job_store.ask(
        "update pg_index set indisvalid = false where indexrelid = 'common_jobs.queue_due'::regclass"
    )

    findings = [f for f in examine("indexes") if f["level"] == "error"]

    assert "reindex" in findings[0]["advice"]


def test_the_expected_indexes_are_those_of_the_migrations() -> None:
    assert {"queue_ready", "queue_due", "queue_claimed", "queue_unique_waiting"} <= checkup.expected_indexes()


def test_no_worker(job_store: JobStore, examine: Examine) -> None:
    assert {f["level"] for f in examine("worker")} == {"warning"}

    job_store.send("common.greet", "Asha")

    finding = next(f for f in examine("worker") if f["level"] == "error")
    assert (finding["where"], "dramatiq actors" in finding["advice"]) == ("common_jobs", True)


def test_a_queue_that_nobody_consumes(job_store: JobStore, examine: Examine) -> None:
    a_living_worker(job_store)
    job_store.ask("select common_jobs.enqueue('common.greet', '[\"Asha\"]', queue => 'defualt')")
    finding = examine("queue", "--service", "common", level="error")[0]
    assert "'defualt'" in finding["what"]
    assert "JOBS_QUEUES" in finding["advice"]


def test_a_worker_without_threads(job_store: JobStore, examine: Examine) -> None:
    a_living_worker(job_store, threads=0)
    assert "JOBS_THREADS" in examine("threads", "--service", "common", level="error")[0]["advice"]


def test_actors_that_no_code_declares(job_store: JobStore, examine: Examine) -> None:
    job_store.ask("insert into common_jobs.actor (actor_name, queue_name) values ('common.gone', 'default')")
    job_store.ask("select common_jobs.enqueue('common.gone')")

    assert "common.gone" in examine("unknown actor", "--service", "common", level="error")[0]["what"]
    assert "common.gone" in examine("actors", "--service", "common", level="warning")[0]["what"]


def test_a_registry_that_fell_behind_the_code(job_store: JobStore, examine: Examine) -> None:
    job_store.ask("update common_jobs.actor set parameters = '[]' where actor_name = 'common.greet'")

    finding = examine("actors", "--service", "common", level="warning")[0]

    assert ("common.greet" in finding["what"], finding["advice"]) == (True, "dhanman-jobs migrate")


def test_retries_that_are_used_up(
    job_store: JobStore, examine: Examine, worked: Callable[[dict[str, str]], None]
) -> None:
    jobs = [job_store.send("common.breaks", n) for n in range(3)]
    worked(dict.fromkeys(jobs, "failed"))

    finding = examine("exhausted", "--service", "common", level="warning")[0]

    assert "3 Failed" in finding["what"]
    assert "--actor common.breaks" in finding["advice"]


def test_a_paused_queue_and_one_that_waits_too_long(
    desk: Desk, job_store: JobStore, examine: Examine
) -> None:
    desk.run("queues", "pause", "default", "--reason", "the ledger moves")
    assert "the ledger moves" in examine("paused", level="warning")[0]["what"]
    job_store.send("common.greet", "Asha", queue_name="critical")
    job_store.ask("update common_jobs.queue set enqueued_at = now() - interval '20 min'")
    a_living_worker(job_store)
    assert "20 min" in examine("waiting", "--service", "common", level="warning")[0]["what"]


def test_claims_of_workers_that_are_gone(job_store: JobStore, examine: Examine) -> None:
    job_store.send("common.greet", "Asha")
    job_store.ask(
        "update common_jobs.queue set state = 'consumed', worker_id = gen_random_uuid(), started_at = now()"
    )

    assert "dramatiq actors" in examine("claims", "--service", "common", level="error")[0]["advice"]


@pytest.mark.usefixtures("alters_the_schema")
def test_partitions_that_are_missing(job_store: JobStore, examine: Examine) -> None:
    for (name,) in job_store.ask(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'common_jobs.history'::regclass "
        "and inhrelid <> 'common_jobs.history_default'::regclass"
    ):
        job_store.ask(f"drop table {name}")
    job_store.ask("insert into common_jobs.history values (gen_random_uuid(), now(), 'done', 1)")

    findings = examine("partitions", "--service", "common")

    assert [(f["level"], "history" in f["what"]) for f in findings] == [("error", True), ("warning", True)]
    assert findings[0]["advice"] == "dhanman-jobs prune"


def test_a_send_is_tried_without_sending(job_store: JobStore, examine: Examine) -> None:
    for words, said in (
        (["common.greet"], "missing a required argument: 'name'"),
        (["common.greet", "7"], "argument 'name' must be str"),
        (["common.greeet", "Asha"], "did you mean 'common.greet'"),
        (["common.greet", "--args", '["\\u0000"]'], "argument 'name'"),
        (["common.greet", "x" * 70_000], "65,536"),
    ):
        assert said in examine("send", "--try", *words, level="error")[0]["what"]
    assert examine("send", "--try", "common.greet", "Asha", level="ok")
    assert job_store.states() == {}

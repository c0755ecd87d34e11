"""`prune`, and the same work done by workers: partitions made ahead and dropped in time, expired results forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.maintenance.pruner import prune
from infra.settings import Settings
from infra.store.connections import Store
from tests.cli.conftest import Desk
from tests.support.job_store import JobStore
from tests.support.queue import working
from tests.support.waiting import wait_for


def partitions(job_store: JobStore, table: str) -> set[str]:
    rows = job_store.ask(
        "select c.relname from pg_inherits join pg_class c on c.oid = inhrelid where inhparent = %s::regclass",
        f"common_jobs.{table}",
    )
    return {row[0] for row in rows}


def at_the_time(url: str, clock: str) -> str:
    """The URL by which the store's clock stands still."""
    return f"{url}{'&' if '?' in url else '?'}options=-c%20dhanman.clock%3D{clock}"


def drop_all(job_store: JobStore, table: str) -> None:
    for name in partitions(job_store, table) - {f"{table}_default"}:
        job_store.ask(f"drop table common_jobs.{name}")


@pytest.mark.usefixtures("alters_the_schema")
def test_missing_partitions_are_made(desk: Desk, job_store: JobStore) -> None:
    before = partitions(job_store, "history")
    drop_all(job_store, "history")

    answer = desk.run("prune", "--json").json["schemas"]

    assert (answer["common_jobs"]["made"], answer["sales_jobs"]["made"]) == (len(before) - 1, 0)
    assert partitions(job_store, "history") == before


@pytest.mark.usefixtures("alters_the_schema")
def test_a_partition_goes_when_all_in_it_is_past_its_retention(job_store: JobStore) -> None:
    retentions = {
        "finished_done": "done",
        "finished_rejected": "deleted",
        "finished_failed": "failed",
        "finished_cancelled": "cancelled",
        "history": "history",
        "job_log": "history",
    }
    for table in retentions:
        for name, start, end in (
            ("old", "2025-11-01Z", "2025-12-01Z"),
            ("older", "2025-10-01Z", "2025-11-01Z"),
        ):
            job_store.ask(
                f"create table common_jobs.{table}_{name} partition of common_jobs.{table} "
                f"for values from ('{start}') to ('{end}')"
            )
    store = Store("common", at_the_time(job_store.url, "2026-01-04T12:00Z"))
    keep_all = {f"jobs_retention_{state}": "1000d" for state in retentions.values()}

    for table, state in retentions.items():
        prune(store, Settings(**{**keep_all, f"jobs_retention_{state}": "40d"}))
        assert f"{table}_old" in partitions(job_store, table)
        assert f"{table}_older" not in partitions(job_store, table)
        kept = [t for t, other in retentions.items() if f"{t}_older" in partitions(job_store, t)]
        assert (
            kept
            == list(retentions)[list(retentions.values()).index(state) + (2 if state == "history" else 1) :]
        )
    store.pool.clear()


def test_results_are_forgotten_when_their_time_is_over(
    desk: Desk, job_store: JobStore, worked: Callable[[dict[str, str]], None]
) -> None:
    expired, kept = job_store.send("common.greet", "Asha"), job_store.send("common.greet", "Bo")
    worked({expired: "done", kept: "done"})
    job_store.ask(
        "update common_jobs.finished set result_ttl = now() - interval '1 s' where message_id = %s", expired
    )

    assert desk.run("prune", "--json").json["schemas"]["common_jobs"]["results"] == 1

    results = dict(job_store.ask("select message_id::text, result is null from common_jobs.finished"))
    assert results == {expired: True, kept: False}


def test_rows_of_workers_long_dead_are_removed(desk: Desk, job_store: JobStore) -> None:
    job_store.ask(
        "insert into common_jobs.worker (worker_id, name, hostname, pid, queues, threads, heartbeat_at) "
        "values (gen_random_uuid(), 'host:1', 'host', 1, '{}', 1, now() - interval '1 h')"
    )

    assert desk.run("prune", "--json").json["schemas"]["common_jobs"]["workers"] == 1


def test_one_process_at_a_time_keeps_a_store_in_order(desk: Desk, job_store: JobStore) -> None:
    with Store("common", job_store.url).pool.borrowed() as other:
        other.autocommit = False
        with other, other.cursor() as cursor:
            cursor.execute("""select pg_advisory_xact_lock(hashtext('"common_jobs".maintenance'))""")
            answer = desk.run("prune", "--json").json["schemas"]
    assert (answer["common_jobs"]["busy"], answer["sales_jobs"]["busy"]) == (True, False)


@pytest.mark.usefixtures("alters_the_schema")
def test_a_worker_keeps_its_stores_in_order_and_survives_when_it_cannot(
    desk: Desk, job_store: JobStore
) -> None:
    drop_all(job_store, "history")
    job_store.ask("alter function sales_jobs.make_partitions rename to away")

    with working(job_store.broker):
        wait_for(lambda: len(partitions(job_store, "history")) > 1, "the worker makes partitions")
        job_store.wait_until(job_store.send("common.nothing"), "done")

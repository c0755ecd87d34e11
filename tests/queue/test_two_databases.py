"""One service's store on a database of its own, worked by the same processes as all others."""

from __future__ import annotations

import psycopg2
import pytest

from tests.support.job_store import JobStore
from tests.support.waiting import wait_for
from tests.support.worker import RunWorker


@pytest.fixture
def sales_store(second_job_store: JobStore) -> JobStore:
    """Where DHANMAN_SALES_JOBS_URL points to."""
    return second_job_store


def test_one_worker_serves_services_on_two_databases(
    job_store: JobStore, sales_store: JobStore, run_worker: RunWorker
) -> None:
    worker = run_worker(env={"DHANMAN_SALES_JOBS_URL": sales_store.url}).wait_ready()
    common, sales = job_store.send("common.ran"), sales_store.send("sales.ran")

    job_store.wait_until(common, "done")
    sales_store.wait_until(sales, "done", service="sales")

    assert [effect.worker for effect in job_store.effects()] == worker.pids * 2
    assert sales_store.states() == {}, "the second database has the jobs of sales only"
    assert job_store.states("sales") == {}


def test_follow_ups_cross_from_one_database_to_the_other(
    job_store: JobStore, sales_store: JobStore, run_worker: RunWorker
) -> None:
    run_worker(env={"DHANMAN_SALES_JOBS_URL": sales_store.url}).wait_ready()
    steps = ("common.gives", (1,)), ("sales.gives", ())
    first, second = job_store.send_pipeline(*steps, elsewhere={"sales": sales_store})
    back = sales_store.send("sales.holds", "gate", on_success="common.follows")
    job_store.open("gate")

    sales_store.wait_until_known(second, service="sales")
    sales_store.wait_until(second, "done", service="sales")
    sales_store.wait_until(back, "done", service="sales")
    wait_for(lambda: job_store.effects(what=f"follows {back}"), "the follow-up of sales runs in common")

    assert job_store.did(first) == ["gives 1"]
    assert job_store.did(second) == ["gives 2"]
    assert job_store.states() == {"done": 2}


def test_a_follow_up_waits_for_the_other_database_and_holds_up_nobody_else(
    job_store: JobStore, sales_store: JobStore, run_worker: RunWorker
) -> None:
    impatient = {"JOBS_SEND_TIMEOUT": "300ms"}
    run_worker(env={"DHANMAN_SALES_JOBS_URL": sales_store.url} | impatient).wait_ready()
    leads_on = job_store.send("common.holds", "gate", on_success="sales.follows")
    job_store.wait_until_started(leads_on)

    close(sales_store.url)
    job_store.open("gate")
    wait_for(lambda: job_store.did(leads_on) == ["started", "ended"], "the job ended")
    others = [job_store.send("common.ran") for _ in range(5)]
    for job in others:
        job_store.wait_until(job, "done")
    assert job_store.state(leads_on) == "consumed", "it is not finished while what follows cannot be written"

    reopen(sales_store.url)
    job_store.wait_until(leads_on, "done")
    wait_for(lambda: job_store.effects(what=f"follows {leads_on}"), "the follow-up runs")
    assert len(job_store.effects(what=f"follows {leads_on}")) == 1
    assert job_store.did(leads_on) == ["started", "ended"]


def test_a_process_serves_only_the_services_it_is_given(job_store: JobStore, run_worker: RunWorker) -> None:
    run_worker(env={"JOBS_SERVICES": "sales"})
    common, sales = job_store.send("common.ran"), job_store.send("sales.ran")

    job_store.wait_until(sales, "done", service="sales")

    assert job_store.state(common) == "queued"
    assert job_store.workers() == []


def close(url: str) -> None:
    """The database takes no connection any more, and those that there were are gone."""
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg2.connect(url.replace(f"/{name}", "/postgres")) as connection, connection.cursor() as cursor:
        cursor.execute(f"alter database {name} allow_connections false")
        cursor.execute("commit")
        cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))


def reopen(url: str) -> None:
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg2.connect(url.replace(f"/{name}", "/postgres")) as connection, connection.cursor() as cursor:
        cursor.execute(f"alter database {name} allow_connections true")

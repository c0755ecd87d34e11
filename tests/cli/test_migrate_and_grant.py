"""`migrate`: stores, reference tables and registry; `grant`: a role for the jobs of one service."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import dramatiq
import psycopg2
import pytest

from infra.app import make_broker
from infra.queue import operate
from infra.settings import Settings
from infra.store.connections import Store
from tests.cli.conftest import Desk
from tests.support.job_store import JobStore
from tests.support.queue import execute, working
from tests.support.waiting import wait_for

SIX = {"common_jobs", "sales_jobs", "purchase_jobs", "payroll_jobs", "community_jobs", "inventory_jobs"}


def test_an_empty_database_gets_every_schema_and_a_second_run_does_nothing(empty_desk: Desk) -> None:
    first = empty_desk.process("migrate", "--json").json
    assert SIX | {"sales"} <= {s["schema"] for s in first["schemas"]}
    assert first["changed"]
    assert first["actors"]["common"] >= 1
    registered = execute(empty_desk.url, "select parameters from common_jobs.actor where actor_name = %s",
                         ("common.send_welcome_email",))  # fmt: skip
    assert registered[0][0] == [
        {"name": "email", "required": True, "annotation": "str"},
        {"name": "name", "required": True, "annotation": "str"},
    ]

    second = empty_desk.process("migrate")
    assert (second.code, second.out.startswith("nothing to do")) == (0, True)


def test_two_machines_may_migrate_at_once(empty_desk: Desk) -> None:
    with ThreadPoolExecutor(2) as machines:
        answers = list(machines.map(lambda _: empty_desk.process("migrate", "--json"), range(2)))

    assert [a.code for a in answers] == [0, 0], [a.err for a in answers]
    applied = [s["applied"] for a in answers for s in a.json["schemas"] if s["schema"] == "sales_jobs"]
    assert sorted(map(bool, applied)) == [False, True]


@pytest.mark.usefixtures("alters_the_schema")
def test_a_services_store_is_made_where_its_own_variable_says(desk: Desk, database: str) -> None:
    answer = desk.process("migrate", "--json", DHANMAN_PAYROLL_JOBS_URL=database)

    assert answer.code == 0
    assert execute(database, "select to_regclass('payroll_jobs.queue')::text")[0][0] == "payroll_jobs.queue"
    assert execute(database, "select to_regclass('sales_jobs.queue')")[0][0] is None
    assert execute(desk.url, "select to_regclass('payroll_jobs.queue')")[0][0] is None


def test_actors_that_the_code_lost_are_named_and_forgotten_when_asked(empty_desk: Desk) -> None:
    empty_desk.run("migrate")
    execute(
        empty_desk.url,
        "insert into sales_jobs.actor (actor_name, queue_name) values ('sales.gone', 'default')",
    )

    assert "sales.gone declared by no code here" in empty_desk.run("migrate").out
    assert empty_desk.run("migrate", "--forget-absent-actors", "--json").json["absent_actors"] == {
        "sales": ["sales.gone"]
    }
    assert empty_desk.run("migrate").out.startswith("nothing to do")


def test_a_worker_registers_its_actors_too(desk: Desk, job_store: JobStore) -> None:
    job_store.ask("delete from common_jobs.actor")
    with working(job_store.broker):
        wait_for(
            lambda: job_store.ask("select 1 from common_jobs.actor where actor_name = 'common.greet'"),
            "greet is known",
        )


@pytest.fixture
def sales_role(postgres_server: str, job_store: JobStore) -> Iterator[str]:
    """The URL by which a role comes in that was granted the service sales."""
    role = f"sales_{uuid.uuid4().hex[:8]}"
    execute(postgres_server, f'create role "{role}"')
    try:
        yield role
    finally:
        execute(job_store.url, f'drop owned by "{role}"')
        execute(postgres_server, f'drop role "{role}"')


def as_role(url: str, role: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options=-c%20role%3D{role}"


@pytest.mark.usefixtures("alters_the_schema")
def test_a_granted_role_sends_works_and_operates_its_services_jobs(
    desk: Desk, job_store: JobStore, sales_role: str
) -> None:
    assert desk.run("grant", "sales", sales_role).code == 0
    broker = make_broker(as_role(job_store.url, sales_role), config=Settings(jobs_services=("sales",)))
    dramatiq.actor(lambda: None, broker=broker, actor_name="sales.nothing", service="sales")

    with contextlib.closing(broker), working(broker):
        sent = broker.enqueue(broker.get_actor("sales.nothing").message()).message_id
        job_store.wait_until(sent, "done", service="sales")
        by_function = execute(
            as_role(job_store.url, sales_role), "select sales_jobs.enqueue('sales.nothing')::text"
        )[0][0]
        job_store.wait_until(by_function, "done", service="sales")

    store = Store("sales", as_role(job_store.url, sales_role))
    waiting = broker.enqueue(broker.get_actor("sales.nothing").message()).message_id
    assert operate.cancel(store, [waiting], by="a test")[0].done
    assert operate.retry(store, [waiting], by="a test")[0].done
    assert desk.process("prune", "--service", "sales", JOBS_DATABASE_URL=store.url).code == 0
    execute(job_store.url, "drop table if exists sales_jobs.history_20990101")
    store.pool.clear()


@pytest.mark.usefixtures("alters_the_schema")
def test_a_granted_role_touches_nothing_else(desk: Desk, job_store: JobStore, sales_role: str) -> None:
    desk.run("grant", "sales", sales_role)
    url = as_role(job_store.url, sales_role)

    for forbidden in (
        "select from common_jobs.queue",
        "insert into common_jobs.queue (message_id) values (gen_random_uuid())",
        "select common_jobs.enqueue('common.greet')",
        "select common_jobs.drop_partitions('history', '0')",
        "drop table sales_jobs.history",
        "create table sales_jobs.mine ()",
        "delete from sales_jobs._yoyo_migration",
        "create schema mine",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            execute(url, forbidden)


def test_granting_needs_a_role_and_a_service_that_exist(desk: Desk) -> None:
    unknown_role = desk.run("grant", "sales", "nobody_of_that_name")
    assert (unknown_role.code, "create role" in unknown_role.err) == (2, True)
    unknown_service = desk.run("grant", "sale", "postgres")
    assert (unknown_service.code, "did you mean 'sales'" in unknown_service.err) == (2, True)

"""The queue as tests speak of it: a migrated store, a broker on it, a worker for a while, a job's state in words."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dramatiq
import psycopg2
import pytest
from psycopg2 import sql

from infra.app import make_broker
from infra.queue.broker import JobBroker
from infra.queue.states import NAMES
from infra.settings import Settings
from infra.store.connections import Store
from infra.store.migrate import migrate
from tests.support.postgres import database_url
from tests.support.waiting import wait_for

SERVICES = ("common", "sales")


@contextmanager
def scratch_database(server: str) -> Iterator[str]:
    """The URL of a database of its own, gone afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    execute(server, sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        yield database_url(server, name)
    finally:
        execute(server, sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def shared_store(postgres_server: str) -> Iterator[str]:
    """One migrated database for the session: copying a template for each test would take longer than the test."""
    with scratch_database(postgres_server) as url:
        migrate(url, SERVICES)
        yield url


@pytest.fixture
def store_url(shared_store: str) -> str:
    """The URL of a migrated job store without a single row. A test that alters its tables asks for `own_store_url`."""
    empty(shared_store)
    return shared_store


@pytest.fixture
def own_store_url(database: str) -> str:
    """The URL of a migrated job store that is this test's alone."""
    migrate(database, SERVICES)
    return database


@pytest.fixture
def broker(store_url: str) -> Iterator[JobBroker]:
    """The production broker on an empty store; the process's global one for as long as the test runs."""
    with broker_on(store_url) as made:
        yield made


@contextmanager
def broker_on(url: str, *, middleware: Any = "production", **settings: Any) -> Iterator[JobBroker]:
    """A broker whose stores are all on `url`, under these settings, global while the block runs."""
    before = dramatiq.get_broker()
    made = make_broker(url, middleware, config=settings_with(**settings))
    dramatiq.set_broker(made)
    try:
        yield made
    finally:
        dramatiq.set_broker(before)
        made.close()


def settings_with(**settings: Any) -> Settings:
    """The settings of a test: two services, the rest as they are by default."""
    return Settings(**{"jobs_services": SERVICES, **settings})


@contextmanager
def working(
    broker: JobBroker, threads: int = 4, *, queues: set[str] | None = None, patience: float = 20.0
) -> Iterator[dramatiq.Worker]:
    """A worker of this process, stopped at the end of the block.

    What runs then is waited for as long as `patience` says, and then given back.
    """
    worker = dramatiq.Worker(broker, queues=queues, worker_timeout=50, worker_threads=threads)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(timeout=int(patience * 1000))


def job_state(broker: JobBroker, job: Any, service: str = "common") -> str | None:
    """The job's state in the dashboard's words; None where the store does not know it."""
    found = rows(
        broker, "select state::text from {schema}.job where message_id = %s", _id(job), service=service
    )
    assert len(found) <= 1, f"job {_id(job)} is in several places: {found}"
    return NAMES[found[0][0]] if found else None


def wait_until(
    broker: JobBroker, job: Any, state: str, *, service: str = "common", within: float = 20.0
) -> None:
    """Returns when the job is in that state."""
    try:
        wait_for(lambda: job_state(broker, job, service) == state, f"job {_id(job)} {state}", within=within)
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {job_state(broker, job, service)}") from None


def job_row(broker: JobBroker, job: Any, service: str = "common") -> dict[str, Any]:
    """The job's row, wherever it is."""
    names = (
        "state actor_name queue_name priority attempts reason error worker_id unique_key "
        "progress_done progress_total"
    )
    found = rows(
        broker,
        f"select {', '.join(names.split())}, state::text, message, result, eta, started_at, finished_at, enqueued_at, "
        "extract(epoch from eta - enqueued_at)::float8 as waits from {schema}.job where message_id = %s",
        _id(job),
        service=service,
    )
    assert found, f"no job {_id(job)}"
    more = "state message result eta started_at finished_at enqueued_at waits"
    return dict(zip([*names.split(), *more.split()], found[0], strict=True))


def history(broker: JobBroker, job: Any, service: str = "common") -> list[dict[str, Any]]:
    """What history says of the job, oldest first."""
    names = ["state", "attempt", "duration_ms", "worker_id", "reason", "error", "traceback"]
    found = rows(
        broker,
        f"select state::text, {', '.join(names[1:])} from {{schema}}.history where message_id = %s order by at",
        _id(job),
        service=service,
    )
    return [dict(zip(names, row, strict=True)) for row in found]


def jobs_of(broker: JobBroker, actor_name: str, service: str = "common") -> list[tuple[str, str]]:
    """(id, state) of every job of an actor, in order of arrival."""
    found = rows(
        broker,
        "select message_id::text, state::text from {schema}.job where actor_name = %s order by enqueued_at",
        actor_name,
        service=service,
    )
    return [(message_id, NAMES[state]) for message_id, state in found]


def count(broker: JobBroker, service: str = "common") -> int:
    """How many jobs the store knows, in any state."""
    return int(rows(broker, "select count(*) from {schema}.job", service=service)[0][0])


def rows(
    broker: JobBroker, statement: str, *parameters: Any, service: str = "common"
) -> list[tuple[Any, ...]]:
    """A statement in the service's schema, written {schema}, in a transaction of its own."""
    store: Store = broker.store(service)
    return store.fetch(statement.replace("{schema}", store.schema), parameters or None)


def becomes_due(broker: JobBroker, job: Any, service: str = "common") -> None:
    """The job's time comes now, and the workers hear of it."""
    moved = rows(
        broker,
        "update {schema}.queue set eta = {schema}.clock() where message_id = %s and state in ('scheduled', 'retrying') "
        "returning pg_notify('{schema}', '@0')",
        _id(job),
        service=service,
    )
    assert moved, f"job {_id(job)} waits for no time: it is {job_state(broker, job, service)}"


def empty(url: str) -> None:
    """Takes every row out of the stores on this database."""
    for service in SERVICES:
        tables = (
            *("queue", "finished", "history", "job_log", "worker", "queue_pause", "actor"),
            *("limit_start", "limiter", "workflow", "edge", "tally", "recurring", "tick"),
        )
        statement = "; ".join(f"delete from {service}_jobs.{table}" for table in tables)
        execute(url, sql.SQL(statement))


def execute(url: str, statement: sql.Composable | str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """A statement on a connection of its own, in autocommit mode; all rows."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def refusal(call: Callable[[], Any]) -> str:
    """What the call says when it is refused."""
    from infra.queue import JobRefused

    with pytest.raises(JobRefused) as caught:
        call()
    return str(caught.value)


def terminate(url: str, application_name: str) -> None:
    """Breaks this database's connections of that name, as a restart of the server would."""
    with suppress(psycopg2.OperationalError):
        execute(
            url,
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and application_name = %s",
            (application_name,),
        )


def _id(job: Any) -> str:
    return job if isinstance(job, str) else job.message_id

"""A job store of the test's own, and the words in which tests speak about its jobs."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dramatiq
import psycopg2
import pytest
from psycopg2 import sql

from infra.app import make_broker, production_middleware
from infra.queue.broker import JobBroker
from infra.queue.cancel import cancel
from infra.queue.enqueue import insert
from infra.queue.message import seal
from infra.settings import settings
from infra.store.connections import DISCONNECTED, Store, connect
from infra.store.migrate import migrate
from tests.support.postgres import database_url
from tests.support.sample_actors import TABLES, declare_on
from tests.support.waiting import wait_for

SERVICES = ("common", "sales")


@dataclass(frozen=True)
class JobRow:
    """A job as its store has it."""

    state: str
    attempts: int
    reason: str | None
    error: str | None
    started_at: datetime | None
    finished_at: datetime | None
    progress: tuple[int | None, int | None]
    worker_id: str | None


@dataclass(frozen=True)
class Effect:
    """Something a job did: when, in which attempt, in which process."""

    job: str
    what: str
    attempt: int
    worker: int
    at: datetime


class JobStore:
    """The job stores of two services on one database, with the tables of the sample actors beside them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._broker: JobBroker | None = None
        self._connection: Any = None
        self._lock = threading.Lock()

    # -- what is done

    def send(self, actor: str, *args: Any, **options: Any) -> str:
        """Sends a job, and returns its id. Options as for `send_with_options`, `delay` among them."""
        delay = options.pop("delay", None)
        message = self.broker.get_actor(actor).message_with_options(args=args, kwargs={}, **options)
        return self.broker.enqueue(message, delay=delay).message_id

    def send_many(self, actor: str, count: int, *args: Any, **options: Any) -> list[str]:
        """Sends alike jobs at once."""
        declared = self.broker.get_actor(actor)
        envelopes = [
            seal(declared.message_with_options(args=args, kwargs={}, **options), None, self.broker)
            for _ in range(count)
        ]
        if envelopes:
            insert(self.broker.store(envelopes[0].service), envelopes)
        return [envelope.message.message_id for envelope in envelopes]

    def send_pipeline(
        self, *steps: tuple[str, tuple[Any, ...]], elsewhere: dict[str, JobStore] | None = None
    ) -> list[str]:
        """Sends jobs that follow one another, and returns their ids. `elsewhere`: stores of other services."""
        urls = {service: store.url for service, store in (elsewhere or {}).items()}
        broker = self.broker if elsewhere is None else _broker_on(lambda s: Store(s, urls.get(s, self.url)))
        messages = [broker.get_actor(actor).message(*args) for actor, args in steps]
        dramatiq.pipeline(messages, broker=broker).run()
        return [message.message_id for message in messages]

    def cancel(self, message_id: str, service: str = "common") -> dict[str, str]:
        return cancel(Store(service, self.url), [message_id], by="a test")

    def open(self, gate: str) -> None:
        """Lets the jobs go on that wait at this gate."""
        self.ask("insert into gate values (%s) on conflict do nothing", gate)

    def pause(self, queue_name: str) -> None:
        self.ask(
            "insert into common_jobs.queue_pause (queue_name, paused_by) values (%s, 'a test')", queue_name
        )

    # -- what can be seen

    def job(self, message_id: str, service: str = "common") -> JobRow:
        rows = self.ask(
            "select state, attempts, reason, error, started_at, finished_at, progress_done, progress_total,"
            f" worker_id::text from {service}_jobs.job where message_id = %s",
            message_id,
        )
        assert len(rows) == 1, f"job {message_id} is there {len(rows)} times"
        state, attempts, reason, error, started_at, finished_at, done, total, worker_id = rows[0]
        return JobRow(state, attempts, reason, error, started_at, finished_at, (done, total), worker_id)

    def state(self, message_id: str, service: str = "common") -> str:
        return self.job(message_id, service).state

    def states(self, service: str = "common") -> dict[str, int]:
        """How many jobs there are in each state."""
        return dict(self.ask(f"select state::text, count(*) from {service}_jobs.job group by 1"))

    def history(self, message_id: str, service: str = "common") -> list[tuple[str, int]]:
        """The states the job went into, each with its attempt, oldest first."""
        return self.ask(
            f"select state::text, attempt from {service}_jobs.history where message_id = %s order by at",
            message_id,
        )

    def log_of(self, message_id: str) -> list[str]:
        rows = self.ask("select line from common_jobs.job_log where message_id = %s order by at", message_id)
        return [row[0] for row in rows]

    def effects(self, message_id: str | None = None, what: str | None = None) -> list[Effect]:
        rows = self.ask(
            "select job, what, attempt, worker, at from effect"
            " where (%(job)s is null or job = %(job)s) and (%(what)s is null or what = %(what)s) order by at",
            job=message_id,
            what=what,
        )
        return [Effect(*row) for row in rows]

    def did(self, message_id: str) -> list[str]:
        """What a job did, in order."""
        return [effect.what for effect in self.effects(message_id)]

    def workers(self) -> list[tuple[str, int]]:
        """The workers that count as alive: id and process."""
        return self.ask("select worker_id::text, pid from common_jobs.worker order by started_at")

    # -- what is waited for

    def wait_until_started(self, *message_ids: str, within: float = 20.0) -> None:
        self._wait_for_effect("started", message_ids, within)

    def wait_until(
        self, message_id: str, state: str, *, within: float = 20.0, service: str = "common"
    ) -> JobRow:
        """Returns the job as it then is."""
        wait_for(
            lambda: self.state(message_id, service) == state,
            f"job {message_id} becomes {state}",
            within=within,
        )
        return self.job(message_id, service)

    def wait_until_known(self, message_id: str, *, service: str = "common") -> None:
        """Until the job has been sent here, by another job."""
        statement = f"select 1 from {service}_jobs.job where message_id = %s"
        wait_for(lambda: self.ask(statement, message_id), f"job {message_id} is sent")

    def wait_until_empty(self, *, within: float = 20.0, service: str = "common") -> None:
        """Until no job waits or runs."""
        wait_for(
            lambda: not self.ask(f"select 1 from {service}_jobs.queue limit 1"),
            "the queue is empty",
            within=within,
        )

    def _wait_for_effect(self, what: str, message_ids: Sequence[str], within: float) -> None:
        wanted = set(message_ids)
        wait_for(
            lambda: (
                wanted
                <= {
                    r[0]
                    for r in self.ask(
                        "select job from effect where what = %s and job = any (%s)", what, list(wanted)
                    )
                }
            ),
            f"jobs {', '.join(message_ids)} {what}",
            within=within,
        )

    # -- how it is reached

    @property
    def broker(self) -> JobBroker:
        """A broker that sends here, knowing the sample actors."""
        if self._broker is None:
            self._broker = make_broker(self.url)
            declare_on(self._broker)
        return self._broker

    def ask(self, statement: str, *parameters: Any, **named: Any) -> list[tuple[Any, ...]]:
        """One statement, its own transaction, all rows; once more where the server was restarted meanwhile."""
        with self._lock:
            try:
                return self._ask(statement, named or parameters)
            except DISCONNECTED:
                self._connection = None
                return self._ask(statement, named or parameters)

    def _ask(self, statement: str, parameters: Any) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = connect(self.url, name="test")
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._broker is not None:
            self._broker.close()


def _broker_on(stores: Callable[[str], Store]) -> JobBroker:
    broker = JobBroker(stores=stores, middleware=production_middleware(settings()))
    declare_on(broker)
    return broker


def prepare(url: str) -> None:
    """The job stores of two services, and the sample actors' tables."""
    migrate(url, SERVICES)
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(TABLES)


@pytest.fixture(scope="session")
def job_store_template(postgres_server: str) -> str:
    """The name of a database that is copied for each test: faster than migrating each."""
    name = f"template_{uuid.uuid4().hex[:12]}"
    _execute(postgres_server, sql.SQL("create database {}").format(sql.Identifier(name)))
    prepare(database_url(postgres_server, name))
    return name


@contextlib.contextmanager
def fresh_job_store(server: str, template: str) -> Iterator[JobStore]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    create = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
    _execute(server, create)
    store = JobStore(database_url(server, name))
    try:
        yield store
    finally:
        store.close()
        _execute(server, sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def job_store(postgres_server: str, job_store_template: str) -> Iterator[JobStore]:
    """A migrated database of the test's own."""
    with fresh_job_store(postgres_server, job_store_template) as store:
        yield store


@pytest.fixture
def second_job_store(postgres_server: str, job_store_template: str) -> Iterator[JobStore]:
    """Another one, for tests with two databases."""
    with fresh_job_store(postgres_server, job_store_template) as store:
        yield store


def _execute(url: str, statement: sql.Composed) -> None:
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True  # databases are made and dropped outside of transactions
        with connection.cursor() as cursor:
            cursor.execute(statement)

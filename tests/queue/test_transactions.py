"""A job sent in the caller's transaction commits or vanishes with it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
import sqlalchemy
from psycopg2.extensions import connection
from sqlalchemy.orm import Session

from infra.queue import actor, enqueue_many, transaction
from infra.queue.broker import JobBroker
from infra.store.migrate import migrate
from tests.support.queue import broker_on, count, job_state, wait_until, working


@pytest.fixture
def bill(broker: JobBroker) -> Any:
    @actor(service="common")
    def bill(flat: str) -> None:
        pass

    return bill


@pytest.fixture
def client(store_url: str) -> Iterator[connection]:
    with closing(psycopg2.connect(store_url)) as made:
        yield made


@pytest.fixture
def engine(store_url: str) -> Iterator[sqlalchemy.Engine]:
    def connect() -> connection:
        return psycopg2.connect(store_url)

    made = sqlalchemy.create_engine("postgresql+psycopg2://", creator=connect)
    yield made
    made.dispose()


def test_a_psycopg2_commit_makes_the_job_known(broker: JobBroker, client: connection, bill: Any) -> None:
    with transaction(client):
        job = bill.send("A-101")
    assert job_state(broker, job) is None
    client.commit()
    assert job_state(broker, job) == "Enqueued"


def test_a_psycopg2_roll_back_takes_the_job_away(broker: JobBroker, client: connection, bill: Any) -> None:
    with transaction(client):
        bill.send("A-101")
        enqueue_many([bill.message("A-102"), bill.message("A-103")])
    client.rollback()
    assert count(broker) == 0


def test_the_callers_own_rows_and_the_job_go_together(
    broker: JobBroker, client: connection, bill: Any
) -> None:
    with client.cursor() as cursor:
        cursor.execute("create temp table invoice (flat text primary key)")
        client.commit()
        cursor.execute("insert into invoice values ('A-101')")
        with transaction(client):
            job = bill.send("A-101")
        with pytest.raises(psycopg2.errors.UniqueViolation):
            cursor.execute("insert into invoice values ('A-101')")
    client.rollback()
    assert job_state(broker, job) is None


def test_a_running_worker_starts_the_job_only_after_the_commit(
    broker: JobBroker, client: connection, bill: Any
) -> None:
    with working(broker):
        with transaction(client):
            job = bill.send("A-101")
        wait_until(broker, bill.send("A-102"), "Succeeded")  # sent later, run earlier
        assert job_state(broker, job) is None
        client.commit()
        wait_until(broker, job, "Succeeded", within=5)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_sqlalchemy_session(broker: JobBroker, engine: sqlalchemy.Engine, bill: Any, end: str) -> None:
    with Session(engine) as session:
        session.execute(sqlalchemy.text("select 1"))
        with transaction(session):
            job = bill.send("A-101")
        assert job_state(broker, job) is None
        getattr(session, end)()
    assert job_state(broker, job) == ("Enqueued" if end == "commit" else None)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_sqlalchemy_connection(broker: JobBroker, engine: sqlalchemy.Engine, bill: Any, end: str) -> None:
    with engine.connect() as sqlalchemy_connection:
        with transaction(sqlalchemy_connection):
            job = bill.send("A-101")
        assert job_state(broker, job) is None
        getattr(sqlalchemy_connection, end)()
    assert job_state(broker, job) == ("Enqueued" if end == "commit" else None)


def test_a_sqlalchemy_savepoint_rolled_back_takes_only_its_own_job(
    broker: JobBroker, engine: sqlalchemy.Engine, bill: Any
) -> None:
    with Session(engine) as session, transaction(session):
        kept = bill.send("A-101")
        inner = session.begin_nested()
        dropped = bill.send("A-102")
        inner.rollback()
        session.commit()
    assert job_state(broker, kept) == "Enqueued"
    assert job_state(broker, dropped) is None


def test_a_savepoint_rolled_back_takes_only_its_own_job(
    broker: JobBroker, client: connection, bill: Any
) -> None:
    with client.cursor() as cursor, transaction(client):
        kept = bill.send("A-101")
        cursor.execute("savepoint here")
        dropped = bill.send("A-102")
        cursor.execute("rollback to savepoint here")
        after = bill.send("A-103")
    client.commit()
    assert [job_state(broker, job) for job in (kept, dropped, after)] == ["Enqueued", None, "Enqueued"]


def test_blocks_nest_and_the_inner_connection_counts(
    broker: JobBroker, client: connection, store_url: str, bill: Any
) -> None:
    with closing(psycopg2.connect(store_url)) as other, transaction(client):
        outer = bill.send("A-101")
        with transaction(other):
            inner = bill.send("A-102")
        outer_again = bill.send("A-103")
        other.commit()
        assert [job_state(broker, job) for job in (outer, inner, outer_again)] == [None, "Enqueued", None]
    client.rollback()
    assert [job_state(broker, job) for job in (outer, inner, outer_again)] == [None, "Enqueued", None]


def test_after_the_block_jobs_are_sent_at_once_again(
    broker: JobBroker, client: connection, bill: Any
) -> None:
    def fail() -> None:
        with transaction(client):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert job_state(broker, bill.send("A-101")) == "Enqueued"


def test_another_thread_is_not_in_the_block(broker: JobBroker, client: connection, bill: Any) -> None:
    sent = []
    with transaction(client):
        thread = threading.Thread(target=lambda: sent.append(bill.send("A-101")))
        thread.start()
        thread.join()
    client.rollback()
    assert job_state(broker, sent[0]) == "Enqueued"


def test_autocommit_is_refused(
    broker: JobBroker, client: connection, engine: sqlalchemy.Engine, bill: Any
) -> None:
    client.autocommit = True
    with pytest.raises(ValueError, match="autocommit mode"), transaction(client):
        bill.send("A-101")
    with (
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as sqlalchemy_connection,
        pytest.raises(ValueError, match="autocommit mode"),
        transaction(sqlalchemy_connection),
    ):
        bill.send("A-101")
    assert count(broker) == 0


def test_a_database_without_the_store_is_refused(broker: JobBroker, database: str, bill: Any) -> None:
    with (
        closing(psycopg2.connect(database)) as elsewhere,
        transaction(elsewhere),
        pytest.raises(ValueError, match="has no job store common_jobs: jobs of common cannot be sent"),
    ):
        bill.send("A-101")
    assert count(broker) == 0


def test_a_store_on_another_database_is_found_there_and_only_there(database: str, store_url: str) -> None:
    migrate(database, ["sales"])
    with broker_on(store_url) as broker, closing(psycopg2.connect(database)) as there:

        @actor(service="sales")
        def invoice() -> None:
            pass

        @actor(service="common")
        def welcome() -> None:
            pass

        with transaction(there):
            invoice.send()
            with pytest.raises(ValueError, match="common_jobs"):
                welcome.send()
        there.rollback()
        assert count(broker, "sales") == count(broker, "common") == 0


@pytest.mark.parametrize(
    "thing",
    [sqlite3.connect(":memory:"), object(), None, "postgresql://x"],
    ids=lambda thing: type(thing).__name__,
)
def test_anything_else_is_refused(broker: JobBroker, bill: Any, thing: Any) -> None:
    with (
        pytest.raises(TypeError, match="psycopg2 connection or a SQLAlchemy Session or Connection"),
        transaction(thing),
    ):
        bill.send("A-101")
    assert count(broker) == 0


def test_a_refused_job_leaves_the_callers_transaction_alone(
    broker: JobBroker, client: connection, bill: Any
) -> None:
    with transaction(client):
        kept = bill.send("A-101")
        with pytest.raises(ValueError, match="flat"):
            bill.send(101)
    client.commit()
    assert job_state(broker, kept) == "Enqueued"


def test_what_a_running_job_sends_is_sent_at_once(broker: JobBroker, bill: Any) -> None:
    """A job's body is ordinary code: what it sends is there though the job itself fails later."""

    @actor(service="common", max_retries=0)
    def close_month() -> None:
        states.append(job_state(broker, bill.send_with_options(args=("A-101",), delay=60_000)))
        raise RuntimeError("after sending")

    states: list[str | None] = []
    with working(broker):
        wait_until(broker, close_month.send(), "Deleted")
    assert states == ["Scheduled"]
    assert count(broker) == 2

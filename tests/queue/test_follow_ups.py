"""What must follow a job is written in the transaction that finishes it, or the job is not finished.

Dramatiq's `emit_after` swallows every exception: when the enqueue of a retry, a pipeline's next step or a callback
failed there, the message was acknowledged all the same, and the follow-up was lost (docs/decisions/0001).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import dramatiq
import psycopg2
import pytest
from dramatiq.middleware import Middleware

from infra.composition import Workflow
from infra.middleware.retries import RetryPolicy
from infra.queue import enqueue_many
from infra.queue.broker import JobBroker
from infra.queue.run import Run
from infra.store.connections import Store
from infra.store.migrate import migrate
from tests.support.queue import (
    becomes_due,
    broker_on,
    count,
    execute,
    history,
    job_row,
    job_state,
    jobs_of,
    rows,
    scratch_database,
    terminate,
    wait_until,
    working,
)
from tests.support.waiting import wait_for


class Flow:
    """Two steps that say what they did."""

    def __init__(self, broker: JobBroker, **options: Any) -> None:
        self.did: list[Any] = []
        did = self.did

        @dramatiq.actor(broker=broker, actor_name="create", **options)
        def create(flat: str) -> str:
            did.append(("create", flat))
            return f"bill of {flat}"

        @dramatiq.actor(broker=broker, actor_name="notify")
        def notify(bill: str, *more: str) -> None:
            did.append(("notify", bill, *more))

        @dramatiq.actor(broker=broker, actor_name="told")
        def told(message: dict[str, Any], facts: Any) -> None:
            did.append(("told", message["message_id"], facts))

        self.create, self.notify, self.told = create, notify, told


@pytest.fixture
def flow(broker: JobBroker) -> Flow:
    return Flow(broker)


@contextmanager
def refused_by_the_database(url: str, actor_name: str, what: str = "insert") -> Iterator[None]:
    """While the block runs, no job of that actor can be inserted, or updated."""
    execute(
        url,
        "create function public.refuse() returns trigger language plpgsql "
        "as $$ begin raise exception 'the table does not take it'; end $$; "
        f"create trigger refuse before {what} on common_jobs.queue for each row "
        f"when (new.actor_name = '{actor_name}') execute function public.refuse()",
    )
    yield
    execute(url, "drop trigger refuse on common_jobs.queue; drop function public.refuse()")


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_callbacks_follow(broker: JobBroker, ends: str) -> None:
    told = []

    @dramatiq.actor
    def tell(message: dict[str, Any], facts: Any) -> None:
        told.append((message["args"], facts))

    @dramatiq.actor(on_success="tell", on_failure="tell", max_retries=0)
    def work(how: str) -> int:
        if how == "badly":
            raise KeyError("A-101")
        return 7

    with working(broker):
        job = work.send(ends)
        wait_until(broker, job, "Succeeded" if ends == "well" else "Deleted")
        [(follow_up, _)] = jobs_of(broker, "tell")  # there as soon as the job is
        wait_until(broker, follow_up, "Succeeded")
    facts = 7 if ends == "well" else {"type": "KeyError", "message": "'A-101'"}
    assert told == [([ends], facts)]


def test_whoever_sees_the_job_done_sees_its_successor_released(broker: JobBroker, flow: Flow) -> None:
    with working(broker):
        for n in range(40):
            pipe = flow.create.message(f"A-{n}") | flow.notify.message()
            pipe.run()
            assert job_state(broker, pipe.messages[1]) is not None
            while job_state(broker, pipe.messages[0]) != "Succeeded":
                pass
            assert job_state(broker, pipe.messages[1]) != "Awaiting"


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_successor_that_cannot_be_released_leaves_its_job_unfinished(own_store_url: str, ends: str) -> None:
    with broker_on(own_store_url) as broker:
        tries = []

        @dramatiq.actor
        def notify() -> None:
            pass

        @dramatiq.actor(retry_policy=RetryPolicy(delays=(60,) if ends == "well" else ()))
        def create() -> None:
            tries.append(ends)
            if ends == "badly":
                raise RuntimeError

        flow = Workflow("bills")
        first, second = create.message(), notify.message()
        flow.add(second, after=flow.add(first), on="finished")
        with working(broker):
            with refused_by_the_database(own_store_url, "notify", "update"):
                flow.run()
                wait_until(broker, first, "Retrying")
                assert job_state(broker, second) == "Awaiting"
                [entry] = history(broker, first)
                assert "what should follow the job could not be written" in entry["reason"]
                assert "the table does not take it" in entry["reason"]
            becomes_due(broker, first)
            wait_until(broker, second, "Succeeded")
        assert job_state(broker, first) == ("Succeeded" if ends == "well" else "Deleted")
        assert tries == [ends] * (2 if ends == "well" else 1), (
            "one that used up its attempts does not run again"
        )


def test_a_step_that_cannot_be_released_leaves_its_job_unfinished(own_store_url: str) -> None:
    with broker_on(own_store_url) as broker:
        flow = Flow(broker)
        pipe = flow.create.message("A-101") | flow.notify.message()
        with working(broker):
            with refused_by_the_database(own_store_url, "notify", "update"):
                pipe.run()
                wait_until(broker, pipe.messages[0], "Retrying")
                assert job_state(broker, pipe.messages[1]) == "Awaiting"
                [entry] = history(broker, pipe.messages[0])
                assert "what should follow the job could not be written" in entry["reason"]
                assert "the table does not take it" in entry["reason"]
            becomes_due(broker, pipe.messages[0])
            wait_until(broker, pipe.messages[1], "Succeeded")
        assert job_state(broker, pipe.messages[0]) == "Succeeded"
        assert [what for what, *_ in flow.did] == ["create", "create", "notify"]


def test_a_callback_that_cannot_be_written_leaves_its_job_unfinished(own_store_url: str) -> None:
    with broker_on(own_store_url) as broker:
        flow = Flow(broker, on_success="told")
        with working(broker):
            with refused_by_the_database(own_store_url, "told"):
                job = flow.create.send("A-101")
                others = [flow.notify.send(str(n)) for n in range(20)]
                wait_until(broker, job, "Retrying")
                for other in others:
                    wait_until(broker, other, "Succeeded")
            becomes_due(broker, job)
            wait_until(broker, job, "Succeeded")
            [(callback, _)] = jobs_of(broker, "told")
            wait_until(broker, callback, "Succeeded")


def test_a_broken_connection_at_the_finish_loses_nothing_and_doubles_nothing(own_store_url: str) -> None:
    """The finishing transaction is held up by a lock; its connection is broken; the next one writes it all."""
    with broker_on(own_store_url) as broker:
        flow = Flow(broker)
        pipe = flow.create.message("A-101") | flow.notify.message()
        with closing(psycopg2.connect(own_store_url)) as locker, working(broker):
            wait_until(broker, flow.notify.send("warm"), "Succeeded")
            with locker.cursor() as cursor:
                cursor.execute("lock table common_jobs.finished in share mode")
            pipe.run()
            held_up = wait_for(lambda: waiting_for_a_lock(own_store_url), "the finish is held up")
            terminate(own_store_url, "dhanman-jobs finish")
            wait_for(lambda: waiting_for_a_lock(own_store_url) not in ([], held_up), "it tries again")
            assert job_state(broker, pipe.messages[0]) == "Processing"
            assert job_state(broker, pipe.messages[1]) == "Awaiting"
            locker.rollback()
            wait_until(broker, pipe.messages[1], "Succeeded")
        assert flow.did[1:] == [("create", "A-101"), ("notify", "bill of A-101")]
        assert [entry["state"] for entry in history(broker, pipe.messages[0])] == ["done"]
        assert [entry["state"] for entry in history(broker, pipe.messages[1])] == ["queued", "done"]


def waiting_for_a_lock(url: str) -> list[Any]:
    """Which finishing connections wait for one."""
    return execute(
        url,
        "select pid from pg_stat_activity where application_name = 'dhanman-jobs finish' and wait_event_type = 'Lock'",
    )


def test_a_lost_lease_hands_nothing_on(broker: JobBroker) -> None:
    entered, go_on = threading.Event(), threading.Event()
    did = []

    @dramatiq.actor
    def notify(bill: str) -> None:
        did.append(bill)

    @dramatiq.actor(on_success="notify")
    def create() -> str:
        entered.set()
        assert go_on.wait(20)
        return "bill"

    pipe = create.message() | notify.message()
    with working(broker) as worker:
        pipe.run()
        assert entered.wait(20)
        rows(
            broker,
            "update {schema}.queue set lease = gen_random_uuid() where message_id = %s",
            pipe.messages[0].message_id,
        )
        go_on.set()
        wait_for(lambda: not worker.broker.process.buffer.held, "the outcome is dropped")  # type: ignore[attr-defined]
        assert job_state(broker, pipe.messages[0]) == "Processing"  # by whoever has the lease
        assert history(broker, pipe.messages[0]) == []
        assert job_state(broker, pipe.messages[1]) == "Awaiting"
        assert count(broker) == 2, "the callback was not sent"
    assert did == []


def test_a_redelivered_step_hands_on_exactly_once(broker: JobBroker, flow: Flow) -> None:
    """The step runs again though its successor is released, or even done, already: it is not released a second time."""
    pipe = flow.create.message("A-101") | flow.notify.message()
    first, second = pipe.messages
    with working(broker):
        pipe.run()
        wait_until(broker, second, "Succeeded")
        rows(broker, "delete from {schema}.finished where message_id = %s", first.message_id)
        rows(
            broker,
            "insert into {schema}.queue (message_id, actor_name, message, workflow_id, followed_in) "
            "values (%s, 'create', %s, %s, 'common') returning pg_notify('{schema}', 'default')",
            first.message_id,
            first.encode().decode(),
            first.message_id,
        )
        wait_until(broker, first, "Succeeded")
        wait_for(lambda: len(flow.did) >= 3, "the step ran again")
        pipe.run()
        assert jobs_of(broker, "notify") == [(second.message_id, "Succeeded")]
        wait_until(broker, flow.notify.send("last"), "Succeeded")
    assert [what for what, *_ in flow.did] == ["create", "notify", "create", "notify"]
    assert flow.did[-1] == ("notify", "last")
    assert [entry["state"] for entry in history(broker, second)] == ["queued", "done"]


class Fails(Middleware):
    """Its after-hook fails the first time."""

    def __init__(self) -> None:
        self.times = 0

    def after_process_message(self, broker: Any, message: Any, **_: Any) -> None:
        self.times += message.actor_name == "create"
        if message.actor_name == "create" and self.times == 1:
            raise ConnectionError("the ledger is away")


def test_a_middleware_that_fails_after_the_job_does_not_acknowledge_it(broker: JobBroker, flow: Flow) -> None:
    broker.add_middleware(Fails())
    pipe = flow.create.message("A-101") | flow.notify.message()
    with working(broker):
        pipe.run()
        wait_until(broker, pipe.messages[0], "Retrying")
        assert job_state(broker, pipe.messages[1]) == "Awaiting"
        [entry] = history(broker, pipe.messages[0])
        assert (entry["reason"], entry["error"]) == (
            "a middleware failed after the job",
            "ConnectionError: the ledger is away",
        )
        assert "Fails" not in (job_row(broker, pipe.messages[0])["message"]["options"])
        becomes_due(broker, pipe.messages[0])
        wait_until(broker, pipe.messages[1], "Succeeded")
    assert [what for what, *_ in flow.did] == ["create", "create", "notify"]


def test_a_follow_up_that_is_refused_fails_the_job_and_says_why(broker: JobBroker) -> None:
    @dramatiq.actor
    def notify(bill: int) -> None:
        pass

    class Follows(Middleware):
        def after_process_message(self, broker: Any, message: Any, *, result: Any = None, **_: Any) -> None:
            if message.actor_name == "create":
                notify.send(result)

    @dramatiq.actor
    def create() -> str:
        return "no number"

    broker.add_middleware(Follows())
    with working(broker):
        job = create.send()
        wait_until(broker, job, "Failed")
    row = job_row(broker, job)
    assert row["reason"] == "what should follow the job was refused"
    assert "notify: argument 'bill' must be int" in row["error"]
    assert row["attempts"] == 1


def test_what_a_middleware_enqueues_in_bulk_is_staged_too(broker: JobBroker, flow: Flow) -> None:
    class Fans(Middleware):
        def after_process_message(self, broker: Any, message: Run, **_: Any) -> None:
            if message.actor_name == "create":
                enqueue_many([flow.notify.message(str(n)) for n in range(3)])
                assert jobs_of(broker, "notify") == []

    broker.add_middleware(Fans())
    with working(broker):
        wait_until(broker, flow.create.send("A-101"), "Succeeded")
        assert len(jobs_of(broker, "notify")) == 3


def test_a_failed_attempt_writes_its_callback_and_its_retry_together(broker: JobBroker) -> None:
    seen = []

    @dramatiq.actor
    def sorry(message: dict[str, Any], error: dict[str, str]) -> None:
        seen.append(error["type"])

    @dramatiq.actor(on_failure="sorry", retry_policy=RetryPolicy(delays=(60,)))
    def fail() -> None:
        raise KeyError

    with working(broker):
        job = fail.send()
        wait_until(broker, job, "Retrying")
        assert len(jobs_of(broker, "sorry")) == 1
        becomes_due(broker, job)
        wait_until(broker, job, "Deleted")
        assert len(jobs_of(broker, "sorry")) == 2
        wait_for(lambda: seen == ["KeyError"] * 2, "both callbacks ran")


@pytest.fixture
def two_databases(own_store_url: str, postgres_server: str) -> Iterator[tuple[JobBroker, str]]:
    """A broker with the jobs of sales on a database of their own."""
    with scratch_database(postgres_server) as other:
        migrate(other, ["sales"])
        with broker_on(own_store_url, jobs_services=("common",)) as one:
            one._find_store = lambda service: Store(service, other if service == "sales" else own_store_url)
            yield one, other


def test_a_callback_on_another_database_that_is_away_is_not_lost(
    two_databases: tuple[JobBroker, str], postgres_server: str
) -> None:
    """The other database refuses connections: the job stays unfinished, all other jobs go on, and it heals."""
    broker, other = two_databases
    name = other.partition("?")[0].rpartition("/")[2]

    @dramatiq.actor(service="sales")
    def notify(message: dict[str, Any], bill: str) -> None:
        pass

    @dramatiq.actor
    def create() -> str:
        return "bill"

    execute(postgres_server, f'alter database "{name}" allow_connections false')
    try:
        with working(broker):
            job = create.send_with_options(on_success="notify")
            wait_for(lambda: len(broker.process.buffer.held) == 1, "it is being finished")
            others = [create.send() for _ in range(5)]
            for each in others:
                wait_until(broker, each, "Succeeded", within=30)
            assert job_state(broker, job) == "Processing"
            execute(postgres_server, f'alter database "{name}" allow_connections true')
            wait_until(broker, job, "Succeeded", within=30)
            assert [state for _, state in jobs_of(broker, "notify", "sales")] == ["Enqueued"]
    finally:
        execute(postgres_server, f'alter database "{name}" allow_connections true')

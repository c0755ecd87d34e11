"""Many jobs at once: checked before the first is written, and written together."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from dramatiq.middleware import Middleware

from infra.queue import actor, enqueue_many
from infra.queue.broker import JobBroker
from tests.support.queue import broker_on, count, execute, job_row, jobs_of, rows, wait_until, working
from tests.support.waiting import wait_for


@pytest.fixture
def bill(broker: JobBroker) -> Any:
    @actor(service="common")
    def bill(n: int) -> None:
        pass

    return bill


def test_jobs_come_back_in_the_order_given_and_run_in_it(broker: JobBroker) -> None:
    seen = []

    @actor(service="common")
    def note(n: int) -> None:
        seen.append(n)

    messages = [note.message(n) for n in range(300)]
    sent = enqueue_many(iter(messages))
    assert [m.message_id for m in sent] == [m.message_id for m in messages]
    with working(broker, threads=1):
        wait_for(lambda: len(seen) == 300, "all ran")
    assert seen == list(range(300))


@pytest.mark.parametrize("number", [20, 5_000])
def test_nothing_is_written_when_the_last_is_refused(broker: JobBroker, bill: Any, number: int) -> None:
    messages = [bill.message(n) for n in range(number)]
    with pytest.raises(ValueError, match="argument 'n' must be int"):
        enqueue_many([*messages, bill.message("many")])
    assert count(broker) == 0


def test_a_bulk_survives_a_connection_that_breaks_in_its_midst(broker: JobBroker, bill: Any) -> None:
    url = broker.store("common").url
    with broker.store("common").pool.borrowed() as connection:
        backend = connection.info.backend_pid  # the bulk is the next to get this connection
    broken = []

    class Breaks(Middleware):
        def before_enqueue(self, broker: Any, message: Any, delay: int) -> None:
            if message.args == (4_500,) and not broken:
                broken.append(True)
                execute(url, f"select pg_terminate_backend({backend})")

    broker.add_middleware(Breaks())
    sent = enqueue_many(bill.message(n) for n in range(6_000))
    assert broken
    assert len({m.message_id for m in sent}) == count(broker) == 6_000


def test_none_is_nothing(broker: JobBroker) -> None:
    assert enqueue_many([]) == []


def test_twenty_thousand_in_a_second_or_two(broker: JobBroker, bill: Any) -> None:
    began = time.monotonic()
    sent = enqueue_many(bill.message(n) for n in range(20_000))
    took = time.monotonic() - began
    assert count(broker) == 20_000
    arrived = rows(broker, "select message_id::text from {schema}.queue order by priority, id")
    assert [row[0] for row in arrived] == [m.message_id for m in sent]
    assert took < 10


def test_all_of_a_service_or_none(own_store_url: str) -> None:
    """More than one statement's worth, and the last of them fails at the database: nothing is left of the others."""
    with broker_on(own_store_url) as broker:

        @actor(service="common")
        def bill(n: int) -> None:
            pass

        execute(
            own_store_url,
            "alter table common_jobs.queue add check (message->'args' is distinct from '[12000]')",
        )
        with pytest.raises(psycopg2.errors.CheckViolation):
            enqueue_many([bill.message(n) for n in range(12_001)])
        assert count(broker) == 0


def test_each_job_goes_to_its_own_service(broker: JobBroker, bill: Any) -> None:
    @actor(service="sales")
    def invoice(n: int) -> None:
        pass

    sent = enqueue_many([bill.message(1), invoice.message(2), bill.message(3), invoice.message(4)])
    assert [m.actor_name for m in sent] == ["common.bill", "sales.invoice"] * 2
    assert [job for job, _ in jobs_of(broker, "common.bill")] == [sent[0].message_id, sent[2].message_id]
    with working(broker):
        for job in (sent[1], sent[3]):
            wait_until(broker, job, "Succeeded", service="sales")
    assert count(broker, "sales") == count(broker, "common") == 2


def test_a_delay_and_options_of_each_count(broker: JobBroker, bill: Any) -> None:
    urgent = bill.message_with_options(args=(1,), priority=-5, queue_name="critical")
    sent = enqueue_many([urgent, bill.message(2)], delay=60_000)
    first, second = (job_row(broker, job) for job in sent)
    assert (first["priority"], first["queue_name"], first["state"]) == (-5, "critical", "scheduled")
    assert (second["priority"], second["queue_name"], second["state"]) == (0, "default", "scheduled")


def test_an_eta_of_one_is_not_that_of_the_others(broker: JobBroker, bill: Any) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    timed = bill.message_with_options(args=(1,), eta=tomorrow, unique_key="a")
    sent = enqueue_many([timed, bill.message(2), bill.message_with_options(args=(3,), unique_key="b")])
    states = [job_row(broker, job) for job in sent]
    assert [row["state"] for row in states] == ["scheduled", "queued", "queued"]
    assert [row["unique_key"] for row in states] == ["common.bill:a", None, "common.bill:b"]


def test_sent_again_they_are_the_same_jobs(broker: JobBroker, bill: Any) -> None:
    messages = [bill.message(n) for n in range(5)]
    enqueue_many(messages)
    enqueue_many(messages)
    assert count(broker) == 5


def test_middleware_hears_of_each(broker: JobBroker, bill: Any) -> None:
    heard = []

    class Listens(Middleware):
        def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
            heard.append(("before", message.args, delay))

        def after_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
            heard.append(("after", message.args, delay))

    broker.add_middleware(Listens())
    enqueue_many([bill.message(1), bill.message(2)], delay=60_000)
    assert heard == [(when, (n,), 60_000) for when in ("before", "after") for n in (1, 2)]


def test_a_waiting_worker_hears_of_them(broker: JobBroker, bill: Any) -> None:
    with working(broker):
        wait_until(broker, bill.send(0), "Succeeded")
        sent = enqueue_many([bill.message(n) for n in range(50)])
        wait_until(broker, sent[-1], "Succeeded", within=5)
        wait_for(
            lambda: {state for _, state in jobs_of(broker, "common.bill")} == {"Succeeded"},
            "all done",
            within=5,
        )


def test_a_delay_given_with_the_message_counts(broker: JobBroker, bill: Any) -> None:
    [sent] = enqueue_many([bill.message_with_options(args=(1,), delay=3_600_000)])
    assert job_row(broker, sent)["state"] == "scheduled"

"""Faults that other queues have, dramatiq-pg 0.12 and dramatiq among them, and that this one must not have.

Some have their test where they belong: results of 8,000 bytes, errors as results and `result_ttl` in test_results.py;
swallowed follow-ups in test_follow_ups.py; kill -9 and paused workers in test_worker_death.py and test_leases.py.
"""

from __future__ import annotations

import select
import threading
from contextlib import closing
from typing import Any

import dramatiq
import psycopg2
import pytest
from dramatiq import Message

from infra.queue import enqueue_many
from infra.queue.broker import JobBroker
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
    wait_until,
    working,
)
from tests.support.waiting import wait_for

QUICK = {"jobs_heartbeat_interval": "100ms", "jobs_server_timeout": "2s", "jobs_rescue_grace": "200ms"}


class Gated:
    """Jobs that wait inside until the test opens the gate."""

    def __init__(self, broker: JobBroker, **options: Any) -> None:
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()

        @dramatiq.actor(broker=broker, actor_name="hold", **options)
        def hold(n: int = 0) -> None:
            self.entered.release()
            assert self.gate.wait(20)

        self.hold = hold

    def wait_for_entry(self) -> None:
        assert self.entered.acquire(timeout=20)


# -- dramatiq-pg 0.12


def test_a_starting_worker_does_not_load_the_backlog(broker: JobBroker) -> None:
    gated = Gated(broker)
    enqueue_many([gated.hold.message(n) for n in range(3_000)])
    with working(broker, threads=2):
        gated.wait_for_entry()
        gated.wait_for_entry()
        [(claimed,)] = rows(broker, "select count(*) from {schema}.queue where state = 'consumed'")
        assert claimed < 50  # a share for each thread, not the 3,000
        assert len(broker.process.buffer.held) < 50
        rows(broker, "delete from {schema}.queue where state = 'queued'")
        gated.gate.set()


def test_a_notification_names_the_queue_and_carries_no_payload(broker: JobBroker, store_url: str) -> None:
    @dramatiq.actor
    def keep(text: str) -> None:
        pass

    with closing(psycopg2.connect(store_url)) as listener:
        listener.autocommit = True
        listener.cursor().execute("listen common_jobs")
        keep.send("x" * 60_000)
        enqueue_many([keep.message("y" * 60_000) for _ in range(20)])
        keep.send_with_options(args=("z",), delay=60_000)
        heard: list[str] = []

        def listen() -> bool:
            select.select([listener], [], [], 0.1)
            listener.poll()
            heard.extend(note.payload for note in listener.notifies)
            listener.notifies.clear()
            return len(heard) >= 3

        wait_for(listen, "three notifications")
    assert heard[:2] == ["default", "default"]
    assert heard[2].startswith("@")
    assert len(heard[2]) < 20


def test_a_worker_takes_no_advisory_locks(broker: JobBroker, store_url: str) -> None:
    """Session locks are lost under PgBouncer and pile up in the lock table."""
    gated = Gated(broker)
    with working(broker, threads=2):
        gated.hold.send()
        gated.wait_for_entry()
        locks = (
            "select count(*) from pg_locks l join pg_database d on d.oid = l.database "
            "where locktype = 'advisory' and d.datname = current_database()"
        )
        # Maintenance takes its turn by a transaction's lock, for a moment; a session's would stay.
        wait_for(lambda: execute(store_url, locks) == [(0,)], "no advisory lock stays")
        gated.gate.set()


def test_connections_do_not_grow_with_queues_threads_or_services(own_store_url: str) -> None:
    def connections(threads: int, queues: str) -> int:
        with broker_on(own_store_url, jobs_queues=queues) as broker:

            @dramatiq.actor
            def run() -> None:
                pass

            with working(broker, threads=threads):
                wait_until(broker, run.send(), "Succeeded")
                query = (
                    "select count(*) from pg_stat_activity where datname = current_database() "
                    "and application_name like 'dhanman-jobs _%'"
                )
                found: int = execute(own_store_url, query)[0][0]
                return found

    few = connections(1, "default:1")
    many = connections(16, ",".join(f"queue-{n}:1" for n in range(20)) + ",default:1")
    assert few == many <= 5


def test_two_services_in_one_process_do_not_mix(broker: JobBroker) -> None:
    ran = []

    @dramatiq.actor(service="common")
    def greet(n: int) -> None:
        ran.append(("common", n))

    @dramatiq.actor(service="sales")
    def sell(n: int) -> None:
        ran.append(("sales", n))

    for n in range(20):
        greet.send(n)
        sell.send(n)
    assert (count(broker, "common"), count(broker, "sales")) == (20, 20)
    with working(broker):
        wait_for(lambda: len(ran) == 40, "all ran")
        wait_for(lambda: not broker.process.buffer.held, "all are finished")
    assert {state for _, state in jobs_of(broker, "greet", "common")} == {"Succeeded"}
    assert {state for _, state in jobs_of(broker, "sell", "sales")} == {"Succeeded"}


def test_two_brokers_on_two_databases_do_not_mix(broker: JobBroker, own_store_url: str) -> None:
    with broker_on(own_store_url) as other:
        ran: list[str] = []
        for place, where in ((broker, "here"), (other, "there")):
            dramatiq.actor(lambda where=where: ran.append(where), broker=place, actor_name="run")
        place_of = {"here": broker, "there": other}
        for where in ("here", "there", "here"):
            place_of[where].get_actor("run").send()
        assert (count(broker), count(other)) == (2, 1)
        with working(other):
            wait_for(lambda: ran == ["there"], "the job there")
        assert (count(broker), {s for _, s in jobs_of(broker, "run")}) == (2, {"Enqueued"})


def test_a_done_job_sent_again_does_not_run_again(broker: JobBroker) -> None:
    ran = []

    @dramatiq.actor
    def run() -> None:
        ran.append(1)

    with working(broker):
        job = run.send()
        wait_until(broker, job, "Succeeded")
        broker.enqueue(job)
        older = Message.decode(job.encode())
        broker.enqueue(older.copy(message_timestamp=job.message_timestamp - 60_000))
        enqueue_many([job])
        wait_until(broker, run.send(), "Succeeded")
    assert len(ran) == 2
    assert job_state(broker, job) == "Succeeded"


def test_a_running_or_waiting_job_sent_again_is_one_job(broker: JobBroker) -> None:
    gated = Gated(broker)
    job = gated.hold.send()
    broker.enqueue(job)
    with working(broker):
        gated.wait_for_entry()
        broker.enqueue(job)
        broker.enqueue(Message.decode(job.encode()))
        assert count(broker) == 1
        gated.gate.set()
        wait_until(broker, job, "Succeeded")
    assert job_row(broker, job)["attempts"] == 1


# -- dramatiq


def test_delayed_jobs_wait_in_the_table_and_in_no_worker(broker: JobBroker) -> None:
    @dramatiq.actor
    def later(n: int) -> None:
        pass

    enqueue_many([later.message(n) for n in range(2_000)], delay=3_600_000)
    assert broker.get_declared_delay_queues() == set()
    with working(broker) as worker:
        wait_until(broker, later.send(-1), "Succeeded")
        assert len(broker.process.buffer.held) == 0
        assert all(not consumer.delay_queue.queue for consumer in worker.consumers.values())
        waiting = rows(
            broker, "select count(*) from {schema}.queue where state = 'scheduled' and worker_id is null"
        )
        assert waiting == [(2_000,)]


def test_a_job_that_began_its_last_attempt_and_never_ended_it_is_not_begun_again(broker: JobBroker) -> None:
    """The attempt is counted in the row at claim: it may have killed its worker."""
    ran = []

    @dramatiq.actor(max_retries=1)
    def run() -> None:
        ran.append(1)

    job = run.send()
    rows(broker, "update {schema}.queue set attempts = 2, begun = 2")
    with working(broker):
        wait_until(broker, job, "Deleted")
    assert ran == []
    assert "attempts used up" in job_row(broker, job)["reason"]


# -- learned elsewhere


def test_a_workers_identity_is_new_at_every_boot(broker: JobBroker) -> None:
    seen = []
    for _ in range(3):
        with working(broker):
            seen += rows(broker, "select worker_id::text from {schema}.worker")
        assert rows(broker, "select worker_id from {schema}.worker") == []
    assert len(set(seen)) == 3


def test_a_claim_whose_answer_was_lost_is_given_back_uncounted(store_url: str) -> None:
    with broker_on(store_url, **QUICK) as broker:

        @dramatiq.actor
        def run() -> None:
            pass

        with working(broker):
            wait_until(broker, run.send(), "Succeeded")
            [(me,)] = rows(broker, "select worker_id::text from {schema}.worker")
            lost = run.send_with_options(delay=3_600_000)
            rows(
                broker,
                "update {schema}.queue set state = 'consumed', attempts = 1, worker_id = %s, "
                "lease = gen_random_uuid(), started_at = {schema}.clock() where message_id = %s",
                me,
                lost.message_id,
            )
            wait_until(broker, lost, "Succeeded", within=10)
            assert job_row(broker, lost)["attempts"] == 1


def test_an_outcome_that_cannot_be_written_does_not_stick(own_store_url: str) -> None:
    """The worker lives, the acknowledgement fails: the claim comes back by itself and the job runs again."""
    with broker_on(own_store_url, **QUICK) as broker:

        @dramatiq.actor
        def run() -> None:
            pass

        execute(
            own_store_url,
            "create function public.refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$; "
            "create trigger refuse before insert on common_jobs.finished for each row "
            "when (new.message->'options' ? 'cursed') execute function public.refuse()",
        )
        with working(broker):
            cursed = run.send_with_options(cursed=True)
            others = [run.send() for _ in range(10)]
            for job in others:
                wait_until(broker, job, "Succeeded")
            wait_for(lambda: cursed.message_id not in broker.process.buffer.held, "the worker lets go of it")
            execute(own_store_url, "drop trigger refuse on common_jobs.finished")
            wait_until(broker, cursed, "Succeeded", within=10)


def test_the_jobs_of_a_dead_worker_are_rescued_and_one_with_a_twin_yields(store_url: str) -> None:
    """Two claims of one unique key, or a claim and a waiting job: both cannot wait. That must not stop the rescue."""
    with broker_on(store_url, **QUICK) as broker:
        ran = []

        @dramatiq.actor
        def run(n: int) -> None:
            ran.append(n)

        jobs = {n: run.send(n) for n in range(3)}
        keys = {0: None, 1: "run:twin", 2: "run:pair"}
        dead = "00000000-0000-4000-8000-00000000dead"
        for n, key in keys.items():
            rows(
                broker,
                "update {schema}.queue set state = 'consumed', attempts = 1, worker_id = %s, "
                "lease = gen_random_uuid(), started_at = {schema}.clock(), unique_key = %s where message_id = %s",
                dead,
                key,
                jobs[n].message_id,
            )
        twin = run.send_with_options(args=(10,), unique_key="twin", delay=3_600_000)
        pair = run.send_with_options(args=(20,), unique_key="pair")
        rows(
            broker,
            "update {schema}.queue set state = 'consumed', attempts = 1, worker_id = %s, lease = gen_random_uuid(), "
            "started_at = {schema}.clock() where message_id = %s",
            dead,
            pair.message_id,
        )
        with working(broker):
            for job in (jobs[1], pair):
                wait_until(broker, job, "Cancelled", within=10)
            becomes_due(broker, twin)
            for job in (jobs[0], jobs[2], twin):
                wait_until(broker, job, "Succeeded", within=10)
        assert sorted(ran) == [0, 2, 10]
        assert [entry["state"] for entry in history(broker, jobs[0])] == ["queued", "done"]
        assert "stopped answering" in history(broker, jobs[0])[0]["reason"]
        assert job_row(broker, jobs[0])["attempts"] == 2


@pytest.mark.parametrize("listen", [True, False], ids=["listening", "polling"])
def test_without_notifications_everything_still_comes(store_url: str, listen: bool) -> None:
    with broker_on(store_url, jobs_listen=listen, jobs_poll_interval="100ms") as broker:

        @dramatiq.actor
        def run() -> None:
            pass

        with working(broker):
            wait_until(broker, run.send(), "Succeeded", within=5)
            wait_until(broker, run.send(), "Succeeded", within=5)
            wait_until(broker, run.send_with_options(delay=200), "Succeeded", within=5)
            names = {row[0] for row in rows(broker, "select application_name from pg_stat_activity")}
            assert ("dhanman-jobs listen" in names) == listen

"""Every statement of the hot path reads an index, with a million jobs in the table and whatever the statistics say."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import dramatiq
import psycopg2
import pytest

from infra.queue import cancel, current_job
from infra.queue.broker import JobBroker
from infra.store import connections
from infra.store.migrate import migrate
from tests.support.queue import (
    SERVICES,
    broker_on,
    execute,
    job_state,
    rows,
    scratch_database,
    wait_until,
    working,
)

HOT = {
    "add_log_lines",
    "beat",
    "begin_last",
    "cancel",
    "claim",
    "finish",
    "finish_done",
    "get_result",
    "give_back_unknown",
    "look",
    "promote",
    "put",
    "release",
    "rescue",
    "retry",
    "set_progress",
}
"""What workers and senders run again and again."""

LARGE = re.compile(r"(queue|finished.*|history.*|job_log.*)$")
DEAD = "00000000-0000-4000-8000-00000000dead"

MISLEAD = """
    insert into common_jobs.queue (message_id, state, worker_id)
    select gen_random_uuid(), 'consumed', '{dead}' from generate_series(1, 50);
    analyze common_jobs.queue;
    delete from common_jobs.queue;
    alter table common_jobs.queue set (autovacuum_enabled = false);
"""
"""The statistics are of a small table in which every job is claimed by one worker."""

FILL = """
    set synchronous_commit = off;
    set maintenance_work_mem = '256MB';
    create temp table index_of_queue as
        select indexname, indexdef from pg_indexes
         where schemaname = 'common_jobs' and tablename = 'queue' and indexname <> 'queue_pkey';
    do $$ declare i record; begin
        for i in select * from index_of_queue loop execute 'drop index common_jobs.' || i.indexname; end loop;
    end $$;
    insert into common_jobs.queue (message_id, queue_name, state, actor_name, priority, eta, unique_key, message)
    select lpad(to_hex(n), 32, '0')::uuid, 'backlog-' || n % 3,
           case when n % 100 = 0 then 'scheduled' when n % 100 = 1 then 'retrying' else 'queued' end::common_jobs.state,
           'run', n % 5, case when n % 100 < 2 then now() + n * interval '1 second' end,
           case when n % 50 = 0 then 'k' || n end, '{}'
      from generate_series(1, 1000000) n;
    do $$ declare i record; begin
        for i in select * from index_of_queue loop execute i.indexdef; end loop;
    end $$;
    insert into common_jobs.finished (message_id, queue_name, state, actor_name, priority, attempts, enqueued_at)
    select gen_random_uuid(), 'default', case when n % 10 = 0 then 'failed' else 'done' end::common_jobs.state,
           'run', 0, 1, now()
      from generate_series(1, 100000) n;
    insert into common_jobs.history (message_id, state, attempt)
    select message_id, state, 1 from common_jobs.finished
"""


@pytest.fixture(scope="module")
def million(postgres_server: str) -> Iterator[str]:
    with scratch_database(postgres_server) as url:
        migrate(url, SERVICES)
        execute(url, MISLEAD.format(dead=DEAD))
        execute(url, FILL)
        yield url


@pytest.fixture(scope="module")
def spoken(million: str) -> dict[str, list[bytes]]:
    """The statements that a day of a worker really sends, by name: the last few of each, parameters filled in."""
    heard: dict[str, list[bytes]] = {}
    real = connections._Cursor.execute

    def execute_and_note(self: Any, query: Any, parameters: Any = None) -> None:
        text = query if isinstance(query, bytes) else self.mogrify(query, parameters)
        for name in re.findall(rb"/\* (\w+) \*/", text)[:1]:
            heard.setdefault(name.decode(), []).append(text)
        real(self, query, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections._Cursor, "execute", execute_and_note)
        quick = {
            "jobs_heartbeat_interval": "100ms",
            "jobs_server_timeout": "2s",
            "jobs_rescue_grace": "100ms",
        }
        with broker_on(million, **quick) as broker:
            a_day(broker)
    return {name: texts[-3:] for name, texts in heard.items()}


def a_day(broker: JobBroker) -> None:
    over = threading.Event()

    @dramatiq.actor(max_retries=1, min_backoff=20, max_backoff=20)
    def run(what: str) -> Any:
        if what == "fail":
            raise RuntimeError
        if what == "note":
            current_job().log("half")
            current_job().progress(1, 1)
        while what == "hold" and not (over.is_set() or current_job().cancellation_requested()):
            time.sleep(0.01)
        return 7 if what == "result" else None

    waiting = run.send_with_options(args=("plain",), delay=3_600_000, unique_key="waiting")
    with working(broker, threads=2, patience=0.1):
        again = run.send_with_options(args=("plain",), delay=3_600_000, unique_key="waiting")
        assert again.message_id == waiting.message_id
        job = run.send("result")
        assert job.get_result(block=True) == 7
        broker.enqueue(job)
        for what in ("plain", "note"):
            wait_until(broker, run.send(what), "Succeeded")
        wait_until(broker, run.send("fail"), "Deleted")
        wait_until(broker, run.send_with_options(args=("plain",), delay=50), "Succeeded")
        cancel(broker.store("common"), [waiting.message_id], by="a test")
        held = run.send("hold")
        wait_until(broker, held, "Processing")
        cancel(broker.store("common"), [held.message_id], by="a test")
        wait_until(broker, held, "Cancelled")
        [(me,)] = rows(broker, "select worker_id::text from {schema}.worker")
        for holder in (me, DEAD):  # a claim whose answer was lost, and one of a worker that died
            odd = run.send_with_options(args=("plain",), delay=3_600_000)
            rows(
                broker,
                "update {schema}.queue set state = 'consumed', attempts = 1, worker_id = %s, "
                "lease = gen_random_uuid(), started_at = {schema}.clock() where message_id = %s",
                holder,
                odd.message_id,
            )
            wait_until(broker, odd, "Succeeded")
        held = run.send("hold")
        wait_until(broker, held, "Processing")
    assert job_state(broker, held) == "Enqueued"  # given back at the stop
    over.set()


def scans(plan: Any, found: list[str]) -> list[str]:
    """The tables that a plan reads from end to end."""
    if isinstance(plan, list):
        for part in plan:
            scans(part, found)
    elif isinstance(plan, dict):
        if plan.get("Node Type") == "Seq Scan" and LARGE.match(plan["Relation Name"]):
            found.append(plan["Relation Name"])
        for part in plan.values():
            scans(part, found)
    return found


SETTING = re.compile(rb"\s*(?:/\* \w+ \*/\s*)?(set local [^;]+);")
"""What stands before a statement."""


def plans_of(client: Any, text: bytes) -> Any:
    """The plan of a statement, or, for a function's, of the statements inside it."""
    with client.cursor() as cursor:
        statement = text
        while setting := SETTING.match(statement):
            cursor.execute(setting[1])
            statement = statement[setting.end() :]
        if b"/* put */" not in text:
            cursor.execute(b"explain (format json) " + statement)
            return cursor.fetchone()[0]
        cursor.execute(
            "load 'auto_explain'; set local auto_explain.log_min_duration = 0; "
            "set local auto_explain.log_format = json; "
            "set local auto_explain.log_nested_statements = on; set local client_min_messages = log"
        )
        client.notices.clear()
        cursor.execute(statement)
        plans = [note[note.index("{") :] for note in client.notices if "plan:" in note]
        assert len(plans) >= 2, client.notices
        return [json.loads(plan) for plan in plans]


def filled(client: Any) -> set[str]:
    """The large tables that hold more than a page or two; to read an empty partition whole costs nothing."""
    with client.cursor() as cursor:
        cursor.execute("select relname from pg_class where relkind = 'r' and pg_relation_size(oid) > 100000")
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.parametrize("statistics", ["misleading", "true"])
def test_no_hot_statement_reads_a_table_from_end_to_end(
    million: str, spoken: dict[str, list[bytes]], statistics: str
) -> None:
    assert set(spoken) >= HOT, HOT - set(spoken)
    if statistics == "true":
        execute(million, "analyze")
    with closing(psycopg2.connect(million)) as client:
        large = filled(client)
        assert "queue" in large
        found = {}
        for name in sorted(HOT):
            for text in spoken[name]:
                read = set(scans(plans_of(client, text), [])) & large
                client.rollback()
                if read:
                    found[name] = read
        assert found == {}


def test_claiming_does_not_depend_on_how_much_waits(million: str) -> None:
    """A worker takes its jobs from a million as from none: the claim reads as many rows as it takes."""
    with broker_on(million) as broker:
        query = (
            "explain (analyze, buffers, format json) select ctid from {schema}.queue "
            "where state = 'queued' and limit_key is null and queue_name = 'backlog-1' order by priority, id limit 10 for update skip locked"
        )
        [(plan,)] = rows(broker, query)
        blocks = plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
        assert blocks < 200

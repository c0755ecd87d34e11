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

from infra.composition import Batch
from infra.queue import cancel, current_job
from infra.queue.broker import JobBroker
from infra.queue.statements import PLANNER
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
from tests.support.waiting import wait_for

HOT = {
    "add_edges",
    "add_log_lines",
    "beat",
    "begin_last",
    "cancel",
    "claim",
    "claim_limited",
    "complete",
    "count_members",
    "finish",
    "finish_done",
    "get_result",
    "give_back_unknown",
    "idle_workflows",
    "join_workflow",
    "look",
    "open_workflow",
    "promote",
    "put",
    "release",
    "rescue",
    "retry",
    "set_progress",
    "settle",
    "workflow_with_key",
}
"""What workers and senders run again and again."""

BODIES = re.compile(rb"/\* (put|claim_limited|settle|complete|count_members) \*/")
"""Of these the statements inside are what counts."""

LARGE = re.compile(r"(queue|finished.*|history.*|job_log.*|workflow|edge|tally)$")
DEAD = "00000000-0000-4000-8000-00000000dead"

MISLEAD = """
    insert into common_jobs.queue (message_id, state, worker_id)
    select gen_random_uuid(), 'consumed', '{dead}' from generate_series(1, 50);
    analyze common_jobs.queue;
    delete from common_jobs.queue;
    alter table common_jobs.queue set (autovacuum_enabled = false);
    alter table common_jobs.workflow set (autovacuum_enabled = false);
    alter table common_jobs.edge set (autovacuum_enabled = false);
    alter table common_jobs.tally set (autovacuum_enabled = false);
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
    insert into common_jobs.queue
        (message_id, queue_name, state, actor_name, priority, eta, unique_key, message, limit_key)
    select lpad(to_hex(n), 32, '0')::uuid, 'backlog-' || n % 3,
           case when n % 100 = 0 then 'scheduled' when n % 100 = 1 then 'retrying' else 'queued' end::common_jobs.state,
           'run', n % 5, case when n % 100 < 2 then now() + n * interval '1 second' end,
           case when n % 50 = 0 then 'k' || n end, '{}', case when n % 5 = 3 then 'crowd:' || n % 1000 end
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

COMPOSED = """
    set synchronous_commit = off;
    create function pg_temp.pipe(n int) returns uuid immutable language sql
        as $$ select ('c' || lpad(to_hex(n), 31, '0'))::uuid $$;
    create function pg_temp.step(n int) returns uuid immutable language sql
        as $$ select ('a' || lpad(to_hex(n), 31, '0'))::uuid $$;
    insert into common_jobs.workflow (workflow_id, kind, name, home, opened_at, completed_at, outcome)
    select pg_temp.pipe(n), 'pipeline', 'p', 'common', now(), case when n % 10 > 0 then now() end,
           case when n % 10 > 0 then 'failed'::common_jobs.state end
      from generate_series(1, 20000) n;
    insert into common_jobs.queue (message_id, state, actor_name, message, workflow_id, followed_in)
    select pg_temp.step(n), 'awaiting', 'run', '{"args": []}', pg_temp.pipe((n + 2) / 3), 'common'
      from generate_series(1, 60000) n;
    insert into common_jobs.edge (successor, predecessor, workflow_id, hands_on)
    select pg_temp.step(n), case when n % 3 = 1 then pg_temp.pipe((n + 2) / 3) else pg_temp.step(n - 1) end,
           pg_temp.pipe((n + 2) / 3), 'result'
      from generate_series(1, 60000) n;
    insert into common_jobs.tally (workflow_id, worker_id, added)
    select workflow_id, gen_random_uuid(), 4 from common_jobs.workflow;

    -- A batch of 200,000 of which most are waiting, and one that waits for a job, with one inside.
    insert into common_jobs.workflow (workflow_id, kind, name, home, opened_at, parent_id) values
        ('{batch}', 'batch', 'large', 'common', now(), null), ('{shut}', 'batch', 'shut', 'common', null, null),
        ('{inside}', 'batch', 'inside', 'common', null, '{shut}');
    insert into common_jobs.queue (message_id, queue_name, state, actor_name, message, workflow_id)
    select gen_random_uuid(), 'backlog-0', 'queued'::common_jobs.state, 'run', '{}'::jsonb, '{batch}'::uuid
      from generate_series(1, 50000) n
    union all
    select gen_random_uuid(), 'default', 'awaiting', 'run', '{"args": []}', '{inside}' from generate_series(1, 1000) n;
    insert into common_jobs.edge (successor, predecessor, workflow_id) values ('{shut}', '{before}', '{shut}');
    insert into common_jobs.finished (message_id, queue_name, state, actor_name, priority, attempts, enqueued_at,
                                      workflow_id)
    select gen_random_uuid(), 'default', 'done', 'run', 0, 1, now(), '{batch}' from generate_series(1, 150000) n;
    insert into common_jobs.tally (workflow_id, worker_id, added, succeeded)
    select '{batch}', gen_random_uuid(), 1000, 750 from generate_series(1, 200) n;
"""

BATCH, SHUT, INSIDE, BEFORE = (f"bbbbbbbb-0000-4000-8000-00000000000{n}" for n in range(4))
"""A large batch; one that waits for the job `before`, and the one inside of it."""

STEPS = "array(select ('c' || lpad(to_hex(n), 31, '0'))::uuid from generate_series({0}, {0} + 99) n)"

CALLS = {
    "a hundred steps end, and the next ones go on": (
        f"select * from common_jobs.settle({STEPS.format(1000)}, array_fill('done'::text, array[100]), "
        "array_fill('1'::jsonb, array[100]))"
    ),
    "a hundred steps are cancelled, with all that follow": (
        f"select * from common_jobs.settle({STEPS.format(2000)}, array_fill('cancelled'::text, array[100]), "
        "array_fill(null::jsonb, array[100]))"
    ),
    "a hundred steps are revived": (
        "select * from common_jobs.settle(array(select ('a' || lpad(to_hex(n), 31, '0'))::uuid "
        "from generate_series(3000, 3099) n), array_fill('revived'::text, array[100]), "
        "array_fill(null::jsonb, array[100]))"
    ),
    "a batch opens": f"select * from common_jobs.settle(array['{BEFORE}'::uuid], array['done'], array['1'::jsonb])",
    "a batch is cancelled before it opened": (
        f"select * from common_jobs.settle(array['{BEFORE}'::uuid], array['cancelled'], array[null::jsonb])"
    ),
    "a hundred workflows are complete": f"select * from common_jobs.complete({STEPS.format(4000)})",
    "a large batch is not complete yet": f"select * from common_jobs.complete(array['{BATCH}'::uuid])",
    "the members of a large batch": f"select * from common_jobs.members_of('{BATCH}')",
    "whether a large batch is active": f"select common_jobs.is_active('{BATCH}')",
    "members are counted": (
        f"select common_jobs.count_members(array['{BATCH}'::uuid], '{DEAD}', array[0], array[7], array[0], array[0])"
    ),
    "members are retried": f"select * from common_jobs.reopen({STEPS.format(5000)})",
}
"""Functions of composition, as their callers call them."""


@pytest.fixture(scope="module")
def million(postgres_server: str) -> Iterator[str]:
    with scratch_database(postgres_server) as url:
        migrate(url, SERVICES)
        execute(url, MISLEAD.format(dead=DEAD))
        execute(url, FILL)
        composed = COMPOSED
        for name, id_ in (("batch", BATCH), ("shut", SHUT), ("inside", INSIDE), ("before", BEFORE)):
            composed = composed.replace("{" + name + "}", id_)
        execute(url, composed)
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

    @dramatiq.actor(max_running=1, rate="1000/minute")
    def bill() -> None:
        pass

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
        wait_until(broker, bill.send(), "Succeeded")
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
        batch = Batch("flats", on_complete=run, key="flats")
        deaf = run.message_with_options(args=("plain",), pipe_ignore=True)
        batch.add(run.message("plain")).add(run.message("result") | deaf)
        batch.run()
        batch.add(run.message("plain"))
        wait_for(lambda: batch.progress().complete, "the batch is complete")
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
        if not BODIES.search(text):
            cursor.execute(b"explain (format json) " + statement)
            return cursor.fetchone()[0]
        cursor.execute(
            "load 'auto_explain'; set local auto_explain.log_min_duration = 0; "
            "set local auto_explain.log_format = json; "
            "set local auto_explain.log_nested_statements = on; set local client_min_messages = log"
        )
        for worker_id in re.findall(rb"claim_limited\(\s*'([0-9a-f-]+)'", text):  # it has left meanwhile
            bring_back = "insert into common_jobs.worker (worker_id, name, hostname, pid, queues, threads) "
            cursor.execute(bring_back + "values (%s, '', '', 1, '{}', 1)", (worker_id.decode(),))
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
        assert {"queue", "workflow", "edge", "tally"} < large
        found = {}
        called = {what: [f"{PLANNER} /* settle */ {call}".encode()] for what, call in CALLS.items()}
        for name, texts in {**{name: spoken[name] for name in sorted(HOT)}, **called}.items():
            for text in texts:
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
            "where state = 'queued' and limit_key is null and queue_name = 'backlog-1' "
            "order by priority, id limit 10 for update skip locked"
        )
        [(plan,)] = rows(broker, query)
        blocks = plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
        assert blocks < 200


@pytest.mark.parametrize(("keys", "most"), [("array['crowd:3']", 500), ("null", 6000)], ids=["one", "all"])
def test_claiming_under_limits_does_not_depend_on_how_much_waits(million: str, keys: str, most: int) -> None:
    """Two hundred limits with a thousand jobs each. A look at one reads what it takes, one at all a little for each."""
    with closing(psycopg2.connect(million)) as client, client.cursor() as cursor:
        cursor.execute(
            "insert into common_jobs.worker (worker_id, name, hostname, pid, queues, threads) "
            "values (%s, '', '', 1, '{}', 1)",
            (DEAD,),
        )
        for _ in range(2):  # a session that has not claimed yet reads the catalogue too
            cursor.execute(
                "explain (analyze, buffers, format json) select * from common_jobs.claim_limited("
                "%s, gen_random_uuid(), '1 min', array['backlog-0', 'backlog-1', 'backlog-2'], '{null,null,null}', "
                f"10, {keys}, '', '{{}}', '250 ms')",
                (DEAD,),
            )
            [(plan,)] = cursor.fetchall()
        blocks = plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]
        assert plan[0]["Plan"]["Actual Rows"] >= 10
        print(f"{blocks} blocks in {plan[0]['Execution Time']} ms")
        assert blocks < most
        client.rollback()

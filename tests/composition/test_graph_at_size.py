"""What is shown of workflows reads indexes, however large they are and whatever the statistics say."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from infra.composition.find import callbacks, failed_members, list_workflows, workflows
from infra.composition.graph import graph
from infra.composition.opened import Opened
from infra.queue.broker import JobBroker
from infra.queue.find import Filter, find, show
from infra.store import connections
from infra.store.migrate import migrate
from tests.support.queue import SERVICES, broker_on, execute, scratch_database

BATCH, PIPELINES, CHAIN, CALLBACK = (f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in range(4))
LARGE = re.compile(r"(queue|finished.*|workflow|edge|tally)$")

MISLEAD = """
    insert into common_jobs.workflow (workflow_id, kind, name, home) select gen_random_uuid(), 'batch', 'x', 'common'
      from generate_series(1, 3);
    insert into common_jobs.queue (message_id, state, workflow_id)
    select gen_random_uuid(), 'awaiting', w.workflow_id from common_jobs.workflow w, generate_series(1, 20);
    insert into common_jobs.edge (successor, predecessor, workflow_id)
    select q.message_id, gen_random_uuid(), q.workflow_id from common_jobs.queue q;
    analyze common_jobs.workflow, common_jobs.queue, common_jobs.edge, common_jobs.finished;
    delete from common_jobs.queue; delete from common_jobs.edge; delete from common_jobs.workflow;
    alter table common_jobs.queue set (autovacuum_enabled = false);
    alter table common_jobs.edge set (autovacuum_enabled = false);
    alter table common_jobs.workflow set (autovacuum_enabled = false);
"""
"""The statistics are of small tables in which everything waits for something."""

FILL = f"""
    set synchronous_commit = off;
    insert into common_jobs.workflow (workflow_id, kind, name, home, opened_at, followed_in) values
        ('{BATCH}', 'batch', 'many', 'common', now(), 'common'),
        ('{PIPELINES}', 'batch', 'pipelines', 'common', now(), null),
        ('{CHAIN}', 'pipeline', 'long', 'common', now(), null);
    insert into common_jobs.workflow (workflow_id, kind, name, home, opened_at, created_at, completed_at, outcome)
    select gen_random_uuid(), case when n % 100 = 0 then 'batch' else 'pipeline' end, 'workflow ' || n, 'common', now(),
           now() - n * interval '1 second', case when n % 10 <> 0 then now() end,
           case when n % 10 <> 0 then 'done'::common_jobs.state end
      from generate_series(1, 50000) n;
    insert into common_jobs.queue (message_id, state, actor_name, message, workflow_id, worker_id)
    select gen_random_uuid(), case when n <= 100 then 'consumed' else 'queued' end::common_jobs.state, 'run',
           '{{"args": [1], "kwargs": {{}}}}', '{BATCH}', case when n <= 100 then gen_random_uuid() end
      from generate_series(1, 60000) n;
    insert into common_jobs.queue (message_id, state, actor_name, message)
    values ('{CALLBACK}', 'awaiting', 'tell', '{{}}');
    insert into common_jobs.edge (successor, predecessor, workflow_id) values ('{CALLBACK}', '{BATCH}', '{BATCH}');
    insert into common_jobs.finished (message_id, queue_name, state, actor_name, message, priority, attempts,
                                      enqueued_at, workflow_id)
    select gen_random_uuid(), 'default', case when n % 100 = 0 then 'failed' else 'done' end::common_jobs.state, 'run',
           '{{"args": [1], "kwargs": {{}}}}', 0, 1, now(), case when n % 2 = 0 then '{BATCH}'::uuid end
      from generate_series(1, 120000) n;
    insert into common_jobs.tally (workflow_id, worker_id, added, succeeded, failed)
    select '{BATCH}', gen_random_uuid(), 2400, 1152, 48 from generate_series(1, 50);
    insert into common_jobs.tally (workflow_id, worker_id, added)
    select w.workflow_id, gen_random_uuid(), 1
      from common_jobs.workflow w where w.workflow_id not in ('{BATCH}', '{PIPELINES}');
    create temp table pair as select n, gen_random_uuid() as a, gen_random_uuid() as b from generate_series(1, 20000) n;
    insert into common_jobs.queue (message_id, state, actor_name, message, workflow_id, followed_in)
    select a, 'queued'::common_jobs.state, 'run', '{{}}'::jsonb, '{PIPELINES}'::uuid, 'common' from pair
    union all
    select b, 'awaiting', 'run', '{{}}', '{PIPELINES}', null from pair;
    insert into common_jobs.edge (successor, predecessor, workflow_id) select b, a, '{PIPELINES}' from pair;
    insert into common_jobs.tally (workflow_id, worker_id, added) values ('{PIPELINES}', gen_random_uuid(), 40000);
    create temp table link as
        select n, lpad(to_hex(n), 32, '0')::uuid as step from generate_series(1, 2000) n;
    insert into common_jobs.queue (message_id, state, actor_name, message, workflow_id)
    select step, case when n = 1 then 'queued' else 'awaiting' end::common_jobs.state, 'run', '{{}}', '{CHAIN}'
      from link;
    insert into common_jobs.edge (successor, predecessor, workflow_id)
    select y.step, x.step, '{CHAIN}' from link x join link y on y.n = x.n + 1 order by x.n;
"""
LAST_OF_CHAIN = f"{2000:032x}"


@pytest.fixture(scope="module")
def large(postgres_server: str) -> Iterator[JobBroker]:
    with scratch_database(postgres_server) as url:
        migrate(url, SERVICES)
        execute(url, MISLEAD)
        execute(url, FILL)
        with broker_on(url) as broker:
            yield broker


def everything_that_is_shown(broker: JobBroker) -> dict[str, Callable[[], Any]]:
    store, at = broker.store("common"), broker.store

    def facts(workflow_id: str) -> Any:
        return workflows(store, at, [workflow_id])[0]

    return {
        "list": lambda: list_workflows(store, at),
        "list open batches": lambda: list_workflows(store, at, kinds=["batch"], open_only=True),
        "list by name": lambda: list_workflows(store, at, name="no such name"),
        "progress": lambda: Opened(broker, "common", BATCH, "batch", "many").progress(),
        "failed members": lambda: failed_members(facts(BATCH), at),
        "callbacks": lambda: callbacks(facts(BATCH), at),
        "graph of a batch": lambda: graph(store, at, BATCH),
        "graph of pipelines": lambda: graph(store, at, PIPELINES),
        "graph of a chain": lambda: graph(store, at, CHAIN),
        "awaiting jobs": lambda: find(store, Filter(states=("awaiting",))),
        "the last of a chain": lambda: show(store, LAST_OF_CHAIN),
    }


STATEMENTS = {
    "workflows", "workflows_of", "progress", "workflow_tree", "failed_members", "callbacks", "edges_of", "edges_from",
    "nested_in", "drawn_jobs", "other_members", "count_members_by_actor", "own_figures", "waits", "nodes",
    "predecessors",
}  # fmt: skip


@pytest.mark.parametrize("statistics", ["misleading", "true"])
def test_nothing_that_is_shown_reads_a_table_from_end_to_end(
    large: JobBroker, statistics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if statistics == "true":
        execute(large.store("common").url, "analyze")
    heard: dict[str, list[bytes]] = {}
    real = connections._Cursor.execute

    def execute_and_note(self: Any, query: Any, parameters: Any = None) -> None:
        text = self.mogrify(query, parameters)
        for name in re.findall(rb"/\* (\w+) \*/", text)[:1]:
            heard.setdefault(name.decode(), []).append(text)
        real(self, query, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(connections._Cursor, "execute", execute_and_note)
        for look in everything_that_is_shown(large).values():
            look()
    assert set(heard) >= STATEMENTS, STATEMENTS - set(heard)

    found: dict[str, set[str]] = {}
    with closing(psycopg2.connect(large.store("common").url)) as client, client.cursor() as cursor:
        cursor.execute("select relname from pg_class where relkind = 'r' and pg_relation_size(oid) > 100000")
        filled = {row[0] for row in cursor.fetchall()}
        assert filled >= {"queue", "workflow", "edge", "tally"}
        for name in sorted(STATEMENTS):
            for text in heard[name]:
                settings, statement = text.rsplit(b"; ", 1) if text.startswith(b"set local") else (b"", text)
                cursor.execute(settings + b"; explain (format json) " + statement)
                read = set(scans(cursor.fetchone()[0], [])) & filled
                client.rollback()
                if read:
                    found[name] = read
    assert found == {}


def test_what_is_shown_comes_at_once(large: JobBroker) -> None:
    slow = {}
    for what, look in everything_that_is_shown(large).items():
        look()
        started = time.perf_counter()
        assert look() is not None
        if (lasted := time.perf_counter() - started) > 0.5:  # 1 to 60 ms on a quiet machine
            slow[what] = lasted
    assert slow == {}


def scans(plan: Any, found: list[str]) -> list[str]:
    """The large tables that a plan reads from end to end."""
    if isinstance(plan, list):
        for part in plan:
            scans(part, found)
    elif isinstance(plan, dict):
        if plan.get("Node Type") == "Seq Scan" and LARGE.match(plan["Relation Name"]):
            found.append(plan["Relation Name"])
        for part in plan.values():
            scans(part, found)
    return found

"""The moves that jobs really make are those that the essay in infra/store/schema.sql lists, all and no others."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

import dramatiq

import infra.store
from infra.middleware.retries import RetryPolicy
from infra.queue import current_job, operate
from infra.queue.broker import JobBroker
from tests.support.queue import (
    becomes_due,
    broker_on,
    execute,
    history,
    rows,
    wait_until,
    working,
)

SCHEMA = Path(infra.store.__file__).parent / "schema.sql"
MOVE = re.compile(r"^--   (\w+) +-> (\w+) ", re.MULTILINE)
STATE = re.compile(r"(\w+) \(\w+\)")
DEAD = "00000000-0000-4000-8000-00000000dead"

RECORDER = """
    create table public.seen (step bigint generated always as identity, message_id uuid, state text);
    create function public.note() returns trigger language plpgsql as $$
    begin
        insert into public.seen (message_id, state) values (new.message_id, new.state::text);
        return null;
    end $$;
    create trigger note_new after insert on common_jobs.queue for each row execute function public.note();
    create trigger note_moved after update on common_jobs.queue for each row
        when (new.state is distinct from old.state) execute function public.note();
    create trigger note_finished after insert on common_jobs.finished for each row execute function public.note();
"""
MOVES = """
    select distinct coalesce(lag(state) over (partition by message_id order by step), 'sent'), state from public.seen
"""


def listed() -> set[tuple[str, str]]:
    return set(MOVE.findall(SCHEMA.read_text(encoding="utf-8")))


def test_every_move_that_happens_is_listed_and_every_listed_one_happens(own_store_url: str) -> None:
    execute(own_store_url, RECORDER)
    quick = {"jobs_heartbeat_interval": "100ms", "jobs_server_timeout": "2s", "jobs_rescue_grace": "100ms"}
    with broker_on(own_store_url, **quick) as broker:
        everything_that_can_happen(broker)
    happened = set(execute(own_store_url, MOVES))
    assert happened == listed()


def everything_that_can_happen(broker: JobBroker) -> None:
    over = threading.Event()

    @dramatiq.actor(retry_policy=RetryPolicy(delays=(60,)))
    def run(what: str) -> None:
        if what == "fail":
            raise RuntimeError
        while what == "hold" and not (over.is_set() or current_job().cancellation_requested()):
            time.sleep(0.01)

    @dramatiq.actor(retry_policy=RetryPolicy(delays=(), at_end="fail"))
    def keep() -> None:
        raise RuntimeError

    store = broker.store("common")

    def ids(*jobs: Any) -> list[str]:
        return [job.message_id for job in jobs]

    def later(what: str = "work", **options: Any) -> Any:
        return run.send_with_options(args=(what,), delay=3_600_000, **options)

    with working(broker, patience=0.1):
        soon = later()
        becomes_due(broker, soon)
        wait_until(broker, soon, "Succeeded")
        failing = run.send("fail")
        wait_until(broker, failing, "Retrying")
        becomes_due(broker, failing)
        wait_until(broker, failing, "Deleted")
        kept = keep.send()
        wait_until(broker, kept, "Failed")
        held = run.send("hold")
        wait_until(broker, held, "Processing")
        operate.cancel(store, ids(held), by="a test")
        wait_until(broker, held, "Cancelled")
        retrying = [run.send("fail") for _ in range(2)]
        for job in retrying:
            wait_until(broker, job, "Retrying")
        orphan = later()
        rows(
            broker,
            "update {schema}.queue set state = 'queued' where message_id = %s; "
            "update {schema}.queue set state = 'consumed', attempts = 1, worker_id = %s, lease = gen_random_uuid(), "
            "started_at = {schema}.clock() where message_id = %s",
            orphan.message_id,
            DEAD,
            orphan.message_id,
        )
        wait_until(broker, orphan, "Succeeded")
        given_back = run.send("hold")
        wait_until(broker, given_back, "Processing")
    over.set()
    wait_until(broker, given_back, "Enqueued")
    queued = [run.send("work") for _ in range(2)]
    scheduled = [later() for _ in range(2)]
    operate.cancel(store, ids(queued[0], scheduled[0], retrying[0]), by="a test")
    operate.delete(store, ids(queued[1], scheduled[1], retrying[1]), by="a test")
    operate.retry(store, ids(kept, failing, queued[0]), by="a test")
    with working(broker):
        wait_until(broker, kept, "Failed")
    operate.delete(store, ids(kept), by="a test")

    def chain(*steps: Any) -> tuple[Any, ...]:
        return tuple(dramatiq.pipeline(steps).run().messages)

    def step(**options: Any) -> Any:
        return run.message_with_options(args=("work",), pipe_ignore=True, **options)

    _, second, third = chain(step(), step(), step(delay=3_600_000))
    failed, waits_for_failed = chain(keep.message(), step())
    with working(broker):
        wait_until(broker, third, "Scheduled")
        wait_until(broker, second, "Succeeded")
        wait_until(broker, failed, "Failed")
    operate.cancel(store, ids(failed), by="a test")
    wait_until(broker, waits_for_failed, "Cancelled")
    first, waits, waits_too = chain(step(delay=3_600_000), step(), step())
    operate.delete(store, ids(waits), by="a test")
    operate.retry(store, ids(waits), by="a test")
    operate.cancel(store, ids(waits), by="a test")
    operate.retry(store, ids(waits, waits_too), by="a test")
    operate.delete(store, ids(first), by="a test")
    operate.cancel(store, ids(first), by="a test")
    wait_until(broker, waits_too, "Cancelled")


def test_the_states_of_the_essay_are_the_type_s(own_store_url: str) -> None:
    essay = SCHEMA.read_text(encoding="utf-8").partition("create function")[0]
    named = {
        state
        for line in re.findall(r"^--   (?:queue|finished): .*$", essay, re.MULTILINE)
        for state in STATE.findall(line)
    }
    known = execute(own_store_url, "select unnest(enum_range(null::common_jobs.state))::text")
    assert named == {state for (state,) in known}


def test_the_statements_of_the_essay_exist() -> None:
    from infra.store.sql import load

    essay = SCHEMA.read_text(encoding="utf-8").partition("create function")[0]
    moves = "\n".join(line for line in essay.splitlines() if line.startswith("--   "))
    named = set(re.findall(r"\w+\.sql: (\w+)", moves)) | {"give_back_unknown", "finish"}
    assert named <= set(load("infra.queue"))


def test_the_timeline_of_a_job_tells_its_way(broker: JobBroker) -> None:
    @dramatiq.actor(retry_policy=RetryPolicy(delays=(60,)))
    def fail() -> None:
        time.sleep(0.01)
        raise RuntimeError

    with working(broker):
        job = fail.send()
        wait_until(broker, job, "Retrying")
        becomes_due(broker, job)
        wait_until(broker, job, "Deleted")
    told = rows(
        broker,
        "select state::text, attempt from {schema}.job_timeline where message_id = %s order by at",
        job.message_id,
    )
    assert told == [
        ("queued", 0),
        ("consumed", 1),
        ("retrying", 1),
        ("consumed", 2),
        ("rejected", 2),
    ]
    assert [entry["attempt"] for entry in history(broker, job)] == [1, 2]

"""Rows that hold no job never kill the worker: they become Failed with a reason, and all others go on."""

from __future__ import annotations

import json
import uuid
from typing import Any

import dramatiq
import pytest

from infra.queue.broker import JobBroker
from tests.support.queue import job_row, job_state, rows, wait_until, working
from tests.support.waiting import wait_for

WHOLE: dict[str, Any] = {
    "queue_name": "default",
    "actor_name": "run",
    "args": [],
    "kwargs": {},
    "options": {},
    "message_id": "x",
    "message_timestamp": 1,
}


@pytest.fixture
def ran(broker: JobBroker) -> list[Any]:
    seen: list[Any] = []

    @dramatiq.actor
    def run(*args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs))

    return seen


def put(broker: JobBroker, message: Any, actor_name: str = "run", queue_name: str = "default") -> str:
    """Writes a row as nobody should."""
    message_id = str(uuid.uuid4())
    rows(
        broker,
        "insert into {schema}.queue (message_id, queue_name, actor_name, message) values (%s, %s, %s, %s::jsonb)",
        message_id,
        queue_name,
        actor_name,
        None if message is None else json.dumps(message),
    )
    return message_id


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        "text",
        7,
        {},
        {"args": []},
        {**WHOLE, "args": {"a": 1}},
        {**WHOLE, "args": None},
        {**WHOLE, "kwargs": []},
        {**WHOLE, "kwargs": "a"},
        {**WHOLE, "options": []},
        {**WHOLE, "options": {"max_retries": "three"}},
        {**WHOLE, "options": {"max_retries": {}}},
    ],
    ids=lambda message: json.dumps(message)[:40],
)
def test_a_row_without_a_message_fails_with_a_reason(broker: JobBroker, ran: list[Any], message: Any) -> None:
    before = broker.get_actor("run").send("before")
    garbage = put(broker, message)
    after = broker.get_actor("run").send("after")
    with working(broker, threads=1):
        wait_until(broker, garbage, "Failed", within=5)
        wait_until(broker, before, "Succeeded", within=5)
        wait_until(broker, after, "Succeeded", within=5)
    assert "the message" in job_row(broker, garbage)["reason"]
    assert sorted(args[0] for args, _ in ran) == ["after", "before"]


@pytest.mark.parametrize(
    "actor_name", ["gone.actor", "", "x" * 5_000, "run'; drop table queue; --", "%s {schema} 😀"]
)
def test_an_actor_nobody_knows_fails_with_its_name(
    broker: JobBroker, ran: list[Any], actor_name: str
) -> None:
    lost = put(broker, {**WHOLE, "actor_name": actor_name}, actor_name)
    good = broker.get_actor("run").send()
    with working(broker):
        wait_until(broker, lost, "Failed", within=5)
        wait_until(broker, good, "Succeeded", within=5)
    assert repr(actor_name) in job_row(broker, lost)["reason"]


def test_a_row_without_an_actor_column_is_known_by_its_message(broker: JobBroker, ran: list[Any]) -> None:
    """As dramatiq-pg writes them."""
    job = put(broker, {**WHOLE, "args": ["bare"]}, actor_name="")
    with working(broker):
        wait_until(broker, job, "Succeeded", within=5)
    assert ran == [(("bare",), {})]


@pytest.mark.parametrize(
    "options",
    [
        {"pipe_target": "nonsense"},
        {"pipe_target": {"no": "message"}},
        {"pipe_target": {**WHOLE, "actor_name": "gone"}},
        {"on_success": "gone"},
        {"on_success": 7},
        {"time_limit": "soon"},
        {"result_ttl": "long"},
        {"store_results": {}},
        {"throws": "KeyError"},
        {"abortable": 3},
        {"delay": "x", "eta": [], "priority": {}},
    ],
    ids=lambda options: json.dumps(options)[:50],
)
def test_options_that_make_no_sense_harm_their_own_job_alone(
    broker: JobBroker, ran: list[Any], options: dict[str, Any]
) -> None:
    odd = put(broker, {**WHOLE, "args": ["odd"], "options": options})
    with working(broker, threads=1):
        wait_for(lambda: job_state(broker, odd) not in ("Enqueued", "Processing"), "an end", within=10)
        wait_until(broker, broker.get_actor("run").send("good"), "Succeeded", within=5)
    assert job_state(broker, odd) in ("Succeeded", "Failed", "Retrying")


@pytest.mark.parametrize("queue_name", ["", "no-such", "@12.5", "@soon", "cancel:me", "a'b\"c", "क" * 2_000])
def test_a_queue_nobody_works_is_left_alone(broker: JobBroker, ran: list[Any], queue_name: str) -> None:
    odd = put(broker, {**WHOLE, "queue_name": queue_name}, queue_name=queue_name)
    with working(broker):
        wait_until(broker, broker.get_actor("run").send("first"), "Succeeded", within=5)
        rows(broker, "select pg_notify('common_jobs', %s)", queue_name)
        wait_until(broker, broker.get_actor("run").send("second"), "Succeeded", within=5)
    assert job_state(broker, odd) == "Enqueued"


def test_a_flood_of_garbage_goes_by(broker: JobBroker, ran: list[Any]) -> None:
    rows(
        broker,
        "insert into {schema}.queue (message_id, actor_name, message) "
        "select gen_random_uuid(), 'run', case n %% 3 when 0 then null when 1 then '[]'::jsonb else to_jsonb(n) end "
        "from generate_series(1, %s) n",
        2_000,
    )
    good = broker.get_actor("run").send("good")
    with working(broker):
        wait_until(broker, good, "Succeeded", within=20)
        wait_for(lambda: rows(broker, "select count(*) from {schema}.queue") == [(0,)], "all gone")
    assert rows(broker, "select count(*) from {schema}.finished where state = 'failed'") == [(2_000,)]

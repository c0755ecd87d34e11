"""Small jobs whose doings can be seen from outside: each writes its effects into a table, over a connection of its own.

`effect` has a row for everything a job did, with when its attempt began; `gate` holds jobs until a test opens it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import dramatiq

from infra.composition import Batch
from infra.middleware.retries import RetryPolicy
from infra.queue import cancellation_requested, current_job
from infra.queue.cancel import cancel
from infra.store.connections import DISCONNECTED, connect

TABLES = """
create table effect (
    job text not null, what text not null, attempt integer not null, worker integer not null,
    began timestamptz not null,
    at timestamptz not null default clock_timestamp());
create index on effect (job);
create table gate (name text primary key);
"""

_own = threading.local()


def _connection() -> Any:
    connection = getattr(_own, "connection", None)
    if connection is None or connection.closed:
        connection = _own.connection = connect(os.environ["EFFECTS_URL"], name="effects")
    return connection


def _ask(statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """One statement; tried again for a while when the database is away: a job's own patience, not the queue's."""
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = _connection()
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
        except DISCONNECTED:
            with contextlib.suppress(Exception):
                _own.connection.close()
            _own.connection = None
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def effect(what: str) -> None:
    job = current_job()
    _ask(
        "insert into effect (job, what, attempt, worker, began) values (%s, %s, %s, %s, to_timestamp(%s))",
        job.message_id,
        what,
        job.attempt,
        os.getpid(),
        time.time() - (time.perf_counter() - job._run.started),  # before anything can come between
    )


def _until_open(gate: str) -> Iterator[None]:
    while not _ask("select 1 from gate where name = %s", gate):
        yield
        time.sleep(0.02)


def ran() -> None:
    """Leaves a mark."""
    effect("ran")


def nothing() -> None:
    """Does nothing."""


def naps(seconds: float) -> None:
    """Takes a moment."""
    time.sleep(seconds)


def holds(gate: str) -> None:
    """Starts, and ends when the gate is open."""
    effect("started")
    for _ in _until_open(gate):
        pass
    effect("ended")


def lasts(seconds: float) -> None:
    """Takes its time."""
    effect("started")
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.02))
    effect("ended")


def computes(seconds: float) -> None:
    """Leaves no other thread of its process more time than it must."""
    effect("started")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(1000))
    effect("ended")


def tells(gate: str) -> None:
    """Says how it fares, before and after the gate."""
    effect("started")
    current_job().log("half of it is done")
    current_job().progress(1, 2)
    for _ in _until_open(gate):
        pass
    current_job().log("all of it is done")
    current_job().progress(2, 2)
    effect("ended")


def chatters(lines: int) -> None:
    """Says much in a short time."""
    for number in range(lines):
        current_job().log(f"line {number}")


def fails(gate: str) -> None:
    """Fails when the gate is open."""
    effect("started")
    for _ in _until_open(gate):
        pass
    raise RuntimeError("as it must")


def asks(gate: str) -> None:
    """Asks now and then whether it should stop."""
    effect("started")
    for _ in _until_open(gate):
        if cancellation_requested():
            effect("asked to stop")
            return
    effect("ended")


def kills_its_worker() -> None:
    """Dies with its worker, as a job does that takes all memory."""
    effect("started")
    os.kill(os.getpid(), signal.SIGKILL)


def follows(parent: dict[str, Any], result: Any) -> None:
    """What on_success or on_failure leads to."""
    effect(f"follows {parent['message_id']}")


def gives(value: int) -> int:
    """Passes a value on to the next step of a pipeline."""
    effect(f"gives {value}")
    return value + 1


def held_back(gate: str, value: int) -> int:
    """A step of a pipeline that waits for the gate."""
    effect("started")
    for _ in _until_open(gate):
        pass
    return value + 1


class Hopeless(Exception):
    """Not retried."""


def node(name: str, script: dict[str, Any], *given: Any) -> str:
    """A job of a random graph: does as it is told, see graphs.py, and returns its name. The gate `repaired` mends what
    fails.
    """
    broker: Any = dramatiq.get_broker()
    job = current_job()
    effect(json.dumps([name, given]))
    for service, added, its_script in script["adds"]:
        Batch.get(str(job.workflow_id)).add(broker.get_actor(f"{service}.node").message(added, its_script))
    if job.attempt <= script["stumbles"]:
        raise RuntimeError("it stumbles")
    if script["end"] == "fails" and not _ask("select 1 from gate where name = 'repaired'"):
        raise Hopeless("as it must")
    if script["end"] == "stops":
        cancel(broker.store(script["service"]), [job.message_id], by="itself")
        deadline = time.monotonic() + 20
        while not cancellation_requested() and time.monotonic() < deadline:
            time.sleep(0.002)
    return name


SOON = RetryPolicy(delays=(0.3,))

AT_ONCE = RetryPolicy(delays=(0.0,), give_up_on=(Hopeless,), at_end="fail")
AT_ONCE_OR_DELETED = RetryPolicy(delays=(0.0,), give_up_on=(Hopeless,))

ACTORS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (ran, {"max_retries": 50}),
    (nothing, {}),
    (naps, {}),
    (holds, {}),
    (lasts, {}),
    (computes, {}),
    (tells, {}),
    (chatters, {}),
    (fails, {"retry_policy": SOON}),
    (asks, {}),
    (kills_its_worker, {"max_retries": 2}),
    (follows, {}),
    (gives, {}),
    (held_back, {}),
    (node, {"retry_policy": AT_ONCE, "max_retries": 50}),
]
VARIANTS: list[tuple[str, Callable[..., Any], dict[str, Any]]] = [
    ("common.cannot_be_interrupted", holds, {"abortable": False}),
    ("common.heeds_shutdown", holds, {"notify_shutdown": True}),
    ("common.ran_at_most_thrice", ran, {"max_retries": 2}),
    ("common.ran_once_at_most", ran, {"max_retries": 0}),
    ("common.ran_critical", ran, {"queue_name": "critical"}),
    ("common.ran_low", ran, {"queue_name": "low-priority"}),
    ("common.lasts_critical", lasts, {"queue_name": "critical"}),
    ("common.lasts_low", lasts, {"queue_name": "low-priority"}),
    ("common.lasts_three_at_once", lasts, {"max_running": 3}),
    ("common.holds_one_at_once", holds, {"max_running": 1}),
    ("common.lasts_one_of_each", lasts, {"max_running": 1, "max_running_per": "seconds"}),
    ("common.ran_at_a_rate", ran, {"rate": "8/2s"}),
    ("common.ran_seldom", ran, {"rate": "2/hour"}),
    ("common.holds_critical", holds, {"queue_name": "critical"}),
    ("sales.ran", ran, {"service": "sales"}),
    ("sales.holds", holds, {"service": "sales"}),
    ("sales.gives", gives, {"service": "sales"}),
    ("sales.follows", follows, {"service": "sales"}),
    ("sales.node", node, {"service": "sales", "retry_policy": AT_ONCE_OR_DELETED, "max_retries": 50}),
]


def declare_on(broker: dramatiq.Broker) -> None:
    """Declares them all, as `common.<function>` unless a variant says otherwise."""
    plain = [(f"common.{fn.__name__}", fn, options) for fn, options in ACTORS]
    for name, fn, options in plain + VARIANTS:
        dramatiq.actor(actor_name=name, broker=broker, **{"service": "common", **options})(fn)

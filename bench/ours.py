"""Ours: the Postgres broker of infra, bare or with the whole production middleware.

All that binds the benchmark to infra is in this file.
"""

import random
import statistics
import sys
import time
from contextlib import closing
from typing import Literal

import dramatiq
import psycopg2

from bench import dramatiq_drain
from bench.countdown import Countdown
from bench.run import serving
from infra.app import make_broker
from infra.queue import enqueue_many
from infra.settings import SERVICES
from infra.store.migrate import migrate

SERVICE = "common"
UNFINISHED = f"select exists (select from {SERVICE}_jobs.queue)"
NEVER = 30 * 86_400_000  # milliseconds a delayed job waits: longer than any run

Middleware = Literal["bare", "production"]
Noop = dramatiq.Actor[[int], None]


def prepare(database_url: str) -> None:
    migrate(database_url, SERVICES)


def enqueue(database_url: str, jobs: int, middleware: Middleware = "production") -> dict[str, float]:
    noop = noop_on(broker_on(database_url, middleware), Countdown(jobs))
    noop.send(-1)  # opens the connection
    started = time.perf_counter()
    for number in range(jobs):
        noop.send(number)
    return {"rate": jobs / (time.perf_counter() - started)}


def bulk(database_url: str, jobs: int, chunk: int) -> dict[str, float]:
    noop = noop_on(broker_on(database_url, "production"), Countdown(jobs))
    started = time.perf_counter()
    _enqueue(noop, jobs, chunk)
    return {"rate": jobs / (time.perf_counter() - started)}


def fill(database_url: str, jobs: int = 0, delayed: int = 0) -> None:
    noop = noop_on(broker_on(database_url, "bare"), Countdown(jobs))
    _enqueue(noop, jobs)
    _enqueue(noop, delayed, delay=NEVER)


def drain(
    database_url: str,
    jobs: int,
    middleware: Middleware,
    behind: bool = False,
    threads: int = dramatiq_drain.THREADS,
) -> dict[str, object]:
    """Drain the queue; or, with jobs left `behind` that must not be touched, the first `jobs` of it."""
    broker, countdown = broker_on(database_url, middleware), Countdown(jobs, hold=behind)
    noop_on(broker, countdown)
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True

        def finished() -> bool:
            cursor.execute(UNFINISHED)
            return cursor.fetchone() == (False,)

        return dict(dramatiq_drain.drain(broker, countdown, None if behind else finished, threads))


def serve(database_url: str) -> dict[str, dict[str, int]]:
    """A production worker that notes when each job starts, until its input closes."""
    broker, starts = broker_on(database_url, "production"), {}

    @dramatiq.actor(broker=broker, service=SERVICE)
    def noop(number: int) -> None:
        starts[number] = time.monotonic_ns()

    worker = dramatiq.Worker(broker, worker_threads=dramatiq_drain.THREADS)
    worker.start()
    print("ready", flush=True)
    sys.stdin.read()
    worker.stop()
    return {"starts": {str(number): start for number, start in starts.items()}}


def pick_up(database_url: str, jobs: int) -> dict[str, float]:
    """Milliseconds from the return of `send`, which has committed, to the first line of the actor in an idle worker.

    One job at a time, 20 to 60 ms apart. Both processes read the clock that the whole machine shares.
    `call_p50` and `call_p99` count from the call of `send` instead.
    """
    noop = noop_on(broker_on(database_url, "production"), Countdown(jobs))
    called, returned = [0] * jobs, [0] * jobs
    with serving("ours", "serve", database_url=database_url) as worker:
        time.sleep(1)
        for number in range(jobs):
            time.sleep(random.uniform(0.02, 0.06))
            called[number] = time.monotonic_ns()
            noop.send(number)
            returned[number] = time.monotonic_ns()
        time.sleep(1)
    starts = worker.answer["starts"]
    after_return = [(starts[str(number)] - returned[number]) / 1e6 for number in range(jobs)]
    after_call = [(starts[str(number)] - called[number]) / 1e6 for number in range(jobs)]
    return {
        "p50": _percentile(after_return, 50),
        "p99": _percentile(after_return, 99),
        "call_p50": _percentile(after_call, 50),
        "call_p99": _percentile(after_call, 99),
    }


def broker_on(database_url: str, middleware: Middleware) -> dramatiq.Broker:
    broker: dramatiq.Broker = make_broker(database_url, middleware=middleware)
    dramatiq.set_broker(broker)
    return broker


def noop_on(broker: dramatiq.Broker, countdown: Countdown) -> Noop:
    @dramatiq.actor(broker=broker, service=SERVICE)
    def noop(number: int) -> None:
        countdown.hit()

    return noop


def _enqueue(noop: Noop, jobs: int, chunk: int = 10_000, delay: int | None = None) -> None:
    for first in range(0, jobs, chunk):
        enqueue_many([noop.message(number) for number in range(first, min(jobs, first + chunk))], delay=delay)


def _percentile(numbers: list[float], percent: int) -> float:
    return statistics.quantiles(numbers, n=100, method="inclusive")[percent - 1]

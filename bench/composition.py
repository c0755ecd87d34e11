"""Ours once more: batches and pipelines, beside the same jobs sent plainly."""

import statistics
import time
from contextlib import closing

import dramatiq
import psycopg2

from bench.countdown import Countdown
from bench.ours import SERVICE, broker_on, noop_on
from infra.composition import Batch


def open_batch(database_url: str, jobs: int) -> dict[str, float]:
    """From the first message made to the commit that opens the batch."""
    noop = noop_on(broker_on(database_url, "production"), Countdown(jobs))
    started = time.perf_counter()
    Batch("members").add_many(noop.message(number) for number in range(jobs)).run()
    return {"seconds": time.perf_counter() - started}


def fill(database_url: str, jobs: int, form: str) -> dict[str, str]:
    """`jobs` no-op jobs as members of a batch, or as pipelines of three steps."""
    broker = broker_on(database_url, "bare")
    noop = noop_on(broker, Countdown(jobs))
    batch = Batch("members")
    if form == "batch":
        batch.add_many(noop.message(number) for number in range(jobs))
    else:
        for number in range(0, jobs, 3):
            steps = [
                noop.message(number),
                *(noop.message_with_options(args=(n,), pipe_ignore=True) for n in (1, 2)),
            ]
            batch.add(dramatiq.pipeline(steps))
    return {"batch": batch.run()}


def measure_progress(database_url: str, batch: str, times: int) -> dict[str, float]:
    """Milliseconds that Batch.progress() takes; the slowest of all but the first, which connects."""
    noop_on(broker_on(database_url, "bare"), Countdown(1))
    found = Batch.get(batch)
    took = []
    for _ in range(times + 1):
        started = time.perf_counter()
        progress = found.progress()
        took.append((time.perf_counter() - started) * 1000)
    return {"median": statistics.median(took[1:]), "worst": max(took[1:]), "total": progress.total,
            "finished": progress.finished}  # fmt: skip


def is_complete(database_url: str) -> dict[str, bool]:
    """Whether every workflow of the store is complete."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"select bool_and(outcome = 'done') from {SERVICE}_jobs.workflow")
        return {"complete": bool(cursor.fetchone()[0])}

"""Ours once more: recurring jobs, fired at midnight, made up for after days, listed; and the scheduler when idle."""

import os
import resource
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import dramatiq
import psycopg2

from bench.countdown import Countdown
from bench.ours import SERVICE, broker_on, noop_on
from infra.queue import enqueue_many
from infra.scheduling.ledger import fire
from infra.store.connections import Store

MIDNIGHT = "2026-04-03 00:00:00+05:30"
"""A moment at which each of the specs below is due."""
DAILY, HOURLY, QUARTERLY = "0 0 * * *", "0 * * * *", "*/15 * * * *"


def fill(database_url: str, jobs: int, missed: str, since: str) -> None:
    """Recurring jobs, a third each daily, hourly and every 15 minutes, due since then; `missed`: policies in turn."""
    with closing(psycopg2.connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            f"""insert into {SERVICE}_jobs.recurring (name, actor_name, args, spec, zone, missed, next_at)
                select 'job-' || n, 'noop', jsonb_build_array(n), (%s::text[])[n %% 3 + 1], 'Asia/Kolkata',
                       (%s::text[])[n / 3 %% %s + 1], %s
                  from generate_series(1, %s) n""",
            ([DAILY, HOURLY, QUARTERLY], missed.split(","), len(missed.split(",")), since, jobs),
        )


def fire_all(database_url: str) -> dict[str, float]:
    """Seconds from a moment at midnight to the commit of the last job that was due by then."""
    broker = broker_on(database_url, "production")
    noop_on(broker, Countdown(1))
    store = Store(SERVICE, f"{database_url}&options=-c%20dhanman.clock%3D{_in_url(MIDNIGHT)}")
    store.fetch("select 1")  # opens the connection
    started = time.perf_counter()
    sent = fire(store, broker)
    seconds = time.perf_counter() - started
    [(ticks, found)] = store.fetch(
        f"select (select count(*) from {store.schema}.tick), (select count(*) from {store.schema}.queue)"
    )
    if found != sent or ticks < sent:
        raise RuntimeError(f"{sent} runs were sent, {found} jobs and {ticks} ticks are there")
    return {
        "seconds": seconds,
        "sent": sent,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def enqueue_as_many(database_url: str, jobs: int) -> dict[str, float]:
    """The same number of messages by `enqueue_many`, in one call: what no scheduler could undercut."""
    noop = noop_on(broker_on(database_url, "production"), Countdown(jobs))
    dramatiq.get_broker().store(SERVICE).fetch("select 1")
    started = time.perf_counter()
    enqueue_many([noop.message(number) for number in range(jobs)])
    return {"seconds": time.perf_counter() - started}


def list_next(database_url: str) -> dict[str, float]:
    """`dhanman-jobs recurring next`, as an operator calls it: seconds, and its memory in MB."""
    started = time.perf_counter()
    command = [_program("dhanman-jobs"), "recurring", "next", "--count", "20", "--json"]
    subprocess.run(command, env=_environment(database_url), check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}


def serve(database_url: str) -> None:
    """`periodiq actors`, until the input closes."""
    scheduler = subprocess.Popen(
        [_program("periodiq"), "actors"], env=_environment(database_url), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        print("ready", flush=True)
        sys.stdin.read()
        if scheduler.poll() is not None:
            raise RuntimeError(f"periodiq ended with {scheduler.returncode}")
    finally:
        scheduler.kill()
        scheduler.wait()


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _environment(database_url: str) -> dict[str, str]:
    return {**os.environ, "JOBS_DATABASE_URL": database_url}


def _in_url(moment: str) -> str:
    return moment.replace(" ", "T").replace("+", "%2B")

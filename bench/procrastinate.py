"""Procrastinate: its worker with a concurrency of 8.

Its tasks are async, which spares it a hop to a thread, and its jobs are deleted when done, which spares it a growing
table; notifications do not matter to a drain.
"""

import asyncio
import time
from typing import Any

import procrastinate
from procrastinate import App, PsycopgConnector
from procrastinate.types import JSONDict

from bench.countdown import Countdown

CONCURRENCY = 8

Noop = Any  # the library's type of a task forgets the names of its arguments, by which they are given


def prepare(database_url: str) -> None:
    with App(connector=procrastinate.SyncPsycopgConnector(conninfo=database_url)).open() as app:
        app.schema_manager.apply_schema()


def enqueue(database_url: str, jobs: int) -> dict[str, float]:
    app = App(connector=procrastinate.SyncPsycopgConnector(conninfo=database_url))
    noop = _task(app, Countdown(jobs))
    with app.open():
        started = time.perf_counter()
        for number in range(jobs):
            noop.defer(number=number)
        return {"rate": jobs / (time.perf_counter() - started)}


def bulk(database_url: str, jobs: int, chunk: int) -> dict[str, float]:
    app = App(connector=procrastinate.SyncPsycopgConnector(conninfo=database_url))
    noop = _task(app, Countdown(jobs))
    with app.open():
        started = time.perf_counter()
        for first in range(0, jobs, chunk):
            numbers: list[JSONDict] = [{"number": n} for n in range(first, min(jobs, first + chunk))]
            noop.batch_defer(*numbers)
        return {"rate": jobs / (time.perf_counter() - started)}


def fill(database_url: str, jobs: int) -> None:
    bulk(database_url, jobs, chunk=1000)


def drain(database_url: str, jobs: int) -> dict[str, float]:
    async def until_empty() -> float:
        app = App(
            connector=PsycopgConnector(conninfo=database_url, min_size=CONCURRENCY, max_size=CONCURRENCY + 2)
        )
        _task(app, Countdown(jobs))
        async with app.open_async():
            started = time.perf_counter()
            # wait=False: the worker returns when the queue is empty and its last job is stored.
            await app.run_worker_async(
                concurrency=CONCURRENCY, wait=False, delete_jobs="successful", install_signal_handlers=False
            )
            return time.perf_counter() - started

    return {"rate": jobs / asyncio.run(until_empty())}


def _task(app: App, countdown: Countdown) -> Noop:
    @app.task(name="noop")
    async def noop(number: int) -> None:
        countdown.hit()

    return noop

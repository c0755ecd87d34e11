"""PgQueuer, as its performance guide advises: asyncpg, uvloop, its autovacuum settings, aggregation on read.

Its default durability stays: the faster levels may lose queued jobs or their history in a crash, and so are no match.
The "balanced" level (queue safe, history not) is measured beside it for information.
"""

import asyncio
import os
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Literal, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it has no types
import uvloop
from pgqueuer.core.qm import QueueManager
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from bench.countdown import Countdown

T = TypeVar("T")
Level = Literal["durable", "balanced"]


def prepare(database_url: str, durability: Level = "durable") -> None:
    os.environ["PGQUEUER_DURABILITY"] = durability

    async def install() -> None:
        queries = await _queries(database_url)
        await queries.install()
        await queries.optimize_autovacuum()

    _run(install())


def enqueue(database_url: str, jobs: int) -> dict[str, float]:
    async def one_by_one() -> float:
        queries = await _queries(database_url)
        started = time.perf_counter()
        for number in range(jobs):
            await queries.enqueue("noop", str(number).encode())
        return time.perf_counter() - started

    return {"rate": jobs / _run(one_by_one())}


def bulk(database_url: str, jobs: int, chunk: int) -> dict[str, float]:
    async def in_chunks() -> float:
        queries = await _queries(database_url)
        started = time.perf_counter()
        for first in range(0, jobs, chunk):
            payloads: list[bytes | None] = [str(n).encode() for n in range(first, min(jobs, first + chunk))]
            await queries.enqueue(["noop"] * len(payloads), payloads, [0] * len(payloads))
        return time.perf_counter() - started

    return {"rate": jobs / _run(in_chunks())}


def fill(database_url: str, jobs: int) -> None:
    bulk(database_url, jobs, chunk=10_000)


def drain(database_url: str, jobs: int, batch: int, managers: int = 1) -> dict[str, float]:
    """Queue managers in one process and loop (its own benchmark runs five), until all is done and stored."""

    async def until_empty() -> float:
        countdown, ran_all = Countdown(jobs), asyncio.Event()
        crew = [await _manager(database_url, countdown, ran_all) for _ in range(managers)]
        observer = await asyncpg.connect(database_url)
        started = time.perf_counter()
        running = [
            asyncio.create_task(manager.run(batch_size=batch, log_aggregation_interval=timedelta(0)))
            for manager in crew
        ]
        await ran_all.wait()
        while await observer.fetchval("select exists (select from pgqueuer)"):
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - started
        for manager in crew:
            manager.shutdown.set()
        await asyncio.gather(*running)
        return seconds

    return {"rate": jobs / _run(until_empty())}


async def _manager(database_url: str, countdown: Countdown, ran_all: asyncio.Event) -> QueueManager:
    manager = QueueManager(await _queries(database_url))

    @manager.entrypoint("noop")
    async def noop(job: Job) -> None:
        countdown.hit()
        if countdown.reached.is_set():
            ran_all.set()

    return manager


async def _queries(database_url: str) -> Queries:
    return Queries(AsyncpgDriver(await asyncpg.connect(database_url)))


def _run(work: Coroutine[Any, Any, T]) -> T:
    return uvloop.run(work)

"""The composition root: settings → broker → middleware in order.

Importing this module makes the process's broker and does no I/O. Everything else takes what it needs from here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import dramatiq
from dramatiq.middleware import AsyncIO, Callbacks, Middleware, ShutdownNotifications, TimeLimit
from dramatiq.results import Results

from infra.composition.dramatiq_group import run_groups_atomically
from infra.middleware.cancellation import Cancellation
from infra.middleware.catch_up import CatchUp
from infra.middleware.current_job import CurrentJob
from infra.middleware.job_log import JobLog
from infra.middleware.retries import Retries
from infra.middleware.stop_signals import StopSignals
from infra.queue.broker import JobBroker
from infra.queue.results import RESULT_TTL, FailureResults, JobResults
from infra.settings import Settings, settings
from infra.store.connections import Store, store_of


def production_middleware(config: Settings) -> list[Middleware]:
    """Before a run they are called from top to bottom, after it from bottom to top."""
    results = JobResults()
    sentry: list[Middleware] = []
    if config.sentry_dsn:
        from infra.middleware.sentry import Sentry  # the SDK takes 0.2 s to import

        sentry = [Sentry(config)]
    return [
        StopSignals(),  # a stop signal that comes twice stops once
        CurrentJob(),  # first in, last out: everyone below may ask for the current job
        JobLog(config),  # says what the others decided
        *sentry,
        AsyncIO(),  # runs actors that are coroutines
        TimeLimit(),  # 10 minutes unless the actor's time_limit says otherwise
        ShutdownNotifications(),  # actors with notify_shutdown are interrupted and given back at a stop
        Cancellation(),  # skips the cancelled, interrupts the running
        CatchUp(),  # sends recurring jobs that periodiq did not
        Callbacks(),  # on_success, on_failure: staged with the outcome
        Results(backend=results, store_results=True, result_ttl=RESULT_TTL),
        FailureResults(results),  # keeps the error of a job that failed for good
        Retries(),  # last in, first out: its verdict comes before all others
    ]


def make_broker(
    database_url: str | None = None,
    middleware: Literal["production", "bare"] = "production",
    *,
    config: Settings | None = None,
) -> JobBroker:
    """A broker on the stores the settings name, or with all its stores on `database_url`.

    Parameters:
      middleware: "bare" leaves out all but what the queue itself needs; for benchmarks.
    """
    config = config or settings()
    stores: Callable[[str], Store] = store_of
    if database_url is not None:
        url = database_url

        def stores(service: str) -> Store:
            return Store(service, url)

    chain = production_middleware(config) if middleware == "production" else []
    broker = JobBroker(config=config, stores=stores, middleware=chain)
    for link in chain:
        backend = getattr(link, "backend", None)
        if backend is not None and hasattr(backend, "broker"):
            backend.broker = broker
    return broker


run_groups_atomically()
broker = make_broker()
dramatiq.set_broker(broker)

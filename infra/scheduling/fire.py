"""Firing: what is due in all stores of this process is sent. Periodiq calls it each minute, workers catch up by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from dramatiq.logging import get_logger

from infra.queue.enqueue import MISSING
from infra.scheduling.ledger import fire, fire_waiting
from infra.store.connections import DISCONNECTED, Store

TOGETHER = 5.0
"""Seconds within which calls are one: periodiq sends each of a minute's jobs, and the first fires them all."""

log = get_logger(__name__)


class _Last:
    fired_at = float("-inf")


def fire_everywhere(broker: Any) -> int:
    """Sends what is due in each store; one that is away is left to workers that catch up. Returns how many runs."""
    if time.monotonic() - _Last.fired_at < TOGETHER:
        return 0
    _Last.fired_at = time.monotonic()
    return sum(fire_in(broker.store(service), broker) for service in broker.config.jobs_services)


def fire_in(store: Store, broker: Any) -> int:
    """Sends what is due in one store; its errors are logged. Returns how many runs."""
    with errors_logged("No ticks from", store):
        return fire(store, broker) + fire_waiting(store, broker)
    return 0


@contextmanager
def errors_logged(what: str, store: Store) -> Iterator[None]:
    """A store that is away or not migrated is no reason to leave out the others."""
    try:
        yield
    except DISCONNECTED as error:
        log.warning("%s %s: %s", what, store.schema, str(error).strip().partition("\n")[0])
    except MISSING:
        log.warning("%s %s: it is not up to date. Run `dhanman-jobs migrate`.", what, store.schema)
    except psycopg2.Error:
        log.exception("%s %s.", what, store.schema)

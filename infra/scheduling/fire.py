"""Firing: what is due in all stores of this process is sent. Periodiq calls it each minute, workers catch up by it."""

from __future__ import annotations

import time
from typing import Any

import psycopg2
from dramatiq.logging import get_logger

from infra.queue.enqueue import MISSING
from infra.scheduling.ledger import fire, fire_waiting
from infra.store.connections import DISCONNECTED

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
    sent = 0
    for service in broker.config.jobs_services:
        store = broker.store(service)
        try:
            sent += fire(store, broker) + fire_waiting(store, broker)
        except DISCONNECTED as error:
            log.warning("No ticks from %s: %s", store.schema, str(error).strip().partition("\n")[0])
        except MISSING:
            log.warning("No ticks from %s: it is not up to date. Run `dhanman-jobs migrate`.", store.schema)
        except psycopg2.Error:
            log.exception("No ticks from %s.", store.schema)
    return sent

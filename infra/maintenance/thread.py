"""The maintenance thread of a worker process: a round when it starts and every JOBS_EXPIRATION_INTERVAL."""

from __future__ import annotations

import random
import threading
from typing import Any

import psycopg2
from dramatiq.logging import get_logger

from infra.maintenance.pruner import prune
from infra.queue import registry
from infra.settings import Settings
from infra.store.connections import Store

log = get_logger(__name__)

SOON = 60.0
"""Seconds until the next round after one that failed."""


class Maintenance(threading.Thread):
    """Keeps the actor registry, partitions and expiry of this process's stores up to date. Its errors are logged; the
    next round tries again; jobs run all the while.
    """

    def __init__(self, broker: Any, stores: list[Store], config: Settings) -> None:
        super().__init__(name="maintenance", daemon=True)
        self._broker = broker
        self._stores = stores
        self._config = config
        self._interval = config.jobs_expiration_interval.total_seconds()
        self._over = threading.Event()

    def stop(self) -> None:
        self._over.set()

    def run(self) -> None:
        wait = 0.0
        while not self._over.wait(wait):
            well = [self._round(store) for store in self._stores]
            wait = self._interval if all(well) else min(SOON, self._interval)
            # A tenth earlier or later, so that processes that booted together part.
            wait = max(1.0, wait * random.uniform(0.9, 1.1))

    def _round(self, store: Store) -> bool:
        if self._over.is_set():
            return True
        try:
            registry.declare(self._broker, [store])
            pruned = prune(store, self._config)
        except psycopg2.Error as error:  # away, not migrated, or a lock that another holds too long
            log.warning("No maintenance of %s: %s", store.schema, str(error).strip().partition("\n")[0])
            return False
        except Exception:
            log.exception("Maintenance of %s failed.", store.schema)
            return False
        if pruned.dropped or pruned.results:
            log.info(
                "Maintenance of %s: %d partitions made, %d dropped, %d results forgotten.",
                store.schema,
                pruned.made,
                pruned.dropped,
                pruned.results,
            )
        return True

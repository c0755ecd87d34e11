"""Catching up: workers send what periodiq should have sent, and was not there to."""

from __future__ import annotations

import random
import threading
from typing import Any

from dramatiq.logging import get_logger
from dramatiq.middleware import Middleware

from infra.scheduling.absent import errors_logged
from infra.scheduling.declare import declare
from infra.scheduling.due import ask_when_due
from infra.scheduling.fire import fire_in
from infra.store.connections import Store

EVERY = 60.0
"""Seconds between two looks."""
LATE = 20.0
"""Seconds that periodiq is given before a worker sends in its place."""

log = get_logger(__name__)


class CatchUp(Middleware):
    """Declares the code's recurring jobs when a worker starts, and looks each minute for ticks that nobody sent."""

    @property
    def actor_options(self) -> set[str]:
        return {"periodic", "recurring", "never_queued"}

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        self._thread = _Thread(broker)
        self._thread.start()

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self._thread.over.set()


class _Thread(threading.Thread):
    def __init__(self, broker: Any) -> None:
        super().__init__(name="catch-up", daemon=True)
        self._broker = broker
        self._stores = [broker.store(service) for service in broker.config.jobs_services]
        self.over = threading.Event()

    def run(self) -> None:
        for store in self._stores:
            with errors_logged("No catching up in", store):
                declare(self._broker, store, complete=False)
        while not self.over.wait(EVERY * random.uniform(0.9, 1.1)):
            for store in self._late():
                if sent := fire_in(store, self._broker):
                    log.warning("Caught up on %d runs of %s: is periodiq running?", sent, store.schema)

    def _late(self) -> list[Store]:
        """Stores with ticks that are overdue, or with runs that wait for others."""
        return [
            found.store
            for found in ask_when_due(self._stores)
            if found.waiting or (found.due_in is not None and found.due_in < -LATE)
        ]

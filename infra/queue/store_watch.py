"""What a claimer knows of one store: whether to look, and when the next delayed job is due."""

from __future__ import annotations

import threading
import time

from dramatiq.logging import get_logger

from infra.queue.limit_watch import LimitWatch
from infra.store.connections import Store

PUT_OFF = 5.0
"""Seconds a store that answers with an error is left alone."""

log = get_logger(__name__)


class StoreWatch:
    """What the claimer knows of one service's queue: whether to look, and when the next delayed job is due."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.dirty = True
        self.barred_until = 0.0
        self.complained = False
        self.due_at = float("inf")  # by time.monotonic()
        self.limits = LimitWatch()
        self.ask_for_limited = True
        self.limited_turn = False
        self.lowest: dict[str, int] = {}
        """Where more jobs wait than there was room for: the priority that the last one claimed had, by queue."""
        self.actors_declared = False
        self.lock = threading.Lock()

    def touched(self) -> None:
        self.dirty = True

    def unsure(self) -> None:
        """Notifications may have been missed."""
        with self.lock:
            self.dirty, self.due_at, self.ask_for_limited = True, 0.0, True

    def put_off(self, now: float, error: Exception) -> None:
        """A store that answers with an error, such as one not migrated yet, must not keep the others waiting."""
        self.dirty, self.due_at = False, float("inf")
        self.limits.heard([""])
        self.barred_until = now + PUT_OFF
        if not self.complained:
            self.complained = True
            log.error(
                "No jobs can be taken from %s: %s. Is it migrated?", self.store.schema, str(error).strip()
            )

    def backlog(self, lowest: dict[str, int]) -> None:
        """Jobs under a limit have a chance beside those that wait before them, if their priority is no worse."""
        before, self.lowest = self.lowest, lowest
        if any(name not in lowest or lowest[name] > priority for name, priority in before.items()):
            self.limits.others_finished()

    def has_work(self, now: float) -> bool:
        """As far as is known."""
        return self.dirty or self.limits.anything(now)

    def due_in(self, seconds: float) -> None:
        with self.lock:
            self.due_at = min(self.due_at, time.monotonic() + max(0.0, seconds))

    def forget_due(self) -> None:
        with self.lock:
            self.due_at = float("inf")

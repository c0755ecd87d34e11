"""Cancellation of running jobs: dramatiq-abort, told by Postgres.

`dramatiq_abort.abort(id)` and `dhanman-jobs jobs cancel` do the same. The job first gets a moment in which
`cancellation_requested()` is true; then Abort is raised in its thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dramatiq.middleware import SkipMessage
from dramatiq_abort import Abortable
from dramatiq_abort.backend import Event, EventBackend

from infra.queue.cancel import cancel
from infra.queue.current import current_job
from infra.queue.run import CANCELLED, Outcome, Run

GRACE_MS = 2_000
"""How long a job that asks has before it is interrupted."""


class PostgresEvents(EventBackend):
    """Cancel requests, as this process heard them; asks the database nothing itself."""

    def __init__(self) -> None:
        self.broker: Any = None
        self._told: set[str] = set()

    def poll(self, key: str) -> Event | None:
        requested = self.broker.process.cancellations.requested(Abortable.key_to_id(key))
        return Event(key, {}) if requested else None

    def wait_many(self, keys: Iterable[str], timeout: int) -> Event | None:
        ids = {Abortable.key_to_id(key) for key in keys}
        self._told &= ids
        message_id = self.broker.process.cancellations.wait_for_any(ids - self._told, timeout / 1000)
        if message_id is None:
            return None
        self._told.add(message_id)
        return Event(Abortable.id_to_key(message_id), {"abort_timeout": GRACE_MS})

    def forget(self, message_id: str) -> None:
        """A new run of the job begins: what its last one was told is over."""
        self._told.discard(message_id)

    def notify(self, events: Iterable[Event], ttl: int) -> None:
        ids = {Abortable.key_to_id(event.key) for event in events}
        services = {self.broker.service_of(actor) for actor in self.broker.actors.values()}
        for service in services:
            cancel(self.broker.store(service), list(ids), by="abort()")


class Cancellation(Abortable):
    """Actor option `abortable`: False for jobs that must not be interrupted; they can still ask."""

    def __init__(self) -> None:
        super().__init__(backend=PostgresEvents())

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        self.backend.broker = broker
        super().before_worker_boot(broker, worker)

    def after_declare_actor(self, broker: Any, actor: Any) -> None:
        self.backend.broker = broker

    def before_process_message(self, broker: Any, message: Any) -> None:
        self.backend.forget(message.message_id)
        if broker.process.cancellations.requested(message.message_id):
            raise SkipMessage  # whether abortable or not, it has not started
        if self.is_abortable(broker.actors[message.actor_name], message):
            self.manager.add_abortable(message.message_id)

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        super().after_process_message(broker, message, result=result, exception=exception)
        if exception is None and current_job().saw_cancellation and not message.lost:
            message.outcome = Outcome(CANCELLED, message.cancel_reason or "cancelled while it ran")
            message.drop_consequences()

    def after_skip_message(self, broker: Any, message: Run) -> None:
        super().after_skip_message(broker, message)
        if broker.process.cancellations.requested(message.message_id):
            message.outcome = Outcome(CANCELLED, message.cancel_reason or "cancelled before it started")

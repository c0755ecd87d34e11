"""A structured line for the start and the end of each run: job, actor, attempt, duration, time in the queue, and the
arguments by name, with those named in JOBS_REDACT shown as ***.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from dramatiq.middleware import Middleware

from infra.queue.run import CANCELLED, DONE, FAILED, QUEUED, REJECTED, RETRYING, redacted
from infra.settings import Settings

EVENTS = {
    DONE: "job.finished",
    RETRYING: "job.retrying",
    FAILED: "job.failed",
    REJECTED: "job.deleted",
    CANCELLED: "job.cancelled",
    QUEUED: "job.given_back",
}


class JobLog(Middleware):
    """Sets the logging of worker processes up too; a process that only sends keeps its own."""

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.redact = config.jobs_redact
        self._levels: dict[str, str] = {}
        self.log: Any = None
        self._says_starts = True

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        import structlog  # 0.2 s that a process without a worker need not spend

        from infra.logs import LEVELS, configure

        configure(self.config)
        self._levels = LEVELS
        self.log = structlog.get_logger().bind()
        self._says_starts = self.config.jobs_log_level in ("debug", "info")

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        from infra.logs import lines

        lines.flush()

    def before_process_message(self, broker: Any, message: Any) -> None:
        if not self._says_starts:
            return
        self.log.info(
            "job.started",
            job=message.message_id,
            actor=message.actor_name,
            attempt=message.attempt,
            queue=message.queue_name,
            latency_ms=round((message.latency + message.started - message.claimed_at) * 1000, 1),
            args=self._arguments(broker, message),
        )

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        outcome = message.outcome
        event = (
            EVENTS[outcome.state] if outcome else ("job.failed" if exception is not None else "job.finished")
        )
        fields: dict[str, Any] = {
            "job": message.message_id,
            "actor": message.actor_name,
            "attempt": message.attempt,
            "duration_ms": round((time.perf_counter() - message.started) * 1000, 2),
        }
        if outcome is not None and outcome.reason:
            fields["reason"] = outcome.reason
        if exception is not None:
            fields["error"] = f"{type(exception).__name__}: {exception}"
            if outcome is not None and outcome.traceback:
                fields["traceback"] = outcome.traceback
        getattr(self.log, self._levels[event])(event, **fields)

    def after_skip_message(self, broker: Any, message: Any) -> None:
        self.log.info(
            "job.skipped", job=message.message_id, actor=message.actor_name, attempt=message.attempt
        )

    def _arguments(self, broker: Any, message: Any) -> dict[str, Any]:
        if not message.args and not message.kwargs:
            return {}
        actor = broker.actors.get(message.actor_name)
        names = _parameters(actor.fn) if actor is not None else ()
        named = {names[i] if i < len(names) else f"#{i}": value for i, value in enumerate(message.args)}
        return redacted({**named, **message.kwargs}, self.redact)


@cache
def _parameters(fn: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(fn).parameters)
    except (TypeError, ValueError):
        return ()

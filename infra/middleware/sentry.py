"""Errors to Sentry, when SENTRY_DSN is set."""

from __future__ import annotations

from typing import Any

from dramatiq.middleware import Middleware

from infra.queue.run import CANCELLED, QUEUED, RETRYING
from infra.settings import Settings


class Sentry(Middleware):
    """An event for each failed attempt: tagged with job, actor, queue and attempt; a retry is a warning, the end an
    error. Arguments are not sent. The SDK is loaded only where a DSN is set.
    """

    def __init__(self, config: Settings) -> None:
        import sentry_sdk

        self.sdk = sentry_sdk
        sentry_sdk.init(
            dsn=config.sentry_dsn,
            send_default_pii=False,
            include_local_variables=False,  # they would carry arguments
            default_integrations=True,
            auto_enabling_integrations=False,
        )

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if exception is None or (message.outcome and message.outcome.state in (QUEUED, CANCELLED)):
            return
        with self.sdk.new_scope() as scope:
            scope.set_tag("actor", message.actor_name)
            scope.set_tag("queue", message.queue_name)
            scope.set_tag("service", message.store.service)
            scope.set_context("job", {"id": message.message_id, "attempt": message.attempt})
            scope.set_level("warning" if message.outcome and message.outcome.state == RETRYING else "error")
            scope.capture_exception(exception)

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        self.sdk.flush(timeout=5)

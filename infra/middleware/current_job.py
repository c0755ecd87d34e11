"""Makes the running job known to its own code."""

from __future__ import annotations

from typing import Any

from dramatiq.middleware import Middleware

from infra.queue.current import Job, enter


class CurrentJob(Middleware):
    """First before a run and last after it, so that every other middleware may ask for the current job."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        enter(Job(message, broker.process))

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        enter(None)

    def after_skip_message(self, broker: Any, message: Any) -> None:
        enter(None)

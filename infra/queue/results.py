"""Results: kept with the finished job, written in the transaction that finishes it.

dramatiq-pg's backend notified results of 8,000 bytes and more in vain, gave errors back as if they were results, and
never let a result expire. Here a result is read from the job's row; an error raises; past its time it is missing.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from dramatiq.middleware import Middleware
from dramatiq.results import ResultFailure, ResultMissing, ResultTimeout
from dramatiq_pg.results import PostgresBackend

from infra.queue.admission import refuse_unstorable
from infra.queue.errors import ResultNotStorable
from infra.queue.run import Run
from infra.queue.statements import bound

LONGEST_PAUSE = 0.25


class JobResults(PostgresBackend):
    """The results of one broker's jobs."""

    def __init__(self) -> None:
        super().__init__(pool=None)
        self.broker: Any = None

    def get_result(self, message: Any, *, block: bool = False, timeout: int | None = None) -> Any:
        """The job's result. `timeout` in ms, 10 s when not given.

        Raises ResultMissing, ResultTimeout, or ResultFailure for a job that ended without success.
        """
        deadline = time.monotonic() + (10_000 if timeout is None else timeout) / 1000
        pause = 0.004
        while True:
            found, value = self._look(message)
            if found:
                return value
            if not block:
                raise ResultMissing(message)
            if time.monotonic() + pause > deadline:
                raise ResultTimeout(message)
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _look(self, message: Any) -> tuple[bool, Any]:
        actor = self.broker.get_actor(message.actor_name)
        store = self.broker.store(self.broker.service_of(actor))
        rows = store.fetch(bound(store.schema).get_result, {"message_id": message.message_id})
        if not rows:
            return False, None
        state, text, expired, error = rows[0]
        if expired:
            return False, None
        if text is not None:
            return True, self.unwrap_result(self.encoder.decode(text.encode()))
        if state == "done":
            return actor.options.get("store_results", True), None
        kind, _, said = (error or f"Job{state.capitalize()}: the job ended as {state}").partition(": ")
        raise ResultFailure(f"actor raised {kind}: {said}", kind, said)

    def store_result(self, message: Any, result: Any, ttl: int) -> None:
        if result is not None:
            super().store_result(message, result, ttl)

    def _keep(self, message: Any, value: Any, ttl: int) -> None:
        try:
            text = self.encoder.encode(value).decode()
            refuse_unstorable(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise ResultNotStorable(f"the result cannot be stored as JSON: {error}") from None
        message.result = (text, ttl)

    def build_message_key(self, message: Any) -> Any:
        return message

    def _store(self, key: Any, result: Any, ttl: int) -> None:
        # build_message_key passed the run itself: its finish takes the result along.
        if isinstance(key, Run) and key.result is None:
            self._keep(key, result, ttl)


class FailureResults(Middleware):
    """Keeps the error of a failed job as its result. Dramatiq would do so after the job is finished, too late to be in
    the same transaction. Stands between Results and Retries, so that the verdict is known.
    """

    def __init__(self, backend: JobResults) -> None:
        self.backend = backend

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        if exception is None or not message.failed or message.actor_name not in broker.actors:
            return
        options = {**broker.actors[message.actor_name].options, **message.options}
        if options.get("store_results", True):
            with contextlib.suppress(ResultNotStorable):  # the error's text is kept with the job in any case
                self.backend.store_exception(message, exception, ttl=options.get("result_ttl", RESULT_TTL))


RESULT_TTL = 7 * 86_400_000
"""Milliseconds a result is kept where the actor sets no `result_ttl`."""

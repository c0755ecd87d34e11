"""A consumer: what dramatiq's ConsumerThread of one queue holds on to.

It hands out no messages: threads take them from the ready buffer. It opens the queue for claiming, and passes what
dramatiq acknowledges, rejects or requeues to the finisher.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from dramatiq import Consumer

from infra.queue.run import FAILED, Outcome, Run
from infra.queue.worker import WorkerProcess

NOT_SAID_WHY = Outcome(FAILED, "rejected by a middleware")


class QueueConsumer(Consumer):
    def __init__(self, process: WorkerProcess, queue_name: str, timeout: int) -> None:
        self._process = process
        self._timeout = timeout / 1000
        self._closed = threading.Event()
        process.consume(queue_name)

    def __next__(self) -> None:
        self._closed.wait(self._timeout)

    def ack(self, message: Any) -> None:
        self._process.finish(message)

    def nack(self, message: Any) -> None:
        if message.outcome is None:
            message.outcome = NOT_SAID_WHY
        self._process.finish(message)

    def requeue(self, messages: Iterable[Any]) -> None:
        self._process.give_back(message for message in messages if isinstance(message, Run))

    def close(self) -> None:
        self._closed.set()

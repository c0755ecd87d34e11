"""The ceiling: Dramatiq's own in-memory broker, without any middleware."""

import time

import dramatiq
from dramatiq.brokers.stub import StubBroker

from bench import dramatiq_drain
from bench.countdown import Countdown


def drain(jobs: int) -> dict[str, object]:
    """The queue lives in this process, so it is filled here before the clock starts."""
    broker, countdown = StubBroker(middleware=[]), Countdown(jobs)
    noop = _actor(broker, countdown)
    for number in range(jobs):
        noop.send(number)
    return dict(
        dramatiq_drain.drain(broker, countdown, lambda: not broker.queues["default"].unfinished_tasks)
    )


def enqueue(jobs: int) -> dict[str, float]:
    noop = _actor(StubBroker(middleware=[]), Countdown(jobs))
    started = time.perf_counter()
    for number in range(jobs):
        noop.send(number)
    return {"rate": jobs / (time.perf_counter() - started)}


def _actor(broker: dramatiq.Broker, countdown: Countdown) -> "dramatiq.Actor[[int], None]":
    @dramatiq.actor(broker=broker)
    def noop(number: int) -> None:
        countdown.hit()

    return noop

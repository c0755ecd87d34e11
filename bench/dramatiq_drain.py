"""The drain of a Dramatiq broker by one worker of 8 threads: the same for the ceiling and for ours."""

import threading
import time
from collections.abc import Callable

import dramatiq

from bench.countdown import Countdown, Memory, wait_until

THREADS = 8


def drain(
    broker: dramatiq.Broker,
    countdown: Countdown,
    finished: Callable[[], bool] | None,
    threads: int = THREADS,
) -> dict[str, float | list[float]]:
    """Run a worker until the countdown is reached and, if `finished` is given, every acknowledgement is stored.

    The clock runs from the worker's start, so its connections and threads are paid for.
    """
    memory = Memory(countdown)
    worker = dramatiq.Worker(broker, worker_threads=threads)
    memory.watch()
    started = time.perf_counter()
    worker.start()
    countdown.reached.wait()
    ended = wait_until(finished) if finished else countdown.ended
    # The jobs held at the gate end as the worker stops; nothing further is started.
    threading.Timer(0.2, countdown.gate.set).start()
    worker.stop()
    seconds = ended - started
    return {"rate": countdown.jobs / seconds, "seconds": seconds, "memory": memory.by_tenth()}

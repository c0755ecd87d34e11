"""Counts jobs as they run, inside the worker process, and says when the last one has."""

import itertools
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

RSS_EVERY = 0.05  # seconds


@dataclass
class Countdown:
    """Counts to `jobs`. `hold` keeps every later job waiting, so that the backlog behind stays as it is."""

    jobs: int
    hold: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)
    ran: int = 0
    ended: float = 0.0
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def hit(self) -> None:
        """One job ran. `next` on a counter is atomic, so threads need no lock here."""
        self.ran = number = next(self._numbers)
        if number == self.jobs:
            self.ended = time.perf_counter()
            self.reached.set()
        elif self.hold and number > self.jobs:
            self.gate.wait()


@dataclass
class Memory:
    """Watches this process's resident memory while a countdown runs."""

    countdown: Countdown
    readings: list[tuple[int, int]] = field(default_factory=list)

    def watch(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self.countdown.reached.wait(RSS_EVERY):
            self.readings.append((self.countdown.ran, process.memory_info().rss))

    def by_tenth(self) -> list[float]:
        """Median megabytes in each tenth of the jobs; 0 where nothing was read."""
        tenths: list[list[int]] = [[] for _ in range(10)]
        for ran, rss in self.readings:
            tenths[min(9, ran * 10 // self.countdown.jobs)].append(rss)
        return [round(statistics.median(tenth) / 2**20, 2) if tenth else 0.0 for tenth in tenths]


def wait_until(finished: Callable[[], bool], pause: float = 0.005) -> float:
    """Wait until the last acknowledgement is stored too; returns that moment."""
    while not finished():
        time.sleep(pause)
    return time.perf_counter()

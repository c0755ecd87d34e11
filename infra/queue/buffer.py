"""The ready buffer: claimed jobs of this process that wait for a thread.

It stands where dramatiq's worker has its work queue, so that a thread takes the job that should run next at the moment
it is free: queues share threads by weight (stride scheduling), a queue that was empty is served at once, and within
a queue priority goes before age. What waits too long behind long jobs can be taken back out and given back.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty

from infra.queue.run import Run


class _Lane:
    __slots__ = ("heap", "pass_", "stride")

    def __init__(self, weight: int) -> None:
        self.heap: list[tuple[int, int, Run]] = []
        self.stride = 1.0 / weight
        self.pass_ = 0.0


class ReadyBuffer:
    """A work queue for dramatiq's WorkerThreads: `get`, `put`, `task_done`, `get_nowait`, `join`.

    Parameters:
      weights: threads' share by queue name.
      hungry: called when fewer than `low_water` jobs are left, or a thread finds none; it must not touch the buffer.
      may_start: asked, without the lock, for each job that is about to start; it takes care of those it refuses.
    """

    def __init__(
        self, weights: dict[str, int], hungry: Callable[[], None], may_start: Callable[[Run], bool]
    ) -> None:
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._lanes: dict[str, _Lane] = {name: _Lane(weight) for name, weight in weights.items()}
        self._time = 0.0
        self._hungry = hungry
        self._may_start = may_start
        self.waiting = 0
        self.idle = 0
        self.low_water = 1
        self.taken = 0
        self.held: dict[str, Run] = {}
        """Every claim of this process by message id: waiting, running, or on its way to the store."""
        self.unfinished_tasks = 0

    def fill(self, runs: Iterable[Run]) -> None:
        """Adds claimed jobs."""
        count = 0
        with self._lock:
            for run in runs:
                lane = self._lanes.get(run.queue_name)
                if lane is None:
                    lane = self._lanes[run.queue_name] = _Lane(1)
                if not lane.heap and lane.pass_ < self._time:
                    lane.pass_ = self._time
                heapq.heappush(lane.heap, (run.priority, run.order, run))
                self.held[run.message_id] = run
                count += 1
            self.waiting += count
            if self.idle:
                self._filled.notify(min(count, self.idle))

    def put(self, item: Run) -> None:
        """Dramatiq's way in; used by nothing but its own tests and tools."""
        self.fill([item.message])

    def get(self, block: bool = True, timeout: float | None = None) -> Run:
        """The job that should run next. Raises queue.Empty after `timeout` seconds without one."""
        while not self._may_start(run := self._take(block, timeout)):
            pass
        return run

    def _take(self, block: bool, timeout: float | None) -> Run:
        with self._lock:
            if not self.waiting:
                if not block:
                    raise Empty
                deadline = None if timeout is None else time.monotonic() + timeout
                self.idle += 1
                self._hungry()  # where nothing is claimed ahead, this thread is the first room there is
                try:
                    while not self.waiting:
                        remaining = None if deadline is None else deadline - time.monotonic()
                        if remaining is not None and remaining <= 0:
                            raise Empty
                        self._filled.wait(remaining)
                finally:
                    self.idle -= 1
            best = None
            for lane in self._lanes.values():
                if lane.heap and (
                    best is None
                    or lane.pass_ < best.pass_
                    or (lane.pass_ == best.pass_ and lane.stride < best.stride)
                ):
                    best = lane
            assert best is not None
            self._time = best.pass_
            best.pass_ += best.stride
            run = heapq.heappop(best.heap)[2]
            self.waiting -= 1
            self.taken += 1
            hungry = self.waiting < self.low_water
        if hungry:
            self._hungry()
        return run

    def get_nowait(self) -> Run:
        return self.get(block=False)

    def task_done(self) -> None:
        """Nothing to count: `held` knows what is unfinished."""

    def take_back(self, older_than: float = 0.0) -> list[Run]:
        """Takes out what has waited for longer than `older_than` seconds, to be given back."""
        limit = time.perf_counter() - older_than
        out: list[Run] = []
        with self._lock:
            for lane in self._lanes.values():
                stale = [run for _, _, run in lane.heap if run.claimed_at <= limit]
                if stale:
                    out.extend(stale)
                    lane.heap = [entry for entry in lane.heap if entry[2].claimed_at > limit]
                    heapq.heapify(lane.heap)
            self.waiting -= len(out)
        return out

    def waiting_in(self, queue_name: str) -> int:
        lane = self._lanes.get(queue_name)
        return len(lane.heap) if lane is not None else 0

    def join(self) -> None:
        """Returns when nothing is waiting, running or being finished. For tests and benchmarks."""
        while self.held:
            time.sleep(0.001)

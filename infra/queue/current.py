"""The job that this thread runs: `current_job().log("…")`, `.progress(done, total)`, `cancellation_requested()`."""

from __future__ import annotations

import threading
import time
from typing import Any

from infra.queue.run import Note, Run

PROGRESS_INTERVAL = 0.5
"""Seconds between two writes of a job's progress; the last figure is always kept."""

_current = threading.local()


class Job:
    """A handle on the running job."""

    def __init__(self, run: Run, process: Any) -> None:
        self._run = run
        self._process = process
        self._noted_at = 0.0
        self.saw_cancellation = False

    @property
    def message_id(self) -> str:
        return self._run.message_id

    @property
    def actor_name(self) -> str:
        return self._run.actor_name

    @property
    def attempt(self) -> int:
        """1 for the first."""
        return self._run.attempt

    @property
    def workflow_id(self) -> str | None:
        """The batch or workflow that this job is a member of."""
        return self._run.workflow_id

    def log(self, line: str) -> None:
        """A line kept with the job, seen on the dashboard and by `dhanman-jobs jobs show`."""
        self._finisher.note(Note(self._run, str(line)))

    def progress(self, done: int, total: int) -> None:
        """How far the job is. Raises ValueError unless 0 <= done <= total."""
        if not 0 <= done <= total:
            raise ValueError(f"progress must be between 0 and the total, not {done} of {total}")
        self._run.progress = (done, total)
        now = time.monotonic()
        if now - self._noted_at >= PROGRESS_INTERVAL or done == total:
            self._noted_at = now
            self._finisher.note(Note(self._run))

    def cancellation_requested(self) -> bool:
        """Whether somebody asked this job to stop, or its lease was lost. A job that returns after it saw this is
        Cancelled.
        """
        asked = self._run.lost or self._process.cancellations.requested(self._run.message_id)
        self.saw_cancellation = self.saw_cancellation or asked
        return asked

    @property
    def _finisher(self) -> Any:
        return self._process.finishers[self._run.store.url]


class _NoJob(Job):
    """Outside a worker an actor's function can be called all the same; what it notes goes nowhere."""

    def __init__(self) -> None:
        self.saw_cancellation = False

    @property
    def message_id(self) -> str:
        return "00000000-0000-0000-0000-000000000000"

    @property
    def actor_name(self) -> str:
        return ""

    @property
    def attempt(self) -> int:
        return 1

    @property
    def workflow_id(self) -> str | None:
        return None

    def log(self, line: str) -> None:
        pass

    def progress(self, done: int, total: int) -> None:
        if not 0 <= done <= total:
            raise ValueError(f"progress must be between 0 and the total, not {done} of {total}")

    def cancellation_requested(self) -> bool:
        return False


_NO_JOB = _NoJob()


def current_job() -> Job:
    """The job this thread runs; outside a worker, one whose notes go nowhere."""
    return getattr(_current, "job", None) or _NO_JOB


def current_run() -> Run | None:
    """The run of this thread's job; None outside a worker."""
    return getattr(getattr(_current, "job", None), "_run", None)


def cancellation_requested() -> bool:
    """Whether the running job was asked to stop. For loops in long jobs: return when it is true."""
    return current_job().cancellation_requested()


def enter(job: Job | None) -> None:
    _current.job = job

"""How far a workflow is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Progress:
    """Counts of members, those of nested workflows included.

    Parameters:
      waiting: enqueued, delayed, to be retried, or waiting for others.
      running: claimed by a worker.
      failed: Failed and Deleted.
      rate: finished members per second, lately while it runs, in all once it is complete; None before the first.
      estimated_end: at this rate; None where there is none, or it is complete.
      outcome: once it is complete: "done" when all succeeded, "cancelled" when it was cancelled, else "failed".
    """

    total: int
    waiting: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    rate: float | None
    estimated_end: datetime | None
    outcome: str | None

    @property
    def finished(self) -> int:
        """Members that ended, however."""
        return self.succeeded + self.failed + self.cancelled

    @property
    def complete(self) -> bool:
        """Whether nothing of it can go on by itself."""
        return self.outcome is not None

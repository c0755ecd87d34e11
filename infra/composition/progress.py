"""How far a workflow is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self


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

    @classmethod
    def of(cls, shares: Sequence[Sequence[Any]], outcome: str | None) -> Self:
        """From what opened.sql: progress says of one workflow in each of its stores."""
        total, succeeded, failed, cancelled, running = (
            sum(column) for column in zip(*(share[1:6] for share in shares), strict=True)
        )
        finished = succeeded + failed + cancelled
        rate: float | None = sum(share[6] for share in shares if share[6]) or None
        end = None
        if outcome is not None:
            lasted = max((share[8] for share in shares if share[8] is not None), default=None)
            rate = finished / lasted if lasted and finished else None
        elif rate is not None:
            end = shares[0][7] + timedelta(seconds=(total - finished) / rate)
        waiting = max(0, total - finished - running)
        return cls(total, waiting, running, succeeded, failed, cancelled, rate, end, outcome)

    @property
    def finished(self) -> int:
        """Members that ended, however."""
        return self.succeeded + self.failed + self.cancelled

    @property
    def complete(self) -> bool:
        """Whether nothing of it can go on by itself."""
        return self.outcome is not None

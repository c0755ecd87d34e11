"""What the policies say, written down a second time and as plainly as possible; for hourly jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.support.firing import HOUR
from tests.support.scheduler import Job

PUNCTUAL = timedelta(seconds=90)


@dataclass
class Expected:
    """The ledger that one recurring job must have."""

    job: Job
    next_at: datetime
    ledger: dict[datetime, str] = field(default_factory=dict)
    running: set[datetime] = field(default_factory=set)
    """Runs that were sent and have not ended."""

    def fire(self, now: datetime) -> None:
        """What is due is sent, and then what waited for its turn."""
        dues = []
        while self.next_at <= now:
            dues.append(self.next_at)
            self.next_at += HOUR
        for due in self._made_up_for(dues, now):
            self.ledger[due] = self._outcome()
            if self.ledger[due] == "sent":
                self.running.add(due)
        if self._waiting() and not self.running:
            self.ledger[self._waiting()[0]] = "sent"
            self.running.add([due for due, outcome in self.ledger.items() if outcome == "sent"][-1])

    def _made_up_for(self, dues: list[datetime], now: datetime) -> list[datetime]:
        if self.job.missed == "skip" and dues and now - dues[-1] > PUNCTUAL:
            self.ledger[dues[-1]] = "missed"
            return []
        return dues if self.job.missed == "all" else dues[-1:]

    def _outcome(self) -> str:
        if self.job.overlap == "allow" or not (self.running or self._waiting()):
            return "sent"
        return "skipped" if self.job.overlap == "skip" else "waiting"

    def _waiting(self) -> list[datetime]:
        return [due for due, outcome in self.ledger.items() if outcome == "waiting"]

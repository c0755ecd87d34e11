"""How long stock has lain, and what hardly moves; our proposal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

SLOW_AFTER_DAYS = 90
"""Not issued for so long, an item with stock is a slow mover."""


@dataclass(frozen=True)
class Bucket:
    """Stock that has lain from one number of days to another, both included; `last` None is without end."""

    first: int
    last: int | None

    @property
    def label(self) -> str:
        return f"over {self.first - 1} days" if self.last is None else f"{self.first}-{self.last} days"


BUCKETS = (Bucket(0, 30), Bucket(31, 90), Bucket(91, 180), Bucket(181, 365), Bucket(366, None))


def bucket_of(received_on: date, today: date) -> Bucket:
    """Where a delivery belongs. One dated ahead counts as of today."""
    days = max(0, (today - received_on).days)
    return next(bucket for bucket in BUCKETS if bucket.last is None or days <= bucket.last)


def is_slow(last_issued_on: date | None, first_received_on: date, today: date) -> bool:
    """Not issued for more than SLOW_AFTER_DAYS; never issued counts from the first delivery."""
    return (today - (last_issued_on or first_received_on)).days > SLOW_AFTER_DAYS

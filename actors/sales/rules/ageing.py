"""How old a member's dues are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from actors.common.rules.money import ZERO

BUCKETS = (("Not yet due", 0), ("1 to 30 days", 30), ("31 to 60 days", 60), ("61 to 90 days", 90))
"""Each with its last day after the due date."""
OLDEST = "Over 90 days"


def ageing(day: date, dues: Iterable[tuple[date | None, Decimal]]) -> dict[str, Decimal]:
    """Rupees by days past the due date; what has no date, such as arrears brought forward, is the oldest.

    A bill is not yet due on its due date. The limits are custom, no law's.
    """
    found = {name: ZERO for name, _ in BUCKETS} | {OLDEST: ZERO}
    for due, amount in dues:
        late = None if due is None else (day - due).days
        bucket = next((name for name, last in BUCKETS if late is not None and late <= last), OLDEST)
        found[bucket] += amount
    return found

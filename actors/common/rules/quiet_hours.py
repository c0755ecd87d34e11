"""Quiet hours: nobody is written to from 21:00 to 08:00 IST without need (DOMAIN A4, our proposal)."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from actors.common.rules.calendar import INDIA

QUIET_FROM = time(21, 0)
QUIET_UNTIL = time(8, 0)


def outside_quiet_hours(moment: datetime) -> datetime:
    """The moment itself, or the next 08:00 IST if it falls in 21:00-08:00 (10 Apr 22:30 → 11 Apr 08:00)."""
    local = moment.astimezone(INDIA)
    if local.time() >= QUIET_FROM:
        return datetime.combine(local.date() + timedelta(days=1), QUIET_UNTIL, INDIA)
    if local.time() < QUIET_UNTIL:
        return datetime.combine(local.date(), QUIET_UNTIL, INDIA)
    return local

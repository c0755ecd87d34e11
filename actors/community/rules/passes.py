"""Visitors' passes (DOMAIN A8; our proposal)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class PassStatus(StrEnum):
    """ISSUED → INSIDE → USED; unused it ends EXPIRED; whoever stays too long is in OVERSTAY until they leave."""

    ISSUED = "ISSUED"
    INSIDE = "INSIDE"
    USED = "USED"
    EXPIRED = "EXPIRED"
    OVERSTAY = "OVERSTAY"
    REVOKED = "REVOKED"


def is_valid(status: PassStatus, valid_from: datetime, valid_to: datetime, now: datetime) -> bool:
    """Whether the gate lets somebody in: from the first moment on, and no more at the last one."""
    return status is PassStatus.ISSUED and valid_from <= now < valid_to


def status_at(status: PassStatus, valid_to: datetime, now: datetime) -> PassStatus:
    """What a pass has become: when its time is over, EXPIRED if nobody came, OVERSTAY if they are inside still."""
    if now < valid_to:
        return status
    return {PassStatus.ISSUED: PassStatus.EXPIRED, PassStatus.INSIDE: PassStatus.OVERSTAY}.get(status, status)

"""First expired, first out: which lots an issue takes, which are set apart, and when expiry is told (DOMAIN A7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from actors.inventory.rules.quantity import NOTHING, NotEnoughStock, plain

NOTICES = (30, 7, 0)
"""Days before the last day of use on which the store-keeper is told; our proposal."""


@dataclass(frozen=True)
class ShelfLot:
    """What lies on the shelf of one delivery.

    Parameters:
      expires_on: Last day of use; None for what keeps.
    """

    id: UUID
    number: str
    on_hand: Decimal
    received_on: date
    expires_on: date | None = None
    quarantined: bool = False


@dataclass(frozen=True)
class Picking:
    """What an issue takes of each lot, and the expired lots that it found and left."""

    taken: tuple[tuple[UUID, Decimal], ...]
    expired: tuple[UUID, ...]


def expired(expires_on: date | None, today: date) -> bool:
    """An item may be used on its last day; it is expired when today is later."""
    return expires_on is not None and today > expires_on


def first_expired_first_out(lots: Sequence[ShelfLot], quantity: Decimal, today: date) -> Picking:
    """Takes from the lot that expires first; of those alike (or without expiry, which come last), the oldest.

    Expired and quarantined lots give nothing; those that are expired and not yet set apart are named.

    Raises NotEnoughStock.
    """
    found_expired = tuple(
        lot.id for lot in lots if lot.on_hand > 0 and not lot.quarantined and expired(lot.expires_on, today)
    )
    usable = sorted(
        (lot for lot in lots if lot.on_hand > 0 and not lot.quarantined and lot.id not in found_expired),
        key=lambda lot: (lot.expires_on or date.max, lot.received_on, lot.number, lot.id),
    )
    taken: list[tuple[UUID, Decimal]] = []
    missing = quantity
    for lot in usable:
        if missing <= 0:
            break
        part = min(lot.on_hand, missing)
        taken.append((lot.id, part))
        missing -= part
    if missing > 0:
        there = sum((lot.on_hand for lot in usable), NOTHING)
        raise NotEnoughStock(f"{plain(quantity)} asked for, {plain(there)} fit for use")
    return Picking(tuple(taken), found_expired)


def notice_due(expires_on: date, today: date) -> int | None:
    """The notice that fits today: 30, 7 or 0 (days left, at most); None before the first and once expired.

    A notice whose day was missed is told late, and only the latest one.
    """
    left = (expires_on - today).days
    return min((step for step in NOTICES if 0 <= left <= step), default=None)

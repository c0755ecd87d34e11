"""When to buy again, and how much (DOMAIN A7; our proposal, as stores usually reckon)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum

from actors.inventory.rules.quantity import NOTHING

WINDOW_DAYS = 90
"""Consumption is averaged over so many days before the check."""


class NoReorderTerms(ValueError):
    """An item lacks what its reorder level is reckoned from."""


class AlertState(StrEnum):
    """Armed: the next low stock is told. Alerted: it was told, and is not told again until stock is above the level."""

    ARMED = "ARMED"
    ALERTED = "ALERTED"


@dataclass(frozen=True)
class ReorderTerms:
    """What an item's level is reckoned from.

    Parameters:
      lead_days: From order to delivery, usually.
      max_lead_days: … at worst.
      peak_daily_use: The most that goes out in a day.
      safety_stock: What must always be there; None to reckon it from the three above.
      cover_days: An order is to last so many days.
      pack: The vendor sells multiples of this.
    """

    lead_days: int | None
    max_lead_days: int | None
    peak_daily_use: Decimal | None
    safety_stock: Decimal | None = None
    cover_days: int = 30
    pack: Decimal = Decimal(1)


def average_use(issued: Decimal, days_known: int) -> Decimal:
    """Units a day: what was issued, less what came back, over the days the item is known, at most WINDOW_DAYS.

    Rounded to a thousandth; never below zero.
    """
    days = max(1, min(WINDOW_DAYS, days_known))
    return max(NOTHING, (issued / days).quantize(NOTHING, ROUND_HALF_UP))


def safety_stock(average: Decimal, terms: ReorderTerms) -> Decimal:
    """Peak use over the longest lead, less average use over the usual one; 3.2, 7 days, 5 over 10 → 27.6."""
    if terms.safety_stock is not None:
        return terms.safety_stock
    if terms.max_lead_days is None or terms.peak_daily_use is None:
        raise NoReorderTerms("has neither a safety stock nor a peak use and longest lead time")
    return max(NOTHING, terms.peak_daily_use * terms.max_lead_days - average * _lead(terms))


def reorder_level(average: Decimal, terms: ReorderTerms) -> Decimal:
    """Average use over the lead time, and the safety stock; 22.4 + 27.6 = 50."""
    return average * _lead(terms) + safety_stock(average, terms)


def state_at(stock: Decimal, level: Decimal) -> AlertState:
    """Low at the level and below; armed again above it."""
    return AlertState.ALERTED if stock <= level else AlertState.ARMED


def alerts(state: AlertState, stock: Decimal, level: Decimal) -> bool:
    """Whether low stock is told now: once, until it was above the level again."""
    return state is AlertState.ARMED and state_at(stock, level) is AlertState.ALERTED


def suggested_order(stock: Decimal, average: Decimal, level: Decimal, terms: ReorderTerms) -> Decimal:
    """What brings stock to the level and lasts `cover_days` beyond it, in whole packs; at least one pack."""
    wanted = level + average * terms.cover_days - stock
    packs = (wanted / terms.pack).quantize(Decimal(1), ROUND_CEILING)
    return max(Decimal(1), packs) * terms.pack


def _lead(terms: ReorderTerms) -> int:
    if terms.lead_days is None:
        raise NoReorderTerms("has no lead time")
    return terms.lead_days

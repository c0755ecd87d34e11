"""Low stock: told once, until there is enough again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference import Society
from actors.common.rules.calendar import INDIA, india_date
from actors.inventory.rules.levels import (
    WINDOW_DAYS,
    AlertState,
    NoReorderTerms,
    ReorderTerms,
    alerts,
    average_use,
    reorder_level,
    state_at,
    suggested_order,
)
from actors.inventory.rules.quantity import plain
from actors.inventory.store import statements
from infra.store.rows import all_rows


@dataclass(frozen=True)
class LowItem:
    """An item that is low, as the letter tells it."""

    code: str
    name: str
    unit: str
    stock: Decimal
    level: Decimal
    suggested_order: Decimal
    alerted_at: datetime

    @property
    def row(self) -> tuple[str, ...]:
        """Of the table of what is told now."""
        stock, order = f"{plain(self.stock)} {self.unit}", f"{plain(self.suggested_order)} {self.unit}"
        return self.code, self.name, stock, plain(self.level), order

    @property
    def row_before(self) -> tuple[str, ...]:
        """Of the table of what was told before: with the day instead of the level."""
        code, name, stock, _, order = self.row
        return code, name, stock, f"{self.alerted_at.astimezone(INDIA):%-d %b %Y}", order


@dataclass(frozen=True)
class Check:
    """What a check found.

    Parameters:
      told: items whose alert is of this check.
      still_low: items that were told before and are low still.
      refused: items that could not be judged, and why.
    """

    checked: int
    told: tuple[LowItem, ...]
    still_low: tuple[LowItem, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True)
class _Judged:
    item_id: str
    state: AlertState
    usable: Decimal
    level: Decimal
    order: Decimal


def check(connection: Connection, society: Society, at: datetime) -> Check:
    """Judge every item of a society at a moment, record new alerts, and arm again what is above its level."""
    day = india_date(at)
    rows = all_rows(
        connection, statements.stock_levels, community_id=str(society.id), day=day, window=WINDOW_DAYS
    )
    judged: list[_Judged] = []
    refused: list[str] = []
    for row in rows:
        try:
            judged.append(_judge(row, (day - row.known_since).days if row.known_since else 0))
        except NoReorderTerms as error:
            refused.append(f"{row.code} {row.name} {error}")
    low = [item for item in judged if alerts(item.state, item.usable, item.level)]
    enough = [
        item.item_id
        for item in judged
        if item.state is AlertState.ALERTED and state_at(item.usable, item.level) is AlertState.ARMED
    ]
    with connection.cursor() as cursor:
        cursor.execute(statements.rearm, {"items": enough, "at": at})
        cursor.execute(
            statements.record_alerts,
            {
                "at": at,
                "items": [item.item_id for item in low],
                "stocks": [item.usable for item in low],
                "levels": [item.level for item in low],
                "orders": [item.order for item in low],
            },
        )
    is_open = [
        LowItem(row.code, row.name, row.unit, row.stock, row.level, row.suggested_order, row.alerted_at)
        for row in all_rows(connection, statements.open_alerts, community_id=str(society.id), at=at)
    ]
    return Check(
        checked=len(rows),
        told=tuple(item for item in is_open if item.alerted_at == at),
        still_low=tuple(item for item in is_open if item.alerted_at < at),
        refused=tuple(refused),
    )


def _judge(row: Any, days_known: int) -> _Judged:
    terms = ReorderTerms(
        row.lead_days,
        row.max_lead_days,
        row.peak_daily_use,
        row.safety_stock,
        row.cover_days,
        row.pack,
    )
    average = average_use(row.issued, days_known)
    level = reorder_level(average, terms)
    return _Judged(
        row.id,
        AlertState.ALERTED if row.alerted_at else AlertState.ARMED,
        row.usable,
        level,
        suggested_order(row.usable, average, level, terms),
    )

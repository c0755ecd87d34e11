"""Expiry: lots are told of beforehand, and set apart and written off when their last day is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference import Society
from actors.common.rules.money import ZERO, rupees
from actors.inventory import store
from actors.inventory.rules import stock as rules
from actors.inventory.rules.fefo import NOTICES, expired, notice_due
from actors.inventory.rules.quantity import plain
from actors.inventory.store import Movement, statements
from infra.store.rows import all_rows

PAGE = 500
"""Items whose expired lots are written off in one transaction."""


@dataclass(frozen=True)
class LotNews:
    """What the letter says of a lot.

    Parameters:
      days_before: which notice; None for what was written off.
      value: rupees written off; None for a notice.
    """

    item: str
    lot: str
    location: str
    quantity: str
    expires_on: date
    days_before: int | None
    value: Decimal | None

    @property
    def when(self) -> str:
        """`today is its last day`, `by 20 Apr 2026`, `expired 5 Apr 2026`."""
        day = f"{self.expires_on:%-d %b %Y}"
        if self.value is not None:
            return f"expired {day}"
        return "last day of use is today" if self.days_before == 0 else f"use by {day}"

    @property
    def row(self) -> tuple[str, ...]:
        """Of the letter's table; what was written off has one cell more."""
        cells = (self.item, self.lot, self.location, self.when, self.quantity)
        return cells if self.value is None else (*cells, rupees(self.value))


@dataclass(frozen=True)
class News:
    """All that a day's check has told and written off, however often it ran."""

    notices: tuple[LotNews, ...]
    written_off: tuple[LotNews, ...]

    @property
    def loss(self) -> Decimal:
        """Rupees."""
        return sum((lot.value for lot in self.written_off if lot.value is not None), ZERO)


def write_off_expired(connection: Connection, society: Society, day: date) -> int:
    """Set apart and write off the expired lots of one page of items. Returns how many lots; 0 when none is left."""
    items = store.lock_items(
        connection,
        [
            row.id
            for row in all_rows(
                connection,
                statements.items_with_expired_lots,
                community_id=str(society.id),
                day=day,
                page=PAGE,
            )
        ],
    )
    movements: list[Movement] = []
    for item in items.values():
        left = item.stock
        for lot in left.lots:
            if lot.on_hand > 0 and expired(lot.expires_on, day):
                change = rules.write_off(left, lot.id)
                movements.append(Movement(item, change, f"expiry/{lot.id}", day, f"Expired lot {lot.number}"))
                left = left.after(change)
    store.quarantine(connection, [_lot_of(movement) for movement in movements], day)
    store.enter(connection, movements)
    return len(movements)


def record_notices(connection: Connection, society: Society, day: date) -> int:
    """Note which lots are told today. Returns how many."""
    due: list[tuple[str, int]] = []
    rows = all_rows(
        connection, statements.lots_near_expiry, community_id=str(society.id), day=day, ahead=max(NOTICES)
    )
    for row in rows:
        step = notice_due(row.expires_on, day)
        if step is not None and (row.told is None or step < row.told):
            due.append((row.id, step))
    with connection.cursor() as cursor:
        cursor.execute(
            statements.record_notices,
            {"day": day, "lots": [lot for lot, _ in due], "steps": [step for _, step in due]},
        )
    return len(due)


def news_of(connection: Connection, society: Society, day: date) -> News:
    """What the day has to tell, from what is on record."""
    rows = all_rows(connection, statements.expiry_news, community_id=str(society.id), day=day)
    lots = [
        LotNews(
            f"{row.code} {row.name}",
            row.number,
            row.location,
            f"{plain(row.quantity)} {row.unit}",
            row.expires_on,
            row.days_before,
            row.value,
        )
        for row in rows
    ]
    return News(
        tuple(lot for lot in lots if lot.value is None), tuple(lot for lot in lots if lot.value is not None)
    )


def _lot_of(movement: Movement) -> UUID:
    return next(line.lot_id for line in movement.change.lines if line.quantity)

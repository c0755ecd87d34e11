"""A believable store for demo and tests: sixty items, and a year of deliveries and issues by the rules of the house."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference.seed import id_of, seed_society
from actors.common.rules.money import to_paisa
from actors.inventory import store
from actors.inventory.catalogue import CATALOGUE, WITHOUT_TERMS, Kept
from actors.inventory.rules import stock as rules
from actors.inventory.rules.fefo import expired
from actors.inventory.rules.posting import Kind
from actors.inventory.rules.quantity import NOTHING
from actors.inventory.rules.valuation import Method
from actors.inventory.store import Item, Movement, NewLot, statements
from infra.store.rows import one_row

PAGE = 1_000
"""Movements a statement."""
LEAD_DAYS, MAX_LEAD_DAYS = 7, 10


@dataclass(frozen=True)
class Seeded:
    """What is in the store now; `movements` were entered by this run."""

    community_id: UUID
    item_ids: dict[str, UUID]
    movements: int


def seed(
    connection: Connection,
    *,
    seed_number: int = 2026,
    items: int = len(CATALOGUE),
    movements: int = 2_400,
    first_day: date = date(2025, 4, 1),
    last_day: date = date(2026, 3, 31),
) -> Seeded:
    """Put a society, its store and its movements into the database; a second run changes nothing.

    Parameters:
      items: How many of the catalogue.
      movements: About how many there shall be, up to 20,000: the more, the smaller each issue. With 0 there is the
        opening stock alone, for a year that jobs are to live through.
    """
    community = seed_society(connection, "inventory", seed_number=seed_number)
    kept = CATALOGUE[:items]
    ids = {one.code: id_of(seed_number, "inventory", "item", one.code) for one in kept}
    places = {name: id_of(seed_number, "inventory", "location", name) for name in ("Main store", "Pump room")}
    with connection.cursor() as cursor:
        locations = [
            {"id": str(key), "community_id": str(community), "name": name} for name, key in places.items()
        ]
        cursor.execute(statements.seed_locations, {"rows": json.dumps(locations)})
        rows = [_item_row(one, ids[one.code], community) for one in kept]
        cursor.execute(statements.seed_items, {"rows": json.dumps(rows)})
    if one_row(connection, statements.movements_of_society, community_id=str(community)).number:
        return Seeded(community, ids, 0)
    held = store.lock_items(connection, ids.values())
    frequency = {one.code: (one.daily / _step(one)).sqrt() for one in kept}
    all_of_them = sum(frequency.values(), NOTHING)
    year: list[tuple[Movement, NewLot | None]] = []
    for one in kept:
        place = places["Pump room" if one.category == "Water" else "Main store"]
        life = _Life(
            one, held[ids[one.code]], place, Random(f"{seed_number}/{one.code}"), first_day, last_day
        )
        year += life.movements(int(movements * frequency[one.code] / all_of_them))
    year.sort(key=lambda entry: entry[0].day)  # stable: an item's own order stays
    for start in range(0, len(year), PAGE):
        page = year[start : start + PAGE]
        store.enter(connection, [movement for movement, _ in page], [lot for _, lot in page if lot])
    for movement, _ in year:
        if movement.change.kind is Kind.WRITE_OFF:
            gone = [line.lot_id for line in movement.change.lines if line.quantity]
            store.quarantine(connection, gone, movement.day)
    return Seeded(community, ids, len(year))


class _Life:
    """One item through the year."""

    def __init__(
        self, kept: Kept, item: Item, location_id: UUID, random: Random, first_day: date, last_day: date
    ) -> None:
        self._kept, self._item, self._location_id = kept, item, location_id
        self._random = random
        self._first_day, self._last_day = first_day, last_day
        self._stock = item.stock
        self._price = kept.price
        self._deliveries = 0
        self._issues = 0

    def movements(self, number: int) -> Iterator[tuple[Movement, NewLot | None]]:
        days = (self._last_day - self._first_day).days
        yield self._receive(Kind.OPENING, self._first_day, 30)
        if not number:
            return
        every = days / max(1, number - number // 7)
        for place in range(1, int(days / every) + 1):
            day = self._first_day + timedelta(days=int(place * every))
            if day > self._last_day:
                break
            yield from self._write_offs(day)
            if self._stock.quantity < self._daily * LEAD_DAYS:
                yield self._receive(Kind.RECEIPT, day, 45)
            if issue := self._issue(day, every):
                yield issue

    @property
    def _daily(self) -> Decimal:
        return self._kept.daily

    def _receive(self, kind: Kind, day: date, cover: int) -> tuple[Movement, NewLot]:
        packs = max(1, int(self._daily * cover / self._kept.pack) + 1)
        quantity = Decimal(packs * self._kept.pack)
        self._price = to_paisa(self._price * Decimal(self._random.choice(("0.99", "1", "1", "1.01", "1.02"))))
        self._deliveries += 1
        reference = "OB" if kind is Kind.OPENING else f"GRN-{day:%y%m}-{self._deliveries:03d}"
        lot = NewLot(
            id_of(0, "lot", self._item.id, self._deliveries),
            self._item.id,
            self._location_id,
            f"{self._kept.code[-3:]}{day:%y%m%d}",
            day,
            day + timedelta(days=self._kept.shelf_days) if self._kept.shelf_days else None,
        )
        value = to_paisa(quantity * self._price)
        change = rules.receive(lot.id, quantity, value, kind)
        added = rules.Lot(lot.id, lot.number, day, lot.expires_on)
        self._stock = replace(self._stock, lots=(*self._stock.lots, added))
        narration = "Opening stock" if kind is Kind.OPENING else f"Delivery {reference}"
        return self._moved(change, reference, day, narration), lot

    def _issue(self, day: date, every: float) -> tuple[Movement, None] | None:
        wanted = self._daily * Decimal(every) * Decimal(self._random.uniform(0.5, 1.5))
        step = _step(self._kept)
        quantity = max(step, (wanted / step).quantize(Decimal(1), ROUND_HALF_UP) * step).quantize(NOTHING)
        if (
            self._daily * Decimal(every) < step
            and self._random.random() > self._daily * Decimal(every) / step
        ):
            return None  # what is used once a month is not issued each week
        if quantity > self._stock.quantity:
            return None
        self._issues += 1
        reference = f"REQ-{day:%y%m}-{self._issues:04d}"
        return self._moved(
            rules.issue(self._stock, quantity, day), reference, day, f"Issue {reference}"
        ), None

    def _write_offs(self, day: date) -> Iterator[tuple[Movement, None]]:
        for lot in self._stock.lots:
            if lot.on_hand > 0 and lot.expires_on and expired(lot.expires_on, day):
                change = rules.write_off(self._stock, lot.id)
                over = lot.expires_on + timedelta(days=1)
                yield self._moved(change, f"expiry/{lot.id}", over, f"Expired lot {lot.number}"), None

    def _moved(self, change: rules.Change, reference: str, day: date, narration: str) -> Movement:
        after = self._stock.after(change)
        self._stock = replace(
            after, lots=tuple(lot for lot in after.lots if lot.on_hand or lot.cost_quantity)
        )
        return Movement(self._item, change, reference, day, narration)


def _step(kept: Kept) -> Decimal:
    """The least that is issued: a piece, or a tenth of a litre."""
    return Decimal("0.1") if kept.unit in ("KG", "LTR", "MTR") else Decimal(1)


def _item_row(kept: Kept, item_id: UUID, community: UUID) -> dict[str, str | int | None]:
    known = kept.code != WITHOUT_TERMS
    return {
        "id": str(item_id),
        "community_id": str(community),
        "code": kept.code,
        "name": kept.name,
        "category": kept.category,
        "unit": kept.unit,
        "valuation": (Method.FIFO if kept.shelf_days else Method.WEIGHTED_AVERAGE).value,
        "nrv": str(kept.nrv) if kept.nrv is not None else None,
        "lead_days": LEAD_DAYS if known else None,
        "max_lead_days": MAX_LEAD_DAYS if known else None,
        "peak_daily_use": str((kept.daily * Decimal("1.6")).quantize(NOTHING)) if known else None,
        "cover_days": 30,
        "pack": str(kept.pack),
    }

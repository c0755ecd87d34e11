"""The week's stock report: what there is, what it is worth, how long it has lain, what hardly moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import books
from actors.common.reference import Society
from actors.common.rules.money import ZERO
from actors.inventory.rules.ageing import BUCKETS, bucket_of, is_slow
from actors.inventory.rules.levels import WINDOW_DAYS
from actors.inventory.rules.posting import INVENTORY
from actors.inventory.rules.quantity import NOTHING
from actors.inventory.rules.valuation import Method, lower_of_cost_and_nrv
from actors.inventory.store import statements
from infra.store.rows import all_rows


@dataclass(frozen=True)
class CostLayer:
    """What is left of a delivery's cost, by FIFO."""

    lot: str
    received_on: date
    quantity: Decimal
    value: Decimal


@dataclass(frozen=True)
class ItemReport:
    """An item with stock.

    Parameters:
      lain: its quantity by how long it has lain, in the order of BUCKETS.
      issued: in the last WINDOW_DAYS days, less what came back.
    """

    code: str
    name: str
    unit: str
    method: Method
    nrv: Decimal | None
    quantity: Decimal
    fifo_value: Decimal
    average_value: Decimal
    last_issued_on: date | None
    known_since: date
    issued: Decimal
    layers: tuple[CostLayer, ...]
    lain: tuple[Decimal, ...]
    slow: bool

    @property
    def value(self) -> Decimal:
        """By the item's own method, rupees."""
        return self.fifo_value if self.method is Method.FIFO else self.average_value

    @property
    def carried_at(self) -> Decimal:
        """The lower of cost and net realisable value (AS-2 para 5), rupees."""
        return lower_of_cost_and_nrv(self.value, self.quantity, self.nrv)


@dataclass(frozen=True)
class StockReport:
    """A society's stock at the end of a day.

    Parameters:
      booked: balance of 11300 Inventory.
      without_terms: items whose reorder level cannot be reckoned.
    """

    society: Society
    day: date
    items: tuple[ItemReport, ...]
    booked: Decimal
    without_terms: tuple[str, ...]

    @property
    def fifo_value(self) -> Decimal:
        return sum((item.fifo_value for item in self.items), ZERO)

    @property
    def average_value(self) -> Decimal:
        return sum((item.average_value for item in self.items), ZERO)

    @property
    def value(self) -> Decimal:
        """By each item's own method: what the books must say."""
        return sum((item.value for item in self.items), ZERO)

    @property
    def write_down_due(self) -> Decimal:
        return self.value - sum((item.carried_at for item in self.items), ZERO)

    @property
    def slow_movers(self) -> tuple[ItemReport, ...]:
        return tuple(item for item in self.items if item.slow)

    @property
    def slow_value(self) -> Decimal:
        return sum((item.value for item in self.slow_movers), ZERO)


def report_on(connection: Connection, society: Society, day: date) -> StockReport:
    """Reads the movements up to a day."""
    parameters = {"community_id": str(society.id), "day": day}
    layers: dict[str, list[CostLayer]] = {}
    lain: dict[str, list[Decimal]] = {}
    for lot in all_rows(connection, statements.lots_on, **parameters):
        by_bucket = lain.setdefault(lot.code, [NOTHING] * len(BUCKETS))
        by_bucket[BUCKETS.index(bucket_of(lot.received_on, day))] += lot.quantity
        if lot.cost_quantity:
            layer = CostLayer(lot.number, lot.received_on, lot.cost_quantity, lot.cost_value)
            layers.setdefault(lot.code, []).append(layer)
    items = tuple(
        ItemReport(
            row.code,
            row.name,
            row.unit,
            Method(row.valuation),
            row.nrv,
            row.quantity,
            row.fifo_value,
            row.average_value,
            row.last_issued_on,
            row.known_since,
            row.issued,
            tuple(layers[row.code]),
            tuple(lain[row.code]),
            is_slow(row.last_issued_on, row.known_since, day),
        )
        for row in all_rows(connection, statements.valuation_on, window=WINDOW_DAYS, **parameters)
    )
    return StockReport(
        society,
        day,
        items,
        booked=_balance(connection, society.id, day),
        without_terms=tuple(
            f"{row.code} {row.name}"
            for row in all_rows(connection, statements.items_without_terms, community_id=str(society.id))
        ),
    )


def _balance(connection: Connection, community_id: UUID, day: date) -> Decimal:
    for line in books.trial_balance(connection, "inventory", community_id, day):
        if line.account == INVENTORY:
            return line.debit - line.credit
    return ZERO

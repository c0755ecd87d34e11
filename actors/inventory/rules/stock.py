"""One item in the store, and what each event changes of it.

Goods and cost flow apart: goods leave by expiry (fefo.py), cost by FIFO or weighted average (valuation.py). Both
valuations are kept, so that a report shows either; the books follow the item's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from actors.common.rules.money import ZERO, to_paisa
from actors.inventory.rules.fefo import ShelfLot, first_expired_first_out
from actors.inventory.rules.posting import Kind
from actors.inventory.rules.quantity import NOTHING, NotEnoughStock, plain
from actors.inventory.rules.valuation import (
    Layer,
    Method,
    first_in_first_out,
    lower_of_cost_and_nrv,
    spread,
    weighted_average,
)

REVERSIBLE = frozenset({Kind.OPENING, Kind.RECEIPT, Kind.ADJUSTMENT, Kind.WRITE_DOWN})
"""An issue is undone by its return; what has expired stays written off."""


class CannotReverse(ValueError):
    """A movement that cannot be taken back, as stock has moved on since."""


@dataclass(frozen=True)
class Lot:
    """A delivery: what is left of it on the shelf, and of its cost in the FIFO books."""

    id: UUID
    number: str
    received_on: date
    expires_on: date | None = None
    quarantined: bool = False
    on_hand: Decimal = NOTHING
    cost_quantity: Decimal = NOTHING
    cost_value: Decimal = ZERO


@dataclass(frozen=True)
class Line:
    """What a movement adds to a lot, or takes: goods, and cost."""

    lot_id: UUID
    quantity: Decimal = NOTHING
    cost_quantity: Decimal = NOTHING
    cost_value: Decimal = ZERO


@dataclass(frozen=True)
class Change:
    """A movement: positive into the store, negative out of it.

    Parameters:
      average_value: Rupees by weighted average; `fifo_value` is the sum of the lines.
      expired: Lots that were found expired on the way, to be set apart.
    """

    kind: Kind
    lines: tuple[Line, ...]
    average_value: Decimal
    expired: tuple[UUID, ...] = ()

    @property
    def quantity(self) -> Decimal:
        return sum((line.quantity for line in self.lines), NOTHING)

    @property
    def fifo_value(self) -> Decimal:
        return sum((line.cost_value for line in self.lines), ZERO)

    def value(self, method: Method) -> Decimal:
        """What the books say, by the item's method."""
        return self.fifo_value if method is Method.FIFO else self.average_value


@dataclass(frozen=True)
class Stock:
    """An item with its lots."""

    label: str
    method: Method
    lots: tuple[Lot, ...] = ()
    average_value: Decimal = ZERO

    @property
    def quantity(self) -> Decimal:
        return sum((lot.on_hand for lot in self.lots), NOTHING)

    @property
    def fifo_value(self) -> Decimal:
        return sum((lot.cost_value for lot in self.lots), ZERO)

    @property
    def is_possible(self) -> bool:
        """Nothing is below zero, and nothing has a value without goods."""
        goods = all(lot.on_hand >= 0 and lot.cost_quantity >= 0 and lot.cost_value >= 0 for lot in self.lots)
        values = all(lot.cost_quantity or not lot.cost_value for lot in self.lots)
        return goods and values and self.average_value >= 0 and bool(self.quantity or not self.average_value)

    def after(self, change: Change) -> Stock:
        """The item as a movement leaves it."""
        added = {line.lot_id: line for line in change.lines}
        lots = tuple(_with(lot, added.get(lot.id), lot.id in change.expired) for lot in self.lots)
        return replace(self, lots=lots, average_value=self.average_value + change.average_value)


def receive(lot_id: UUID, quantity: Decimal, value: Decimal, kind: Kind = Kind.RECEIPT) -> Change:
    """A delivery, as a lot of its own.

    Parameters:
      value: What was paid to bring it here, rupees, without recoverable tax (AS-2 para 6).
    """
    return Change(kind, (Line(lot_id, quantity, quantity, value),), value)


def issue(stock: Stock, quantity: Decimal, day: date) -> Change:
    """Goods to use: those that expire first; cost by both methods. Raises NotEnoughStock."""
    try:
        picking = first_expired_first_out(
            [_on_shelf(lot) for lot in stock.lots if lot.received_on <= day], quantity, day
        )
    except NotEnoughStock as error:
        raise NotEnoughStock(f"{stock.label}: {error}") from None
    change = _out(stock, Kind.ISSUE, picking.taken)
    return replace(change, expired=picking.expired)


def write_off(stock: Stock, lot_id: UUID) -> Change:
    """All that is left of a lot leaves the books, and the shelf; its cost is that which goes out next."""
    lot = next(lot for lot in stock.lots if lot.id == lot_id)
    return _out(stock, Kind.WRITE_OFF, ((lot_id, lot.on_hand),))


def adjust(stock: Stock, lot_id: UUID, counted: Decimal) -> Change | None:
    """What a count of one lot finds; None where it finds what the books say.

    More than the books is valued at the average of what there is, and at nothing where there was nothing.
    """
    lot = next(lot for lot in stock.lots if lot.id == lot_id)
    found = counted - lot.on_hand
    if not found:
        return None
    if found < 0:
        return _out(stock, Kind.ADJUSTMENT, ((lot_id, -found),))
    on_hand = stock.quantity
    fifo = to_paisa(stock.fifo_value * found / on_hand) if on_hand else ZERO
    average = to_paisa(stock.average_value * found / on_hand) if on_hand else ZERO
    return Change(Kind.ADJUSTMENT, (Line(lot_id, found, found, fifo),), average)


def give_back(stock: Stock, outstanding: Change, quantity: Decimal) -> Change:
    """What was issued and not used returns to the lots it came from, at the cost at which it left.

    Parameters:
      outstanding: The issue, less what was returned of it before; quantities and values below zero.

    Raises NotEnoughStock where more comes back than is out.
    """
    out = [replace(line, quantity=-line.quantity) for line in outstanding.lines if line.quantity]
    layers = [
        Layer(line.lot_id, -line.cost_quantity, -line.cost_value)
        for line in reversed(outstanding.lines)
        if line.cost_quantity
    ]
    try:
        cost = first_in_first_out(layers, quantity)
        average = weighted_average(-outstanding.quantity, -outstanding.average_value, quantity)
    except NotEnoughStock:
        raise NotEnoughStock(
            f"{stock.label}: {plain(quantity)} come back, of the issue {plain(-outstanding.quantity)} are out"
        ) from None
    goods = first_in_first_out([Layer(line.lot_id, line.quantity, ZERO) for line in reversed(out)], quantity)
    lines = _lines(((part.key, part.quantity) for part in goods), cost, sign=1)
    return Change(Kind.RETURN, lines, average)


def reverse(stock: Stock, standing: Change) -> Change:
    """Takes a movement back, as it was entered.

    Parameters:
      standing: The movement.

    Raises CannotReverse where what came with it, or its cost, has gone out since.
    """
    lines = tuple(
        Line(line.lot_id, -line.quantity, -line.cost_quantity, -line.cost_value) for line in standing.lines
    )
    change = Change(Kind.REVERSAL, lines, -standing.average_value)
    known = {lot.id for lot in stock.lots}
    empty = tuple(Lot(line.lot_id, "", date.min) for line in lines if line.lot_id not in known)
    if not replace(stock, lots=(*stock.lots, *empty)).after(change).is_possible:
        raise CannotReverse(f"{stock.label}: what came in has gone out in part since; count the lot instead")
    return change


def write_down(stock: Stock, nrv: Decimal | None) -> Change | None:
    """To net realisable value where that is below cost; None where it is not. It is not written up again."""
    on_hand = stock.quantity
    fifo = stock.fifo_value - lower_of_cost_and_nrv(stock.fifo_value, on_hand, nrv)
    average = stock.average_value - lower_of_cost_and_nrv(stock.average_value, on_hand, nrv)
    if not (fifo if stock.method is Method.FIFO else average):
        return None
    cuts = spread(fifo, _layers(stock))
    return Change(
        Kind.WRITE_DOWN, tuple(Line(cut.key, cost_value=-cut.value) for cut in cuts), average_value=-average
    )


def _out(stock: Stock, kind: Kind, taken: tuple[tuple[UUID, Decimal], ...]) -> Change:
    quantity = sum((part for _, part in taken), NOTHING)
    cost = first_in_first_out(_layers(stock), quantity)
    average = weighted_average(stock.quantity, stock.average_value, quantity)
    return Change(kind, _lines(taken, cost, sign=-1), -average)


def _lines(
    goods: Iterable[tuple[UUID, Decimal]], cost: Iterable[Layer[UUID]], *, sign: int
) -> tuple[Line, ...]:
    lines: dict[UUID, Line] = {lot_id: Line(lot_id, sign * part) for lot_id, part in goods}
    for layer in cost:
        line = lines.get(layer.key, Line(layer.key))
        lines[layer.key] = replace(line, cost_quantity=sign * layer.quantity, cost_value=sign * layer.value)
    return tuple(lines.values())


def _layers(stock: Stock) -> list[Layer[UUID]]:
    oldest_first = sorted(stock.lots, key=lambda lot: (lot.received_on, lot.number, lot.id))
    return [Layer(lot.id, lot.cost_quantity, lot.cost_value) for lot in oldest_first if lot.cost_quantity]


def _on_shelf(lot: Lot) -> ShelfLot:
    return ShelfLot(lot.id, lot.number, lot.on_hand, lot.received_on, lot.expires_on, lot.quarantined)


def _with(lot: Lot, line: Line | None, expired: bool) -> Lot:
    if line is not None:
        lot = replace(
            lot,
            on_hand=lot.on_hand + line.quantity,
            cost_quantity=lot.cost_quantity + line.cost_quantity,
            cost_value=lot.cost_value + line.cost_value,
        )
    return replace(lot, quarantined=True) if expired else lot

"""The tables of the store, as typed functions. Each takes the connection of the transaction it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import books
from actors.common.books import Posting
from actors.inventory.rules.posting import Kind, stock_entry
from actors.inventory.rules.stock import Change, Line, Lot, Stock
from actors.inventory.rules.valuation import Method
from infra.store import connections, sql
from infra.store.rows import all_rows, checked_id, one_row

statements = sql.load("actors.inventory")

EVENTS = UUID("5c0f0b7e-8f5d-4d3e-9a57-3b1f6f7f0c11")


class UnknownItem(LookupError):
    """No item has this id."""


class UnknownLot(LookupError):
    """No lot has this id."""


class UnknownMovement(LookupError):
    """No such movement."""


class NoLocation(LookupError):
    """A society has no place to put a delivery."""


@dataclass(frozen=True)
class Item:
    """An item as it stands in the store, held by this transaction.

    Parameters:
      nrv: Net realisable value of one unit, rupees.
    """

    id: UUID
    community_id: UUID
    code: str
    name: str
    unit: str
    nrv: Decimal | None
    stock: Stock

    @property
    def label(self) -> str:
        return f"{self.code} {self.name}"


@dataclass(frozen=True)
class NewLot:
    """A delivery's lot, before it is filled."""

    id: UUID
    item_id: UUID
    location_id: UUID
    number: str
    received_on: date
    expires_on: date | None


@dataclass(frozen=True)
class Movement:
    """A change of an item's stock, and the event it comes from.

    Parameters:
      of_movement_id: the issue of which something comes back, or the movement that is taken back.
      takes_back: what kind of movement a reversal takes back.
    """

    item: Item
    change: Change
    reference: str
    day: date
    narration: str
    of_movement_id: UUID | None = None
    takes_back: Kind | None = None

    @property
    def id(self) -> UUID:
        return movement_id(self.item.id, self.change.kind, self.reference)

    @property
    def value(self) -> Decimal:
        return self.change.value(self.item.stock.method)


@dataclass(frozen=True)
class Entered:
    """A movement on record."""

    id: UUID
    item_id: UUID
    kind: Kind
    reference: str
    quantity: Decimal
    value: Decimal


def transaction() -> AbstractContextManager[Connection]:
    """A transaction on the inventory database: committed at the end, rolled back on an error."""
    return connections.transaction("inventory")


def movement_id(item_id: UUID, kind: Kind, reference: str) -> UUID:
    """The id of an event's movement; the same event has the same id, whoever enters it."""
    return uuid5(EVENTS, f"{item_id}/{kind}/{reference}")


def lock_items(
    connection: Connection, item_ids: Iterable[UUID | str], *, with_lot: UUID | str | None = None
) -> dict[UUID, Item]:
    """Items with their lots, held until the transaction ends; ids that are unknown are left out.

    Parameters:
      with_lot: this lot is read though it be empty.
    """
    ids = [str(item_id) for item_id in item_ids]
    rows = all_rows(connection, statements.lock_items, item_ids=ids)
    lots: dict[str, list[Lot]] = {row.id: [] for row in rows}
    for lot in all_rows(
        connection, statements.lots_of_items, item_ids=list(lots), lot_id=str(with_lot) if with_lot else None
    ):
        lots[lot.item_id].append(
            Lot(
                UUID(lot.id),
                lot.number,
                lot.received_on,
                lot.expires_on,
                lot.quarantined,
                lot.on_hand,
                lot.cost_quantity,
                lot.cost_value,
            )
        )
    return {
        UUID(row.id): Item(
            UUID(row.id),
            UUID(row.community_id),
            row.code,
            row.name,
            row.unit,
            row.nrv,
            Stock(f"{row.code} {row.name}", Method(row.valuation), tuple(lots[row.id]), row.average_value),
        )
        for row in rows
    }


def lock_item(connection: Connection, item_id: UUID | str, *, with_lot: UUID | str | None = None) -> Item:
    """One item. Raises UnknownItem."""
    found = lock_items(connection, [checked_id(item_id, "item", UnknownItem)], with_lot=with_lot)
    if not found:
        raise UnknownItem(f"no item has the id {item_id}")
    return next(iter(found.values()))


def item_of_lot(connection: Connection, lot_id: UUID | str) -> UUID:
    """Raises UnknownLot."""
    row = one_row(connection, statements.item_of_lot, lot_id=checked_id(lot_id, "lot", UnknownLot))
    if row is None:
        raise UnknownLot(f"no lot has the id {lot_id}")
    return UUID(row.item_id)


def entered(connection: Connection, wanted: UUID | str) -> Entered | None:
    """A movement, or None where there is none."""
    row = one_row(
        connection,
        statements.movement_by_id,
        movement_id=checked_id(wanted, "movement", UnknownMovement),
    )
    return row and Entered(
        UUID(row.id), UUID(row.item_id), Kind(row.kind), row.reference, row.quantity, row.value
    )


def standing(connection: Connection, of: Entered) -> Change:
    """What still stands of a movement: an issue less what came back of it (below zero, as issues are)."""
    lines = tuple(
        Line(UUID(row.lot_id), row.quantity, row.cost_quantity, row.cost_value)
        for row in all_rows(connection, statements.standing, movement_id=str(of.id))
    )
    average = one_row(connection, statements.average_standing, movement_id=str(of.id)).average_value
    return Change(of.kind, lines, average)


def default_location(connection: Connection, community_id: UUID) -> UUID:
    """Raises NoLocation."""
    row = one_row(connection, statements.default_location, community_id=str(community_id))
    if row is None:
        raise NoLocation(f"society {community_id} has no location for its stock")
    return UUID(row.id)


def items_to_write_down(connection: Connection, community_id: UUID) -> list[UUID]:
    """Items that have stock and a net realisable value."""
    rows = all_rows(connection, statements.items_to_write_down, community_id=str(community_id))
    return [UUID(row.id) for row in rows]


def enter(connection: Connection, movements: Sequence[Movement], new_lots: Sequence[NewLot] = ()) -> None:
    """Enter movements and post them, in few statements however many there are.

    The items must be held by this transaction, and the events new: see `entered`.
    """
    if not movements:
        return
    lines = [(movement.id, line) for movement in movements for line in movement.change.lines]
    with connection.cursor() as cursor:
        if new_lots:
            cursor.execute(statements.add_lots, _lot_columns(new_lots))
        cursor.execute(statements.add_movements, _movement_columns(movements))
        cursor.execute(
            statements.add_lines,
            {
                "movements": [str(of) for of, _ in lines],
                "lots": [str(line.lot_id) for _, line in lines],
                "quantities": [line.quantity for _, line in lines],
                "cost_quantities": [line.cost_quantity for _, line in lines],
                "cost_values": [line.cost_value for _, line in lines],
            },
        )
    for day in sorted({movement.day for movement in movements if movement.change.expired}):
        found = [lot for movement in movements if movement.day == day for lot in movement.change.expired]
        quarantine(connection, found, day)
    books.post(connection, "inventory", [_posting(movement) for movement in movements if movement.value])


def quarantine(connection: Connection, lot_ids: Sequence[UUID], day: date) -> None:
    """Set expired lots apart."""
    if lot_ids:
        with connection.cursor() as cursor:
            cursor.execute(statements.quarantine, {"lot_ids": [str(lot) for lot in lot_ids], "day": day})


def _posting(movement: Movement) -> Posting:
    kind = movement.change.kind
    return Posting(
        movement.item.community_id,
        movement.day,
        f"{movement.narration}: {movement.item.label}",
        f"STOCK_{kind}",
        movement.id,
        stock_entry(movement.takes_back or kind, movement.value, movement.item.id),
    )


def _lot_columns(lots: Sequence[NewLot]) -> dict[str, list[object]]:
    return {
        "ids": [str(lot.id) for lot in lots],
        "items": [str(lot.item_id) for lot in lots],
        "locations": [str(lot.location_id) for lot in lots],
        "numbers": [lot.number for lot in lots],
        "received": [lot.received_on for lot in lots],
        "expires": [lot.expires_on for lot in lots],
    }


def _movement_columns(movements: Sequence[Movement]) -> dict[str, list[object]]:
    return {
        "ids": [str(movement.id) for movement in movements],
        "communities": [str(movement.item.community_id) for movement in movements],
        "items": [str(movement.item.id) for movement in movements],
        "valuations": [movement.item.stock.method.value for movement in movements],
        "kinds": [movement.change.kind.value for movement in movements],
        "references": [movement.reference for movement in movements],
        "movements": [
            str(movement.of_movement_id) if movement.of_movement_id else None for movement in movements
        ],
        "days": [movement.day for movement in movements],
        "quantities": [movement.change.quantity for movement in movements],
        "fifo_values": [movement.change.fifo_value for movement in movements],
        "average_values": [movement.change.average_value for movement in movements],
        "narrations": [movement.narration for movement in movements],
    }

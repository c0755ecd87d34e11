"""What happens in the store, each once: delivery, issue, return, count, write-down. A second time finds the first."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

from psycopg2.errors import RestrictViolation
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.inventory import store
from actors.inventory.rules import stock as rules
from actors.inventory.rules.posting import Kind
from actors.inventory.rules.quantity import (
    NOTHING,
    BadQuantity,
    NotEnoughStock,
    checked_quantity,
    checked_value,
)
from actors.inventory.store import Entered, Movement, NewLot


class BadDay(ValueError):
    """A day that is not written YYYY-MM-DD."""


REFUSALS = (
    BadDay,
    BadQuantity,
    NotEnoughStock,
    rules.CannotReverse,
    store.UnknownItem,
    store.UnknownLot,
    store.UnknownMovement,
    store.NoLocation,
    RestrictViolation,
)
"""What these steps refuse, naming the item; no retry mends it. A closed month is a RestrictViolation that names it."""


def checked_day(text: str) -> date:
    """Raises BadDay."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadDay(f"{text!r} is not a day written YYYY-MM-DD") from None


def receive_once(
    connection: Connection,
    item_id: UUID | str,
    quantity: str | Decimal,
    value: str | Decimal,
    reference: str,
    day: date,
    *,
    lot_number: str | None = None,
    expires_on: date | None = None,
    kind: Kind = Kind.RECEIPT,
) -> tuple[Entered, bool]:
    """Take a delivery into the store, as a lot of its own. Returns the movement, and whether it was entered now.

    Parameters:
      value: Rupees for all of it.
      reference: Number of the delivery note.
    """
    item = store.lock_item(connection, item_id)
    event = store.movement_id(item.id, kind, reference)
    if known := store.entered(connection, event):
        return known, False
    lot_id = uuid5(store.EVENTS, f"lot/{event}")
    lot = NewLot(
        lot_id,
        item.id,
        store.default_location(connection, item.community_id),
        lot_number or reference,
        day,
        expires_on,
    )
    change = rules.receive(
        lot_id,
        checked_quantity(quantity, item.label),
        checked_value(value, item.label),
        kind,
    )
    narration = "Opening stock" if kind is Kind.OPENING else f"Delivery {reference}"
    return _enter(connection, Movement(item, change, reference, day, narration), lot), True


def issue_once(
    connection: Connection, item_id: UUID | str, quantity: str | Decimal, reference: str, day: date
) -> tuple[Entered, bool]:
    """Give out what expires first; expired lots that are met are set apart.

    Parameters:
      reference: Number of the requisition.
    """
    item = store.lock_item(connection, item_id)
    if known := store.entered(connection, store.movement_id(item.id, Kind.ISSUE, reference)):
        return known, False
    change = rules.issue(item.stock, checked_quantity(quantity, item.label), day)
    return _enter(connection, Movement(item, change, reference, day, f"Issue {reference}")), True


def return_once(
    connection: Connection, issue_id: UUID | str, quantity: str | Decimal, reference: str, day: date
) -> tuple[Entered, bool]:
    """Take back what was issued and not used, at the cost at which it left. Returned whole, the issue is undone."""
    issue = store.entered(connection, issue_id)
    if issue is None or issue.kind is not Kind.ISSUE:
        raise store.UnknownMovement(f"no issue has the id {issue_id}")
    item = store.lock_item(connection, issue.item_id)
    if known := store.entered(connection, store.movement_id(item.id, Kind.RETURN, reference)):
        return known, False
    back = checked_quantity(quantity, item.label)
    change = rules.give_back(item.stock, store.standing(connection, issue), back)
    movement = Movement(item, change, reference, day, f"Return {reference}", of_movement_id=issue.id)
    return _enter(connection, movement), True


def adjust_once(
    connection: Connection, lot_id: UUID | str, counted: str | Decimal, reference: str, day: date
) -> tuple[Entered | None, bool]:
    """Bring a lot to what was counted; (None, False) where the count agrees with the books.

    Parameters:
      reference: Number of the count sheet.
    """
    item = store.lock_item(connection, store.item_of_lot(connection, lot_id), with_lot=lot_id)
    key = f"{reference}/{lot_id}"
    if known := store.entered(connection, store.movement_id(item.id, Kind.ADJUSTMENT, key)):
        return known, False
    change = rules.adjust(item.stock, UUID(str(lot_id)), checked_quantity(counted, item.label, least=NOTHING))
    if change is None:
        return None, False
    return _enter(connection, Movement(item, change, key, day, f"Count {reference}")), True


def reverse_once(connection: Connection, wanted: UUID | str, day: date) -> tuple[Entered, bool]:
    """Take back a delivery, a count or a write-down that was entered wrongly, by one movement the other way round."""
    wrong = store.entered(connection, wanted)
    if wrong is None or wrong.kind not in rules.REVERSIBLE:
        raise store.UnknownMovement(f"no delivery, count or write-down has the id {wanted}")
    item = store.lock_item(connection, wrong.item_id)
    reference = str(wrong.id)
    if known := store.entered(connection, store.movement_id(item.id, Kind.REVERSAL, reference)):
        return known, False
    change = rules.reverse(item.stock, store.standing(connection, wrong))
    narration = f"Reversal of {wrong.reference}"
    movement = Movement(
        item, change, reference, day, narration, of_movement_id=wrong.id, takes_back=wrong.kind
    )
    return _enter(connection, movement), True


def write_down_once(connection: Connection, community_id: UUID, day: date) -> list[Movement]:
    """Bring every item to its net realisable value where that is below cost. Returns what was entered.

    Asked again it finds nothing left; the reference bears the day and the value, as that may fall further.
    """
    items = store.lock_items(connection, store.items_to_write_down(connection, community_id))
    movements = [
        Movement(item, change, f"NRV/{day}/{item.nrv}", day, "Write-down to net realisable value")
        for item in items.values()
        if (change := rules.write_down(item.stock, item.nrv)) is not None
    ]
    store.enter(connection, movements)
    return movements


def _enter(connection: Connection, movement: Movement, *new_lots: NewLot) -> Entered:
    store.enter(connection, [movement], new_lots)
    change = movement.change
    return Entered(
        movement.id, movement.item.id, change.kind, movement.reference, change.quantity, movement.value
    )

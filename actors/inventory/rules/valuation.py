"""What stock is worth (AS-2): FIFO or weighted average, at the lower of cost and net realisable value.

LIFO is not allowed. Values are kept, not rates: a rate rounded to the paisa would lose or make money with each issue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from actors.common.rules.money import ZERO, to_paisa
from actors.inventory.rules.quantity import NotEnoughStock, plain

Key = TypeVar("Key")


class Method(StrEnum):
    """How cost follows goods (AS-2 para 16); one for each item, and kept."""

    FIFO = "FIFO"
    WEIGHTED_AVERAGE = "WEIGHTED_AVERAGE"


@dataclass(frozen=True)
class Layer(Generic[Key]):
    """A delivery, or what is left of its cost.

    Parameters:
      quantity: In the item's unit.
      value: Rupees for all of it.
    """

    key: Key
    quantity: Decimal
    value: Decimal


def share(value: Decimal, whole: Decimal, part: Decimal) -> Decimal:
    """The value of a part, to the paisa, half up; the whole takes all, so nothing is left behind."""
    return to_paisa(value * part / whole)


def first_in_first_out(layers: Sequence[Layer[Key]], quantity: Decimal) -> tuple[Layer[Key], ...]:
    """What a quantity takes of the layers, oldest first. 100 @ 40 + 50 @ 46, issue 120: 4000.00 + 920.00.

    Raises NotEnoughStock.
    """
    taken: list[Layer[Key]] = []
    missing = quantity
    for layer in layers:
        if missing <= 0:
            break
        part = min(layer.quantity, missing)
        if part:
            taken.append(Layer(layer.key, part, share(layer.value, layer.quantity, part)))
            missing -= part
    if missing > 0:
        raise NotEnoughStock(f"{plain(quantity)} asked for, {plain(quantity - missing)} on the books")
    return tuple(taken)


def weighted_average(on_hand: Decimal, value: Decimal, quantity: Decimal) -> Decimal:
    """The value of an issue at the average of all there is. 7 worth 74.00, issue 5: 52.86, and 21.14 stay.

    Raises NotEnoughStock.
    """
    if quantity > on_hand:
        raise NotEnoughStock(f"{plain(quantity)} asked for, {plain(on_hand)} on the books")
    return share(value, on_hand, quantity)


def lower_of_cost_and_nrv(cost: Decimal, on_hand: Decimal, nrv: Decimal | None) -> Decimal:
    """AS-2 para 5, item by item (para 21).

    Parameters:
      nrv: Net realisable value of one unit, rupees; None where the item is for use, not for sale, and so is not
        written down (para 24).
    """
    return cost if nrv is None else min(cost, to_paisa(nrv * on_hand))


def spread(cut: Decimal, layers: Iterable[Layer[Key]]) -> tuple[Layer[Key], ...]:
    """A write-down, shared by the layers as their value is; the parts add up, and none exceeds its layer."""
    layers = [layer for layer in layers if layer.value]
    left = sum((layer.value for layer in layers), ZERO)
    parts: list[Layer[Key]] = []
    for layer in layers:
        part = share(cut, left, layer.value)
        parts.append(Layer(layer.key, Decimal(0), part))
        cut, left = cut - part, left - layer.value
    return tuple(parts)

"""Quantities of stock, in the item's unit with three decimals, and their value, as they are typed."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from actors.common.rules.money import to_paisa

NOTHING = Decimal("0.000")
_THOUSANDTH = Decimal("0.001")


class BadQuantity(ValueError):
    """What cannot be moved: no number, a quantity not above zero or finer than a thousandth, a value below zero."""


class NotEnoughStock(ValueError):
    """More is asked for than there is to give out."""


def checked_quantity(text: str | Decimal, of: str, *, least: Decimal = _THOUSANDTH) -> Decimal:
    """A quantity with three decimals, above zero unless `least` is zero; `of` names the item in the error."""
    quantity = _number(text, f"{of}: quantity")
    if quantity < least:
        raise BadQuantity(f"{of}: quantity {text} is {'below' if not least else 'not above'} zero")
    if quantity != quantity.quantize(_THOUSANDTH):
        raise BadQuantity(f"{of}: quantity {text} is finer than a thousandth")
    return quantity.quantize(_THOUSANDTH)


def checked_value(text: str | Decimal, of: str) -> Decimal:
    """Rupees, not below zero, to the paisa."""
    value = _number(text, f"{of}: value")
    if value < 0 or value != to_paisa(value):
        raise BadQuantity(f"{of}: value {text} is below zero or finer than a paisa")
    return to_paisa(value)


def plain(quantity: Decimal) -> str:
    """For people: `12`, `12.5`, without idle zeros."""
    return f"{quantity.normalize():f}"


def _number(text: str | Decimal, what: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadQuantity(f"{what} {text!r} is not a number") from None
    if not number.is_finite():
        raise BadQuantity(f"{what} {text!r} is not a number")
    return number

"""Stock in the books: what each movement debits and credits (DOMAIN A5, number 8). Accounts marked * are ours."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from actors.common.rules.ledger import Entry

INVENTORY = "11300"
GOODS_RECEIVED = "21030"
"""* Goods received, not invoiced: the vendor's bill clears it."""
OPENING = "39010"
"""* Opening balances."""
CONSUMABLES = "52020"
"""* What the society uses up."""
WRITE_DOWNS = "52030"
"""* Write-down to net realisable value (AS-2 para 5)."""
EXPIRED = "52040"
"""* Expired stock written off."""
DIFFERENCES = "52050"
"""* What a count finds more or less."""


class Kind(StrEnum):
    """Kinds of movement."""

    OPENING = "OPENING"
    RECEIPT = "RECEIPT"
    ISSUE = "ISSUE"
    RETURN = "RETURN"
    ADJUSTMENT = "ADJUSTMENT"
    WRITE_OFF = "WRITE_OFF"
    WRITE_DOWN = "WRITE_DOWN"
    REVERSAL = "REVERSAL"


AGAINST = {
    Kind.OPENING: OPENING,
    Kind.RECEIPT: GOODS_RECEIVED,
    Kind.ISSUE: CONSUMABLES,
    Kind.RETURN: CONSUMABLES,
    Kind.ADJUSTMENT: DIFFERENCES,
    Kind.WRITE_OFF: EXPIRED,
    Kind.WRITE_DOWN: WRITE_DOWNS,
}
"""The account that stands against 11300 Inventory."""


def stock_entry(kind: Kind, value: Decimal, item_id: UUID) -> Entry:
    """Stock of an item rises by `value` rupees, or falls where it is negative: Dr 52020 5040.00, Cr 11300 5040.00.

    Parameters:
      kind: Of a reversal, that of the movement which it takes back.

    Raises UnbalancedEntry for nothing.
    """
    amounts = ((AGAINST[kind], -value), (INVENTORY, value, item_id))
    return Entry.of(*(amounts if value < 0 else reversed(amounts)))

"""What a receipt cleared, as its page and its letter say it."""

from __future__ import annotations

from actors.common.rules.money import grouped
from actors.sales.receipts import ClearedPart, Receipt
from actors.sales.rules.allocation import Due

ROWS = 14
"""Lines that the page has room for; what is more is summed up in the last."""


def cleared_rows(receipt: Receipt) -> list[tuple[str, str]]:
    """What it cleared, in words and rupees, the advance last."""
    rows = [(describe(part), grouped(part.amount)) for part in receipt.cleared_at_once]
    if len(rows) > ROWS:
        rest = receipt.cleared_at_once[ROWS - 1 :]
        rows[ROWS - 1 :] = [(f"{len(rest)} more dues", grouped(sum(part.amount for part in rest)))]  # type: ignore[arg-type]
    if receipt.advance:
        rows.append(("Advance, for the next bill", grouped(receipt.advance)))
    return rows


def describe(part: ClearedPart) -> str:
    """`Bill GV/2627/000123 of April 2026`."""
    if part.due is Due.ARREARS:
        return "Arrears brought forward"
    bill = f"bill {part.invoice_number} of {part.period.label if part.period else ''}"
    if part.due is Due.INTEREST:
        return f"Late interest on {bill}"
    if part.due is Due.INTEREST_TAX:
        return f"GST on late interest, {bill}"
    return bill[0].upper() + bill[1:]

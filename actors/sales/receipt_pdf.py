"""A receipt on one page: what came in, in figures and words, and what it cleared."""

from __future__ import annotations

from datetime import datetime, time

from actors.common.rules.calendar import INDIA
from actors.common.rules.money import grouped, in_words, rupees
from actors.sales.receipt_wording import cleared_rows
from actors.sales.receipts import Receipt
from actors.sales.stationery import (
    AMBER,
    GREY,
    HAIR,
    LEFT,
    PALE,
    RIGHT,
    TEAL,
    WHITE,
    WIDTH,
    footer,
    letterhead,
)
from actors.sales.wording import MODE_NAMES
from infra.gateways.pdf import INK, Document


def render(receipt: Receipt) -> bytes:
    """The receipt as a PDF file; the same receipt gives the same bytes, also when its advance has gone to a bill."""
    dated = datetime.combine(receipt.received_on, time(), INDIA)
    page = Document(f"Receipt {receipt.number}", receipt.supplier.legal_name, dated)
    letterhead(page, receipt.supplier, "Receipt", receipt.number, receipt.received_on)
    y = _payer(page, receipt, 47)
    y = _cleared(page, receipt, y + 7)
    y = _note(page, receipt, y + 5)
    _signature(page, receipt, max(y + 10, 200))
    footer(page, f"Questions about this receipt: {receipt.supplier.email}")
    return page.finished()


def _payer(page: Document, receipt: Receipt, y: float) -> float:
    recipient = receipt.recipient
    page.write_at(LEFT, y, "RECEIVED FROM", size=7.5, bold=True, colour=GREY)
    page.write_at(LEFT, y + 5, recipient.name, width=80, size=12, bold=True)
    address = f"{recipient.address}, {receipt.supplier.state_name}"
    page.paragraph(LEFT, y + 12.5, 78, address, size=8.5, colour=GREY)
    facts = (
        ("Received on", f"{receipt.received_at:%d %b %Y, %H:%M}"),
        ("Paid by", MODE_NAMES[receipt.mode]),
        ("Reference", receipt.reference),
        ("Through", receipt.gateway),
    )
    for row, (name, value) in enumerate(facts):
        page.write_at(LEFT + 82, y + row * 6, name, size=8.5, colour=GREY)
        page.write_at(LEFT + 103, y + row * 6, value, width=33, size=8.5, bold=True)
    page.band(RIGHT - 40, y - 1, 40, 25, PALE)
    page.write_at(RIGHT - 37, y + 2, "RECEIVED", size=7.5, bold=True, colour=TEAL)
    page.write_at(RIGHT - 37, y + 7.5, rupees(receipt.amount), width=34, size=15, bold=True, colour=TEAL)
    page.write_at(RIGHT - 37, y + 16.5, f"flat {recipient.unit_label}", width=34, size=8.5, colour=TEAL)
    return y + 27


def _cleared(page: Document, receipt: Receipt, y: float) -> float:
    page.band(LEFT, y, WIDTH, 8, TEAL)
    page.write_at(LEFT + 2, y + 2, "For", size=8.5, bold=True, colour=WHITE)
    page.write_at(LEFT + 136, y + 2, "Amount (₹)", width=40, size=8.5, bold=True, colour=WHITE, align="R")
    y += 8
    for name, amount in cleared_rows(receipt):
        page.write_at(LEFT + 2, y + 2.2, name, width=130, size=9)
        page.write_at(LEFT + 136, y + 2.2, amount, width=40, size=9, align="R")
        y += 8
        page.rule(LEFT, y, WIDTH, HAIR)
    page.band(LEFT + 103, y + 3, WIDTH - 103, 10, PALE)
    page.write_at(LEFT + 106, y + 5.6, "Received", size=10, bold=True, colour=TEAL)
    amount = rupees(receipt.amount)
    page.write_at(LEFT + 136, y + 5.4, amount, width=40.5, size=11, bold=True, colour=TEAL, align="R")
    page.write_at(LEFT, y + 3, "IN WORDS", size=7.5, bold=True, colour=GREY)
    return max(page.paragraph(LEFT, y + 8, 94, in_words(receipt.amount), size=9), y + 13)


def _note(page: Document, receipt: Receipt, y: float) -> float:
    if not receipt.tax_raised:
        return y
    page.band(LEFT, y, WIDTH, 12, AMBER)
    cgst = sum(part.cgst for part in receipt.parts)
    said = (
        f"GST on the late interest received: CGST {grouped(cgst)} and SGST {grouped(receipt.tax_raised - cgst)}. "  # type: ignore[arg-type]
        "It became due with this receipt."
    )
    page.write_at(LEFT + 3, y + 3.8, said, width=WIDTH - 6, size=9)
    return y + 12


def _signature(page: Document, receipt: Receipt, y: float) -> None:
    if receipt.mode == "CHEQUE":
        page.write_at(LEFT, y, "Subject to realisation of the cheque.", size=8.5, colour=GREY)
    page.write_at(
        RIGHT - 76, y, f"For {receipt.supplier.legal_name}", width=76, size=8.5, bold=True, align="R"
    )
    page.rule(RIGHT - 56, y + 23, 56, INK)
    page.write_at(RIGHT - 56, y + 24.5, "Authorised signatory", width=56, size=8.5, colour=GREY, align="R")

"""A bill on one page, with what rule 46 (tax invoice) or rule 49 (bill of supply) of the CGST Rules asks for."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal

from actors.common.rules.calendar import INDIA
from actors.common.rules.money import grouped, in_words, rupees
from actors.sales.invoice import Invoice
from actors.sales.rules.billing import SAC, BillLine, DocumentKind, Head
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
    day,
    footer,
    letterhead,
)
from actors.sales.wording import HEAD_NAMES, TITLES
from infra.gateways.pdf import INK, Document

COLUMNS = (
    # heading, left edge, width, alignment
    ("#", 0.0, 7.0, "L"),
    ("Description", 8.0, 79.0, "L"),
    ("SAC", 89.0, 16.0, "L"),
    ("Quantity", 105.0, 21.0, "R"),
    ("Rate", 127.0, 20.0, "R"),
    ("Amount (₹)", 149.0, 26.0, "R"),
)


def render(invoice: Invoice) -> bytes:
    """The bill as a PDF file; the same bill gives the same bytes."""
    title = f"{TITLES[invoice.kind]} {invoice.number}"
    dated = datetime.combine(invoice.invoice_date, time(), INDIA)
    page = Document(title, invoice.supplier.legal_name, dated)
    letterhead(page, invoice.supplier, TITLES[invoice.kind], invoice.number, invoice.invoice_date)
    y = _parties(page, invoice, 47)
    y = _lines(page, invoice, y + 7)
    y = _totals(page, invoice, y + 3)
    y = _arrears(page, invoice, y + 5)
    _payment_and_signature(page, invoice, max(y + 8, 222))
    footer(page, f"Questions about this bill: {invoice.supplier.email}")
    return page.finished()


def _parties(page: Document, invoice: Invoice, y: float) -> float:
    recipient, supplier = invoice.recipient, invoice.supplier
    page.write_at(LEFT, y, "BILLED TO", size=7.5, bold=True, colour=GREY)
    page.write_at(LEFT, y + 5, recipient.name, width=80, size=12, bold=True)
    page.paragraph(LEFT, y + 12.5, 78, f"{recipient.address}, {supplier.state_name}", size=8.5, colour=GREY)
    facts = (
        ("Billing period", invoice.period.label),
        ("Due date", day(invoice.due_date)),
        ("Place of supply", f"{supplier.state_name} ({supplier.state_code})"),
        ("Reverse charge", "No"),
    )
    for row, (name, value) in enumerate(facts):
        page.write_at(LEFT + 82, y + row * 6, name, size=8.5, colour=GREY)
        page.write_at(LEFT + 107, y + row * 6, value, width=28, size=8.5, bold=True)
    page.band(RIGHT - 40, y - 1, 40, 25, PALE)
    page.write_at(RIGHT - 37, y + 2, "TO PAY", size=7.5, bold=True, colour=TEAL)
    page.write_at(RIGHT - 37, y + 7.5, rupees(invoice.to_pay), width=34, size=15, bold=True, colour=TEAL)
    by = f"by {day(invoice.due_date)}" if invoice.to_pay > 0 else "paid in advance"
    page.write_at(RIGHT - 37, y + 16.5, by, width=34, size=8.5, colour=TEAL)
    return y + 27


def _lines(page: Document, invoice: Invoice, y: float) -> float:
    page.band(LEFT, y, WIDTH, 8, TEAL)
    for heading, x, width, align in COLUMNS:
        page.write_at(
            LEFT + 1.5 + x, y + 2, heading, width=width, size=8.5, bold=True, colour=WHITE, align=align
        )
    y += 8
    for number, line in enumerate(invoice.bill.lines, start=1):
        cells = (
            str(number),
            _description(line),
            SAC if line.head.inside_gst else "–",
            *_quantity_and_rate(line),
            grouped(line.amount),
        )
        for text, (_, x, width, align) in zip(cells, COLUMNS, strict=True):
            page.write_at(LEFT + 1.5 + x, y + 2.2, text, width=width, size=9, align=align)
        y += 8
        page.rule(LEFT, y, WIDTH, HAIR)
    return y


def _totals(page: Document, invoice: Invoice, y: float) -> float:
    bill = invoice.bill
    rows = [("Sum of charges", grouped(bill.heads_total))]
    if invoice.kind is DocumentKind.TAX_INVOICE:
        rows += [
            ("Taxable value", grouped(bill.taxable_value)),
            (f"CGST @ {_plain(bill.cgst_rate)} %", grouped(bill.cgst)),
            (f"SGST @ {_plain(bill.sgst_rate)} %", grouped(bill.sgst)),
        ]
    rows.append(("Round-off", f"{bill.round_off:+.2f}"))
    top = y
    for name, amount in rows:
        page.write_at(LEFT + 106, y + 1, name, size=9, colour=GREY)
        page.write_at(LEFT + 140, y + 1, amount, width=36.5, size=9, align="R")
        y += 6
    page.band(LEFT + 103, y + 1, WIDTH - 103, 10, PALE)
    page.write_at(LEFT + 106, y + 3.6, "Total of this bill", size=10, bold=True, colour=TEAL)
    page.write_at(
        LEFT + 136, y + 3.4, rupees(bill.total), width=40.5, size=11, bold=True, colour=TEAL, align="R"
    )
    page.write_at(LEFT, top + 1, "IN WORDS", size=7.5, bold=True, colour=GREY)
    words_end = page.paragraph(LEFT, top + 6, 94, in_words(bill.total), size=9)
    page.paragraph(LEFT, words_end + 3, 94, _tax_note(invoice), size=8, colour=GREY)
    return y + 11


def _arrears(page: Document, invoice: Invoice, y: float) -> float:
    bill = invoice.bill
    if invoice.advance:
        y = _advance(page, invoice, y)
    if not bill.arrears:
        return y
    page.band(LEFT, y, WIDTH, 17, AMBER)
    page.write_at(LEFT + 3, y + 2.6, "Arrears before this bill", size=9, bold=True)
    page.write_at(
        LEFT + 3,
        y + 9.2,
        "Shown apart, late interest included: not part of this bill, not taxed again.",
        size=8,
        colour=GREY,
    )
    page.write_at(LEFT + 120, y + 2.6, rupees(bill.arrears), width=56.5, size=9, bold=True, align="R")
    page.write_at(LEFT + 106, y + 9.2, "To pay with arrears", size=9, bold=True)
    page.write_at(LEFT + 140, y + 9.2, rupees(invoice.to_pay), width=36.5, size=9, bold=True, align="R")
    return y + 17


def _advance(page: Document, invoice: Invoice, y: float) -> float:
    page.band(LEFT, y, WIDTH, 17, PALE)
    page.write_at(LEFT + 3, y + 2.6, "Paid in advance, by earlier receipts", size=9, bold=True)
    page.write_at(LEFT + 120, y + 2.6, rupees(-invoice.advance), width=56.5, size=9, bold=True, align="R")
    page.write_at(LEFT + 106, y + 9.2, "Left to pay of this bill", size=9, bold=True)
    left = rupees(invoice.bill.total - invoice.advance)
    page.write_at(LEFT + 140, y + 9.2, left, width=36.5, size=9, bold=True, align="R")
    return y + 20


def _payment_and_signature(page: Document, invoice: Invoice, y: float) -> None:
    supplier = invoice.supplier
    page.write_at(LEFT, y, "PAY TO", size=7.5, bold=True, colour=GREY)
    y_next = page.paragraph(LEFT, y + 5, 94, supplier.bank_details.replace(" · ", "\n"), size=9)
    page.paragraph(
        LEFT,
        y_next + 1,
        94,
        f"Quote flat {invoice.recipient.unit_label} and {invoice.number} with the payment.",
        size=8.5,
        colour=GREY,
    )
    page.write_at(RIGHT - 76, y, f"For {supplier.legal_name}", width=76, size=8.5, bold=True, align="R")
    page.rule(RIGHT - 56, y + 23, 56, INK)
    page.write_at(RIGHT - 56, y + 24.5, "Authorised signatory", width=56, size=8.5, colour=GREY, align="R")


def _description(line: BillLine) -> str:
    name = HEAD_NAMES[line.head]
    return name if line.head.inside_gst else f"{name} (collected for the corporation, no GST)"


def _quantity_and_rate(line: BillLine) -> tuple[str, str]:
    if line.quantity is None or line.rate is None or line.quantity == 1:
        return "", ""
    unit = " sq ft" if line.head is Head.SQFT else ""
    quantity = (
        f"{line.quantity:,.0f}" if line.quantity == line.quantity.to_integral() else f"{line.quantity:,}"
    )
    return f"{quantity}{unit}", grouped(line.rate)


def _tax_note(invoice: Invoice) -> str:
    if invoice.kind is DocumentKind.TAX_INVOICE:
        return (
            f"Tax is not payable on reverse charge. SAC {SAC}: services of a housing society to its members."
        )
    return (
        "No GST is charged: the contribution is exempt under Notification 12/2017-Central Tax (Rate), Sl. 77(c). "
        "No input tax can be claimed on this bill of supply."
    )


def _plain(rate: Decimal) -> str:
    return f"{rate.normalize():f}"

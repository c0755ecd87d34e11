"""The letter that thanks for a payment, with the receipt; once."""

from __future__ import annotations

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import letters as post
from actors.common.rules.calendar import Period
from actors.common.rules.money import rupees
from actors.sales import letters
from actors.sales.receipt_wording import cleared_rows
from actors.sales.receipts import Receipt
from actors.sales.wording import GREETINGS, MODE_NAMES
from infra.gateways.mail import Attachment


def letter_key(receipt: Receipt) -> str:
    """The letter's name in sales.letter."""
    return f"sales/receipt/{receipt.id}"


def file_name(receipt: Receipt) -> str:
    """`RC-2627-000123.pdf`."""
    return f"{receipt.number.replace('/', '-')}.pdf"


def keep_pdf(receipt: Receipt, pdf: bytes) -> None:
    """Put the receipt into var/receipts/<month>/; the same receipt replaces itself."""
    letters.keep(pdf, "receipts", str(Period.of(receipt.received_on)), file_name(receipt))


def send_once(connection: Connection, receipt: Receipt, pdf: bytes) -> bool:
    """Mail the receipt unless it was mailed before; as `actors.common.letters.send_once`."""
    recipient = receipt.recipient
    assert recipient.email is not None  # asked by the caller: without an address there is no letter
    return post.send_once(
        connection,
        "sales",
        letter_key(receipt),
        to=recipient.email,
        name=recipient.name,
        subject=f"Receipt {receipt.number}: {rupees(receipt.amount)} for flat {recipient.unit_label}",
        template="receipt",
        attachments=(Attachment(file_name(receipt), pdf, "application/pdf"),),
        receipt=receipt,
        society=receipt.supplier,
        greeting=GREETINGS[recipient.language],
        amount=rupees(receipt.amount),
        received=f"{receipt.received_on:%d %B %Y}",
        figures=[
            ("Receipt", receipt.number),
            ("Paid by", MODE_NAMES[receipt.mode]),
            ("Reference", receipt.reference),
        ],
        cleared=cleared_rows(receipt),
        tax=rupees(receipt.tax_raised) if receipt.tax_raised else None,
    )

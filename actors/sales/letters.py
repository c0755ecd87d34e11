"""The letters of a bill: what they say, and that each is sent once."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.money import rupees
from actors.sales import store
from actors.sales.invoice import Invoice
from actors.sales.wording import GREETINGS, TITLES
from infra.gateways import mail
from infra.gateways.files import keep_file
from infra.gateways.templates import text_and_html
from infra.settings import settings

CREATED = "CREATED"


class NotIssued(ValueError):
    """A draft has no number, so no letter can speak of it."""


def created_letter(invoice: Invoice, pdf: bytes) -> EmailMessage:
    """The bill, attached, with its figures in the letter."""
    figures = [
        (f"{TITLES[invoice.kind]}", invoice.number),
        ("This bill", rupees(invoice.bill.total)),
        ("Due date", f"{invoice.due_date:%d %b %Y}"),
    ]
    if invoice.bill.arrears:
        figures[2:2] = [
            ("Arrears", rupees(invoice.bill.arrears)),
            ("To pay with arrears", rupees(invoice.bill.amount_due)),
        ]
    if invoice.advance:
        left = rupees(invoice.to_pay)
        figures[2:2] = [("Paid in advance", rupees(-invoice.advance)), ("Left to pay", left)]
    subject = f"Maintenance bill {invoice.number} for {invoice.period.label}: {rupees(invoice.bill.total)}"
    attachment = mail.Attachment(file_name(invoice), pdf, "application/pdf")
    return _letter(invoice, CREATED, "invoice_created", subject, figures, attachments=(attachment,))


def send_once(connection: Connection, invoice: Invoice, kind: str, letter: EmailMessage) -> bool:
    """Send a letter unless it was sent before; the record commits with the caller's transaction.

    A second run waits for the first, and finds its record. A crash between the mail server's receipt and the commit
    sends the letter again, under the same Message-ID.
    """
    address = letter["To"].addresses[0].addr_spec
    if not store.claim_letter(connection, invoice.id, kind, address, letter["Message-ID"]):
        return False
    mail.send(letter)
    return True


def keep_pdf(invoice: Invoice, pdf: bytes) -> Path:
    """Put the bill into var/invoices/<period>/, in one step; the same bill replaces itself."""
    return keep(pdf, "invoices", str(invoice.period), file_name(invoice))


def keep(pdf: bytes, kind: str, period: str, name: str) -> Path:
    """Put a document into var/<kind>/<period>/, in one step."""
    return keep_file(settings().home / "var" / kind / period / name, pdf)


def file_name(invoice: Invoice) -> str:
    """`GV-2627-000123.pdf`."""
    if invoice.number is None:
        raise NotIssued(f"the bill of flat {invoice.recipient.unit_label} for {invoice.period} is a draft")
    return f"{invoice.number.replace('/', '-')}.pdf"


def _letter(
    invoice: Invoice,
    kind: str,
    template: str,
    subject: str,
    figures: list[tuple[str, str | None]],
    *,
    attachments: tuple[mail.Attachment, ...] = (),
) -> EmailMessage:
    recipient = invoice.recipient
    assert recipient.email is not None  # asked by the caller: without an address there is no letter
    text, html = text_and_html(
        "actors.sales",
        template,
        invoice=invoice,
        society=invoice.supplier,
        subject=subject,
        figures=figures,
        greeting=GREETINGS[recipient.language],
        due=f"{invoice.due_date:%d %B %Y}",
    )
    return mail.compose(
        key=f"sales/invoice/{invoice.id}/{kind}",
        to=recipient.email,
        name=recipient.name,
        subject=subject,
        text=text,
        html=html,
        attachments=attachments,
    )

"""The jobs of money in: payments, receipts, and news of them. Each may run twice and does its work once."""

from __future__ import annotations

from datetime import date
from typing import Any

from actors.common import letters as post
from actors.sales import outbox, payments, receipt_letter, store
from actors.sales.receipts import UnknownReceipt, receipt
from infra.gateways.mail import MailRefused
from infra.middleware.retries import OVER_HOURS, RetryPolicy
from infra.queue import actor, current_job, transaction

PAYMENTS = RetryPolicy(delays=(5, 30, 120, 600), give_up_on=payments.REFUSALS, at_end="fail")
"""A payment that cannot be booked is Failed, for everyone to see: it is never dropped."""
RECEIPTS = RetryPolicy(delays=OVER_HOURS, give_up_on=(MailRefused, UnknownReceipt), at_end="fail")
OUTBOX = RetryPolicy(give_up_on=(outbox.UnknownEvent,), at_end="fail")


@actor(queue_name="critical", service="sales", retry_policy=PAYMENTS)
def process_payment(
    gateway: str, reference: str, unit_id: str, amount: str, received_at: str, mode: str = "UPI"
) -> dict[str, Any]:
    """Book a payment that a gateway's callback tells of: interest to its day, what it clears, receipt and posting.

    A doubled callback finds the receipt. Refused by name, with nothing booked: an unknown flat, an amount or moment
    that cannot be meant, the same reference with another amount or flat.

    Parameters:
      gateway: who tells of it, such as `razorpay`.
      reference: its name for the payment.
      amount: rupees as text, `9811.00`.
      received_at: when the money came, ISO 8601 with its zone.
      mode: UPI, CARD, NETBANKING, NEFT or CHEQUE.

    Returns the receipt's number and id, and whether it is new.
    """
    payment = payments.payment_of(gateway, reference, unit_id, amount, received_at, mode)
    with store.transaction() as sales, transaction(sales):
        (taken,) = payments.take(sales, [payment])
        if taken.new:
            send_receipt.send(str(taken.receipt_id))
            update_related_systems.send(outbox.RECEIPT_ISSUED, str(taken.receipt_id))
        else:
            current_job().log(f"told before: receipt {taken.number}")
    return {"receipt": taken.number, "receipt_id": str(taken.receipt_id), "new": taken.new}


@actor(queue_name="default", service="sales", retry_policy=RECEIPTS)
def send_receipt(receipt_id: str) -> str:
    """Print a receipt and mail it to the member, once. Returns what was done."""
    from actors.sales.receipt_pdf import render

    with store.transaction() as sales:
        found = receipt(sales, receipt_id)
        told = post.sent(sales, "sales", [receipt_letter.letter_key(found)])
    if told:
        return "sent before"
    pdf = render(found)
    receipt_letter.keep_pdf(found, pdf)
    if found.recipient.email is None:
        return f"printed; flat {found.recipient.unit_label} has no mail address"
    with store.transaction() as sales:
        receipt_letter.send_once(sales, found, pdf)
    return "sent"


@actor(queue_name="critical", service="sales", retry_policy=PAYMENTS)
def reverse_receipt(receipt_id: str, why: str, day: str) -> str:
    """Take a receipt back on a day (YYYY-MM-DD), as for a cheque that bounced. Returns what was done.

    A reversing entry; what it cleared is owed again; interest charged stands. A second time changes nothing.
    """
    if not why.strip():
        raise payments.PaymentRefused(f"receipt {receipt_id}: say why it is taken back")
    try:
        on = date.fromisoformat(day)
    except ValueError:
        raise payments.PaymentRefused(
            f"receipt {receipt_id}: {day!r} is not a day written YYYY-MM-DD"
        ) from None
    with store.transaction() as sales, transaction(sales):
        if not payments.reverse(sales, receipt_id, why, on):
            return "reversed before"
        update_related_systems.send(outbox.RECEIPT_REVERSED, receipt_id)
    return "reversed"


@actor(queue_name="low-priority", service="sales", retry_policy=OUTBOX)
def update_related_systems(event: str, subject_id: str) -> str:
    """Put down for other systems what happened, once; see actors.sales.outbox. Returns what was done.

    Parameters:
      event: invoice.issued, receipt.issued or receipt.reversed.
      subject_id: the bill's or the receipt's id.
    """
    with store.transaction() as sales:
        new = outbox.tell_once(sales, event, subject_id)
    return "told" if new else "told before"

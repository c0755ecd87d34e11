"""The jobs of sales. Each may run twice and does its work once."""

from __future__ import annotations

from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.sales import bills, letters, runs, store, summary
from actors.sales.invoice import Invoice
from actors.sales.rules.reminders import BEFORE_DUE, reason_to_skip, reminder_time
from infra.composition import UnknownWorkflow
from infra.gateways.mail import MailRefused
from infra.middleware.retries import RetryPolicy
from infra.queue import actor, current_job, transaction

NO_ADDRESS = "no mail address"

BILLING = RetryPolicy(give_up_on=bills.REFUSALS, at_end="fail")
"""No retry mends a flat without a tariff: the job is Failed at once, with the flat's name, until someone repairs it."""
LETTERS = RetryPolicy(
    delays=(60, 300, 900, 3_600, 14_400),
    give_up_on=(
        MailRefused,
        store.UnknownInvoice,
        letters.NotIssued,
        runs.UnknownRun,
        UnknownWorkflow,
    ),
    at_end="fail",
)
"""A mail server may be away for hours; an address that it refuses stays refused."""


@actor(queue_name="default", service="sales", retry_policy=BILLING)
def create_invoice(unit_id: str, period: str) -> str:
    """Draft the bill of one flat for one month. Returns the bill's id."""
    with store.transaction() as sales:
        invoice_id, _ = bills.draft_once(sales, unit_id, period)
    return str(invoice_id)


@actor(queue_name="default", service="sales", retry_policy=BILLING)
def update_ledger(invoice_id: str) -> str:
    """Number a drafted bill and post it. Its reminder, whose day is the bill's, is arranged too. Returns its id."""
    with store.transaction() as sales, transaction(sales):
        invoice, new = bills.issue_once(sales, invoice_id)
        if new:
            _arrange_reminder(sales, invoice)
    return invoice_id


@actor(queue_name="default", service="sales", retry_policy=LETTERS)
def send_invoice_notification(invoice_id: str) -> None:
    """Mail the member the bill, as a PDF; once, whoever asks and however often."""
    _mail_bill(invoice_id)


@actor(queue_name="default", service="sales", retry_policy=BILLING)
def generate_invoice_for_resident(unit_id: str, period: str) -> str:
    """Bill one flat for one month: draft, number, posting, letter and reminder in one transaction.

    A second run finds the bill and changes nothing. Returns the bill's id.
    """
    with store.transaction() as sales, transaction(sales):
        invoice_id, new = bills.draft_once(sales, unit_id, period)
        if new:
            invoice = bills.issue(sales, invoice_id)
            send_invoice_created_notification.send(str(invoice_id))
            _arrange_reminder(sales, invoice)
        else:
            current_job().log("billed before: nothing to do")
    return str(invoice_id)


@actor(queue_name="default", service="sales", retry_policy=LETTERS)
def send_invoice_created_notification(invoice_id: str) -> None:
    """The letter of `send_invoice_notification`, sent by the month's run; together they send one."""
    _mail_bill(invoice_id)


@actor(queue_name="default", service="sales", retry_policy=LETTERS)
def send_invoice_reminder(invoice_id: str) -> str:
    """Remind of a bill one day before it is due; not when it is paid, void or disputed. Returns what was done."""
    with store.transaction() as sales:
        invoice = store.invoice(sales, invoice_id)
        skipped = reason_to_skip(invoice.standing) or (None if invoice.recipient.email else NO_ADDRESS)
        first = store.decide_reminder(sales, invoice.id, BEFORE_DUE, skipped)
        if not first:
            return "decided before"
        if skipped:
            return f"skipped: {skipped}"
        letters.send_once(sales, invoice, BEFORE_DUE, letters.reminder_letter(invoice))
    return "sent"


@actor(queue_name="default", service="sales", retry_policy=LETTERS)
def send_bulk_generation_summary(batch_id: str) -> str:
    """Mail the treasurer what a billing run billed, what failed and why. Returns what was done.

    It may be sent when the run is complete, and again when what failed is billed too: the same news goes out once.
    """
    with store.transaction() as sales:
        told = summary.send_once(sales, summary.summary_of(sales, batch_id))
    return "sent" if told else "told before"


def _mail_bill(invoice_id: str) -> None:
    from actors.sales.invoice_pdf import render

    with store.transaction() as sales:
        invoice = store.invoice(sales, invoice_id)
        told = store.letter_was_sent(sales, invoice.id, letters.CREATED)
    if told:
        current_job().log("the letter was sent before")
        return
    pdf = render(invoice)
    letters.keep_pdf(invoice, pdf)
    if invoice.recipient.email is None:
        current_job().log(f"flat {invoice.recipient.unit_label}: {NO_ADDRESS}, no letter")
        return
    letter = letters.created_letter(invoice, pdf)
    with store.transaction() as sales:
        letters.send_once(sales, invoice, letters.CREATED, letter)


def _arrange_reminder(sales: Connection, invoice: Invoice) -> None:
    store.schedule_reminder(sales, invoice.id, BEFORE_DUE, reminder_time(invoice.due_date))
    send_invoice_reminder.send_with_options(
        args=(str(invoice.id),),
        eta=reminder_time(invoice.due_date),
        unique_key=_reminder_key(invoice.id),
    )


def _reminder_key(invoice_id: UUID) -> str:
    return f"{BEFORE_DUE}/{invoice_id}"

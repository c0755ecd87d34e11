"""The jobs of bills. Each may run twice and does its work once."""

from __future__ import annotations

import psycopg2
from psycopg2.errors import RestrictViolation

from actors.sales import bills, letters, runs, store, summary
from actors.sales.reminder_actors import arrange_reminders
from actors.sales.rules.billing import BillingError
from infra.composition import Batch, UnknownWorkflow
from infra.gateways.mail import MailRefused
from infra.middleware.retries import OVER_HOURS, RetryPolicy
from infra.queue import actor, current_job, enqueue_many, transaction

BILLING = RetryPolicy(give_up_on=(*bills.REFUSALS, RestrictViolation), at_end="fail")
"""No retry mends a flat without a tariff or a closed month: the job is Failed at once, until someone repairs it."""
LETTERS = RetryPolicy(
    delays=OVER_HOURS,
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
            arrange_reminders(sales, [(invoice.id, invoice.due_date)])
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
            arrange_reminders(sales, [(invoice.id, invoice.due_date)])
        else:
            current_job().log("billed before: nothing to do")
    return str(invoice_id)


@actor(queue_name="default", service="sales", retry_policy=BILLING)
def generate_invoices_for_residents(unit_ids: list[str], period: str) -> dict[str, int]:
    """Bill a page of flats for one month, in one transaction; as `generate_invoice_for_resident` bills one.

    A flat that cannot be billed becomes a member of its own in the batch, where it fails under its name. Where the
    tables refuse the page, all of its flats do. Returns how many flats were billed, had their bill, and were set apart.
    """
    with store.transaction() as sales:
        try:
            with transaction(sales):
                page = bills.bill_page(sales, unit_ids, period)
                enqueue_many(
                    [send_invoice_created_notification.message(str(d.invoice_id)) for d in page.issued]
                )
                arrange_reminders(sales, [(draft.invoice_id, draft.due_date) for draft in page.issued])
            with sales.cursor() as cursor:
                cursor.execute("set constraints all immediate")  # what the tables refuse, they refuse here
            apart = list(page.refused)
        except psycopg2.IntegrityError as error:
            sales.rollback()
            current_job().log(f"not as a page: {str(error).splitlines()[0]}")
            page, apart = bills.Page((), 0, {}), unit_ids
    batch = Batch.current()
    if apart and batch is None:
        why = "; ".join(str(error) for error in page.refused.values()) or "the tables refuse the page"
        raise BillingError(f"{len(apart)} of {len(unit_ids)} flats cannot be billed: {why}")
    if apart and batch is not None:
        batch.add_many(generate_invoice_for_resident.message(unit_id, period) for unit_id in apart)
    return {"billed": len(page.issued), "stood": page.stood, "apart": len(apart)}


@actor(queue_name="default", service="sales", retry_policy=LETTERS, priority=10)  # bills go before letters
def send_invoice_created_notification(invoice_id: str) -> None:
    """The letter of `send_invoice_notification`, sent by the month's run; together they send one."""
    _mail_bill(invoice_id)


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
        current_job().log(f"flat {invoice.recipient.unit_label}: no mail address, no letter")
        return
    letter = letters.created_letter(invoice, pdf)
    with store.transaction() as sales:
        letters.send_once(sales, invoice, letters.CREATED, letter)

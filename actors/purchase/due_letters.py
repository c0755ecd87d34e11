"""Letters to the treasurer on payments: the week's list with a spreadsheet, and reminders on their days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from actors.common.letters.several import send_to_each
from actors.common.reference import Society
from actors.common.rules.money import ZERO, rupees
from actors.common.spreadsheets import XLSX
from actors.purchase import due, store
from actors.purchase.due import DuePayment
from actors.purchase.spreadsheet import spreadsheet
from actors.purchase.store import SERVICE
from infra.gateways.mail import Attachment, MailRefused

SHOWN = 60
"""Payments in a letter's table; the spreadsheet has them all."""


@dataclass(frozen=True)
class Told:
    """What one run told the treasurer.

    Parameters:
      late: payments to micro and small enterprises beyond the law's last day.
      without_bank: vendors to be paid whose account is not known.
    """

    payments: int = 0
    amount: str = "0.00"
    late: int = 0
    interest: str = "0.00"
    reminders: int = 0
    letters: int = 0
    without_bank: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def send_week(community_id: str | UUID, monday: date) -> Told:
    """Propose the week's payments to the treasurer, once; the list is kept as a payment run. Nothing due: no letter."""
    with store.transaction() as purchase:
        office = store.office(purchase, community_id)
        payments = due.due_payments(purchase, office, monday)
        due.note_run(purchase, office, monday, payments)
    many, are = _counted(payments)
    return _send(
        office.society,
        monday,
        payments,
        kind="week",
        subject=f"{many} to vendors this week: {_sum(payments)}",
        headline=f"{many} to vendors {are} due until {monday + due.AHEAD:%d %b %Y} or overdue.",
    )


def send_reminders(community_id: str | UUID, day: date) -> Told:
    """Remind the treasurer of payments 7 and 3 days before their last day, on it, and the day after; once each."""
    with store.transaction() as purchase:
        office = store.office(purchase, community_id)
        payments = due.to_remind_of(purchase, office, day)
    many, are = _counted(payments)
    return _send(
        office.society,
        day,
        payments,
        kind="reminder",
        subject=f"Reminder: {many} to vendors, {_sum(payments)}",
        headline=f"{many} to vendors {are} near the last day, or past it.",
    )


def _send(
    society: Society, day: date, payments: Sequence[DuePayment], *, kind: str, subject: str, headline: str
) -> Told:
    if not payments:
        return Told()
    late = [payment for payment in payments if payment.is_late]
    without_bank = tuple(
        dict.fromkeys(payment.vendor for payment in payments if payment.bank_account is None)
    )
    attachment = Attachment(f"payments-{day:%Y-%m-%d}.xlsx", spreadsheet(society, day, payments), XLSX)
    with store.transaction() as purchase:
        treasurers = store.officers(purchase, society, day, "TREASURER")
    post = send_to_each(
        SERVICE,
        treasurers,
        f"purchase/payments-{kind}/{society.id}/{day:%Y-%m-%d}",
        subject=subject,
        template="payments",
        attachments=(attachment,),
        society=society,
        headline=headline,
        rows=[_row(payment, day) for payment in payments[:SHOWN]],
        more=len(payments[SHOWN:]),
        total=_sum(payments),
        late=len(late),
        interest=rupees(sum((payment.interest for payment in late), ZERO)),
        without_bank=without_bank,
        without_pan=tuple(
            dict.fromkeys(payment.vendor for payment in payments if payment.tds and not payment.has_pan)
        ),
    )
    if len(post.refused) == len({treasurer.email for treasurer in treasurers}):
        raise MailRefused("; ".join(post.refused))  # nobody was reminded, so no step may say so
    with store.transaction() as purchase:
        told = due.note_steps(purchase, payments, day)
    return Told(
        payments=len(payments),
        amount=str(sum((payment.amount for payment in payments), ZERO)),
        late=len(late),
        interest=str(sum((payment.interest for payment in late), ZERO)),
        reminders=told,
        letters=post.sent,
        without_bank=without_bank,
        refused=post.refused,
    )


def _counted(payments: Sequence[DuePayment]) -> tuple[str, str]:
    return ("1 payment", "is") if len(payments) == 1 else (f"{len(payments)} payments", "are")


def _sum(payments: Sequence[DuePayment]) -> str:
    return rupees(sum((payment.amount for payment in payments), ZERO))


def _row(payment: DuePayment, day: date) -> dict[str, object]:
    """One line of the letter's table."""
    days = (day - payment.due_on).days
    return {
        "vendor": payment.vendor,
        "msme": payment.msme_class.lower() if payment.protected else "",
        "bill": payment.bill_number,
        "order": payment.order_number,
        "accepted": f"{payment.accepted_on:%d %b}",
        "due": f"{payment.due_on:%a %d %b %Y}",
        "when": f"{days} days late" if days > 1 else "1 day late" if days == 1 else "",
        "step": payment.step if payment.step and days <= 1 else "",
        "amount": rupees(payment.amount),
        "tds": f"TDS {rupees(payment.tds)}, s. {payment.tds_section}" if payment.tds else "",
        "interest": rupees(payment.interest) if payment.interest else "",
        "deducted": "deducted in the year of payment, s. 43B(h)" if payment.is_late else "",
        "bank": f"… {payment.bank_account[-4:]}" if payment.bank_account else "",
    }

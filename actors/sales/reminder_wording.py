"""What reminders say, step by step. The greeting is in the member's language, the rest in English."""

from __future__ import annotations

from collections.abc import Sequence

from actors.common.rules.money import rupees
from actors.sales.dues import Dues
from actors.sales.rules.reminders import COMING, Step

NOTICE_DAYS = 15
"""Within so many days a formal notice asks for payment: our proposal."""
PROVISION = (
    "the society's bye-laws on charges, default and interest (model bye-laws nos. 69 to 71: to confirm) "
    "and section 154B-29 of the Maharashtra Co-operative Societies Act, 1960 (to confirm)"
)
"""From memory; the society's own bye-laws and law decide. The mark is printed until it is confirmed."""


def subject(step: Step, about: Dues, account: Dues, reference: str) -> str:
    """What the letter is called; for a statement and a notice, of the whole account."""
    first = about.bills[0]
    what = f"bill {first.number}" if len(about.bills) == 1 else f"{len(about.bills)} bills"
    if step in COMING:
        return f"Due {first.due_date:%d %b}: {rupees(about.balance)} for {what}"
    if step is Step.POLITE:
        return f"Was due {first.due_date:%d %b}: {rupees(about.balance)} for {what}"
    if step is Step.FIRM:
        return f"Overdue: {rupees(about.owed)} for {what}"
    if step is Step.STATEMENT:
        return f"Statement of account, {flats(account)}: {rupees(account.owed)}"
    return f"Notice {reference}: dues of {flats(account)}, {rupees(account.owed)}"


def opening(step: Step, about: Dues, account: Dues, reference: str) -> list[str]:
    """The letter's first paragraphs."""
    bills, days = _bills(about), about.bills[0].days_late
    plural = len(about.bills) > 1
    is_due = f"{'are' if plural else 'is'} due on {_due_dates(about)}"
    was_due = f"{'were' if plural else 'was'} due on {_due_dates(about)}"
    if step is Step.FRIENDLY:
        return [f"a friendly reminder: {bills} {is_due}.", *_thanks(about)]
    if step is Step.BEFORE_DUE:
        return [f"{bills} {is_due}.", *_thanks(about)]
    if step is Step.POLITE:
        part_paid = any(bill.paid for bill in about.bills)
        return [
            f"{bills} {was_due}, and {'the balance below' if part_paid else 'your payment'} has not reached us yet.",
            *_thanks(about),
        ]
    if step is Step.FIRM:
        ago = "" if plural else f", {days} {'day' if days == 1 else 'days'} ago"
        return [
            f"{bills} {was_due}{ago}, and {'are' if plural else 'is'} still not paid in full.",
            *_thanks(about),
            *_interest(about),
            "Please pay now.",
        ]
    if step is Step.STATEMENT:
        return [
            f"{bills} {was_due} and {'are' if plural else 'is'} still owed.",
            f"Attached is the statement of account of {flats(account)} as of {account.day:%d %B %Y}.",
            *_interest(account),
            "Please pay, or tell us which figure you do not agree with. The managing committee gets a copy.",
        ]
    return [
        f"attached is a formal notice, reference {reference}, on the dues of {flats(account)}.",
        "The society's books show no payment that would clear them.",
        f"Please pay within {NOTICE_DAYS} days of this notice, or write to us what you object to.",
    ]


def notification(about: Dues) -> tuple[str, str]:
    """Title and text for the phone, of bills whose due date is to come."""
    first = about.bills[0]
    many = "the maintenance bill" if len(about.bills) == 1 else f"{len(about.bills)} maintenance bills"
    return (
        f"{rupees(about.balance)} due {first.due_date:%d %b}",
        f"{rupees(about.balance)} for {many} of {flats(about)} is due on {first.due_date:%d %B %Y}.",
    )


def flats(dues: Dues) -> str:
    """`flat A-101`, `flats A-101 and A-102`."""
    return f"{'flats' if len(dues.flats) > 1 else 'flat'} {_listed(dues.flats)}"


def _bills(about: Dues) -> str:
    months = _listed(tuple(dict.fromkeys(bill.period.label for bill in about.bills)))
    many = "bills" if len(about.bills) > 1 else "bill"
    return f"the maintenance {many} of {flats(about)} for {months}"


def _due_dates(about: Dues) -> str:
    return _listed(tuple(dict.fromkeys(f"{bill.due_date:%d %B %Y}" for bill in about.bills)))


def _thanks(about: Dues) -> list[str]:
    paid = sum(bill.paid for bill in about.bills)
    of = "of them" if len(about.bills) > 1 else "of it"
    return [f"You have paid {rupees(paid)} {of}, thank you; the balance is left."] if paid else []


def _interest(about: Dues) -> list[str]:
    if not about.percent:
        return []
    if not about.interest:  # within the grace
        return [
            f"Paid after the days of grace, a bill bears late interest from its due date on, now {about.rate} a year."
        ]
    said = (
        f"Late interest runs by the general body's resolution, at present {about.rate} a year, simple. "
        f"To {about.day:%d %B %Y} it comes to {rupees(about.interest)}, and it grows each day until payment."
    )
    return [said]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))

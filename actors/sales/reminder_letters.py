"""The letters of the reminder ladder: made of what is owed on the day they go out, and each sent once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common import letters as post
from actors.common import reference, send_notification
from actors.common.rules.calendar import Period, india_date
from actors.common.rules.money import rupees
from actors.sales import dues, letters, reminder_wording
from actors.sales.dues import Dues
from actors.sales.invoice import Supplier
from actors.sales.rules.reminders import QUOTES_INTEREST, Step
from actors.sales.store import supplier
from actors.sales.wording import GREETINGS
from infra.gateways.mail import Attachment

COMMITTEE = ("CHAIRPERSON", "SECRETARY", "TREASURER", "COMMITTEE")
"""Who gets a copy of a statement; where nobody serves, the society's office."""


SHOWN = 200
"""Bills named in the office's letter; the rest are counted."""


@dataclass(frozen=True)
class Unreached:
    """A bill whose reminder, of this step, reached nobody, and why."""

    community_id: UUID
    unit_label: str
    resident: str
    phone: str | None
    number: str
    step: Step
    reason: str
    balance: str


@dataclass(frozen=True)
class Letter:
    """A reminder to one member, on the day it goes out."""

    id: UUID
    step: Step
    day: date
    community_id: UUID
    resident_id: UUID
    name: str
    email: str | None
    user_id: str | None
    language: str
    society: Supplier

    @classmethod
    def of(cls, row: Any) -> Letter:
        """From a row of `hold_letter`."""
        return cls(
            UUID(row.id),
            Step(row.step),
            india_date(row.now),
            UUID(row.community_id),
            UUID(row.resident_id),
            row.resident_name,
            row.resident_email,
            row.user_id,
            row.language,
            supplier(row),
        )

    @property
    def of_account(self) -> bool:
        """Whether it speaks of all that is open, not of the step's bills alone."""
        return self.step in (Step.STATEMENT, Step.NOTICE)


def send_once(connection: Connection, letter: Letter, about: Dues, account: Dues) -> bool:
    """Mail a letter unless it was mailed before; as `actors.common.letters.send_once`.

    Parameters:
      about: the bills whose step it is.
      account: all open bills of the member, for a statement and a notice.
    """
    assert letter.email is not None  # asked by the caller: without an address there is no letter
    name = reference_of(about)
    if letter.of_account:
        account = dues.with_balances(connection, account)
    if letter.step is Step.NOTICE:
        account = account.only(lambda bill: bill.days_late > 0 and not bill.disputed)
    return post.send_once(
        connection,
        "sales",
        f"sales/reminder/{letter.id}",
        to=letter.email,
        name=letter.name,
        subject=reminder_wording.subject(letter.step, about, account, name),
        template="reminder",
        attachments=_attachments(connection, letter, about, account),
        copies=_copies(connection, letter),
        society=letter.society,
        greeting=GREETINGS[letter.language],
        opening=reminder_wording.opening(letter.step, about, account, name),
        bills=_rows(letter, about),
        figures=_account_figures(account) if letter.of_account else _figures(letter, about),
    )


def push(letter: Letter, user_id: str, about: Dues) -> None:
    """Send the step to the member's phone; the notification's key lets it arrive once."""
    title, body = reminder_wording.notification(about)
    send_notification.send(f"sales/reminder/{letter.id}", user_id, "push", title, body)


def reference_of(about: Dues) -> str:
    """What a notice is filed under: the first bill's number, which has one notice."""
    return f"{about.bills[0].number}/N"


def _rows(letter: Letter, about: Dues) -> list[tuple[str, str, str, str, str | None]]:
    """Bill, flat, due date, balance, interest; for several bills, a single one is told by the figures."""
    if len(about.bills) == 1 or letter.of_account:
        return []
    late = letter.step in QUOTES_INTEREST and about.interest > 0
    return [
        (
            bill.number,
            bill.unit_label,
            f"{bill.due_date:%d %b %Y}",
            rupees(bill.balance),
            rupees(bill.interest) if late else None,
        )
        for bill in about.bills
    ]


def _figures(letter: Letter, about: Dues) -> list[tuple[str, str]]:
    figures = [("Balance in all", rupees(about.balance))]
    if len(about.bills) == 1:
        (bill,) = about.bills
        figures = [
            ("Bill", bill.number),
            ("Due date", f"{bill.due_date:%d %b %Y}"),
            ("Balance", rupees(bill.balance)),
        ]
    if letter.step in QUOTES_INTEREST and about.interest + about.tax:
        figures += [*_late(about), ("To pay today", rupees(about.owed))]
    return figures


def _account_figures(account: Dues) -> list[tuple[str, str]]:
    many = len(account.claimed)
    figures = [("Balance of the bill" if many == 1 else f"Balance of {many} bills", rupees(account.balance))]
    if account.arrears:
        figures.append(("Arrears brought forward", rupees(account.arrears)))
    figures += _late(account)
    if account.advance:
        figures.append(("Paid in advance", rupees(-account.advance)))
    figures.append((f"Owed on {account.day:%d %b %Y}", rupees(account.owed)))
    if account.ahead:
        figures.append(("Of it not due yet", rupees(account.ahead)))
    return figures


def _late(of: Dues) -> list[tuple[str, str]]:
    figures = [(f"Late interest to {of.day:%d %b %Y}", rupees(of.interest))] if of.interest else []
    return [*figures, ("GST on late interest", rupees(of.tax))] if of.tax else figures


def _copies(connection: Connection, letter: Letter) -> tuple[tuple[str, str], ...]:
    if letter.step is not Step.STATEMENT:
        return ()
    society = reference.society(connection, "sales", letter.community_id)
    found = reference.officers(connection, "sales", society, letter.day, *COMMITTEE)
    copies = {officer.email: officer.name for officer in found if officer.email != letter.email}
    return tuple((name, address) for address, name in copies.items())


def _attachments(
    connection: Connection, letter: Letter, about: Dues, account: Dues
) -> tuple[Attachment, ...]:
    """The PDF of a statement or a notice, kept for the office too."""
    if not letter.of_account:
        return ()
    if letter.step is Step.STATEMENT:
        from actors.sales.statement_pdf import render as statement  # PDFs cost their import only who prints

        since = min(bill.invoice_date for bill in account.bills)
        paid = dues.payments_since(connection, account.unit_ids, since)
        pdf = statement(letter, account, paid)
        kind = "statement"
    else:
        from actors.sales.notice_pdf import render as notice

        pdf = notice(letter, account, reference_of(about))
        kind = "notice"
    name = f"{kind}-{about.bills[0].number.replace('/', '-')}.pdf"
    letters.keep(pdf, "reminders", str(Period.of(letter.day)), name)
    return (Attachment(name, pdf, "application/pdf"),)


def tell_office(connection: Connection, community_id: str, day: date, unreached: Sequence[Unreached]) -> bool:
    """Write to the society's office, once a day, of members whom no reminder reaches."""
    society = reference.society(connection, "sales", community_id)
    many = "1 bill" if len(unreached) == 1 else f"{len(unreached)} bills"
    return post.send_once(
        connection,
        "sales",
        f"sales/unreached/{society.id}/{day}",
        to=society.email,
        name=f"{society.name} office",
        subject=f"Reminders that reach nobody: {many}",
        template="reminder_unreached",
        society=society,
        headline=f"{day:%d %B %Y}: reminders of {many} did not reach the member by mail.",
        unreached=unreached[:SHOWN],
        more=len(unreached) - SHOWN,
    )

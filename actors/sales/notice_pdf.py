"""The formal notice of dues: reference, bills, the sum in figures and words, the provision, and the day to pay by."""

from __future__ import annotations

from datetime import timedelta

from actors.common.rules.money import in_words, rupees
from actors.sales.dues import Dues
from actors.sales.reminder_letters import Letter
from actors.sales.reminder_wording import NOTICE_DAYS, PROVISION, flats
from actors.sales.statement_pdf import BILLS, Sheet, addressee, bill_rows, in_pages, sums
from actors.sales.stationery import GREY, LEFT, RIGHT, WIDTH, day
from infra.gateways.pdf import INK


def render(letter: Letter, account: Dues, reference: str) -> bytes:
    """The notice as a PDF file; the same figures give the same bytes."""
    return in_pages(lambda pages: _drawn(letter, account, reference, pages))


def _drawn(letter: Letter, account: Dues, reference: str, pages: int) -> Sheet:
    sheet = Sheet(letter, "Notice of dues", reference, pages)
    addressee(sheet, letter, account, "to pay")
    _say(sheet, f"Subject: overdue maintenance charges of {flats(account)}", bold=True)
    _say(
        sheet,
        f"The bills below, issued under {PROVISION}, are overdue. The society's books show no payment "
        "that would clear them.",
    )
    sheet.heading("Overdue bills", 14)
    sheet.table(BILLS, bill_rows(account.bills))
    sums(sheet, account, "To pay")
    sheet.room(75)
    _say(sheet, f"In words: {in_words(account.owed)}.", bold=True)
    until = day(account.day + timedelta(days=NOTICE_DAYS))
    _say(
        sheet,
        f"You are called upon to pay {rupees(account.owed)} by {until}, to {letter.society.bank_details}, quoting this "
        f"notice's reference {reference}.",
    )
    if account.percent:
        _say(
            sheet,
            f"Late interest is reckoned to {day(account.day)}, simple, at present {account.rate} a year, and runs on "
            "until payment.",
        )
    _say(
        sheet,
        "If you have an objection, put it to the managing committee in writing by the same day. Otherwise the "
        "committee may take the steps for recovery that the law provides.",
    )
    _signature(sheet, letter)
    return sheet


def _signature(sheet: Sheet, letter: Letter) -> None:
    page, y = sheet.page, sheet.y + 4
    by_order = f"By order of the managing committee, for {letter.society.legal_name}"
    page.write_at(RIGHT - 120, y, by_order, width=120, size=8.5, bold=True, align="R")
    page.rule(RIGHT - 56, y + 22, 56, INK)
    page.write_at(RIGHT - 56, y + 23.5, "Secretary", width=56, size=8.5, colour=GREY, align="R")
    sheet.y = y + 30


def _say(sheet: Sheet, text: str, *, bold: bool = False) -> None:
    sheet.room(14)
    sheet.y = sheet.page.paragraph(LEFT, sheet.y, WIDTH, text, size=9.5, bold=bold) + 3

"""A statement of account: open bills with late interest, payments, and how old the dues are; over as many pages as it
takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from actors.common.rules.calendar import INDIA
from actors.common.rules.money import grouped, rupees
from actors.sales.dues import DueBill, Dues, PaymentLine
from actors.sales.reminder_letters import Letter
from actors.sales.reminder_wording import flats
from actors.sales.rules.ageing import ageing
from actors.sales.stationery import GREY, HAIR, LEFT, PALE, RIGHT, TEAL, WHITE, WIDTH, day, footer, letterhead
from actors.sales.wording import MODE_NAMES
from infra.gateways.pdf import Document

BOTTOM = 274.0
"""Below this line stands the foot."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, millimetres, and side."""

    heading: str
    width: float
    align: str = "L"


BILLS = (
    Column("Bill", 32),
    Column("Flat", 16),
    Column("Month", 25),
    Column("Due", 23),
    Column("Days late", 16, "R"),
    Column("Billed (₹)", 22, "R"),
    Column("Balance (₹)", 22, "R"),
    Column("Interest (₹)", 20, "R"),
)
PAYMENTS = (
    Column("Received", 26),
    Column("Receipt", 40),
    Column("Flat", 20),
    Column("Paid by", 64),
    Column("Amount (₹)", 26, "R"),
)


class Sheet:
    """Pages of one document, filled from top to bottom.

    Parameters:
      pages: how many there will be, for the foot; see `in_pages`.
    """

    def __init__(self, letter: Letter, title: str, number: str, pages: int) -> None:
        dated = datetime.combine(letter.day, time(), INDIA)
        self.page = Document(f"{title} {number}", letter.society.legal_name, dated)
        self._letter = letter
        self._pages = pages
        letterhead(self.page, letter.society, title, number, letter.day)
        self.y = 47.0
        self._foot()

    def room(self, height: float) -> bool:
        """Whether so much fits on the page; begins a new one where it does not. True for a new one."""
        if self.y + height <= BOTTOM:
            return False
        self.page.add_page()
        self.y = 16.0
        self._foot()
        return True

    def heading(self, text: str, under: float) -> None:
        """A section's title, kept together with so much of what is under it."""
        self.room(8 + under)
        self.page.write_at(LEFT, self.y, text.upper(), size=7.5, bold=True, colour=GREY)
        self.y += 5.5

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Rows under headings, which are repeated on each page."""
        self._headings(columns)
        for row in rows:
            if self.room(6.4):
                self._headings(columns)
            self.cells(columns, row, 1.4)
            self.y += 6.4
            self.page.rule(LEFT, self.y, WIDTH, HAIR)

    def cells(
        self, columns: Sequence[Column], row: Sequence[str], down: float, *, bold: bool = False
    ) -> None:
        x = LEFT
        for column, text in zip(columns, row, strict=True):
            self.page.write_at(
                x + 1, self.y + down, text, width=column.width - 2, size=8.5, bold=bold, align=column.align
            )
            x += column.width

    def _headings(self, columns: Sequence[Column]) -> None:
        self.page.band(LEFT, self.y, WIDTH, 7, TEAL)
        x = LEFT
        for column in columns:
            self.page.write_at(
                x + 1,
                self.y + 1.7,
                column.heading,
                width=column.width - 2,
                size=8,
                bold=True,
                colour=WHITE,
                align=column.align,
            )
            x += column.width
        self.y += 7

    def _foot(self) -> None:
        said = f"Page {self.page.page} of {self._pages}"
        footer(self.page, f"Questions about this letter: {self._letter.society.email}", said)


def render(letter: Letter, account: Dues, payments: Sequence[PaymentLine]) -> bytes:
    """The statement as a PDF file; the same figures give the same bytes."""
    return in_pages(lambda pages: _drawn(letter, account, payments, pages))


def in_pages(drawn: Callable[[int], Sheet]) -> bytes:
    """The file of a document that is drawn for a number of pages; drawn again when they are more than one."""
    sheet = drawn(1)
    pages = sheet.page.page
    return (sheet if pages == 1 else drawn(pages)).page.finished()


def bill_rows(bills: Sequence[DueBill]) -> list[list[str]]:
    """Open bills as the table shows them."""
    return [
        [
            bill.number,
            bill.unit_label,
            bill.period.label,
            day(bill.due_date),
            "disputed" if bill.disputed else str(bill.days_late or ""),
            grouped(bill.total),
            grouped(bill.balance),
            grouped(bill.interest),
        ]
        for bill in bills
    ]


def addressee(sheet: Sheet, letter: Letter, account: Dues, what: str) -> None:
    """To whom it goes, and in a box what it comes to."""
    page, y = sheet.page, sheet.y
    first = account.bills[0]
    page.write_at(LEFT, y, "TO", size=7.5, bold=True, colour=GREY)
    page.write_at(LEFT, y + 5, letter.name, width=110, size=12, bold=True)
    towers = ", ".join(dict.fromkeys(bill.tower_name for bill in account.bills))
    where = f"{flats(account)[:1].upper()}{flats(account)[1:]}, {towers}, {letter.society.address}"
    page.paragraph(LEFT, y + 12.5, 110, where, size=8.5, colour=GREY)
    page.band(RIGHT - 58, y - 1, 58, 25, PALE)
    page.write_at(RIGHT - 54, y + 2, what.upper(), width=50, size=7.5, bold=True, colour=TEAL)
    page.write_at(RIGHT - 54, y + 7.5, rupees(account.owed), width=50, size=15, bold=True, colour=TEAL)
    oldest = f"oldest due date {day(first.due_date)}"
    page.write_at(RIGHT - 54, y + 16.5, oldest, width=50, size=8.5, colour=TEAL)
    sheet.y = y + 31


def sums(sheet: Sheet, account: Dues, last: str) -> None:
    """What leads from the bills' balance to what is owed."""
    rows = [("Balance of bills", account.balance)]
    if account.arrears:
        rows.append(("Arrears brought forward", account.arrears))
    rows.append((f"Late interest to {day(account.day)}", account.interest))
    if account.tax:
        rows.append(("GST on late interest", account.tax))
    if account.advance:
        rows.append(("Paid in advance", -account.advance))
    sheet.room(6 * len(rows) + 14)
    sheet.y += 2
    for name, amount in rows:
        sheet.page.write_at(LEFT + 84, sheet.y + 1, name, width=58, size=8.5, colour=GREY)
        sheet.page.write_at(LEFT + 142, sheet.y + 1, grouped(amount), width=35, size=8.5, align="R")
        sheet.y += 6
    sheet.page.band(LEFT + 81, sheet.y, WIDTH - 81, 9, PALE)
    sheet.page.write_at(LEFT + 84, sheet.y + 2.2, last, width=58, size=10, bold=True, colour=TEAL)
    sheet.page.write_at(
        LEFT + 140, sheet.y + 2.2, rupees(account.owed), width=37, size=10, bold=True, colour=TEAL, align="R"
    )
    sheet.y += 13


def _drawn(letter: Letter, account: Dues, payments: Sequence[PaymentLine], pages: int) -> Sheet:
    sheet = Sheet(letter, "Statement of account", flats(account), pages)
    addressee(sheet, letter, account, f"owed on {day(account.day)}")
    sheet.heading("Open bills", 14)
    sheet.table(BILLS, bill_rows(account.bills))
    sums(sheet, account, f"Owed on {day(account.day)}")
    if any(bill.disputed for bill in account.bills):
        _say(sheet, "Disputed bills are listed, and left out of the sums until the dispute is settled.")
    _ages(sheet, account)
    _how_to_pay(sheet, letter, account)
    since = min(bill.invoice_date for bill in account.bills)
    sheet.heading(f"Payments since {day(since)}", 14)
    if payments:
        sheet.table(PAYMENTS, [_payment(line) for line in payments])
        sheet.y += 4
    else:
        _say(sheet, "None.")
    return sheet


def _payment(line: PaymentLine) -> list[str]:
    mode = MODE_NAMES[line.mode]
    if line.reversed_on is not None:
        return [
            day(line.day),
            line.number,
            line.unit_label,
            f"{mode}, taken back {day(line.reversed_on)}",
            "0.00",
        ]
    return [day(line.day), line.number, line.unit_label, mode, grouped(line.amount)]


def _ages(sheet: Sheet, account: Dues) -> None:
    dues = [(bill.due_date, bill.owed) for bill in account.claimed]
    found = ageing(account.day, [*dues, (None, account.arrears)])
    columns = [Column(name, WIDTH / len(found), "R") for name in found]
    sheet.heading("How old it is, by days after the due date (₹)", 14)
    sheet.table(columns, [[grouped(amount) for amount in found.values()]])
    sheet.y += 4


def _how_to_pay(sheet: Sheet, letter: Letter, account: Dues) -> None:
    sheet.room(16)
    if account.percent:
        _say(
            sheet,
            f"Late interest: simple, at present {account.rate} a year on the balance of each bill from the day after "
            "its due date, as the general body resolved and the law allows.",
        )
    _say(sheet, f"Please pay to {letter.society.bank_details}, quoting your flat.")


def _say(sheet: Sheet, text: str) -> None:
    sheet.room(10)
    sheet.y = sheet.page.paragraph(LEFT, sheet.y, WIDTH, text, size=8.5, colour=GREY) + 2.5

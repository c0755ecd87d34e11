"""A payslip on one page, in the hand of the society's other documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal

from actors.common.rules.calendar import INDIA
from actors.common.rules.money import grouped, in_words, rupees
from actors.common.stationery import (
    AMBER,
    GREY,
    HAIR,
    LEFT,
    PALE,
    RIGHT,
    TEAL,
    WHITE,
    WIDTH,
    day,
    footer,
    letterhead,
)
from actors.payroll.payslips.payslip import Payslip, masked
from infra.gateways.pdf import Document

EARNINGS, DEDUCTIONS = 104.0, 70.0
"""Widths of the two columns; 4 mm lie between them."""
ROOM = 101.0
"""Height that the rows of the longer column may take."""


def render(slip: Payslip, password: str | None = None) -> bytes:
    """The payslip as a PDF file; with a password it opens with nothing else."""
    society = slip.employer.society
    dated = datetime.combine(slip.pay_date, time(), INDIA)
    page = Document(f"Payslip of {slip.period.label}", society.legal_name, dated)
    if password is not None:
        page.lock(password)
    address = f"{society.address}, {society.city} {society.pin_code}, {society.state_name}"
    registered = (f"Registration {society.registration_number}", _codes(slip))
    letterhead(page, society.legal_name, address, registered, "Payslip", slip.period.label, slip.pay_date)
    y = _person(page, slip, 47)
    if slip.held:
        page.band(LEFT, y, WIDTH, 9, AMBER)
        page.write_at(LEFT + 3, y + 2.4, slip.held, width=WIDTH - 6, size=9, bold=True)
        y += 12
    y = _pay(page, slip, y)
    y = _net(page, slip, y + 4)
    _year_and_shares(page, slip, y + 7)
    footer(page, f"Wage slip under rule 52 (Form V). Questions: {society.email}")
    return page.finished()


def _codes(slip: Payslip) -> str:
    codes = (("EPF", slip.employer.epf_code), ("ESI", slip.employer.esi_code))
    return " · ".join(f"{name} {code}" for name, code in codes if code)


def _person(page: Document, slip: Payslip, y: float) -> float:
    payee = slip.payee
    page.write_at(LEFT, y, payee.name, width=71, size=12, bold=True)
    page.write_at(
        LEFT, y + 6.5, f"{payee.designation}, staff no. {payee.staff_number}", width=71, size=8.5, colour=GREY
    )
    _facts(
        page,
        LEFT,
        y + 13,
        28,
        (
            ("UAN", payee.uan or "–"),
            ("ESI (IP) number", payee.ip_number or "–"),
            ("PAN", masked(payee.pan)),
            ("Bank account", masked(payee.bank_account)),
        ),
    )
    days = _facts(page, LEFT + 74, y + 1, 32, _days(slip))
    page.band(RIGHT - 46, y - 1, 46, 25, PALE)
    page.write_at(RIGHT - 43, y + 2, "NET PAY", size=7.5, bold=True, colour=TEAL)
    page.write_at(RIGHT - 43, y + 7.5, rupees(slip.net), width=40, size=15, bold=True, colour=TEAL)
    if slip.net:
        how = "held, see below" if slip.held else f"to account {masked(payee.bank_account)}"
        page.write_at(RIGHT - 43, y + 16.5, how, width=40, size=8.5, colour=TEAL)
    return max(y + 38, days + 2)


def _days(slip: Payslip) -> list[tuple[str, str]]:
    facts = [("Joined on", day(slip.payee.joined_on))]
    if slip.regular is None:
        return [*facts, ("Days", "arrears of earlier months only")]
    item = slip.regular.item
    facts.append(("Days in the month", str(item.days_in_month)))
    if item.days_employed != item.days_in_month:
        facts.append(("Days employed", str(item.days_employed)))
    facts += [
        ("Days paid", _plain(item.payable_days)),
        ("Loss of pay", _counted(item.days_employed - item.payable_days, "day")),
    ]
    if item.overtime_hours:
        facts.append(("Overtime", _counted(item.overtime_hours, "hour")))
    return facts


def _facts(page: Document, x: float, y: float, indent: float, facts: Sequence[tuple[str, str]]) -> float:
    for name, value in facts:
        page.write_at(x, y, name, size=8.5, colour=GREY)
        page.write_at(x + indent, y, value, width=72 - indent - 17, size=8.5, bold=True)
        y += 5.4
    return y


def _pay(page: Document, slip: Payslip, y: float) -> float:
    earnings, deductions = slip.earnings(), slip.deductions()
    right = LEFT + EARNINGS + 4
    for x, width, heading in ((LEFT, EARNINGS, "Earnings"), (right, DEDUCTIONS, "Deductions")):
        page.band(x, y, width, 7.5, TEAL)
        page.write_at(x + 2, y + 1.8, heading, size=8.5, bold=True, colour=WHITE)
        page.write_at(
            x + width - 32, y + 1.8, "Amount (₹)", width=30, size=8.5, bold=True, colour=WHITE, align="R"
        )
    page.write_at(LEFT + 50, y + 1.8, "Rate a month", width=24, size=8.5, bold=True, colour=WHITE, align="R")
    y += 7.5
    height = min(6.6, ROOM / max(len(earnings), len(deductions)))
    above = (height - 4.4) / 2
    for place, (name, rate, amount) in enumerate(earnings):
        at = y + place * height
        # A name without a rate beside it has the rate's room as well.
        width = 48 if rate is not None else 74
        page.write_at(LEFT + 2, at + above, name, width=width, size=8.8)
        if rate is not None:
            page.write_at(LEFT + 50, at + above, grouped(rate), width=24, size=8.8, colour=GREY, align="R")
        page.write_at(LEFT + EARNINGS - 30, at + above, grouped(amount), width=28, size=8.8, align="R")
        page.rule(LEFT, at + height, EARNINGS, HAIR)
    for place, (name, taken) in enumerate(deductions):
        at = y + place * height
        if taken is None:
            page.write_at(right + 5, at + above - 0.5, name, width=60, size=8, colour=GREY)
        else:
            page.write_at(right + 2, at + above, name, width=44, size=8.8)
            page.write_at(right + DEDUCTIONS - 24, at + above, grouped(taken), width=22, size=8.8, align="R")
        if place + 1 == len(deductions) or deductions[place + 1][1] is not None:
            page.rule(right, at + height, DEDUCTIONS, HAIR)
    if not deductions:
        page.write_at(right + 2, y + 1.3, "None", size=8.8, colour=GREY)
    y += max(len(earnings), len(deductions), 1) * height
    for x, width, name, amount in (
        (LEFT, EARNINGS, "Gross earnings", slip.gross),
        (right, DEDUCTIONS, "Deductions in all", slip.gross - slip.net),
    ):
        page.write_at(x + 2, y + 1.8, name, size=9, bold=True)
        page.write_at(x + width - 32, y + 1.8, grouped(amount), width=30, size=9, bold=True, align="R")
    return y + 8


def _net(page: Document, slip: Payslip, y: float) -> float:
    page.band(LEFT, y, WIDTH, 14, PALE)
    page.write_at(LEFT + 3, y + 2, "Net pay", size=10, bold=True, colour=TEAL)
    page.write_at(RIGHT - 63, y + 1.9, rupees(slip.net), width=60, size=11, bold=True, colour=TEAL, align="R")
    words = in_words(slip.net, hyphens=True)
    page.write_at(LEFT + 3, y + 8.2, words, width=WIDTH - 6, size=8.8)
    return y + 14


def _year_and_shares(page: Document, slip: Payslip, y: float) -> None:
    first = slip.period.financial_year.first_day
    span = f"{first:%B %Y}" if slip.period.first_day == first else f"{first:%B} to {slip.period.label}"
    _small_table(page, LEFT, y, 84, f"THE YEAR SO FAR: {span.upper()}", slip.year_so_far())
    shares = slip.employer_shares()
    if shares:
        total = sum((amount for _, amount in shares), Decimal(0))
        rows = [*shares, ("In all, not deducted from your pay", total)]
        _small_table(page, RIGHT - 84, y, 84, "THE SOCIETY'S OWN SHARES OF THE MONTH", rows)


def _small_table(
    page: Document, x: float, y: float, width: float, heading: str, rows: Sequence[tuple[str, Decimal]]
) -> None:
    page.write_at(x, y, heading, width=width, size=7.5, bold=True, colour=GREY)
    y += 4.6
    page.rule(x, y, width, TEAL, 0.4)
    for place, (name, amount) in enumerate(rows):
        last = place == len(rows) - 1
        page.write_at(x + 1, y + 0.9, name, size=8.5, bold=last, colour=GREY)
        page.write_at(x + width - 31, y + 0.9, grouped(amount), width=30, size=8.5, bold=last, align="R")
        y += 5.2
        page.rule(x, y, width, HAIR)


def _counted(number: Decimal, unit: str) -> str:
    return f"{_plain(number)} {unit}{'' if number == 1 else 's'}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"

"""A payslip as it stands in the posted runs: what its page is printed from (rule 52, Form V)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference import Society
from actors.common.rules.calendar import Period
from actors.common.rules.money import ZERO, grouped, rupees
from actors.payroll.rules.payslip_secret import payslip_password
from actors.payroll.rules.wages import OVERTIME
from actors.payroll.salaries import REGULAR
from actors.payroll.store import statements
from actors.payroll.year import YearToDate, year_to_date
from infra.store.rows import all_rows, one_row

Row = tuple[str, Decimal]
"""What it is, and rupees."""
Earning = tuple[str, Decimal | None, Decimal]
"""What it is, the full month's rate, and rupees."""
Deduction = tuple[str, Decimal | None]
"""As Row; without rupees it is a remark on the row before."""
ROWS = 20
"""Earnings that a page has room for; beyond, the arrears of a month are one row."""


@dataclass(frozen=True)
class Employer:
    """Whose letterhead it is, and the numbers that fund and insurance know it by."""

    society: Society
    epf_code: str | None
    esi_code: str | None


@dataclass(frozen=True)
class Payee:
    """Whose payslip it is."""

    id: UUID
    staff_number: str
    name: str
    designation: str
    email: str | None
    joined_on: date
    birth_date: date
    uan: str | None
    ip_number: str | None
    pan: str | None
    bank_account: str | None
    on_hold: bool

    @property
    def password(self) -> str:
        return payslip_password(self.birth_date, self.bank_account)


@dataclass(frozen=True)
class Line:
    """One line of the month's runs: the month's own pay, or what an earlier month lacked.

    Parameters:
      item: Its row of `pay_item`, figures by name.
      earnings: component, its name, the full month's rate, rupees.
      recoveries: of which advance, rupees taken, rupees still owed.
    """

    item: Any
    earnings: tuple[tuple[str, str, Decimal, Decimal], ...]
    recoveries: tuple[tuple[str, Decimal, Decimal], ...]

    @property
    def source(self) -> Period:
        return Period.of(self.item.source_period)


@dataclass(frozen=True)
class Payslip:
    """What one employee is paid with a month.

    Parameters:
      regular: The month's own pay; None for who gets arrears alone.
      arrears: What earlier months lacked, oldest first.
      year: April to this month.
    """

    employer: Employer
    payee: Payee
    period: Period
    regular: Line | None
    arrears: tuple[Line, ...]
    year: YearToDate

    @property
    def lines(self) -> tuple[Line, ...]:
        return (self.regular, *self.arrears) if self.regular else self.arrears

    @property
    def pay_date(self) -> date:
        day: date = self.lines[0].item.pay_date
        return day

    @property
    def gross(self) -> Decimal:
        return self.sum("gross")

    @property
    def net(self) -> Decimal:
        return self.sum("net")

    def sum(self, figure: str) -> Decimal:
        """A figure of all lines together."""
        return sum((getattr(line.item, figure) for line in self.lines), ZERO)

    def earnings(self) -> list[Earning]:
        """Rows that add up to gross: the month's parts, then those of earlier months, by name."""
        own = [_earning(self.regular, *part) for part in self.regular.earnings] if self.regular else []
        each = [row for line in self.arrears for row in _arrears(line)]
        if len(own) + len(each) > ROWS:
            each = [_summed(line) for line in self.arrears]
        return own + each

    def deductions(self) -> list[Deduction]:
        """Rows that add up to what gross exceeds net by."""
        rows: list[Deduction] = []
        for name, figure in (("Provident fund", "epf_employee"), ("ESI", "esi_employee")):
            if self.regular:
                rows.append((name, getattr(self.regular.item, figure)))
            rows.append((f"{name}, on arrears", sum((getattr(a.item, figure) for a in self.arrears), ZERO)))
        rows.append(("Professional tax", self.sum("professional_tax")))
        rows.append(("Income tax (TDS)", self.sum("income_tax")))
        for line in self.lines:
            for reason, taken, owed in line.recoveries:
                rows += [
                    (reason, taken),
                    (f"{rupees(owed)} still owed" if owed else "paid back in full", None),
                ]
        return [row for row in rows if row[1] != 0]

    def employer_shares(self) -> list[Row]:
        """What the society pays on top, to fund and insurance."""
        rows = (
            ("Provident fund", self.sum("epf_employer")),
            ("Pension (EPS)", self.sum("pension")),
            ("Insurance (EDLI)", self.sum("insurance")),
            ("Fund's administration", self.sum("admin")),
            ("ESI", self.sum("esi_employer")),
        )
        return [row for row in rows if row[1]]

    def year_so_far(self) -> list[Row]:
        """April to this month."""
        year = self.year
        rows = (
            ("Gross", year.gross),
            ("Provident fund", year.epf_employee),
            ("ESI", year.esi_employee),
            ("Professional tax", year.professional_tax),
            ("Income tax (TDS)", year.income_tax),
            ("Advances recovered", year.recovered),
            ("Net", year.net),
        )
        return [row for row in rows if row[1] or row[0] in ("Gross", "Net")]

    @property
    def held(self) -> str | None:
        """Why it is not paid out, in words for the employee; None when it is."""
        if not self.net:
            return None
        if self.payee.on_hold:
            return "This pay is held: it is worked out, but not paid out for now. Please speak to the society's office."
        if self.payee.bank_account is None:
            return "No bank account is on record, so this pay is held. Please give the office your account."
        return None


def masked(number: str | None) -> str:
    """All but the last four characters hidden; a dash where there is none."""
    return "–" if number is None else f"{'X' * (len(number) - 4)}{number[-4:]}"


def read(
    connection: Connection, society: Society, period: Period, employees: Sequence[str], day: date
) -> list[Payslip]:
    """The payslips of a month that these employees were not given yet, by their ids.

    Parameters:
      day: on which their pay would be paid out.
    """
    month = {"employees": list(employees), "period": period.first_day}
    payees = [
        Payee(UUID(row.id), *row[1:])
        for row in all_rows(connection, statements.payees_without_payslip, day=day, **month)
    ]
    if not payees:
        return []
    month["employees"] = [str(payee.id) for payee in payees]
    lines = _lines(connection, month)
    years = year_to_date(connection, [payee.id for payee in payees], period)
    numbers = one_row(connection, statements.registrations, community_id=str(society.id))
    employer = Employer(society, *(numbers[:2] if numbers else (None, None)))
    found = []
    for payee in payees:
        regular = [line for line in lines[payee.id] if line.item.kind == REGULAR]
        arrears = tuple(line for line in lines[payee.id] if line.item.kind != REGULAR)
        found.append(
            Payslip(employer, payee, period, regular[0] if regular else None, arrears, years[payee.id])
        )
    return found


def _lines(connection: Connection, month: dict[str, Any]) -> dict[UUID, list[Line]]:
    items = all_rows(connection, statements.payslip_items, **month)
    ids = [item.id for item in items]
    earnings: dict[str, list[Any]] = defaultdict(list)
    for row in all_rows(connection, statements.payslip_lines, items=ids):
        earnings[row.item_id].append(tuple(row[1:]))
    recoveries: dict[str, list[Any]] = defaultdict(list)
    for row in all_rows(connection, statements.payslip_recoveries, items=ids, period=month["period"]):
        recoveries[row.item_id].append(tuple(row[1:]))
    found: dict[UUID, list[Line]] = defaultdict(list)
    for item in items:
        line = Line(item, tuple(earnings[item.id]), tuple(recoveries[item.id]))
        found[UUID(item.employee_id)].append(line)
    return found


def _earning(line: Line, component: str, name: str, rate: Decimal, amount: Decimal) -> Earning:
    if component == OVERTIME:  # how it comes about: basic and dearness allowance, twice, by the hour
        hours = f"{line.item.overtime_hours.normalize():f}"
        return f"{name}, {hours} h: {_short(rate)} ÷ 26 ÷ 8 × 2 × {hours}", None, amount
    return name, rate, amount


def _arrears(line: Line) -> list[Earning]:
    rows: list[Earning] = [
        (f"Arrears of {line.source.label}: {name}", None if component == OVERTIME else rate, amount)
        for component, name, rate, amount in line.earnings
    ]
    if line.item.overpaid:
        rows.append((f"Overpaid for {line.source.label}, now an advance", None, line.item.overpaid))
    return rows


def _summed(line: Line) -> Earning:
    remark = ": paid too much, now an advance" if line.item.overpaid else ""
    return f"Arrears of {line.source.label}{remark}", None, line.item.gross


def _short(amount: Decimal) -> str:
    return grouped(amount).removesuffix(".00")

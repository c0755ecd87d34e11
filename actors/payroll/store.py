"""The tables of payroll as typed functions: whose pay is worked out, and from what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import Period
from actors.common.rules.money import ZERO
from actors.payroll.rules.arrears import PaidBefore
from actors.payroll.rules.attendance import Basis
from actors.payroll.rules.epf import Epf, EpfMember, EpfOption
from actors.payroll.rules.esi import Esi
from actors.payroll.rules.pay import Advance, Person, YearSoFar
from actors.payroll.rules.professional_tax import Sex, half_year_start
from actors.payroll.rules.stat_rates import StatRate, StatRates
from actors.payroll.rules.wages import Component, Treatment
from infra.store import connections, sql
from infra.store.rows import all_rows, one_row

statements = sql.load("actors.payroll")

MonthOf = tuple[UUID, date]
"""An employee's month, by its first day."""


class NoEstablishment(LookupError):
    """The society is not on record as an employer."""


@dataclass(frozen=True)
class Establishment:
    """How a society pays: by calendar days or 26, and with which of the two insurances."""

    basis: Basis
    with_epf: bool
    with_esi: bool


@dataclass(frozen=True)
class Employee:
    """Someone whose pay is worked out.

    Parameters:
      hold: why their pay is not paid out; None when it is.
    """

    id: UUID
    staff_number: str
    name: str
    person: Person
    joined_on: date
    left_on: date | None
    uan: str | None
    ip_number: str | None
    bank_account: str | None
    hold: str | None

    def employed_in(self, period: Period) -> int:
        """Days of a month from joining to leaving."""
        first = max(self.joined_on, period.first_day)
        last = min(self.left_on or period.last_day, period.last_day)
        return max(0, (last - first).days + 1)

    def leaves_in(self, period: Period) -> bool:
        return self.left_on is not None and self.left_on <= period.last_day


@dataclass(frozen=True)
class Attended:
    """A month's days as recorded."""

    recorded: int = 0
    payable: Decimal = ZERO
    weekly_offs: int = 0
    overtime_hours: Decimal = ZERO


@dataclass(frozen=True)
class RateOfPay:
    """One row of a salary structure."""

    component: Component
    effective_from: date


@dataclass(frozen=True)
class Page:
    """All that the month's pay of some employees is worked out from.

    Parameters:
      hashes: of months that were paid: the fingerprint of what they were worked out from, and on which basis.
    """

    employees: tuple[Employee, ...]
    rates_of_pay: Mapping[UUID, Sequence[RateOfPay]]
    attended: Mapping[MonthOf, Attended]
    paid: Mapping[MonthOf, PaidBefore]
    hashes: Mapping[MonthOf, tuple[str, Basis]]
    years: Mapping[UUID, YearSoFar]
    advances: Mapping[UUID, Sequence[Advance]] = field(default_factory=dict)

    def components(self, employee: UUID, day: date) -> tuple[Component, ...]:
        """A structure's rates on a day, without those that have ended."""
        rows = (row for row in self.rates_of_pay.get(employee, ()) if row.effective_from <= day)
        latest = {row.component.code: row.component for row in rows}  # they come oldest first
        return tuple(component for component in latest.values() if component.rate)


def transaction() -> AbstractContextManager[Connection]:
    """A transaction on the payroll database: committed at the end, rolled back on an error."""
    return connections.transaction("payroll")


def stat_rates(connection: Connection) -> StatRates:
    """Every row of the law's rates."""
    return StatRates(tuple(StatRate(*row) for row in all_rows(connection, statements.stat_rates)))


def establishment(connection: Connection, community_id: UUID) -> Establishment:
    """Raises NoEstablishment."""
    row = one_row(connection, statements.establishment, community_id=str(community_id))
    if row is None:
        raise NoEstablishment(
            f"society {community_id} employs staff, but there is no row of it in payroll.establishment: "
            "enter its basis of pay and its registrations"
        )
    return Establishment(Basis(row.basis), row.with_epf, row.with_esi)


def posted_periods(connection: Connection, community_id: UUID, period: Period, first: Period) -> list[Period]:
    """Months from `first` to before `period` whose pay is posted."""
    rows = all_rows(
        connection,
        statements.posted_periods,
        community_id=str(community_id),
        period=period.first_day,
        look_back=first.first_day,
    )
    return [Period.of(row.period) for row in rows]


def page_of_employees(
    connection: Connection, community_id: UUID, period: Period, look_back: date, after: str | None, size: int
) -> tuple[Employee, ...]:
    """Up to `size` employees after an id, held until the transaction ends."""
    rows = all_rows(
        connection,
        statements.page_of_employees,
        community_id=str(community_id),
        after=after,
        last_day=period.last_day,
        look_back=look_back,
        pay_date=period.last_day,
        size=size,
    )
    return tuple(_employee(row) for row in rows)


def read_page(
    connection: Connection,
    employees: tuple[Employee, ...],
    period: Period,
    look_back: date,
) -> Page:
    """Everything about these employees, in one statement a table."""
    ids = [str(employee.id) for employee in employees]
    before = date.fromordinal(period.first_day.toordinal() - 1)
    span = {"employees": ids, "last_day": period.last_day}
    rates: dict[UUID, list[RateOfPay]] = defaultdict(list)
    for row in all_rows(connection, statements.salary_rates, **span):
        component = Component(row.component, row.rate, Treatment(row.treatment), row.basic)
        rates[UUID(row.employee_id)].append(RateOfPay(component, row.effective_from))
    attended = {
        (UUID(row.employee_id), row.month): Attended(
            row.recorded, row.payable, row.weekly_offs, row.overtime_hours
        )
        for row in all_rows(connection, statements.attendance_by_month, first_day=look_back, **span)
    }
    paid, hashes = _paid(connection, ids, look_back, before) if look_back < period.first_day else ({}, {})
    advances: dict[UUID, list[Advance]] = defaultdict(list)
    for row in all_rows(connection, statements.advances_owed, **span):
        advances[UUID(row.employee_id)].append(Advance(UUID(row.id), row.balance, row.instalment))
    return Page(
        employees, rates, attended, paid, hashes, _years(connection, employees, ids, period), advances
    )


def components_paid(connection: Connection, months: Iterable[MonthOf]) -> dict[MonthOf, dict[str, Decimal]]:
    """Earnings paid for earlier months, by component."""
    wanted = list(months)
    found: dict[MonthOf, dict[str, Decimal]] = defaultdict(dict)
    if wanted:
        rows = all_rows(
            connection,
            statements.components_paid,
            employees=[str(employee) for employee, _ in wanted],
            periods=[month for _, month in wanted],
        )
        for row in rows:
            found[UUID(row.employee_id), row.source_period][row.component] = row.amount
    return found


def _employee(row: Any) -> Employee:
    member = EpfMember(EpfOption(row.epf_option), row.birth_date, row.epf_since, row.epf_first_wage)
    return Employee(
        id=UUID(row.id),
        staff_number=row.staff_number,
        name=row.name,
        person=Person(
            Sex(row.sex), row.birth_date, row.work_scope, member, row.disabled, row.pan is not None
        ),
        joined_on=row.joined_on,
        left_on=row.left_on,
        uan=row.uan,
        ip_number=row.ip_number,
        bank_account=row.bank_account,
        hold=row.hold,
    )


def _paid(
    connection: Connection, ids: list[str], look_back: date, before: date
) -> tuple[dict[MonthOf, PaidBefore], dict[MonthOf, tuple[str, Basis]]]:
    paid: dict[MonthOf, PaidBefore] = {}
    hashes: dict[MonthOf, tuple[str, Basis]] = {}
    rows = all_rows(connection, statements.paid_for_months, employees=ids, look_back=look_back, before=before)
    for row in rows:
        month = (UUID(row.employee_id), row.source_period)
        hashes[month] = (row.inputs_hash, Basis(row.basis))
        paid[month] = PaidBefore(
            components={},
            code_wages=row.code_wages,
            epf=Epf(
                row.epf_wages,
                row.pension_wages,
                row.insurance_wages,
                row.epf_employee,
                row.pension,
                row.epf_employer,
                row.insurance,
                row.admin,
            ),
            esi=Esi(row.esi_wages, row.esi_employee, row.esi_employer),
        )
    return paid, hashes


def _years(
    connection: Connection, employees: Iterable[Employee], ids: list[str], period: Period
) -> dict[UUID, YearSoFar]:
    year = period.financial_year
    rows = all_rows(
        connection,
        statements.years_so_far,
        employees=ids,
        year=year.first_day,
        half_year=half_year_start(period.first_day),
        period=period.first_day,
        financial_year=year.start,
    )
    found = {UUID(row.employee_id): row for row in rows}
    years = {}
    for employee in employees:
        last = Period.of(min(employee.left_on or year.last_day, year.last_day))
        left = max(1, (last.year - period.year) * 12 + last.month - period.month + 1)
        row = found.get(employee.id)
        years[employee.id] = (
            YearSoFar(row.salary, row.deducted, row.half_year, left) if row else YearSoFar(months_left=left)
        )
    return years

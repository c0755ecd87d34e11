"""The financial year as a payslip prints it, read from the posted runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.rules.calendar import Period
from actors.payroll.store import statements
from infra.store.rows import all_rows


@dataclass(frozen=True)
class YearToDate:
    """April to a month, that month and its arrears included; rupees."""

    gross: Decimal
    epf_employee: Decimal
    esi_employee: Decimal
    professional_tax: Decimal
    income_tax: Decimal
    recovered: Decimal
    net: Decimal


def year_to_date(connection: Connection, employees: Iterable[UUID], period: Period) -> dict[UUID, YearToDate]:
    """Of each of these employees who was paid in the financial year of `period`, up to it."""
    rows = all_rows(
        connection,
        statements.year_to_date,
        employees=[str(employee) for employee in employees],
        year=period.financial_year.first_day,
        period=period.first_day,
    )
    names = [field.name for field in fields(YearToDate)]
    return {UUID(row.employee_id): YearToDate(**{name: getattr(row, name) for name in names}) for row in rows}

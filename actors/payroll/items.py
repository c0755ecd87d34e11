"""A page of pay, written: a statement a table, whatever the page's size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.payroll.salaries import ARREARS, REGULAR, Finding, Item, Month
from actors.payroll.store import Employee, statements


def clear(connection: Connection, month: Month, employees: Sequence[Employee]) -> None:
    """Take back what a draft said of these employees."""
    page: dict[str, Any] = {"employees": [str(employee.id) for employee in employees]}
    with connection.cursor() as cursor:
        cursor.execute(statements.clear_page, page | {"period": month.period.first_day})
        cursor.execute(statements.clear_findings, page | {"run_id": str(month.run_id())})


def write(connection: Connection, month: Month, items: Sequence[Item], findings: Sequence[Finding]) -> None:
    """Items with their lines, recoveries and what they found overpaid, and the findings."""
    if any(item.kind == ARREARS for item in items):
        open_run(connection, month, ARREARS)
    of_month = {"community_id": str(month.community_id), "period": month.period.first_day}
    overpaid = [item for item in items if item.pay.overpaid]
    recoveries = [(item, recovery) for item in items for recovery in item.pay.recoveries]
    with connection.cursor() as cursor:
        if items:
            cursor.execute(statements.write_items, of_month | _columns([_row(month, item) for item in items]))
            cursor.execute(
                statements.write_lines,
                _columns(
                    [
                        {
                            "item_id": str(item.id),
                            "component": earning.component,
                            "rate": earning.rate,
                            "amount": earning.amount,
                            "treatment": earning.treatment.value,
                        }
                        for item in items
                        for earning in item.pay.earnings
                    ]
                ),
            )
        if overpaid:
            rows = [
                {
                    "id": str(item.overpaid_id),
                    "employee_id": str(item.employee_id),
                    "amount": item.pay.overpaid,
                    "reason": f"Overpaid for {item.source.label}",
                    "item_id": str(item.id),
                }
                for item in overpaid
            ]
            cursor.execute(statements.write_overpaid, {"given_on": month.period.last_day} | _columns(rows))
        if recoveries:
            taken = [
                {"advance_id": str(part.advance_id), "item_id": str(item.id), "amount": part.amount}
                for item, part in recoveries
            ]
            cursor.execute(statements.write_recoveries, _columns(taken))
        if findings:
            remarks = [
                {"employee_id": str(one.employee_id), "kind": one.kind, "detail": one.detail}
                for one in findings
            ]
            cursor.execute(statements.write_findings, {"run_id": str(month.run_id())} | _columns(remarks))


def open_run(connection: Connection, month: Month, kind: str = REGULAR) -> None:
    """The run as DRAFT, where it is not there yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            statements.open_run,
            {
                "run_id": str(month.run_id(kind)),
                "community_id": str(month.community_id),
                "period": month.period.first_day,
                "kind": kind,
                "pay_date": month.period.last_day,
            },
        )


def _row(month: Month, item: Item) -> dict[str, Any]:
    pay, tax = item.pay, item.pay.years_tax
    rate_ids = item.rate_ids + ((pay.tax_rate_id,) if pay.tax_rate_id else ())
    return {
        "id": str(item.id),
        "run_id": str(month.run_id(item.kind)),
        "employee_id": str(item.employee_id),
        "kind": item.kind,
        "source_period": item.source.first_day,
        "days_in_month": item.work.days_in_month,
        "days_employed": item.work.days_employed,
        "payable_days": item.work.payable_days,
        "overtime_hours": item.work.overtime_hours,
        "gross": pay.gross,
        "overpaid": pay.overpaid,
        "code_wages": pay.code_wages,
        "epf_wages": pay.epf.wages,
        "pension_wages": pay.epf.pension_wages,
        "insurance_wages": pay.epf.insurance_wages,
        "epf_employee": pay.epf.employee,
        "epf_employer": pay.epf.employer,
        "pension": pay.epf.pension,
        "insurance": pay.epf.insurance,
        "admin": pay.epf.admin,
        "esi_wages": pay.esi.wages,
        "esi_employee": pay.esi.employee,
        "esi_employer": pay.esi.employer,
        "professional_tax": pay.professional_tax,
        "income_tax": pay.income_tax,
        "recovered": pay.recovered,
        "carried_forward": pay.carried_forward,
        "net": pay.net,
        "taxable_salary": tax.taxable if tax else None,
        "years_tax": tax.total if tax else None,
        "years_cess": tax.cess if tax else None,
        "inputs": json.dumps(item.inputs),
        "inputs_hash": item.fingerprint,
        "rate_ids": "{" + ",".join(map(str, rate_ids)) + "}",
    }


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {column: [row[column] for row in rows] for column in rows[0]} if rows else {}

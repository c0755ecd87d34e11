"""What a month's returns are made of, read from the posted runs and set beside the books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - a class named like a function

from actors.common.reference import Society
from actors.common.rules.calendar import Period
from actors.common.rules.money import ZERO, to_rupee
from actors.common.rules.rates import MissingRate
from actors.payroll import store
from actors.payroll.rules import ecr, esi, esi_return, pt_return
from actors.payroll.rules.due_dates import TaxReturn, due_of_month, tax_return
from actors.payroll.rules.ecr import EcrLine
from actors.payroll.rules.epf import Challan, Epf, EpfTerms, challan
from actors.payroll.rules.esi_return import EsiLine, Reason
from actors.payroll.rules.posting import BANK, ESI_PAYABLE, PF_PAYABLE, PT_PAYABLE, TDS_PAYABLE
from actors.payroll.rules.pt_return import StateTax
from actors.payroll.rules.stat_rates import StatRates
from actors.payroll.salaries import REGULAR
from actors.payroll.store import statements
from infra.store.rows import all_rows, one_row

FUND, INSURANCE, LOCAL_TAX, INCOME_TAX = "Provident fund", "ESI", "Professional tax", "TDS"


@dataclass(frozen=True)
class LeftOut:
    """Who is not in a return, what is missing, and what stays owed for them, in rupees."""

    of: str
    name: str
    missing: str
    amount: Decimal


@dataclass(frozen=True)
class FundFile:
    """An ECR file: the month's own, or what an earlier wage month lacked."""

    source: Period
    arrears: bool
    lines: tuple[EcrLine, ...]
    challan: Challan


@dataclass(frozen=True)
class InsuranceSheet:
    """The ESI sheet with both shares of those on it."""

    lines: tuple[EsiLine, ...]
    employee: Decimal
    employer: Decimal


@dataclass(frozen=True)
class Deductee:
    """Tax deducted from one salary. Who has no PAN is left out here; their tax is deposited all the same."""

    name: str
    pan: str
    section: str
    pay_date: date
    paid: Decimal
    tax: Decimal
    cess: Decimal

    @property
    def total(self) -> Decimal:
        return self.tax + self.cess


@dataclass(frozen=True)
class Due:
    """What is to be paid or filed, and by when; no day where none is recorded."""

    what: str
    amount: Decimal | None
    by: date | None
    note: str = ""


@dataclass(frozen=True)
class Tie:
    """A return beside its account: what the runs come to, what the books say, and entries that no run made."""

    account: str
    name: str
    returned: Decimal
    booked: Decimal
    others: tuple[tuple[str, Decimal], ...]

    @property
    def difference(self) -> Decimal:
        return self.booked - self.returned


@dataclass(frozen=True)
class Returns:
    """A month's set. `deducted` is all tax deducted, of those without PAN too."""

    society: Society
    period: Period
    numbers: Any
    fund: tuple[FundFile, ...]
    insurance: InsuranceSheet | None
    local_taxes: tuple[StateTax, ...]
    deductees: tuple[Deductee, ...]
    deducted: Decimal
    tax_return: TaxReturn
    ties: tuple[Tie, ...]
    dues: tuple[Due, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def differences(self) -> tuple[Tie, ...]:
        return tuple(tie for tie in self.ties if tie.difference)


def returns_of(connection: Connection, society: Society, period: Period) -> Returns:
    """A month's returns. Raises NoEstablishment, MissingRate (due dates apart: where one is missing, that is said)."""
    month = {"community_id": str(society.id), "period": period.first_day}
    employer = store.establishment(connection, society.id)
    rates = store.stat_rates(connection)
    rows = all_rows(connection, statements.returns_items, **month)
    left_out: list[LeftOut] = []
    terms = EpfTerms.of(rates.on(period.last_day, "EPF"))
    fund = _fund(rows, period, terms, left_out) if employer.with_epf else ()
    insurance = _insurance(connection, rows, period, left_out) if employer.with_esi else None
    taxes = pt_return.by_state(_people(rows), period, rates)
    form = tax_return(rates, period)
    deductees = _deductees(rows, form.section, left_out)
    deducted = sum((row.income_tax for row in rows), ZERO)
    returned = {
        PF_PAYABLE: _fund_in_all(rows, terms) if employer.with_epf else ZERO,
        ESI_PAYABLE: sum((row.esi_employee + row.esi_employer for row in rows), ZERO),
        PT_PAYABLE: sum((row.professional_tax for row in rows), ZERO),
        TDS_PAYABLE: deducted,
    }
    return Returns(
        society=society,
        period=period,
        numbers=one_row(connection, statements.registrations, community_id=str(society.id)),
        fund=fund,
        insurance=insurance,
        local_taxes=taxes,
        deductees=deductees,
        deducted=deducted,
        tax_return=form,
        ties=_ties(connection, month | {"last_day": period.last_day}, returned),
        dues=tuple(_dues(rates, period, fund, insurance, taxes, deducted, form, left_out)),
        left_out=tuple(left_out),
    )


def _people(rows: Iterable[Any]) -> list[list[Any]]:
    """Each employee's items, the month's own first."""
    return [list(items) for _, items in groupby(rows, key=lambda row: row.employee_id)]


def _epf(row: Any) -> Epf:
    return Epf(
        wages=row.epf_wages,
        pension_wages=row.pension_wages,
        insurance_wages=row.insurance_wages,
        employee=row.epf_employee,
        pension=row.pension,
        employer=row.epf_employer,
        insurance=row.insurance,
        admin=row.admin,
    )


def _fund(
    rows: Iterable[Any], period: Period, terms: EpfTerms, left_out: list[LeftOut]
) -> tuple[FundFile, ...]:
    by_month: dict[Period, list[Any]] = defaultdict(list)
    for row in rows:
        if _epf(row) != Epf() or (row.kind == REGULAR and row.epf_option != "NONE"):
            by_month[Period.of(row.source_period)].append(row)
    files = []
    for source in sorted(by_month, key=lambda month: (month != period, month)):
        lines: dict[str, EcrLine] = {}
        for row in by_month[source]:
            arrears = row.kind != REGULAR
            lost = ZERO if arrears else row.days_employed - row.payable_days
            line = EcrLine(row.uan or "", row.name, row.gross, _epf(row), lost)
            fault = ecr.fault_of(line, row.days_in_month, lines) if row.uan else "no UAN"
            if fault:
                what = FUND + (f", arrears of {source.label}" if arrears else "")
                left_out.append(LeftOut(what, row.name, fault, _challan([line.epf]).total))
            else:
                lines[line.uan] = line
        of_month = [line.epf for line in lines.values()]
        paid = challan(of_month, terms) if source == period else _challan(of_month)
        if lines:
            files.append(FundFile(source, source != period, tuple(lines.values()), paid))
    return tuple(files)


def _challan(members: Iterable[Epf]) -> Challan:
    """Without the establishment's minimum, which the month's own challan bears."""
    of = tuple(members)
    return Challan(
        account_1=sum((member.employee + member.employer for member in of), ZERO),
        account_2=sum((member.admin for member in of), ZERO),
        account_10=sum((member.pension for member in of), ZERO),
        account_21=sum((member.insurance for member in of), ZERO),
    )


def _fund_in_all(rows: Iterable[Any], terms: EpfTerms) -> Decimal:
    own = [_epf(row) for row in rows if row.kind == REGULAR]
    arrears = [_epf(row) for row in rows if row.kind != REGULAR]
    return (challan(own, terms).total if own else ZERO) + _challan(arrears).total


def _insurance(
    connection: Connection, rows: list[Any], period: Period, left_out: list[LeftOut]
) -> InsuranceSheet:
    before = esi.period_start(period.first_day) - timedelta(days=1)
    known = {
        row.id
        for row in all_rows(
            connection,
            statements.insured_before,
            employees=list({row.employee_id for row in rows}),
            since=before.replace(day=1),
            period=period.first_day,
        )
    }
    lines: list[EsiLine] = []
    employee = employer = ZERO
    for items in _people(rows):
        line = _esi_line(items, period, insured_before=items[0].employee_id in known)
        if line is None:
            continue
        shares = [
            sum((getattr(item, f"esi_{side}") for item in items), ZERO) for side in ("employee", "employer")
        ]
        fault = esi_return.fault_of(line, period.days) if line.ip_number else "no IP number"
        if fault:
            left_out.append(LeftOut(INSURANCE, items[0].name, fault, sum(shares, ZERO)))
            continue
        lines.append(line)
        employee, employer = employee + shares[0], employer + shares[1]
    return InsuranceSheet(tuple(lines), employee, employer)


def _esi_line(items: list[Any], period: Period, *, insured_before: bool) -> EsiLine | None:
    """Someone's line; None for who is not insured. Arrears are insured in the month that pays them."""
    first = items[0]
    wages = sum((item.esi_wages for item in items), ZERO)
    days = first.payable_days if first.kind == REGULAR else ZERO
    reason, last = Reason.NONE, None
    if first.left_on is not None and first.left_on <= period.last_day:
        if first.left_on < period.first_day and not wages:
            return None  # their last line is on an earlier sheet
        reason, last = esi_return.reason_of_leaving(first.leaving_reason), first.left_on
    elif not wages:
        if not days:
            reason = Reason.ON_LEAVE
        elif period.month in (4, 10):
            reason, days = Reason.OUT_OF_COVERAGE, ZERO
            last = period.first_day - timedelta(days=1)
    if not wages and (not insured_before or reason is Reason.NONE):
        return None
    return EsiLine(first.ip_number or "", first.name, days, wages, reason, last)


def _deductees(rows: Iterable[Any], section: str, left_out: list[LeftOut]) -> tuple[Deductee, ...]:
    found = []
    for items in _people(rows):
        deducted = sum((item.income_tax for item in items), ZERO)
        if not deducted:
            continue
        first = items[0]
        if first.pan is None:
            left_out.append(LeftOut(INCOME_TAX, first.name, "no PAN", deducted))
            continue
        bearing = next(item for item in items if item.income_tax)
        cess = to_rupee(deducted * bearing.years_cess / bearing.years_tax) if bearing.years_tax else ZERO
        paid = sum((item.gross - item.overpaid for item in items), ZERO)
        found.append(Deductee(first.name, first.pan, section, first.pay_date, paid, deducted - cess, cess))
    return tuple(found)


def _ties(connection: Connection, month: dict[str, Any], returned: dict[str, Decimal]) -> tuple[Tie, ...]:
    booked: dict[tuple[str, str], list[Any]] = defaultdict(list)
    rows = all_rows(connection, statements.owed_in_books, accounts=list(returned), bank=BANK, **month)
    for row in rows:
        booked[row.code, row.name].append(row)
    return tuple(
        Tie(
            account=account,
            name=name,
            returned=returned[account],
            booked=sum((entry.owed for entry in entries if entry.owed), ZERO),
            others=tuple((e.narration, e.owed) for e in entries if e.owed and not e.of_payroll),
        )
        for (account, name), entries in booked.items()
    )


def _dues(
    rates: StatRates,
    period: Period,
    fund: tuple[FundFile, ...],
    insurance: InsuranceSheet | None,
    taxes: tuple[StateTax, ...],
    deducted: Decimal,
    form: TaxReturn,
    left_out: list[LeftOut],
) -> Iterable[Due]:
    def due(what: str, amount: Decimal, code: str, scope: str = "IN") -> Iterable[Due]:
        if not amount:
            return
        try:
            found = due_of_month(rates, code, scope, period)
        except MissingRate as missing:
            yield Due(what, amount, None, str(missing))
        else:
            partly = what in (FUND, INSURANCE) and any(one.of.startswith(what) for one in left_out)
            yield Due(what, amount, found.day, "without those left out" if partly else found.note)

    yield from due(FUND, sum((file.challan.total for file in fund), ZERO), "EPF_DUE")
    if insurance:
        yield from due(INSURANCE, insurance.employee + insurance.employer, "ESI_DUE")
    for tax in taxes:
        yield from due(f"{LOCAL_TAX}, {tax.scope}", tax.amount, "PT_DUE", tax.scope)
    yield from due(f"TDS on salaries, s. {form.section}", deducted, "TDS_DUE")
    yield Due(f"Form {form.form} of {form.quarter.label}", None, form.due)

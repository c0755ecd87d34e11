"""A person's month: earnings, shares of fund and insurance, taxes, advances, net (docs/domain.md, Payroll 5 to 19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from actors.common.rules.money import ZERO, down_to_paisa, grouped
from actors.payroll.rules import epf as fund
from actors.payroll.rules import esi as insurance
from actors.payroll.rules import tds
from actors.payroll.rules.epf import Epf, EpfMember
from actors.payroll.rules.esi import Esi, EsiBase
from actors.payroll.rules.law import Law
from actors.payroll.rules.professional_tax import Sex, professional_tax, rate_for
from actors.payroll.rules.tds import YearsTax
from actors.payroll.rules.wages import Component, Earning, full_month, gross_of, wages_of


class NegativeNet(ValueError):
    """What the law takes is more than what was earned: refused, for a person to look at."""


@dataclass(frozen=True)
class Person:
    """What the rules ask of an employee.

    Parameters:
      work_scope: State or town of work, whose professional tax is due: `MH`, `TN/CHENNAI`.
    """

    sex: Sex
    birth_date: date
    work_scope: str
    epf: EpfMember
    disabled: bool = False
    has_pan: bool = True


@dataclass(frozen=True)
class Contributions:
    """What follows from a month's earnings alone."""

    code_wages: Decimal
    epf: Epf
    esi: Esi


@dataclass(frozen=True)
class Advance:
    """What an employee owes, in rupees; with an `instalment`, no more than that is taken in a month."""

    id: UUID
    balance: Decimal
    instalment: Decimal | None = None

    @property
    def due(self) -> Decimal:
        return self.balance if self.instalment is None else min(self.balance, self.instalment)


@dataclass(frozen=True)
class Recovery:
    """A part of an advance taken from a month's pay."""

    advance_id: UUID
    amount: Decimal


@dataclass(frozen=True)
class YearSoFar:
    """The financial year before this month.

    Parameters:
      salary: gross paid in it.
      deducted: tax deducted in it.
      half_year: gross of the half-year's months before, for half-yearly professional tax.
      months_left: this one and those to March, or to the month of leaving.
    """

    salary: Decimal = ZERO
    deducted: Decimal = ZERO
    half_year: Decimal = ZERO
    months_left: int = 12


@dataclass(frozen=True)
class Pay:
    """One line of a payroll run, in rupees: gross less deductions is net, and nothing is negative."""

    earnings: tuple[Earning, ...]
    code_wages: Decimal
    epf: Epf
    esi: Esi
    professional_tax: Decimal = ZERO
    income_tax: Decimal = ZERO
    recoveries: tuple[Recovery, ...] = ()
    carried_forward: Decimal = ZERO
    years_tax: YearsTax | None = None
    tax_rate_id: int | None = None
    overpaid: Decimal = ZERO
    """Arrears only: paid too much in an earlier month, now an advance; its earnings are negative, its gross is nil."""

    @property
    def gross(self) -> Decimal:
        return gross_of(self.earnings) + self.overpaid

    @property
    def recovered(self) -> Decimal:
        return sum((recovery.amount for recovery in self.recoveries), ZERO)

    @property
    def statutory(self) -> Decimal:
        return self.epf.employee + self.esi.employee + self.professional_tax + self.income_tax

    @property
    def net(self) -> Decimal:
        return self.gross - self.statutory - self.recovered


def esi_wage(found: Sequence[Earning], law: Law) -> Decimal:
    """The wage that insurance is reckoned on."""
    return gross_of(found) if law.esi_base is EsiBase.GROSS else wages_of(found, law.excluded_cap)


def contributions(
    earned: Sequence[Earning],
    components: Sequence[Component],
    at_period_start: Sequence[Component],
    person: Person,
    law: Law,
) -> Contributions:
    """Wages, fund and insurance of a month's earnings.

    Parameters:
      components: the month's full rates.
      at_period_start: the full rates when the insurance's contribution period began, or on joining in it.
    """
    wages = wages_of(earned, law.excluded_cap)
    shares = fund.contribution(wages, person.epf, law.day, law.epf) if law.epf else Epf()
    if law.esi is None:
        return Contributions(wages, shares, Esi())
    now = esi_wage(full_month(components), law)
    at_start = esi_wage(full_month(at_period_start), law)
    insured = insurance.is_covered(at_start, now, law.esi, disabled=person.disabled)
    if not insured:
        return Contributions(wages, shares, Esi())
    return Contributions(wages, shares, insurance.contribution(esi_wage(earned, law), now, law.esi))


def recover(
    advances: Sequence[Advance], wages: Decimal, statutory: Decimal, cap_percent: Decimal, left: Decimal
) -> tuple[tuple[Recovery, ...], Decimal]:
    """What is taken of advances, oldest first, and what is carried over.

    All deductions together stay within the cap of wages (Code on Wages s. 18), and within what is `left`.
    """
    room = max(ZERO, min(down_to_paisa(wages * cap_percent / 100) - statutory, left))
    taken = []
    due = sum((advance.due for advance in advances), ZERO)
    for advance in advances:
        amount = min(advance.due, room)
        if amount:
            taken.append(Recovery(advance.id, amount))
            room -= amount
    return tuple(taken), due - sum((recovery.amount for recovery in taken), ZERO)


def with_deductions(
    pays: Sequence[Pay],
    person: Person,
    law: Law,
    year: YearSoFar,
    full_gross: Decimal,
    advances: Sequence[Advance] = (),
    *,
    leaving: bool = False,
) -> tuple[Pay, ...]:
    """The month's pays (the regular one, arrears) with what the month as a whole bears, taken from the largest of them:
    first the professional tax, then the income tax as far as pay reaches, then advances.

    Parameters:
      full_gross: a full month's gross, which is expected for the months left after this.

    Raises NegativeNet, MissingRate.
    """
    gross = sum((pay.gross - pay.overpaid for pay in pays), ZERO)
    rate = rate_for(law.rates, person.work_scope, person.sex, law.day)
    local = professional_tax(
        max(gross, ZERO), rate, law.day, person.birth_date, earned_before=year.half_year, leaving=leaving
    )
    carrier = max(range(len(pays)), key=lambda place: pays[place].net)
    pay = pays[carrier]
    if local > pay.net or any(other.net < 0 for other in pays):
        raise NegativeNet(
            f"net pay would be below nought: gross {grouped(pay.gross)}, fund and insurance "
            f"{grouped(pay.statutory)}, professional tax {grouped(local)}"
        )
    expected = year.salary + gross + full_gross * (year.months_left - 1)
    tax = tds.years_tax(expected, law.tax, has_pan=person.has_pan)
    month = min(
        tds.month_of(tax.total, year.deducted, year.months_left), (pay.net - local) // 1 * Decimal("1.00")
    )
    statutory = sum((other.statutory for other in pays), ZERO) + local + month
    wages = sum((other.code_wages for other in pays), ZERO)
    recoveries, carried = recover(advances, wages, statutory, law.deduction_cap, pay.net - local - month)
    bearing = replace(
        pay,
        professional_tax=local,
        income_tax=month,
        recoveries=recoveries,
        carried_forward=carried,
        years_tax=tax,
        tax_rate_id=rate.id,
    )
    return (*pays[:carrier], bearing, *pays[carrier + 1 :])

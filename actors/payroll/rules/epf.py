"""Provident fund: EPF Scheme 2026 (GSR 525(E)) and EPS 2026 (GSR 527(E)), before them those of 1952 and 1995.

The wage is rounded to the rupee first. Each share is rounded half up to the rupee (para 29(4) of 1952; the text of 2026
was not seen). The ceiling is not reduced for days without pay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from actors.common.rules.money import ZERO, to_rupee
from actors.payroll.rules.stat_rates import StatRate


class EpfOption(Enum):
    """On which wage a member pays: to the ceiling, on the whole wage, or not at all (an excluded employee)."""

    CEILING = "CEILING"
    WHOLE = "WHOLE"
    NONE = "NONE"


@dataclass(frozen=True)
class EpfTerms:
    """Percents and rupees."""

    share: Decimal
    pension: Decimal
    insurance: Decimal
    admin: Decimal
    admin_minimum: Decimal
    admin_minimum_empty: Decimal
    ceiling: Decimal
    pension_age: int
    pension_cutoff: date

    @classmethod
    def of(cls, rate: StatRate) -> EpfTerms:
        return cls(
            share=rate.number("share"),
            pension=rate.number("pension"),
            insurance=rate.number("edli"),
            admin=rate.number("admin"),
            admin_minimum=rate.number("admin_minimum"),
            admin_minimum_empty=rate.number("admin_minimum_empty"),
            ceiling=rate.number("ceiling"),
            pension_age=int(rate.number("pension_age")),
            pension_cutoff=date.fromisoformat(str(rate.payload["pension_cutoff"])),
        )


@dataclass(frozen=True)
class EpfMember:
    """What the fund knows of a member.

    Parameters:
      since: When they first became a member, anywhere.
      wage_when_joining: Their wage then; None where it is not known, and taken to be within the ceiling.
    """

    option: EpfOption
    birth_date: date
    since: date | None = None
    wage_when_joining: Decimal | None = None


@dataclass(frozen=True)
class Epf:
    """A member's month: wages and shares in whole rupees. `employee` = `pension` + `employer` at the least."""

    wages: Decimal = ZERO
    pension_wages: Decimal = ZERO
    insurance_wages: Decimal = ZERO
    employee: Decimal = ZERO
    pension: Decimal = ZERO
    employer: Decimal = ZERO
    insurance: Decimal = ZERO
    admin: Decimal = ZERO


def in_pension_scheme(member: EpfMember, day: date, terms: EpfTerms) -> bool:
    """Not from 58 on; nor who joined the fund since 1-9-2014 with a wage above the ceiling."""
    if age(member.birth_date, day) >= terms.pension_age:
        return False
    joined_late = member.since is not None and member.since >= terms.pension_cutoff
    return not (joined_late and (member.wage_when_joining or ZERO) > terms.ceiling)


def contribution(code_wages: Decimal, member: EpfMember, day: date, terms: EpfTerms) -> Epf:
    """The shares of a month that ends on `day`. The employer's EPF share is what 12 % leaves after the pension."""
    if member.option is EpfOption.NONE:
        return Epf()
    whole = to_rupee(code_wages)
    capped = min(whole, terms.ceiling)
    wages = whole if member.option is EpfOption.WHOLE else capped
    employee = _percent(wages, terms.share)
    pensioned = in_pension_scheme(member, day, terms)
    pension = min(_percent(capped, terms.pension), employee) if pensioned else ZERO
    return Epf(
        wages=wages,
        pension_wages=capped if pensioned else ZERO,
        insurance_wages=capped,
        employee=employee,
        pension=pension,
        employer=employee - pension,
        insurance=_percent(capped, terms.insurance),
        admin=_percent(wages, terms.admin),
    )


@dataclass(frozen=True)
class Challan:
    """A month's challan by account: 1 fund, 2 administration, 10 pension, 21 insurance (22, its charge: nil)."""

    account_1: Decimal
    account_2: Decimal
    account_10: Decimal
    account_21: Decimal

    @property
    def total(self) -> Decimal:
        return self.account_1 + self.account_2 + self.account_10 + self.account_21


def challan(members: Iterable[Epf], terms: EpfTerms) -> Challan:
    """What the establishment pays for its members of a month."""
    of_month = tuple(members)
    admin = sum((member.admin for member in of_month), ZERO)
    return Challan(
        account_1=sum((member.employee + member.employer for member in of_month), ZERO),
        account_2=admin + admin_top_up(admin, any(member.wages for member in of_month), terms),
        account_10=sum((member.pension for member in of_month), ZERO),
        account_21=sum((member.insurance for member in of_month), ZERO),
    )


def admin_top_up(admin: Decimal, has_members: bool, terms: EpfTerms) -> Decimal:
    """What the administration charge lacks to the establishment's minimum."""
    minimum = terms.admin_minimum if has_members else terms.admin_minimum_empty
    return max(ZERO, minimum - admin)


def age(birth_date: date, day: date) -> int:
    """Completed years."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def _percent(amount: Decimal, percent: Decimal) -> Decimal:
    return to_rupee(amount * percent / 100)

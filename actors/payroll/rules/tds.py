"""Tax deducted at source on salary: Income-tax Act 2025 s. 392(1) (before 1-4-2026: s. 192 of 1961), new regime s. 202.

Rebate s. 156 with marginal relief, standard deduction s. 19, cess; without PAN s. 397(2). Professional tax is not
deducted in the new regime. The old regime is not worked out.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from actors.common.rules.money import ZERO, to_rupee
from actors.payroll.rules.stat_rates import Slab, StatRate


@dataclass(frozen=True)
class TaxTerms:
    """The scale of a year. Percents and rupees."""

    slabs: tuple[Slab, ...]
    standard_deduction: Decimal
    rebate_limit: Decimal
    rebate: Decimal
    cess: Decimal
    without_pan: Decimal

    @classmethod
    def of(cls, rate: StatRate) -> TaxTerms:
        return cls(
            slabs=rate.slabs(),
            standard_deduction=rate.number("standard_deduction"),
            rebate_limit=rate.number("rebate_limit"),
            rebate=rate.number("rebate"),
            cess=rate.number("cess"),
            without_pan=rate.number("without_pan"),
        )


@dataclass(frozen=True)
class YearsTax:
    """How a year's tax comes about, in rupees; `total` is with cess, to the rupee."""

    salary: Decimal
    taxable: Decimal
    slab_tax: Decimal
    after_relief: Decimal
    total: Decimal

    @property
    def cess(self) -> Decimal:
        return self.total - to_rupee(self.after_relief)


def years_tax(salary: Decimal, terms: TaxTerms, *, has_pan: bool = True) -> YearsTax:
    """The tax on a year's salary.

    Without PAN: 20 % of the taxable income without cess, or the average rate when that is higher; nothing where the
    scale leaves no tax. The base after the standard deduction is our reading.
    """
    taxable = max(ZERO, salary - terms.standard_deduction)
    slab_tax = slab_tax_of(taxable, terms.slabs)
    relieved = after_relief(taxable, slab_tax, terms)
    total = to_rupee(relieved * (100 + terms.cess) / 100)
    if not has_pan and total:
        flat = to_rupee(taxable * terms.without_pan / 100)
        if flat > total:
            return YearsTax(salary, taxable, slab_tax, flat, flat)
    return YearsTax(salary, taxable, slab_tax, relieved, total)


def slab_tax_of(taxable: Decimal, slabs: tuple[Slab, ...]) -> Decimal:
    """Each slice of the income at its own percent."""
    tax, below = ZERO, ZERO
    for slab in slabs:
        top = taxable if slab.up_to is None else min(taxable, slab.up_to)
        if top > below:
            tax += (top - below) * slab.figure / 100
            below = top
    return tax


def after_relief(taxable: Decimal, slab_tax: Decimal, terms: TaxTerms) -> Decimal:
    """To the limit the rebate; above it no more tax than the income exceeds the limit (bites to 12,70,588)."""
    if taxable <= terms.rebate_limit:
        return max(ZERO, slab_tax - terms.rebate)
    return min(slab_tax, taxable - terms.rebate_limit)


def month_of(total: Decimal, deducted: Decimal, months_left: int) -> Decimal:
    """A month's part: the rest of the year's tax over the months left with this one; whole rupees, never negative."""
    return max(ZERO, to_rupee((total - deducted) / months_left))

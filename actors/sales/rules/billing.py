"""The maintenance bill of one flat: heads, non-occupancy charge, GST, part months and the round-off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from actors.common.rules.calendar import Period, Quarter
from actors.common.rules.money import ZERO, down_to_paisa, to_paisa, to_rupee
from actors.common.rules.rates import RateBook
from actors.sales.rules import rates

PERCENT = Decimal(100)
SAC = "999598"
"""Services of housing societies to their members, for every line of the bill."""


class BillingError(ValueError):
    """A flat that cannot be billed as its data stand; the message names the flat."""


class Head(StrEnum):
    """What a society charges for, in the order of the bill. Interest has a posting of its own."""

    SQFT = "SQFT"
    SERVICE = "SERVICE"
    PARKING = "PARKING"
    SINKING = "SINKING"
    REPAIR = "REPAIR"
    NOC = "NOC"
    PROPERTY_TAX = "PROPERTY_TAX"

    @property
    def inside_gst(self) -> bool:
        """Whether the head counts in the 7,500 test and is taxed with it.

        Municipal property tax is collected for the corporation and stays outside; sinking, repair, parking
        and non-occupancy charges count (CBIC's FAQ on resident welfare associations).
        """
        return self is not Head.PROPERTY_TAX


class GstMode(StrEnum):
    """What is taxed once the monthly limit is passed.

    WHOLE is Circular 109/28/2019 and the default. EXCESS is the reading of the Madras High Court (Greenwood
    Owners Association, 2021), stayed since; to confirm before a society uses it.
    """

    WHOLE = "WHOLE"
    EXCESS = "EXCESS"


class DocumentKind(StrEnum):
    """A tax invoice (rule 46 CGST Rules) when GST is charged, else a bill of supply (rule 49)."""

    TAX_INVOICE = "TAX_INVOICE"
    BILL_OF_SUPPLY = "BILL_OF_SUPPLY"


@dataclass(frozen=True)
class Charge:
    """One priced item of a month: `quantity` (square feet, vehicles, flats) at `rate` rupees."""

    head: Head
    quantity: Decimal
    rate: Decimal


@dataclass(frozen=True)
class UnitCharges:
    """What one flat is charged each month.

    Parameters:
      label: The flat, as people name it; errors name it too.
      charges: Every item but the non-occupancy charge, which is computed.
      let: Whether the flat is let; then the non-occupancy charge is due.
      noc_percent: The general body's rate for it, at most the State's cap.
      arrears: What was due before this bill. Shown apart: never taxed again, never in the test.
    """

    label: str
    charges: tuple[Charge, ...]
    let: bool = False
    noc_percent: Decimal = ZERO
    arrears: Decimal = ZERO


@dataclass(frozen=True)
class GstTerms:
    """How a society is taxed: its yearly turnover, its mode and the dated rates of its State."""

    turnover: Decimal
    rates: RateBook
    mode: GstMode = GstMode.WHOLE


@dataclass(frozen=True)
class BillLine:
    """One head of a bill. `quantity` and `rate` are None where several items or part months make it up."""

    head: Head
    amount: Decimal
    quantity: Decimal | None = None
    rate: Decimal | None = None


@dataclass(frozen=True)
class Bill:
    """A flat's bill, every amount in rupees to the paisa; `total` is whole rupees."""

    lines: tuple[BillLine, ...]
    taxable_value: Decimal
    cgst_rate: Decimal
    sgst_rate: Decimal
    cgst: Decimal
    sgst: Decimal
    round_off: Decimal
    total: Decimal
    arrears: Decimal

    @property
    def heads_total(self) -> Decimal:
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def test_sum(self) -> Decimal:
        """The contribution that is held against the monthly limit."""
        return sum((line.amount for line in self.lines if line.head.inside_gst), ZERO)

    @property
    def amount_due(self) -> Decimal:
        return self.total + self.arrears

    @property
    def kind(self) -> DocumentKind:
        return DocumentKind.TAX_INVOICE if self.taxable_value > 0 else DocumentKind.BILL_OF_SUPPLY


def maintenance_bill(
    unit: UnitCharges, period: Period, terms: GstTerms, *, charged_from: date | None = None
) -> Bill:
    """The bill of one month.

    Each head is rounded to the paisa (half up), GST is reckoned once on the taxable sum, and the total is
    brought to the rupee with a round-off line. The order of rounding is our proposal: to confirm.

    Parameters:
      charged_from: First day charged, for a flat handed over within the month. Each head then bears
        days left / days of the month (to confirm); the monthly limit of the test is not reduced.
    """
    lines = _month_lines(unit, period, terms, charged_from)
    return _bill(unit, lines, [_taxable_part(lines, period, terms)], period, terms)


def quarterly_bill(unit: UnitCharges, quarter: Quarter, terms: GstTerms) -> Bill:
    """Three months on one bill: the limit is tested month by month, then they are summed (to confirm)."""
    months = [(_month_lines(unit, month, terms, None), month) for month in quarter.months]
    heads = dict.fromkeys(line.head for lines, _ in months for line in lines)
    lines = [
        BillLine(head, sum((line.amount for part, _ in months for line in part if line.head is head), ZERO))
        for head in heads
    ]
    taxable = [_taxable_part(part, month, terms) for part, month in months]
    return _bill(unit, lines, taxable, quarter.months[0], terms)


def non_occupancy_charge(lines: Sequence[BillLine], percent: Decimal) -> Decimal:
    """The charge for a let flat: a share of the service charges without municipal taxes.

    s. 79A order of 1 August 2001, Maharashtra Co-operative Societies Act: at most 10 %. A cap, so rounded
    down to the paisa (our proposal, to confirm). Service charges are the per-square-foot and the per-flat
    charge.
    """
    base = sum((line.amount for line in lines if line.head in (Head.SQFT, Head.SERVICE)), ZERO)
    return down_to_paisa(base * percent / PERCENT)


def _month_lines(
    unit: UnitCharges, period: Period, terms: GstTerms, charged_from: date | None
) -> list[BillLine]:
    if not unit.charges:
        raise BillingError(f"flat {unit.label} has no tariff for {period}")
    days = _charged_days(unit, period, charged_from)
    lines = []
    for head in Head:
        items = [charge for charge in unit.charges if charge.head is head]
        amount = sum((item.quantity * item.rate for item in items), Decimal(0)) * days / period.days
        if amount < 0:
            raise BillingError(f"flat {unit.label}: {head} of {period} is negative ({amount})")
        if not amount:
            continue
        single = items[0] if len(items) == 1 and days == period.days else None
        quantity, rate = (single.quantity, single.rate) if single else (None, None)
        lines.append(BillLine(head, to_paisa(amount), quantity, rate))
    if not lines:
        raise BillingError(f"flat {unit.label}: every charge of {period} is nil, so there is nothing to bill")
    if all(line.head is Head.PROPERTY_TAX for line in lines):
        raise BillingError(
            f"flat {unit.label} has no tariff for {period}: only its property tax could be billed"
        )
    if unit.let:
        lines = _with_non_occupancy(unit, lines, period, terms)
    return lines


def _charged_days(unit: UnitCharges, period: Period, charged_from: date | None) -> int:
    if charged_from is None or charged_from <= period.first_day:
        return period.days
    if charged_from > period.last_day:
        raise BillingError(f"flat {unit.label} is charged from {charged_from}, after {period}")
    return (period.last_day - charged_from).days + 1


def _with_non_occupancy(
    unit: UnitCharges, lines: list[BillLine], period: Period, terms: GstTerms
) -> list[BillLine]:
    cap = terms.rates.on(period.first_day, rates.NOC_CAP)
    if unit.noc_percent > cap:
        raise BillingError(
            f"flat {unit.label}: a non-occupancy charge of {unit.noc_percent} % exceeds the cap of {cap} %"
        )
    amount = non_occupancy_charge(lines, unit.noc_percent)
    if not amount:
        return lines
    order = list(Head)
    return sorted([*lines, BillLine(Head.NOC, amount)], key=lambda line: order.index(line.head))


def _taxable_part(lines: Sequence[BillLine], period: Period, terms: GstTerms) -> Decimal:
    """What of a month's lines bears GST.

    Notification 12/2017 Sl. 77(c) with Circular 109/28/2019: nothing, unless the contribution exceeds 7,500
    for the month and the turnover exceeds 20,00,000 for the year. The limit holds per flat, not per owner.
    Which year's turnover counts is to confirm.
    """
    day = period.first_day
    test_sum = sum((line.amount for line in lines if line.head.inside_gst), ZERO)
    limit = terms.rates.on(day, rates.MEMBER_LIMIT)
    if test_sum <= limit or terms.turnover <= terms.rates.on(day, rates.TURNOVER_LIMIT):
        return ZERO
    return test_sum if terms.mode is GstMode.WHOLE else test_sum - limit


def _bill(
    unit: UnitCharges, lines: Sequence[BillLine], taxable: Sequence[Decimal], period: Period, terms: GstTerms
) -> Bill:
    taxable_value = sum(taxable, ZERO)
    cgst_rate = sgst_rate = cgst = sgst = ZERO
    if taxable_value:
        cgst_rate = terms.rates.on(period.first_day, rates.CGST)
        sgst_rate = terms.rates.on(period.first_day, rates.SGST)
        cgst = to_paisa(taxable_value * cgst_rate / PERCENT)
        sgst = to_paisa(taxable_value * sgst_rate / PERCENT)
    exact = sum((line.amount for line in lines), ZERO) + cgst + sgst
    total = to_rupee(exact)
    return Bill(
        lines=tuple(lines),
        taxable_value=taxable_value,
        cgst_rate=cgst_rate,
        sgst_rate=sgst_rate,
        cgst=cgst,
        sgst=sgst,
        round_off=total - exact,
        total=total,
        arrears=unit.arrears,
    )

"""The maintenance bill, to the paisa: every worked example of the accountant's sheet."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.common.rules.calendar import FinancialYear, Quarter
from actors.common.rules.rates import MissingRate, Rate, RateBook
from actors.sales.rules import rates
from actors.sales.rules.billing import (
    BillingError,
    BillLine,
    Charge,
    DocumentKind,
    GstMode,
    Head,
    UnitCharges,
    maintenance_bill,
    non_occupancy_charge,
    quarterly_bill,
)
from actors.sales.rules.posting import invoice_entry
from tests.services.sales.examples import APRIL, CASE_A, CASE_B, CASE_C, RATES, TERMS, flat


def flat_of(contribution):
    return UnitCharges("B-101", (Charge(Head.SERVICE, D("1"), D(contribution)),))


def amounts(bill):
    return {line.head: line.amount for line in bill.lines}


@pytest.mark.parametrize(
    ("unit", "test_sum", "tax", "round_off", "total"),
    [
        pytest.param(CASE_A, "7626.25", "686.36", "0.03", "9811.00", id="A"),
        pytest.param(CASE_B, "7476.25", "0.00", "-0.25", "8288.00", id="B"),
        pytest.param(CASE_C, "8123.87", "731.15", "-0.17", "10398.00", id="C, A let"),
    ],
)
def test_the_three_cases_of_april_2026(unit, test_sum, tax, round_off, total):
    bill = maintenance_bill(unit, APRIL, TERMS)

    assert bill.test_sum == D(test_sum)
    assert (bill.cgst, bill.sgst) == (D(tax), D(tax))
    assert bill.round_off == D(round_off)
    assert bill.total == D(total)
    assert amounts(bill)[Head.SQFT] == D("3526.25")
    assert amounts(bill)[Head.PROPERTY_TAX] == D("812.00")


def test_the_non_occupancy_charge_is_a_cap_and_so_rounds_down():
    bill = maintenance_bill(CASE_C, APRIL, TERMS)

    assert amounts(bill)[Head.NOC] == D("497.62")  # 10 % of 4976.25 is 497.625
    assert [line.head for line in bill.lines] == list(Head)


def test_a_flat_that_is_not_let_pays_no_non_occupancy_charge():
    assert Head.NOC not in amounts(maintenance_bill(CASE_A, APRIL, TERMS))


def test_a_non_occupancy_rate_above_the_cap_is_refused():
    with pytest.raises(BillingError, match=r"flat A-1203: .* 12 % exceeds the cap of 10 %"):
        maintenance_bill(replace(CASE_C, noc_percent=D("12")), APRIL, TERMS)


@pytest.mark.parametrize(
    ("contribution", "tax", "exact"),
    [("7500.00", "0.00", "7500.00"), ("7500.01", "675.00", "8850.01")],
)
def test_gst_begins_one_paisa_above_the_limit_and_then_on_the_whole(contribution, tax, exact):
    bill = maintenance_bill(flat_of(contribution), APRIL, TERMS)

    assert (bill.cgst, bill.sgst) == (D(tax), D(tax))
    assert bill.total - bill.round_off == D(exact)


def test_a_society_at_the_turnover_limit_charges_no_gst():
    bill = maintenance_bill(CASE_A, APRIL, replace(TERMS, turnover=D("2000000.00")))

    assert (bill.cgst, bill.sgst, bill.taxable_value) == (0, 0, 0)
    assert bill.kind is DocumentKind.BILL_OF_SUPPLY


def test_a_society_one_paisa_above_the_turnover_limit_charges_gst():
    bill = maintenance_bill(CASE_A, APRIL, replace(TERMS, turnover=D("2000000.01")))

    assert bill.cgst == D("686.36")
    assert bill.kind is DocumentKind.TAX_INVOICE


def test_mode_excess_taxes_only_what_passes_the_limit():
    bill = maintenance_bill(CASE_A, APRIL, replace(TERMS, mode=GstMode.EXCESS))

    assert bill.taxable_value == D("126.25")
    assert (bill.cgst, bill.sgst) == (D("11.36"), D("11.36"))


def test_the_limit_holds_per_flat_not_per_owner():
    first = maintenance_bill(flat_of("7400.00"), APRIL, TERMS)
    for contribution, tax in (("7400.00", "0.00"), ("8000.00", "720.00")):
        second = maintenance_bill(flat_of(contribution), APRIL, TERMS)
        assert (first.cgst, first.sgst) == (0, 0)
        assert (second.cgst, second.sgst) == (D(tax), D(tax))


def test_a_part_month_is_shared_by_days_and_rounded_per_head():
    bill = maintenance_bill(CASE_B, APRIL, TERMS, charged_from=date(2026, 4, 11))

    inside = [line.amount for line in bill.lines if line.head.inside_gst]
    assert inside == [D("2350.83"), D("966.67"), D("333.33"), D("333.33"), D("1000.00")]
    assert bill.test_sum == D("4984.16")  # not 4984.17


def test_a_flat_charged_from_a_later_month_is_refused_by_name():
    with pytest.raises(BillingError, match="flat A-1203 is charged from 2026-05-01, after 2026-04"):
        maintenance_bill(CASE_B, APRIL, TERMS, charged_from=date(2026, 5, 1))


def test_arrears_stand_apart_from_the_tax_the_test_and_the_total():
    bill = maintenance_bill(flat(parking="500.00", arrears="9811.00"), APRIL, TERMS)

    assert bill.total == D("8288.00")
    assert (bill.cgst, bill.test_sum) == (0, D("7476.25"))
    assert (bill.arrears, bill.amount_due) == (D("9811.00"), D("18099.00"))


def test_a_quarter_is_tested_month_by_month():
    quarter = Quarter(FinancialYear(2026), 1)

    below = quarterly_bill(CASE_B, quarter, TERMS)
    above = quarterly_bill(CASE_A, quarter, TERMS)

    assert (below.test_sum, below.cgst) == (D("22428.75"), 0)
    assert above.taxable_value == D("22878.75")
    assert above.cgst == D("2059.09")  # 9 % of the sum, once
    assert above.total == above.total.to_integral_value()


def test_a_flat_without_tariff_is_refused_by_name():
    with pytest.raises(BillingError, match="flat C-704 has no tariff for 2026-04"):
        maintenance_bill(UnitCharges("C-704", ()), APRIL, TERMS)


@pytest.mark.parametrize(
    "code", [rates.CGST, rates.SGST, rates.MEMBER_LIMIT, rates.TURNOVER_LIMIT, rates.NOC_CAP]
)
def test_a_missing_rate_is_an_error_that_names_it(code):
    book = RateBook([row for row in RATES if row.code != code], "MH")

    with pytest.raises(MissingRate, match=f"no rate {code} is recorded for MH/IN on 01 Apr 2026"):
        maintenance_bill(CASE_C, APRIL, replace(TERMS, rates=book))


def test_the_rate_in_force_on_the_day_is_used():
    later = Rate(rates.CGST, "IN", date(2026, 10, 1), None, D("6"), "a later notification")
    book = RateBook([*RATES, later], "MH")

    assert book.on(date(2026, 9, 30), rates.CGST) == 9
    assert book.on(date(2026, 10, 1), rates.CGST) == 6


def test_a_rate_that_has_ended_is_missing():
    book = RateBook([replace(RATES[0], effective_to=date(2026, 3, 31))])

    with pytest.raises(MissingRate):
        book.on(date(2026, 4, 1), rates.CGST)


# Properties

money = st.decimals(min_value="0", max_value="200000", places=2)
areas = st.decimals(min_value="150", max_value="9000", places=2)


@st.composite
def units(draw):
    charges = [Charge(Head.SQFT, draw(areas), draw(st.decimals("0.5", "25", places=2)))]
    charges += [
        Charge(head, D(1), draw(money))
        for head in Head
        if head not in (Head.SQFT, Head.NOC) and draw(st.booleans())
    ]
    return UnitCharges(
        "X-1", tuple(charges), let=draw(st.booleans()), noc_percent=draw(st.decimals("0", "10", places=2))
    )


modes = st.sampled_from(GstMode)


@given(units(), modes)
def test_every_bill_adds_up_to_whole_rupees_and_posts_in_balance(unit, mode):
    bill = maintenance_bill(unit, APRIL, replace(TERMS, mode=mode))

    assert bill.total == bill.heads_total + bill.cgst + bill.sgst + bill.round_off
    assert bill.total == bill.total.to_integral_value()
    assert abs(bill.round_off) <= D("0.50")
    entry = invoice_entry(bill)
    assert entry.debit == entry.credit


@given(units(), st.integers(1, 30))
def test_a_part_month_never_costs_more_than_the_month_nor_less_than_nothing(unit, day):
    whole = maintenance_bill(unit, APRIL, TERMS)
    part = maintenance_bill(unit, APRIL, TERMS, charged_from=date(2026, 4, day))

    assert 0 <= part.heads_total <= whole.heads_total
    if day == 1:
        assert part == whole


@given(st.decimals("0", "90000", places=2), st.decimals("0", "10", places=2))
def test_the_non_occupancy_charge_never_exceeds_its_share(base, percent):
    charge = non_occupancy_charge([BillLine(Head.SERVICE, base)], percent)

    assert 0 <= base * percent / 100 - charge < D("0.01")

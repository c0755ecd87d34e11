"""Professional tax and tax deducted at source: the accountant's tables, row for row."""

from datetime import date
from decimal import Decimal as D

import pytest

from actors.payroll.rules import tds
from actors.payroll.rules.professional_tax import Sex, professional_tax, rate_for
from tests.services.payroll.examples import JUNE, LAW, RATES

BORN = date(1990, 7, 5)


def tax(scope, gross, *, sex=Sex.MALE, day=JUNE, born=BORN, **more):
    return professional_tax(D(gross), rate_for(RATES, scope, sex, day), day, born, **more)


@pytest.mark.parametrize(
    ("scope", "sex", "gross", "due"),
    [
        ("MH", Sex.MALE, 7500, 0),
        ("MH", Sex.MALE, 9800, 175),
        ("MH", Sex.MALE, 10000, 175),
        ("MH", Sex.MALE, 18000, 200),
        ("MH", Sex.OTHER, 18000, 200),
        ("MH", Sex.FEMALE, 25000, 0),
        ("MH", Sex.FEMALE, 25001, 200),
        ("KA", Sex.MALE, 24999, 0),
        ("KA", Sex.FEMALE, 25000, 200),
        ("GJ", Sex.MALE, 12000, 0),
        ("GJ", Sex.MALE, 12001, 200),
        ("WB", Sex.MALE, 10000, 0),
        ("WB", Sex.MALE, 15000, 110),
        ("WB", Sex.MALE, 25000, 130),
        ("WB", Sex.MALE, 40000, 150),
        ("WB", Sex.MALE, 40001, 200),
        ("AP", Sex.MALE, 15000, 0),
        ("AP", Sex.MALE, 20000, 150),
        ("TS", Sex.MALE, 20001, 200),
        ("DL", Sex.MALE, 99000, 0),
        ("UP", Sex.MALE, 99000, 0),
        ("RJ", Sex.MALE, 99000, 0),
    ],
)
def test_by_state(scope, sex, gross, due):
    assert tax(scope, gross, sex=sex) == due


def test_february_is_dearer_where_the_state_says_so():
    february = date(2027, 2, 28)
    assert tax("MH", 18000, day=february) == 300
    assert tax("MH", 9800, day=february) == 175
    assert tax("KA", 30000, day=february) == 300
    assert tax("WB", 50000, day=february) == 200
    assert tax("KA", 30000, day=date(2025, 2, 28)) == 200  # before Act 33 of 2025


@pytest.mark.parametrize(
    ("scope", "gross"), [("MH", 18000), ("KA", 99000), ("GJ", 99000), ("WB", 99000), ("TS", 99000)]
)
def test_no_year_takes_more_than_2_500(scope, gross):
    days = [date(2026 + (month < 4), month, 28) for month in range(1, 13)]
    year = sum(tax(scope, gross, day=day) for day in days)
    assert year <= 2500
    if scope in ("MH", "KA"):
        assert year == 2500


def test_the_old_are_exempt():
    assert tax("KA", 30000, born=date(1966, 6, 30)) == 0
    assert tax("KA", 30000, born=date(1966, 7, 1)) == 200
    assert tax("MH", 30000, born=date(1961, 6, 30)) == 0
    assert tax("MH", 30000, born=date(1962, 1, 1)) == 200


@pytest.mark.parametrize(
    ("income", "due"),
    [(21000, 0), (21001, 180), (30000, 180), (45000, 425), (60000, 930), (75000, 1025), (75001, 1250)],
)
def test_chennai_takes_it_by_the_half_year(income, due):
    before = {"earned_before": D(income) - 3000}
    assert tax("TN/CHENNAI", 3000, day=date(2026, 8, 31), **before) == 0
    assert tax("TN/CHENNAI", 3000, day=date(2026, 9, 30), **before) == due
    assert tax("TN/CHENNAI", 3000, day=date(2027, 3, 31), **before) == due
    assert tax("TN/CHENNAI", 3000, day=date(2026, 6, 30), leaving=True, **before) == due


@pytest.mark.parametrize(
    ("salary", "taxable", "slab_tax", "relieved", "total"),
    [
        (900000, 825000, 22500, 0, 0),
        (1275000, 1200000, 60000, 0, 0),
        (1300000, 1225000, 63750, 25000, 26000),
        (1800000, 1725000, 145000, 145000, 150800),
    ],
)
def test_a_years_tax(salary, taxable, slab_tax, relieved, total):
    year = tds.years_tax(D(salary), LAW.tax)

    assert (year.taxable, year.slab_tax, year.after_relief, year.total) == (
        taxable,
        slab_tax,
        relieved,
        total,
    )


def test_the_relief_bites_to_12_70_588():
    def relieved(taxable):
        return tds.after_relief(D(taxable), tds.slab_tax_of(D(taxable), LAW.tax.slabs), LAW.tax)

    assert relieved(1270588) == 70588 < tds.slab_tax_of(D(1270588), LAW.tax.slabs)
    assert relieved(1270589) == tds.slab_tax_of(D(1270589), LAW.tax.slabs)


def spread(salaries):
    """Month by month, expecting each month that the present salary goes on."""
    paid, deducted, months = D(0), D(0), []
    for place, salary in enumerate(salaries):
        left = 12 - place
        year = tds.years_tax(paid + D(salary) * left, LAW.tax)
        months.append(tds.month_of(year.total, deducted, left))
        paid, deducted = paid + salary, deducted + months[-1]
    return [int(month) for month in months]


def test_13_lakh_over_twelve_months():
    year = tds.years_tax(D(1300000), LAW.tax).total
    deducted, months = D(0), []
    for left in range(12, 0, -1):
        months.append(int(tds.month_of(year, deducted, left)))
        deducted += months[-1]
    assert months == [2167] * 5 + [2166, 2167, 2166, 2167, 2166, 2167, 2166]


def test_18_lakh_over_twelve_months():
    assert spread([150000] * 12) == [12567] * 5 + [12566, 12567, 12566, 12567, 12566, 12567, 12566]


def test_a_raise_in_october():
    assert spread([100000] * 6 + [150000] * 6) == [0] * 6 + [16250] * 6


def test_without_a_pan_a_fifth_without_cess():
    year = tds.years_tax(D(1800000), LAW.tax, has_pan=False)

    assert (year.total, year.cess) == (345000, 0)
    assert tds.month_of(year.total, D(0), 12) == 28750


def test_without_a_pan_nothing_where_the_rebate_leaves_no_tax():
    assert tds.years_tax(D(900000), LAW.tax, has_pan=False).total == 0


def test_without_a_pan_the_average_rate_when_it_is_higher():
    with_pan = tds.years_tax(D(5000000), LAW.tax)
    assert with_pan.total > with_pan.taxable / 5
    assert tds.years_tax(D(5000000), LAW.tax, has_pan=False).total == with_pan.total


def test_too_much_deducted_gives_no_negative_month():
    assert tds.month_of(D(1000), D(5000), 3) == 0

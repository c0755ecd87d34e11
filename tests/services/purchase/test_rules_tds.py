"""Tax deducted at source: every example of the accountant's sheet."""

from datetime import date
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.common.rules.calendar import Period
from actors.common.rules.rates import MissingRate
from actors.purchase.rules.tds import (
    Nature,
    TdsYear,
    UnknownPan,
    deduct,
    deposit_due,
    percent_of,
    section,
)
from tests.services.purchase.examples import book

DAY = date(2026, 6, 30)
INDIVIDUAL, HUF, COMPANY, FIRM = "ABCPK1234L", "ABCHK1234L", "ABCCK1234L", "ABCFK1234L"
CONTRACTOR, PROFESSIONAL, TECHNICAL = Nature.CONTRACTOR, Nature.PROFESSIONAL, Nature.TECHNICAL


def taxes(nature, pan, *bills, gst="0"):
    """The tax of each bill of a year."""
    year, found = TdsYear(), []
    for bill in bills:
        one = deduct(
            nature=nature, pan=pan, bill=D(bill), credit=D(bill), gst=D(gst), year=year, day=DAY, book=book()
        )
        year = one.year
        found.append(one.tax)
    return found


@pytest.mark.parametrize(
    ("nature", "pan", "bills", "expected"),
    [
        (CONTRACTOR, INDIVIDUAL, [28000, 29500, 29000], ["0", "0", "0"]),
        (CONTRACTOR, INDIVIDUAL, [28000, 29500, 29000, 20000], ["0", "0", "0", "1065.00"]),
        (CONTRACTOR, INDIVIDUAL, [30000], ["0"]),
        (CONTRACTOR, INDIVIDUAL, [30001], ["300.00"]),
        (PROFESSIONAL, INDIVIDUAL, [50000], ["0"]),
        (PROFESSIONAL, INDIVIDUAL, [60000], ["6000.00"]),
        (CONTRACTOR, None, [48500], ["9700.00"]),
        (CONTRACTOR, COMPANY, [48500], ["970.00"]),
    ],
)
def test_the_examples_of_the_sheet(nature, pan, bills, expected):
    assert taxes(nature, pan, *bills) == [D(tax) for tax in expected]


@pytest.mark.parametrize(
    ("pan", "percent"), [(INDIVIDUAL, 1), (HUF, 1), (COMPANY, 2), (FIRM, 2), ("ABCTK1234L", 2), (None, 20)]
)
def test_the_fourth_character_of_the_pan_says_at_which_rate_a_contractor_is_taxed(pan, percent):
    assert percent_of(CONTRACTOR, pan, DAY, book()) == percent


def test_professional_and_technical_services_have_rates_of_their_own():
    assert percent_of(PROFESSIONAL, COMPANY, DAY, book()) == 10
    assert percent_of(TECHNICAL, COMPANY, DAY, book()) == 2
    assert percent_of(PROFESSIONAL, None, DAY, book()) == 20


def test_a_professional_who_passes_the_limit_is_caught_up_on():
    assert taxes(PROFESSIONAL, INDIVIDUAL, 50000, 60000, 1000) == [D(0), D(11000), D(100)]


def test_what_was_taxed_as_a_large_bill_is_not_taxed_again_when_the_year_is_caught_up_on():
    assert taxes(CONTRACTOR, INDIVIDUAL, 40000, 30000, 30001) == [D(400), D(0), D(600)]


def test_tax_that_a_small_bill_cannot_bear_waits_for_the_next_one():
    assert taxes(CONTRACTOR, INDIVIDUAL, 28000, 29500, 29000, 13500, 200, 50000) == [0, 0, 0, 0, 200, 1302]


def test_goods_bear_no_tax():
    assert taxes(Nature.NONE, None, 500000) == [D(0)]


@pytest.mark.parametrize("pan", ["ABCXK1234L", "abcpk1234l", "ABCPK1234", "PAN APPLIED FOR"])
def test_a_pan_of_unknown_form_is_refused(pan):
    with pytest.raises(UnknownPan, match=pan):
        taxes(CONTRACTOR, pan, 100)


def test_a_missing_rate_is_named():
    with pytest.raises(MissingRate, match="TDS_CONTRACTOR_YEAR_LIMIT"):
        deduct(
            nature=CONTRACTOR,
            pan=FIRM,
            bill=D(1),
            credit=D(1),
            gst=D(0),
            year=TdsYear(),
            day=DAY,
            book=book("TDS_CONTRACTOR_YEAR_LIMIT"),
        )


@pytest.mark.parametrize(
    ("month", "due"),
    [("2026-04", date(2026, 5, 7)), ("2026-12", date(2027, 1, 7)), ("2027-03", date(2027, 4, 30))],
)
def test_a_months_tax_is_deposited_by_the_seventh_that_of_march_by_the_end_of_april(month, due):
    assert deposit_due(Period.parse(month)) == due


def test_the_section_has_another_name_since_april_2026():
    assert section(CONTRACTOR, date(2026, 3, 31)) == "194C"
    assert section(PROFESSIONAL, date(2026, 3, 31)) == "194J"
    assert section(CONTRACTOR, date(2026, 4, 1)) == "393(1)"


@given(st.lists(st.integers(1, 60000), max_size=12))
def test_a_year_beyond_the_limit_is_taxed_as_a_whole_whatever_its_bills(bills):
    year = TdsYear()
    for bill in bills:
        year = deduct(
            nature=PROFESSIONAL,
            pan=FIRM,
            bill=D(bill),
            credit=D(bill),
            gst=D(0),
            year=year,
            day=DAY,
            book=book(),
        ).year
    assert year.credited == sum(bills)
    assert year.taxed == (year.credited if year.credited > 50000 else 0)
    assert abs(year.deducted + year.short - year.taxed / 10) <= D("0.5") * len(bills)

"""Numbers, words, years and moments, as they are written and counted in India."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D

import pytest
from babel.numbers import parse_decimal
from hypothesis import given
from hypothesis import strategies as st

from actors.common.rules.calendar import FinancialYear, Period, PeriodError, Quarter
from actors.common.rules.money import grouped, in_words, rupees, to_rupee
from actors.common.rules.quiet_hours import outside_quiet_hours
from actors.sales.rules.numbering import NumberingError, invoice_number, is_lawful


@pytest.mark.parametrize(
    ("amount", "figures", "words"),
    [
        (
            "1234567.89",
            "12,34,567.89",
            "Rupees Twelve Lakh Thirty Four Thousand Five Hundred Sixty Seven and Paise Eighty Nine Only",
        ),
        ("100000.00", "1,00,000.00", "Rupees One Lakh Only"),
        ("0.05", "0.05", "Rupees Zero and Paise Five Only"),
        ("100000000.10", "10,00,00,000.10", "Rupees Ten Crore and Paise Ten Only"),
        (
            "-1234567.50",
            "-12,34,567.50",
            "Minus Rupees Twelve Lakh Thirty Four Thousand Five Hundred Sixty Seven and Paise Fifty Only",
        ),
        ("0", "0.00", "Rupees Zero Only"),
        ("9811", "9,811.00", "Rupees Nine Thousand Eight Hundred Eleven Only"),
        ("10000000", "1,00,00,000.00", "Rupees One Crore Only"),
    ],
)
def test_an_amount_in_figures_and_in_words(amount, figures, words):
    assert grouped(D(amount)) == figures
    assert in_words(D(amount)) == words


def test_more_than_a_hundred_crore_is_still_counted_in_crores():
    assert in_words(D("1230000000")) == "Rupees One Hundred Twenty Three Crore Only"
    assert in_words(D("1000000000000")) == "Rupees One Lakh Crore Only"
    assert grouped(D("1230000000")) == "1,23,00,00,000.00"


def test_the_rupee_sign_stands_between_minus_and_figure():
    assert rupees(D("-0.25")) == "-₹ 0.25"
    assert rupees(D("9811")) == "₹ 9,811.00"


@given(st.decimals(min_value="-99999999999", max_value="99999999999", places=2))
def test_grouping_loses_nothing_and_groups_by_two_after_the_thousands(amount):
    text = grouped(amount)

    assert parse_decimal(text, locale="en_IN") == amount
    assert re.fullmatch(r"-?(\d{1,2}(,\d{2})*,\d{3}|\d{1,3})\.\d{2}", text)


@given(st.decimals(min_value="0", max_value="999999999999", places=2))
def test_words_are_plain_capitalised_words(amount):
    assert re.fullmatch(r"Rupees( [A-Z][a-z]+)+( and Paise( [A-Z][a-z]+)+)? Only", in_words(amount))


@given(st.decimals(min_value="-99999", max_value="99999", places=2))
def test_rounding_to_the_rupee_moves_by_half_a_rupee_at_most(amount):
    assert abs(to_rupee(amount) - amount) <= D("0.50")


def test_half_a_rupee_rounds_up():
    assert (to_rupee(D("0.50")), to_rupee(D("1.50")), to_rupee(D("2.49"))) == (D(1), D(2), D(2))


@pytest.mark.parametrize(
    ("day", "label", "short"),
    [
        (date(2026, 3, 31), "2025-26", "2526"),
        (date(2026, 4, 1), "2026-27", "2627"),
        (date(2099, 4, 1), "2099-00", "9900"),
    ],
)
def test_the_financial_year_of_a_day(day, label, short):
    year = FinancialYear.of(day)

    assert (year.label, year.short) == (label, short)
    assert year.first_day <= day <= year.last_day


@pytest.mark.parametrize(
    ("instant", "short"),
    [
        (datetime(2026, 3, 31, 18, 29, 59, tzinfo=UTC), "2526"),
        (datetime(2026, 3, 31, 18, 30, tzinfo=UTC), "2627"),
    ],
)
def test_the_financial_year_begins_at_midnight_in_india(instant, short):
    assert FinancialYear.at(instant).short == short


def test_a_moment_without_time_zone_has_no_financial_year():
    with pytest.raises(ValueError, match="no time zone"):
        FinancialYear.at(datetime(2026, 4, 1))


@pytest.mark.parametrize(
    ("month", "quarter"), [(4, 1), (6, 1), (7, 2), (9, 2), (10, 3), (12, 3), (1, 4), (3, 4)]
)
def test_quarters_run_from_april_to_march(month, quarter):
    assert Quarter.of(date(2026, month, 15)).number == quarter


def test_the_months_of_the_last_quarter_lie_in_the_next_calendar_year():
    quarter = Quarter.of(date(2027, 2, 1))

    assert [str(month) for month in quarter.months] == ["2027-01", "2027-02", "2027-03"]
    assert quarter.label == "Q4 2026-27"


def test_a_period_is_a_month():
    april = Period.parse("2026-04")

    assert str(april) == "2026-04"
    assert (april.first_day, april.last_day, april.days) == (date(2026, 4, 1), date(2026, 4, 30), 30)
    assert str(Period.parse("2026-12").next) == "2027-01"
    assert april.label == "April 2026"


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-4", "2026-13", "2026-00", "04-2026", "2026-04-01", " 2026-04"]
)
def test_anything_else_is_not_a_period(text):
    with pytest.raises(PeriodError, match="YYYY-MM"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("series", "sequence", "number"),
    [("GV", 123, "GV/2627/000123"), ("BS", 45, "BS/2627/000045"), ("CN", 7, "CN/2627/000007")],
)
def test_invoice_numbers(series, sequence, number):
    assert invoice_number(series, FinancialYear(2026), sequence) == number
    assert len(number) == 14
    assert is_lawful(number)


@pytest.mark.parametrize(
    "number", ["", "GV/2627/000123456", "GV 2627 1", "GV_2627", "GV/2627/१", "GV/2627/1\n"]
)
def test_what_rule_46b_does_not_allow(number):
    assert not is_lawful(number)


@pytest.mark.parametrize(
    ("series", "sequence"), [("GREEN", 1), ("G V", 1), ("", 1), ("GV", 0), ("GV", 100_000_000)]
)
def test_a_number_outside_the_rule_is_never_given_out(series, sequence):
    with pytest.raises(NumberingError):
        invoice_number(series, FinancialYear(2026), sequence)


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        ("2026-04-10T22:30:00+05:30", "2026-04-11T08:00:00+05:30"),
        ("2026-04-10T20:59:00+05:30", "2026-04-10T20:59:00+05:30"),
        ("2026-04-10T21:00:00+05:30", "2026-04-11T08:00:00+05:30"),
        ("2026-04-11T07:59:59+05:30", "2026-04-11T08:00:00+05:30"),
        ("2026-04-11T08:00:00+05:30", "2026-04-11T08:00:00+05:30"),
        ("2026-04-10T17:00:00+00:00", "2026-04-11T08:00:00+05:30"),
    ],
)
def test_nothing_is_sent_in_the_quiet_hours(moment, sent):
    assert outside_quiet_hours(datetime.fromisoformat(moment)).isoformat() == sent


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_quiet_hours_delay_by_less_than_half_a_day_and_end_once(moment):
    sent = outside_quiet_hours(moment)

    assert timedelta(0) <= sent - moment <= timedelta(hours=11)
    assert outside_quiet_hours(sent) == sent

"""Attendance, wages, fund, insurance: the accountant's tables, row for row."""

from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from actors.common.rules.rates import MissingRate
from actors.payroll.rules import epf, esi, wages
from actors.payroll.rules.attendance import AttendanceError, Basis, MonthOfWork, earned, overtime
from actors.payroll.rules.epf import EpfMember, EpfOption
from actors.payroll.rules.esi import EsiBase
from actors.payroll.rules.law import Law
from actors.payroll.rules.stat_rates import StatRate, StatRates
from tests.services.payroll.examples import JUNE, LAW, RATES

CALENDAR, FIXED26 = Basis.CALENDAR, Basis.FIXED26
BORN = date(1990, 7, 5)


@pytest.mark.parametrize(
    ("work", "basis", "pay"),
    [
        pytest.param(MonthOfWork(30, 30, D(28)), CALENDAR, "16800.00", id="30 days, 2 LOP"),
        pytest.param(MonthOfWork(31, 31, D("28.5")), CALENDAR, "16548.39", id="31 days, 2.5 LOP"),
        pytest.param(MonthOfWork(30, 30, D(28), 4), FIXED26, "16615.38", id="FIXED26, 2 LOP"),
        pytest.param(MonthOfWork(30, 19, D(19), 3), CALENDAR, "11400.00", id="joins 12 Sep 2026, 19/30"),
        pytest.param(MonthOfWork(30, 19, D(19), 3), FIXED26, "11076.92", id="same, FIXED26, 16/26"),
        pytest.param(MonthOfWork(31, 10, D(10), 1), CALENDAR, "5806.45", id="leaves 10 Oct 2026, 10/31"),
    ],
)
def test_18_000_a_month(work, basis, pay):
    assert earned(D(18000), work, basis) == D(pay)


def test_ten_hours_of_overtime_at_twice_the_rate():
    assert overtime(D(13000), D(10)) == D("1250.00")


def test_pay_stays_within_nought_and_the_rate():
    assert earned(D(18000), MonthOfWork(31, 31, D(0), 0), FIXED26) == 0  # 31 days lost of 26
    assert earned(D(18000), MonthOfWork(31, 30, D(30), 0), FIXED26) == D(18000)  # 30 worked of 26


def test_more_days_than_the_month_has_are_refused():
    with pytest.raises(AttendanceError, match="31 payable of 30 days employed"):
        MonthOfWork(30, 30, D(31))


@pytest.mark.parametrize(
    ("included", "excluded", "found"), [(8000, 10000, 9000), (30000, 70000, 50000), (12064, 5260, 12064)]
)
def test_what_is_excluded_counts_as_wages_above_half(included, excluded, found):
    assert wages.code_wages(D(included), D(excluded), LAW.excluded_cap) == found


def test_the_minimum_wage_is_a_days_rate_times_26():
    assert wages.short_of_minimum(D(12500), D(500)) == D(500)
    assert wages.short_of_minimum(D(13000), D(500)) == 0


EPF_ROWS = [
    ("12,000", 12000, EpfOption.CEILING, BORN, (1440, 1000, 440, 60)),
    ("15,000", 15000, EpfOption.CEILING, BORN, (1800, 1250, 550, 75)),
    ("22,500 ceiling", 22500, EpfOption.CEILING, BORN, (1800, 1250, 550, 75)),
    ("22,500 whole", 22500, EpfOption.WHOLE, BORN, (2700, 1250, 1450, 75)),
    ("12,000, 58+", 12000, EpfOption.CEILING, date(1968, 6, 30), (1440, 0, 1440, 60)),
]


@pytest.mark.parametrize(("wage", "option", "born", "shares"), [row[1:] for row in EPF_ROWS])
def test_the_fund(wage, option, born, shares):
    found = epf.contribution(D(wage), EpfMember(option, born), JUNE, LAW.epf)

    assert (found.employee, found.pension, found.employer, found.insurance) == shares


def test_a_challan_of_three_members():
    of_month = [
        epf.contribution(D(wage), EpfMember(EpfOption.CEILING, BORN), JUNE, LAW.epf)
        for wage in (12000, 15000, 22500)
    ]

    challan = epf.challan(of_month, LAW.epf)

    assert (challan.account_1, challan.account_10, challan.account_21) == (6580, 3500, 210)
    assert challan.account_2 == 500  # 210 is less than the minimum
    assert challan.total == 10790
    assert epf.challan([], LAW.epf).total == 75


def test_who_joined_since_2014_above_the_ceiling_has_no_pension():
    def pension(since, wage):
        member = EpfMember(EpfOption.CEILING, BORN, since, D(wage))
        return epf.contribution(D(20000), member, JUNE, LAW.epf).pension

    assert pension(date(2014, 8, 31), 22000) == 1250
    assert pension(date(2014, 9, 1), 22000) == 0
    assert pension(date(2020, 1, 1), 15000) == 1250


def test_the_pension_ends_with_the_58th_birthday():
    member = EpfMember(EpfOption.CEILING, date(1968, 7, 1))
    assert epf.in_pension_scheme(member, JUNE, LAW.epf)
    assert not epf.in_pension_scheme(member, JUNE + timedelta(days=1), LAW.epf)


@pytest.mark.parametrize(
    ("wage", "employee", "employer"),
    [(12345, 93, 402), (20000, 150, 650), (21000, 158, 683), (4576, 0, 149), (4602, 35, 150)],
)
def test_the_insurance(wage, employee, employer):
    found = esi.contribution(D(wage), D(wage), LAW.esi)

    assert (found.employee, found.employer) == (employee, employer)


def test_who_crosses_the_limit_pays_to_the_end_of_the_period():
    april, july = D(20500), D(22000)
    assert esi.is_covered(april, july, LAW.esi)
    found = esi.contribution(july, july, LAW.esi)
    assert (found.employee, found.employer) == (165, 715)  # July to September

    assert esi.period_start(date(2026, 9, 30)) == date(2026, 4, 1)
    assert esi.period_start(date(2026, 10, 31)) == date(2026, 10, 1)
    assert esi.period_start(date(2027, 3, 31)) == date(2026, 10, 1)
    assert not esi.is_covered(july, july, LAW.esi)  # from October


def test_the_limit_of_a_disabled_person_is_higher():
    assert esi.is_covered(D(25000), D(25000), LAW.esi, disabled=True)
    assert not esi.is_covered(D(25000), D(25000), LAW.esi)


def test_the_base_of_the_insurance_is_dated():
    assert LAW.esi_base is EsiBase.CODE_WAGES
    assert RATES.on(date(2025, 11, 20), "ESI_BASE").payload == {"base": "GROSS"}


def test_a_missing_rate_names_code_scope_and_day():
    with pytest.raises(MissingRate, match="no rate WAGE_DEF is recorded for IN on 31 Oct 2025"):
        Law.on(date(2025, 10, 31), RATES)
    with pytest.raises(MissingRate, match="no rate PT is recorded for GA/M or GA on 30 Jun 2026"):
        RATES.on(JUNE, "PT", "GA/M", "GA")
    with pytest.raises(MissingRate, match="ESI for IN from 2019-09-06 lacks 'ceiling'"):
        StatRate(1, "ESI", "IN", date(2019, 9, 6), None, {}, "").number("ceiling")


def test_a_rate_that_ended_holds_no_more():
    row = StatRate(1, "EPF", "IN", date(2020, 1, 1), date(2020, 12, 31), {}, "")
    rates = StatRates((row,))
    assert rates.on(date(2020, 12, 31), "EPF") is row
    with pytest.raises(MissingRate):
        rates.on(date(2021, 1, 1), "EPF")

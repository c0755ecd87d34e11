"""A month's pay of the sheet's two people, its entries, advances, arrears; and what holds for any month."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.common.rules.ledger import UnbalancedEntry
from actors.payroll.rules import epf, esi
from actors.payroll.rules.arrears import PaidBefore, arrears, fingerprint, inputs
from actors.payroll.rules.attendance import Basis, MonthOfWork
from actors.payroll.rules.epf import EpfMember, EpfOption
from actors.payroll.rules.esi import EsiBase
from actors.payroll.rules.pay import (
    Advance,
    NegativeNet,
    Pay,
    YearSoFar,
    contributions,
    recover,
    with_deductions,
)
from actors.payroll.rules.payslip_secret import payslip_password
from actors.payroll.rules.posting import (
    BENEFITS,
    ESI_PAYABLE,
    NET_PAY,
    PF_PAYABLE,
    PT_PAYABLE,
    SALARIES,
    STAFF_ADVANCES,
    TDS_PAYABLE,
    PersonTotals,
    RunTotals,
    advance_entry,
    payout_entry,
    payroll_entry,
    top_up_entry,
)
from actors.payroll.rules.wages import Component, earnings, gross_of
from tests.services.payroll.examples import (
    BASIS,
    EXCLUDED,
    GUARD,
    GUARD_JUNE,
    GUARD_PAY,
    LAW,
    MANAGER,
    MANAGER_JUNE,
    MANAGER_PAY,
    WAGE,
)

MANAGERS_YEAR = YearSoFar(D(300000), D(25134), D(300000), months_left=10)


def pay_of(person, components, work, *, law=LAW, year=None, advances=()):
    earned = earnings(components, work, BASIS)
    should = contributions(earned, components, components, person, law)
    pay = Pay(earned, should.code_wages, should.epf, should.esi)
    full = gross_of(earnings(components, MonthOfWork(30, 30, D(30)), BASIS))
    (found,) = with_deductions([pay], person, law, year or YearSoFar(), full, advances)
    return found


def totals_of(pay):
    return RunTotals(
        gross=pay.gross,
        overpaid=pay.overpaid,
        epf_employee=pay.epf.employee,
        epf_employer=pay.epf.employer,
        pension=pay.epf.pension,
        insurance=pay.epf.insurance,
        admin=pay.epf.admin,
        esi_employee=pay.esi.employee,
        esi_employer=pay.esi.employer,
        professional_tax=pay.professional_tax,
        income_tax=pay.income_tax,
        recovered=pay.recovered,
        net=pay.net,
    )


def entry_of(pay):
    return payroll_entry(totals_of(pay), {uuid4(): PersonTotals(pay.net, pay.recovered, pay.overpaid)})


def by_account(entry):
    found = {}
    for line in entry.lines:
        found[line.account] = found.get(line.account, 0) + line.debit - line.credit
    return found


def test_the_guard_in_june():
    pay = pay_of(GUARD, GUARD_PAY, GUARD_JUNE)

    assert [earning.amount for earning in pay.earnings] == [9280, 2784, 2900, 1160, 1200]
    assert (pay.gross, pay.code_wages) == (17324, 12064)
    assert (pay.epf.employee, pay.esi.employee, pay.professional_tax, pay.income_tax) == (1448, 91, 200, 0)
    assert pay.net == 15585
    assert (pay.epf.pension, pay.epf.employer, pay.epf.insurance, pay.epf.admin) == (1005, 443, 60, 60)
    assert pay.esi.employer == 393


def test_the_guard_with_insurance_on_gross():
    pay = pay_of(GUARD, GUARD_PAY, GUARD_JUNE, law=replace(LAW, esi_base=EsiBase.GROSS))

    assert (pay.esi.employee, pay.esi.employer, pay.net) == (130, 564, 15546)


def test_the_guard_in_a_full_month():
    pay = pay_of(GUARD, GUARD_PAY, MonthOfWork(30, 30, D(30)))

    assert (pay.gross, pay.epf.employee, pay.esi.employee, pay.net) == (16680, 1498, 94, 14888)


def test_the_guards_entry():
    entry = entry_of(pay_of(GUARD, GUARD_PAY, GUARD_JUNE))

    assert by_account(entry) == {
        SALARIES: 17324,
        BENEFITS: 1448 + 60 + 60 + 393,
        PF_PAYABLE: -3016,
        ESI_PAYABLE: -484,
        PT_PAYABLE: -200,
        NET_PAY: -15585,
    }
    assert entry.debit == entry.credit == 19285


def test_the_manager_in_june():
    pay = pay_of(MANAGER, MANAGER_PAY, MANAGER_JUNE, year=MANAGERS_YEAR)

    assert (pay.epf.employee, pay.esi.wages, pay.professional_tax, pay.income_tax) == (1800, 0, 200, 12567)
    assert pay.net == 135433


def test_the_managers_entry():
    entry = entry_of(pay_of(MANAGER, MANAGER_PAY, MANAGER_JUNE, year=MANAGERS_YEAR))

    assert by_account(entry) == {
        SALARIES: 150000,
        BENEFITS: 1800 + 75 + 75,
        PF_PAYABLE: -3750,
        PT_PAYABLE: -200,
        TDS_PAYABLE: -12567,
        NET_PAY: -135433,
    }
    assert entry.debit == entry.credit == 151950


def test_twenty_staff_and_a_manager():
    def member(wage):
        born = date(1990, 7, 5)
        return epf.contribution(D(wage), EpfMember(EpfOption.CEILING, born), LAW.day, LAW.epf)

    def totals(gross, shares, insured, tax):
        net = D(gross) - shares.employee - insured.employee - 200 - tax
        return RunTotals(
            gross=D(gross),
            epf_employee=shares.employee,
            epf_employer=shares.employer,
            pension=shares.pension,
            insurance=shares.insurance,
            admin=shares.admin,
            esi_employee=insured.employee,
            esi_employer=insured.employer,
            professional_tax=D(200),
            income_tax=D(tax),
            net=net,
        )

    staff = [
        totals(18000, member(12000), esi.contribution(D(18000), D(18000), LAW.esi), 0) for _ in range(20)
    ]
    manager = totals(85000, member(85000), esi.Esi(), 1950)
    run = sum([*staff, manager], RunTotals())
    entry = payroll_entry(run, {uuid4(): PersonTotals(one.net) for one in (*staff, manager)})

    assert (run.epf_employee, run.pension, run.epf_employer) == (30600, 21250, 9350)
    assert (run.insurance, run.admin, run.esi_employee, run.esi_employer) == (1275, 1275, 2700, 11700)
    assert by_account(entry) == {
        SALARIES: 445000,
        BENEFITS: 44850,
        PF_PAYABLE: -63750,
        ESI_PAYABLE: -14400,
        PT_PAYABLE: -4200,
        TDS_PAYABLE: -1950,
        NET_PAY: -405550,
    }
    assert entry.debit == 489850
    paid = payout_entry([(uuid4(), one.net) for one in (*staff, manager)])
    assert by_account(paid) == {NET_PAY: 405550, "11120": -405550}


def test_an_entry_whose_people_do_not_add_up_cannot_be_made():
    with pytest.raises(UnbalancedEntry):
        payroll_entry(RunTotals(gross=D(100), net=D(100)), {uuid4(): PersonTotals(D(99))})


def test_the_fund_is_topped_up_and_an_advance_is_owed():
    assert by_account(top_up_entry(D(290))) == {BENEFITS: 290, PF_PAYABLE: -290}
    assert by_account(advance_entry(uuid4(), D(4000))) == {STAFF_ADVANCES: 4000, "11120": -4000}


def test_an_advance_is_recovered_within_half_of_wages():
    owed = Advance(uuid4(), D(4000))

    taken, carried = recover([owed], D(3000), D(400), D(50), D(2600))

    assert (taken[0].amount, D(3000) - 400 - taken[0].amount, carried) == (1100, 1500, 2900)


def test_the_oldest_advance_is_recovered_first_and_no_more_than_its_instalment():
    old, new = Advance(uuid4(), D(5000), D(500)), Advance(uuid4(), D(900))

    taken, carried = recover([old, new], D(3000), D(400), D(50), D(2600))

    assert [(part.advance_id, part.amount) for part in taken] == [(old.id, 500), (new.id, 600)]
    assert carried == 300


def test_a_tax_that_pay_does_not_cover_is_refused():
    person = replace(GUARD, work_scope="TN/CHENNAI")
    nothing = MonthOfWork(30, 30, D(0))
    earned = earnings(GUARD_PAY, nothing, BASIS)
    law = replace(LAW, day=date(2026, 9, 30))
    pay = Pay(earned, D(0), epf.Epf(), esi.Esi())

    with pytest.raises(NegativeNet, match=r"gross 0\.00, .* professional tax 1,250\.00"):
        with_deductions([pay], person, law, YearSoFar(half_year=D(90000)), D(16680))


def test_income_tax_waits_for_a_month_that_can_bear_it():
    pay = pay_of(
        MANAGER, MANAGER_PAY, MonthOfWork(30, 30, D(1)), year=YearSoFar(D(1700000), D(0), months_left=1)
    )

    assert pay.income_tax == (pay.gross - pay.epf.employee) // 1 > 0
    assert 0 <= pay.net < 1


RAISE = (Component("BASIC", D(19000), WAGE, basic=True),)
BEFORE = (Component("BASIC", D(18000), WAGE, basic=True),)
MAY = MonthOfWork(31, 31, D(31))


def paid_in_may(components=BEFORE, work=MAY):
    earned = earnings(components, work, BASIS)
    found = contributions(earned, components, components, GUARD, LAW)
    return PaidBefore({e.component: e.amount for e in earned}, found.code_wages, found.epf, found.esi)


def arrears_of(components, work=MAY, paid=None):
    earned = earnings(components, work, BASIS)
    should = contributions(earned, components, components, GUARD, LAW)
    return arrears(earned, should, paid or paid_in_may())


def test_a_raise_from_may_known_in_june():
    pay = arrears_of(RAISE)

    assert pay.gross == D("1000.00")
    assert pay.epf.employee == 0  # the ceiling was reached
    assert pay.esi.employee == 143 - 135
    assert pay.net == 1000 - 8


def test_the_same_month_again_owes_nothing():
    assert arrears_of(BEFORE) is None


def test_a_month_that_paid_too_much_makes_an_advance_and_leaves_the_returns_as_they_are():
    pay = arrears_of(BEFORE, MonthOfWork(31, 31, D(29)))

    assert (pay.gross, pay.net, pay.overpaid) == (0, 0, D("1161.29"))
    assert pay.epf == epf.Epf()
    entry = entry_of(pay)
    assert by_account(entry) == {SALARIES: -pay.overpaid, STAFF_ADVANCES: pay.overpaid}


def test_the_fingerprint_follows_attendance_and_rates():
    first = fingerprint(inputs(MAY, BEFORE, BASIS))

    assert fingerprint(inputs(MAY, BEFORE, BASIS)) == first
    assert fingerprint(inputs(MonthOfWork(31, 31, D("31.0")), BEFORE, BASIS)) == first
    assert fingerprint(inputs(MonthOfWork(31, 31, D("30.5")), BEFORE, BASIS)) != first
    assert fingerprint(inputs(MAY, RAISE, BASIS)) != first


def test_the_password_of_a_payslip_is_known_to_its_reader():
    assert payslip_password(date(1990, 7, 5), "004210094417") == "05074417"
    assert payslip_password(date(1990, 7, 5), None) == "05071990"


amounts = st.decimals(0, 200_000, places=2, allow_nan=False)
structures = st.lists(st.tuples(amounts, st.sampled_from([WAGE, EXCLUDED])), min_size=1, max_size=6).map(
    lambda parts: tuple(
        Component(f"C{place}", rate, treatment, basic=place == 0 and treatment is WAGE)
        for place, (rate, treatment) in enumerate(parts)
    )
)


@st.composite
def months(draw):
    days = draw(st.sampled_from([28, 29, 30, 31]))
    employed = draw(st.integers(0, days))
    payable = D(draw(st.integers(0, employed * 2))) / 2
    offs = draw(st.integers(0, int(payable)))
    return MonthOfWork(days, employed, payable, offs, D(draw(st.integers(0, 80))) / 2)


people = st.builds(
    lambda option, scope, pan, born: replace(
        GUARD, work_scope=scope, has_pan=pan, birth_date=born, epf=EpfMember(option, born)
    ),
    st.sampled_from(EpfOption),
    st.sampled_from(["MH", "KA", "GJ", "WB", "AP", "TS", "DL"]),
    st.booleans(),
    st.dates(date(1950, 1, 1), date(2006, 1, 1)),
)


@settings(max_examples=150, deadline=None)
@given(
    structures, months(), people, st.sampled_from(Basis), st.lists(amounts, max_size=3), st.integers(1, 12)
)
def test_of_any_month_net_is_gross_less_deductions_and_nothing_is_negative(
    components, work, person, basis, owed, months_left
):
    earned = earnings(components, work, basis)
    should = contributions(earned, components, components, person, LAW)
    advances = [Advance(uuid4(), amount) for amount in owed if amount]
    pay = Pay(earned, should.code_wages, should.epf, should.esi)
    try:
        (pay,) = with_deductions(
            [pay], person, LAW, YearSoFar(months_left=months_left), sum(c.rate for c in components), advances
        )
    except NegativeNet:
        assert pay.gross < 200 + pay.statutory
        return

    assert pay.net == pay.gross - pay.statutory - pay.recovered >= 0
    for figures in (vars(pay.epf), vars(pay.esi)):
        assert all(amount >= 0 for amount in figures.values())
    assert min(pay.professional_tax, pay.income_tax, pay.recovered, pay.carried_forward) >= 0
    assert pay.recovered + pay.carried_forward == sum(owed)
    assert pay.code_wages <= pay.gross or pay.gross == 0
    if pay.recovered:
        assert pay.statutory + pay.recovered <= pay.code_wages / 2
    if pay.gross:
        entry = entry_of(pay)
        assert entry.debit == entry.credit


@settings(max_examples=80, deadline=None)
@given(amounts, amounts)
def test_more_wages_never_mean_less_fund_or_insurance_or_tax(one, other):
    low, high = sorted((one, other))
    fund = [epf.contribution(w, GUARD.epf, LAW.day, LAW.epf) for w in (low, high)]
    insured = [esi.contribution(w, w, LAW.esi) for w in (low, high)]

    for name in ("employee", "pension", "insurance", "admin"):
        assert getattr(fund[0], name) <= getattr(fund[1], name)
    assert insured[0].employee <= insured[1].employee
    assert insured[0].employer <= insured[1].employer


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**7), st.integers(0, 10**7), st.booleans())
def test_more_salary_never_means_less_tax_nor_less_left(one, other, pan):
    from actors.payroll.rules import tds

    low, high = sorted((D(one), D(other)))
    taxes = [tds.years_tax(salary, LAW.tax, has_pan=pan).total for salary in (low, high)]

    assert taxes[0] <= taxes[1]
    if pan:  # marginal relief leaves the cess of 4 % on what exceeds the limit
        assert low - taxes[0] <= high - taxes[1] + (high - low) * D("0.05") + 1


@settings(max_examples=60, deadline=None)
@given(structures, months())
def test_a_day_more_of_pay_never_means_less_gross(components, work):
    if work.payable_days + 1 > work.days_employed:
        return
    longer = replace(work, payable_days=work.payable_days + 1)
    for basis in Basis:
        assert gross_of(earnings(components, work, basis)) <= gross_of(earnings(components, longer, basis))

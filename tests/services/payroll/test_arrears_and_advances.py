"""Late changes become arrears of the next month; advances are taken back within the cap."""

from datetime import date
from decimal import Decimal as D
from uuid import uuid4

import pytest

from actors.common import books
from actors.payroll import payout
from tests.services.payroll.conftest import APRIL, GUARD_SALARY, JUNE, MAY

JULY = "2026-07"


def balance(payroll, staff, account, day=date(2026, 12, 31)):
    return books.balances_of_parties(payroll, "payroll", account, staff.community_id, day)


@pytest.fixture
def ajay(staff):
    """A guard of 18,000 a month."""
    staff.employ("Ajay Pawar", salary={"BASIC": 18000})
    for month in (APRIL, MAY, JUNE, JULY):
        staff.attends("Ajay Pawar", month)
    return "Ajay Pawar"


def test_a_raise_from_may_known_in_june_is_a_thousand_with_its_source_month(ajay, staff, ask):
    staff.run(MAY)
    staff.pays(ajay, "2026-05-01", BASIC=19000)

    staff.run(JUNE)

    assert staff.items(ajay, JUNE, "gross", "epf_employee", "esi_employee", kind="ARREARS") == [
        ("2026-05-01", D("1000.00"), 0, 8)
    ]
    assert staff.figures(ajay, JUNE, "gross") == (19000,)
    assert ask("select kind, status from payroll.payroll_run where period = '2026-06-01' order by kind") == [
        ("ARREARS", "POSTED"), ("REGULAR", "POSTED"),
    ]  # fmt: skip
    assert ask("select sum(debit), sum(credit), count(distinct entry_id) from payroll.ledger_line") == [
        tuple(ask("select sum(debit), sum(debit), 5::bigint from payroll.ledger_line")[0])
    ]


def test_arrears_are_paid_once(ajay, staff):
    staff.run(MAY)
    staff.pays(ajay, "2026-05-01", BASIC=19000)
    staff.run(JUNE)
    staff.run(JUNE)

    assert staff.run(JULY)["arrears"] == 0
    assert staff.items(ajay, JULY, kind="ARREARS") == []


def test_the_last_night_shift_is_paid_with_the_next_month(ajay, staff, ask):
    ask("delete from payroll.attendance where day = '2026-05-31'")
    staff.run(MAY)
    staff.attends(ajay, MAY, days=[31])

    staff.run(JUNE)

    assert staff.items(ajay, JUNE, "gross", kind="ARREARS") == [("2026-05-01", D("580.65"))]


def test_arrears_join_the_months_gross_for_professional_tax_and_income_tax(staff):
    staff.employ("Kavita Rane", sex="F", salary={"BASIC": 24500})
    for month in (MAY, JUNE):
        staff.attends("Kavita Rane", month)
    staff.run(MAY)
    staff.pays("Kavita Rane", "2026-05-01", BASIC=25000)

    staff.run(JUNE)

    assert staff.figures("Kavita Rane", MAY, "professional_tax") == (0,)
    assert staff.figures("Kavita Rane", JUNE, "gross", "professional_tax") == (25000, 200)


def test_an_absence_recorded_late_becomes_an_advance_that_is_taken_back(ajay, staff, ask, payroll):
    staff.run(MAY)
    staff.attends(ajay, MAY, status="ABSENT", days=[30, 31])

    result = staff.run(JUNE)

    assert staff.items(ajay, JUNE, "gross", "overpaid", "net", kind="ARREARS") == [
        ("2026-05-01", 0, D("1161.29"), 0)
    ]
    assert staff.figures(ajay, JUNE, "recovered") == (D("1161.29"),)
    assert result["reported"]["OVERPAID"] == [ajay]
    assert balance(payroll, staff, "11510") == {staff.ids[ajay]: 0}

    assert staff.run(JULY)["arrears"] == 0
    assert staff.figures(ajay, JULY, "recovered") == (0,)


def test_what_was_taken_back_is_paid_when_it_turns_out_wrong(ajay, staff, payroll, ask):
    staff.run(MAY)
    staff.attends(ajay, MAY, status="ABSENT", days=[30, 31])
    staff.run(JUNE)
    staff.attends(ajay, MAY, days=[30, 31])

    staff.run(JULY)

    assert staff.items(ajay, JULY, "gross", "epf_employee", kind="ARREARS") == [
        ("2026-05-01", D("1161.29"), 0)
    ]
    assert ask("select sum(gross - overpaid) from payroll.pay_item where source_period = '2026-05-01'") == [
        (18000,)
    ]


def test_a_month_keeps_the_basis_it_was_paid_on(ajay, staff, ask):
    staff.attends(ajay, MAY, status="ABSENT", days=[5])
    staff.run(MAY)
    ask("update payroll.establishment set basis = 'FIXED26'")
    staff.attends(ajay, JUNE, status="ABSENT", days=[5, 6])

    assert staff.run(JUNE)["arrears"] == 0
    assert staff.figures(ajay, MAY, "gross") == (D("17419.35"),)
    assert staff.figures(ajay, JUNE, "gross") == (D("16615.38"),)


def test_arrears_that_do_not_bear_their_own_fund_are_refused_by_name(staff):
    staff.employ("Vidya Rao", sex="F", salary={"BASIC": 8000, "HRA": 8000})
    for month in (MAY, JUNE):
        staff.attends("Vidya Rao", month)
    staff.run(MAY)
    staff.pays("Vidya Rao", "2026-05-01", BASIC=15900, HRA=200)

    assert staff.run(JUNE)["refused"] == {
        "Vidya Rao": "arrears of May 2026 (₹ 100.00) are less than fund and insurance on them (₹ 900.00): "
        "let the new structure begin with this month"
    }


def test_a_leavers_late_overtime_is_paid_after_they_have_gone(staff):
    staff.employ("Old Guard", left_on="2026-05-31", leaving_reason="LEFT", salary=GUARD_SALARY)
    staff.attends("Old Guard", MAY)
    staff.run(MAY)
    staff.attends("Old Guard", MAY, days=[30], overtime=4)
    staff.employ("Present Guard", salary=GUARD_SALARY)
    staff.attends("Present Guard", JUNE)

    staff.run(JUNE)

    assert staff.items("Old Guard", JUNE, "gross", "professional_tax", kind="ARREARS") == [
        ("2026-05-01", 480, 0)
    ]
    assert staff.items("Old Guard", JUNE) == []


def test_an_advance_is_given_once_and_owed_by_name(ajay, staff, payroll):
    advance = uuid4()
    with payroll:
        assert payout.give_advance(payroll, advance, staff.ids[ajay], D(4000), date(2026, 5, 10))
        assert not payout.give_advance(payroll, advance, staff.ids[ajay], D(4000), date(2026, 5, 10))

    assert balance(payroll, staff, "11510") == {staff.ids[ajay]: 4000}
    with pytest.raises(payout.UnknownEmployee):
        payout.give_advance(payroll, advance, uuid4(), D(1), date(2026, 5, 10))


def test_an_advance_is_recovered_within_the_cap_and_the_rest_carried_to_the_next_month(staff, payroll, ask):
    staff.employ("Ravi More", salary={"BASIC": 3000}, epf_option="NONE")
    for month in (MAY, JUNE):
        staff.attends("Ravi More", month)
    ask("update payroll.establishment set esi_code = null")
    with payroll:
        payout.give_advance(payroll, uuid4(), staff.ids["Ravi More"], D(2500), date(2026, 5, 10))

    result = staff.run(MAY)

    assert staff.figures("Ravi More", MAY, "recovered", "net", "carried_forward") == (1500, 1500, 1000)
    assert result["reported"]["CARRIED_FORWARD"] == ["Ravi More"]
    staff.run(JUNE)
    assert staff.figures("Ravi More", JUNE, "recovered", "carried_forward") == (1000, 0)
    assert balance(payroll, staff, "11510") == {staff.ids["Ravi More"]: 0}


def test_an_advance_of_a_later_day_is_not_taken_yet(ajay, staff, payroll):
    with payroll:
        payout.give_advance(payroll, uuid4(), staff.ids[ajay], D(4000), date(2026, 6, 1))

    staff.run(MAY)

    assert staff.figures(ajay, MAY, "recovered") == (0,)


def test_a_draft_worked_out_anew_takes_an_advance_once(ajay, staff, payroll, ask):
    from actors.payroll import runs

    with payroll:
        payout.give_advance(payroll, uuid4(), staff.ids[ajay], D(4000), date(2026, 5, 10))
    for _ in range(3):
        runs.work_out_page(staff.community_id, runs.Period.parse(MAY))
    staff.run(MAY)

    assert ask("select sum(amount) from payroll.advance_recovery") == [(4000,)]


def test_income_of_a_former_employer_counts_for_tax(staff, ask):
    staff.employ("Suresh Rao", joined_on="2026-06-01", work_scope="KA", salary={"BASIC": 150000})
    staff.attends("Suresh Rao", JUNE)
    ask(
        "insert into payroll.earlier_income values (%s, 2026, 300000, 25134)",
        str(staff.ids["Suresh Rao"]),
    )

    staff.run(JUNE)

    assert staff.figures("Suresh Rao", JUNE, "years_tax", "years_cess", "income_tax") == (150800, 5800, 12567)

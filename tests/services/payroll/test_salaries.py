"""The month's pay on a real database: what people get, what is posted, who is named."""

from datetime import date
from decimal import Decimal as D

import pytest
from psycopg2.errors import ExclusionViolation

from actors.common import books
from actors.common.rules.rates import MissingRate
from actors.payroll import pay_society, runs
from actors.payroll.seed import seed
from actors.payroll.store import NoEstablishment
from actors.payroll.year import year_to_date
from tests.services.payroll.conftest import APRIL, GUARD_SALARY, JUNE, MANAGER_SALARY, MAY
from tests.services.payroll.seen import by_account, letter_text, tags_left_open


def test_the_guard_and_the_manager_from_april_to_june(staff, ask, payroll):
    staff.employ("Ramesh Kumar", salary=GUARD_SALARY)
    staff.employ("Suresh Rao", work_scope="KA", salary=MANAGER_SALARY, ip_number=None)
    for month in (APRIL, MAY, JUNE):
        staff.attends("Ramesh Kumar", month)
        staff.attends("Suresh Rao", month)
    staff.attends("Ramesh Kumar", JUNE, status="ABSENT", days=[9])
    staff.attends("Ramesh Kumar", JUNE, days=[10, 11, 12], overtime=10)
    for month in (APRIL, MAY, JUNE):
        assert staff.run(month)["posted"]

    assert staff.figures(
        "Ramesh Kumar", JUNE, "gross", "code_wages", "epf_employee", "esi_employee", "professional_tax", "net",
        "pension", "epf_employer", "insurance", "admin", "esi_employer", "payable_days",
    ) == (17324, 12064, 1448, 91, 200, 15585, 1005, 443, 60, 60, 393, 29)  # fmt: skip
    year = year_to_date(payroll, staff.ids.values(), runs.Period.parse(JUNE))[staff.ids["Ramesh Kumar"]]
    assert (year.gross, year.epf_employee, year.esi_employee) == (50684, 4444, 279)
    assert (year.professional_tax, year.net) == (600, 45361)
    assert staff.figures(
        "Suresh Rao", JUNE, "gross", "epf_employee", "esi_employee", "professional_tax", "income_tax", "net"
    ) == (150000, 1800, 0, 200, 12567, 135433)

    totals = {
        line.account: line.debit - line.credit
        for line in books.trial_balance(payroll, "payroll", staff.community_id, date(2026, 6, 30))
    }
    assert sum(totals.values()) == 0
    net = books.balances_of_parties(payroll, "payroll", "21020", staff.community_id, date(2026, 6, 30))
    assert net == {staff.ids["Ramesh Kumar"]: -45361, staff.ids["Suresh Rao"]: -3 * D(135433)}
    assert totals["21020"] == sum(net.values())


def test_one_entry_a_run_and_one_for_the_funds_minimum(guard, staff, ask):
    staff.run(JUNE)

    assert ask("select source_kind, entry_date from payroll.ledger_entry order by id") == [
        ("PAYROLL_RUN", date(2026, 6, 30)),
        ("EPF_TOP_UP", date(2026, 6, 30)),
    ]
    assert by_account(ask, "PAYROLL_RUN") == {
        "51710": 16680, "51910": 1498 + 62 + 62 + 406, "23040": -(2 * 1498 + 62 + 62), "23060": -(94 + 406),
        "23070": -200, "21020": -14888,
    }  # fmt: skip
    assert by_account(ask, "EPF_TOP_UP") == {"51910": 500 - 62, "23040": -(500 - 62)}


def test_a_line_keeps_what_it_was_worked_out_from_and_by_which_rows_of_the_law(guard, staff, ask):
    staff.run(JUNE)

    ((_, inputs, rows),) = staff.items(guard, JUNE, "inputs", "rate_ids")
    assert (inputs["payable_days"], inputs["basis"]) == ("30", "CALENDAR")
    assert inputs["components"][0] == ["BASIC", "9600.00", "WAGE", True]
    found = ask("select code || ' ' || scope from payroll.stat_rate where id = any (%s) order by 1", rows)
    assert [name for (name,) in found] == [
        "DEDUCTION_CAP IN", "EPF IN", "ESI IN", "ESI_BASE IN", "PT MH/M", "TAX_NEW IN", "WAGE_DEF IN",
    ]  # fmt: skip


def test_two_rates_of_a_code_and_scope_cannot_hold_on_one_day(payroll, ask):
    with pytest.raises(ExclusionViolation, match="stat_rate_holds_alone"):
        ask(
            """insert into payroll.stat_rate (code, scope, effective_from, payload, source)
            values ('ESI_BASE', 'IN', '2026-07-01', '{"base": "GROSS"}', 'a second thought')"""
        )


def test_who_lacks_something_is_named_and_the_others_go_on(payroll, ask, mailbox):
    with payroll:
        made = seed(payroll, employees=6, first_month=JUNE, months=1, flawed=True)
    result = pay_society.fn(str(made.community_id), JUNE)

    names = [name for (name,) in ask("select name from payroll.employee order by staff_number limit 3")]
    no_bank, no_numbers, no_structure = names
    assert result["posted"]
    assert result["employees"] == 6
    assert result["refused"] == {no_structure: "no salary structure on 01 Jun 2026"}
    assert result["reported"]["HELD"] == [no_bank]
    for kind in ("NO_UAN", "NO_IP_NUMBER", "NO_PAN"):
        assert result["reported"][kind] == [no_numbers]
    (letter,) = mailbox.letters
    assert letter["To"].addresses[0].addr_spec == "treasurer@greenvalley.example.in"
    text = letter_text(letter)
    assert f"NOT PAID (1)\n  {no_structure}" in text
    assert "held: no bank account" in text
    html = letter.get_body(("html",)).get_content()
    assert all(name in html.replace("&#39;", "'") for name in names)
    assert tags_left_open(html) == []


def test_the_letter_says_what_the_month_comes_to(guard, staff, mailbox):
    staff.run(JUNE)

    (letter,) = mailbox.letters
    assert letter["Subject"] == "Salaries of June 2026: 1 worked out, net ₹ 14,888.00"
    text = letter_text(letter)
    assert "Net, to pay out                                   ₹ 14,888.00" in text
    assert "Cost of the month, gross and own share            ₹ 18,708.00" in text
    assert "No minimum wage is recorded for MH: it was not checked." in text


def test_a_structure_that_comes_late_is_paid_as_arrears(guard, staff):
    staff.employ("Sita Patil", sex="F")
    staff.attends("Sita Patil", MAY)
    assert staff.run(MAY)["refused"] == {"Sita Patil": "no salary structure on 01 May 2026"}
    staff.pays("Sita Patil", "2026-05-01", **GUARD_SALARY)
    staff.attends("Sita Patil", JUNE)

    staff.run(JUNE)

    assert staff.items("Sita Patil", JUNE, "gross", "epf_employee", "esi_employee", kind="ARREARS") == [
        ("2026-05-01", 16680, 1498, 94)
    ]


def test_a_day_without_a_record_is_not_paid_and_named(guard, staff, ask):
    ask("delete from payroll.attendance where day in ('2026-06-29', '2026-06-30')")

    result = staff.run(JUNE)

    assert result["reported"]["NO_RECORD"] == [guard]
    assert ask("select detail from payroll.payroll_finding where kind = 'NO_RECORD'") == [
        ("2 days without a record, not paid",)
    ]
    assert staff.figures(guard, JUNE, "gross") == (D("15568.00"),)


def test_basic_below_the_minimum_wage_is_a_warning(guard, staff, ask):
    ask(
        """insert into payroll.stat_rate (code, scope, effective_from, payload, source)
        values ('MIN_WAGE', 'MH', '2026-01-01', '{"day": "500"}', 'the sheet''s example')"""
    )
    result = staff.run(JUNE)

    assert result["reported"]["BELOW_MINIMUM"] == [guard]
    assert ask("select detail from payroll.payroll_finding") == [
        ("basic and DA are ₹ 520.00 short of the minimum wage",)
    ]


def test_a_missing_rate_stops_the_month_and_is_named(guard, staff, ask):
    with pytest.raises(MissingRate, match="no rate WAGE_DEF is recorded for IN on 31 Oct 2025"):
        staff.run("2025-10")
    assert ask("select count(*) from payroll.pay_item") == [(0,)]


def test_a_state_without_a_rate_stops_only_who_works_there(guard, staff):
    staff.employ("Anton Dias", work_scope="GA", salary=GUARD_SALARY)

    result = staff.run(JUNE)

    assert result["refused"] == {"Anton Dias": "no rate PT is recorded for GA/M or GA on 30 Jun 2026"}
    assert result["employees"] == 1


def test_a_society_that_is_no_employer_on_record_is_refused(guard, staff, ask):
    ask("delete from payroll.establishment")

    with pytest.raises(NoEstablishment, match="enter its basis of pay and its registrations"):
        staff.run(JUNE)


def test_without_registration_there_is_neither_fund_nor_insurance(guard, staff, ask):
    ask("update payroll.establishment set epf_code = null, esi_code = null")
    staff.run(JUNE)

    assert staff.figures(guard, JUNE, "epf_employee", "esi_employee", "net") == (0, 0, 16480)
    assert by_account(ask, "EPF_TOP_UP") == {}


def test_who_joins_and_who_leaves_is_paid_their_days(staff):
    staff.employ("New Guard", joined_on="2026-06-12", salary={"BASIC": 18000}, since="2026-06-01")
    staff.employ("Old Guard", left_on="2026-06-10", leaving_reason="LEFT", salary={"BASIC": 18000})
    staff.employ("Gone Guard", left_on="2026-05-31", leaving_reason="LEFT", salary={"BASIC": 18000})
    staff.attends("New Guard", JUNE)
    staff.attends("Old Guard", JUNE)
    staff.run(JUNE)

    assert staff.figures("New Guard", JUNE, "gross", "days_employed") == (D("11400.00"), 19)
    assert staff.figures("Old Guard", JUNE, "gross", "days_employed") == (D("6000.00"), 10)
    assert staff.items("Gone Guard", JUNE) == []


def test_who_crosses_the_insurance_limit_pays_to_the_end_of_the_period(staff, ask):
    staff.employ("Asha Jadhav", sex="F", salary={"BASIC": 20500})
    staff.pays("Asha Jadhav", "2026-07-01", BASIC=22000)
    shares = []
    for month in ("2026-06", "2026-07", "2026-09", "2026-10"):
        staff.attends("Asha Jadhav", month)
        staff.run(month)
        shares.append(staff.figures("Asha Jadhav", month, "esi_employee", "esi_employer"))

    assert shares == [(154, 667), (165, 715), (165, 715), (0, 0)]


def test_chennai_takes_its_tax_with_september(staff):
    staff.employ("Kumar Raja", work_scope="TN/CHENNAI", salary={"BASIC": 12000})
    for month in ("2026-08", "2026-09"):
        staff.attends("Kumar Raja", month)
        staff.run(month)

    assert staff.figures("Kumar Raja", "2026-08", "professional_tax") == (0,)
    assert staff.figures("Kumar Raja", "2026-09", "professional_tax") == (180,)  # on 24,000


def test_a_leaver_of_chennai_pays_on_the_half_year_so_far(staff):
    staff.employ("Selvi Mani", work_scope="TN/CHENNAI", left_on="2026-06-30", salary={"BASIC": 12000})
    for month in (MAY, JUNE):
        staff.attends("Selvi Mani", month)
        staff.run(month)

    assert staff.figures("Selvi Mani", JUNE, "professional_tax") == (180,)


def test_without_a_pan_a_fifth_is_deducted(staff):
    staff.employ("Suresh Rao", pan=None, joined_on="2026-04-01", salary={"BASIC": 150000})
    staff.attends("Suresh Rao", APRIL)

    result = staff.run(APRIL)

    assert staff.figures("Suresh Rao", APRIL, "income_tax", "years_cess") == (28750, 0)
    assert result["reported"]["NO_PAN"] == ["Suresh Rao"]

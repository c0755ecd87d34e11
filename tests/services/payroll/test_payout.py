"""Pay goes out after the payslip, once, and not to who is held."""

from datetime import date
from decimal import Decimal as D

import pytest
from psycopg2.errors import ForeignKeyViolation, RestrictViolation

from actors.common import books
from actors.common.rules.calendar import Period
from actors.payroll import payout, release_salaries
from tests.services.payroll.conftest import GUARD_SALARY, JUNE
from tests.support.deaths import outlives_every_death
from tests.support.service import execute

PERIOD = Period.parse(JUNE)
FIRST = date(2026, 7, 1)


@pytest.fixture
def posted(staff):
    """Two guards whose June is posted."""
    for name in ("Ramesh Kumar", "Imran Shaikh"):
        staff.employ(name, salary=GUARD_SALARY)
        staff.attends(name, JUNE)
    staff.run(JUNE)
    return staff


def give_payslips(payroll, staff, *names):
    with payroll:
        payout.note_payslips(payroll, [staff.ids[name] for name in names], PERIOD)


def release(payroll, staff, day=FIRST):
    with payroll:
        return payout.release(payroll, staff.community_id, PERIOD, day)


def owed(payroll, staff):
    return books.balances_of_parties(payroll, "payroll", "21020", staff.community_id, date(2026, 12, 31))


def test_nobody_is_paid_before_the_payslip(posted, payroll, ask):
    give_payslips(payroll, posted, "Ramesh Kumar")

    released = release(payroll, posted)

    assert (released.paid, released.amount) == (1, D("14888.00"))
    assert released.held == {"Imran Shaikh": "no payslip yet"}
    assert owed(payroll, posted) == {posted.ids["Ramesh Kumar"]: 0, posted.ids["Imran Shaikh"]: -14888}
    with pytest.raises(ForeignKeyViolation):
        ask(
            "insert into payroll.payout values (%s, '2026-06-01', 1, gen_random_uuid(), '2026-07-01')",
            str(posted.ids["Imran Shaikh"]),
        )


def test_pay_goes_out_once_and_the_books_say_from_which_bank(posted, payroll, ask):
    give_payslips(payroll, posted, "Ramesh Kumar", "Imran Shaikh")

    first = release(payroll, posted)
    second = release(payroll, posted)

    assert (first.paid, second.paid, second.amount) == (2, 0, 0)
    assert ask(
        """select account_code, sum(debit - credit) from payroll.ledger_line
        join payroll.ledger_entry on id = entry_id where source_kind = 'SALARY_PAYOUT' group by 1 order by 1"""
    ) == [("11120", -29776), ("21020", 29776)]


def test_a_draft_is_not_paid_out(posted, payroll, ask):
    execute_as_replica = "set session_replication_role = replica; "
    ask(execute_as_replica + "update payroll.payroll_run set status = 'DRAFT', posted_at = null")
    give_payslips(payroll, posted, "Ramesh Kumar")

    assert release(payroll, posted).paid == 0


def test_a_hold_accrues_and_is_paid_when_it_is_lifted(posted, payroll, ask):
    give_payslips(payroll, posted, "Ramesh Kumar", "Imran Shaikh")
    ask(
        "insert into payroll.pay_hold values (%s, '2026-06-20', 'keys not returned')",
        str(posted.ids["Imran Shaikh"]),
    )

    assert release(payroll, posted).held == {"Imran Shaikh": "keys not returned"}
    ask("update payroll.pay_hold set lifted_on = '2026-07-05'")
    assert release(payroll, posted, date(2026, 7, 4)).paid == 0
    later = release(payroll, posted, date(2026, 7, 5))

    assert (later.paid, later.amount, later.held) == (1, D("14888.00"), {})
    assert set(owed(payroll, posted).values()) == {0}
    assert ask("select count(distinct release_id), count(*) from payroll.payout") == [(2, 2)]


def test_who_has_no_bank_account_is_held_by_name(posted, payroll, ask):
    give_payslips(payroll, posted, "Ramesh Kumar", "Imran Shaikh")
    ask(
        "update payroll.employee set bank_account = null, bank_ifsc = null where name = 'Imran Shaikh'",
    )

    found = release_salaries.fn(str(posted.community_id), JUNE)

    assert found == {
        "paid": 1, "amount": "14888.00", "held": {"Imran Shaikh": "no bank account"}, "held_in_all": 1,
    }  # fmt: skip


def test_a_release_that_dies_pays_once(posted, payroll, payroll_database, ask, monkeypatch):
    give_payslips(payroll, posted, "Ramesh Kumar", "Imran Shaikh")

    def reset():
        for table in ("payout", "ledger_line", "ledger_entry"):
            where = {"payout": "true"}.get(
                table,
                ("entry_id" if table == "ledger_line" else "id")
                + " in (select id from payroll.ledger_entry where source_kind = 'SALARY_PAYOUT')",
            )
            execute(
                payroll_database,
                f"set session_replication_role = replica; delete from payroll.{table} where {where}",
            )

    commits = outlives_every_death(
        monkeypatch,
        lambda: release_salaries.fn(str(posted.community_id), JUNE),
        reset=reset,
        seen=lambda: ask("select employee_id, amount from payroll.payout order by 1")
        + ask("select source_kind, count(*), sum(debit) from payroll.ledger_entry "
              "join payroll.ledger_line on entry_id = id group by 1 order by 1"),
    )  # fmt: skip
    assert commits == 1


def test_a_posting_stands(posted, ask):
    with pytest.raises(RestrictViolation):
        ask("delete from payroll.ledger_line")

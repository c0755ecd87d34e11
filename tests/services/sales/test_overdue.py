"""check-overdue-invoices: what is late is marked, once, and nothing else."""

from __future__ import annotations

import pytest

from actors.sales import generate_invoice_for_resident, interest
from periodic.sales import check_overdue_invoices
from tests.support.society import PERIOD

MARKED = """select unit.label, overdue_since::text from sales.invoice join sales.unit on unit.id = unit_id
    where overdue_since is not null order by 1"""


def at(moment):
    return check_overdue_invoices.fn(moment)


@pytest.mark.parametrize(
    ("moment", "marked"),
    [
        ("2026-04-15T23:00:00+05:30", 0),
        ("2026-04-15T18:00:00+00:00", 0),  # 23:30 in India
        ("2026-04-16T00:00:00+05:30", 1),
        ("2026-04-15T18:30:00+00:00", 1),  # midnight in India
    ],
)
def test_a_bill_is_overdue_once_its_due_date_has_ended_in_india(member, bill, ask, moment, marked):
    bill(member, PERIOD)

    assert at(moment) == {"marked_overdue": marked}
    assert ask(MARKED) == [("A-102", "2026-04-16")] * marked


def test_the_next_hour_marks_nothing_twice(member, bill, ask):
    bill(member, PERIOD)
    assert at("2026-05-16T00:00:00+05:30") == {"marked_overdue": 1}
    bill(member, "2026-05")

    assert at("2026-05-16T01:00:00+05:30") == {"marked_overdue": 1}
    assert at("2026-05-16T02:00:00+05:30") == {"marked_overdue": 0}
    assert ask("select count(*) from sales.late_interest") == [(2,)]


def test_paid_and_void_bills_and_drafts_are_left_alone(society, bill, pay, ask):
    paid, void, part = (str(unit) for unit in society.unit_ids[:3])
    bill(paid, PERIOD)
    pay(paid, "50000.00", "2026-04-15")
    ask("update sales.invoice set voided_at = now() where id = %s", bill(void, PERIOD))
    bill(part, PERIOD)
    pay(part, "1.00", "2026-04-15")

    assert at("2026-04-16T00:00:00+05:30") == {"marked_overdue": 1}
    assert ask("select count(*) from sales.late_interest where unit_id = %s", part) == [(1,)]


def test_pages_hold_more_than_one_and_a_bill_that_is_being_paid_waits_for_the_next_hour(
    society, sales_database, sales, ask, monkeypatch
):
    monkeypatch.setattr(interest, "PAGE", 5)
    bills = [generate_invoice_for_resident.fn(str(unit), PERIOD) for unit in society.unit_ids]
    with sales.cursor() as cursor:
        cursor.execute("select from sales.invoice where id = %s for update", (bills[0],))
        assert at("2026-04-16T00:00:00+05:30") == {"marked_overdue": 11}
    sales.rollback()

    assert at("2026-04-16T01:00:00+05:30") == {"marked_overdue": 1}


def test_a_paid_bill_keeps_the_day_since_it_was_overdue(member, bill, pay, ask):
    bill(member, PERIOD)
    at("2026-04-20T00:00:00+05:30")

    pay(member, "9811.00", "2026-04-20")

    assert ask(MARKED) == [("A-102", "2026-04-16")]
    assert at("2026-05-20T00:00:00+05:30") == {"marked_overdue": 0}

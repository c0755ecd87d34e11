"""Who approves an order, when a vendor is to be paid, and what is posted: every example of the accountant's sheet."""

from datetime import date, datetime, timedelta
from decimal import Decimal as D
from uuid import UUID

import pytest

from actors.common.rules.calendar import INDIA, FinancialYear
from actors.common.rules.rates import MissingRate
from actors.purchase.rules.approval import (
    Approver,
    Requirement,
    WaitingOrder,
    approvers,
    belongs_in_digest,
    is_time_for_digest,
    may_write,
    missing_quotes,
    missing_roles,
    requirement,
)
from actors.purchase.rules.msme import deducted_in, interest, last_day, overtaken, step_on
from actors.purchase.rules.posting import Cost, bill_entry, deposit_entry, payment_entry, tax_of
from tests.services.purchase.examples import book

ACCEPTED = date(2026, 4, 10)
VENDOR = UUID(int=7)


@pytest.mark.parametrize(
    ("amount", "roles", "quotes"),
    [
        ("10000", ("MANAGER",), 0),
        ("10000.01", ("TREASURER",), 0),
        ("50000", ("TREASURER",), 0),
        ("50000.01", ("TREASURER", "SECRETARY"), 0),
        ("200000", ("TREASURER", "SECRETARY"), 0),
        ("200000.01", ("COMMITTEE",), 3),
    ],
)
def test_who_approves_an_order_of(amount, roles, quotes):
    assert requirement(D(amount), ACCEPTED, book()) == Requirement(roles, quotes)


OFFICERS = (
    Approver("Suresh", "manager@x.in", "MANAGER"),
    Approver("Meera", "treasurer@x.in", "TREASURER"),
    Approver("Anil", "secretary@x.in", "SECRETARY"),
    Approver("Farhan", "farhan@x.in", "COMMITTEE"),
    Approver("Grace", "grace@x.in", "COMMITTEE"),
)


def waiting(amount="9000", by="clerk@x.in", approved=None, quotes=0):
    return WaitingOrder(D(amount), by, approved or {}, quotes)


def names(role, order, officers=OFFICERS):
    return [officer.name for officer in approvers(role, order, officers)]


def test_nobody_approves_what_they_asked_for_the_next_in_the_ladder_does():
    assert names("MANAGER", waiting()) == ["Suresh"]
    assert names("MANAGER", waiting(by="manager@x.in")) == ["Meera"]
    assert names("COMMITTEE", waiting(by="grace@x.in")) == ["Farhan"]


def test_nobody_takes_two_steps_of_one_order():
    officers = (*OFFICERS, Approver("Meera", "treasurer@x.in", "SECRETARY"))
    order = waiting(amount="60000", approved={"TREASURER": "treasurer@x.in"})

    assert names("SECRETARY", order, officers) == ["Anil"]


def test_an_order_lacks_the_steps_and_quotes_that_it_has_not():
    needed = requirement(D(60000), ACCEPTED, book())

    assert missing_roles(waiting(approved={"TREASURER": "treasurer@x.in"}), needed) == ("SECRETARY",)
    assert missing_quotes(waiting(quotes=1), Requirement(("COMMITTEE",), 3)) == 2


@pytest.mark.parametrize(
    ("hour", "written", "digest"),
    [
        (6, False, False),
        (8, True, False),
        (9, True, True),
        (10, True, True),
        (20, True, True),
        (22, False, False),
    ],
)
def test_when_approvers_are_written_to(hour, written, digest):
    moment = datetime(2026, 4, 10, hour, tzinfo=INDIA)

    assert (may_write(moment), is_time_for_digest(moment)) == (written, digest)


def test_the_digest_has_orders_that_wait_for_more_than_24_hours():
    moment = datetime(2026, 4, 10, 9, tzinfo=INDIA)

    assert not belongs_in_digest(moment - timedelta(hours=24), moment)
    assert belongs_in_digest(moment - timedelta(hours=24, seconds=1), moment)


@pytest.mark.parametrize(
    ("agreed", "msme_class", "last"),
    [
        (None, "SMALL", date(2026, 4, 25)),
        (60, "MICRO", date(2026, 5, 25)),
        (20, "MICRO", date(2026, 4, 30)),
        (60, "MEDIUM", date(2026, 6, 9)),
        (60, "NONE", date(2026, 6, 9)),
        (None, "NONE", date(2026, 5, 10)),
    ],
)
def test_the_last_day_for_paying_what_was_accepted_on_10_april(agreed, msme_class, last):
    assert last_day(ACCEPTED, agreed, msme_class, book()) == last


def test_interest_of_two_months_compounds():
    last = date(2026, 5, 25)

    assert interest(D("56260.00"), last, date(2026, 6, 25), book()) == D("773.58")
    assert interest(D("56260.00"), last, date(2026, 7, 25), book()) == D("1557.79")


def test_interest_begins_on_the_day_after_the_last_day_and_a_begun_month_bears_its_days():
    last = date(2026, 5, 25)

    assert interest(D("56260.00"), last, last, book()) == 0
    assert interest(D("56260.00"), last, date(2026, 5, 26), book()) == D("25.43")
    assert interest(D("56260.00"), last, date(2026, 6, 24), book()) == D("762.98")


def test_interest_wants_a_bank_rate():
    with pytest.raises(MissingRate, match="BANK_RATE"):
        interest(D(100), ACCEPTED, date(2026, 6, 1), book("BANK_RATE"))


@pytest.mark.parametrize(
    ("paid_on", "today", "year"),
    [
        (date(2027, 3, 20), date(2027, 3, 20), 2026),
        (date(2027, 3, 30), date(2027, 3, 30), 2026),
        (date(2027, 4, 2), date(2027, 4, 2), 2027),
        (None, date(2027, 3, 25), 2026),
        (None, date(2027, 3, 31), None),
    ],
)
def test_what_is_paid_late_is_deducted_in_the_year_of_payment(paid_on, today, year):
    found = deducted_in(date(2027, 3, 10), date(2027, 3, 25), paid_on, today)

    assert found == (FinancialYear(year) if year else None)


@pytest.mark.parametrize(
    ("day", "step"),
    [(17, None), (18, "D-7"), (21, "D-7"), (22, "D-3"), (24, "D-3"), (25, "D"), (26, "D+1"), (30, "D+1")],
)
def test_the_reminder_of_a_payment_due_on_the_25th(day, step):
    assert step_on(date(2026, 5, 25), date(2026, 5, day)) == step


def test_the_latest_reminder_overtakes_those_before_it():
    assert overtaken("D") == ("D-7", "D-3")


def posted(entry):
    return [(line.account, line.debit, line.credit) for line in entry.lines]


def test_a_bill_of_a_housekeeping_company():
    costs = [Cost("52010", D("48500.00"), D("4365.00"), D("4365.00"))]

    entry = bill_entry(VENDOR, costs, D(100), D("970.00"))

    assert posted(entry) == [
        ("52010", D("48500.00"), 0),
        ("11420", D("4365.00"), 0),
        ("11410", D("4365.00"), 0),
        ("23050", 0, D("970.00")),
        ("21010", 0, D("56260.00")),
    ]
    assert entry.lines[-1].party == VENDOR


def test_tax_is_credited_for_the_taxable_share_alone_and_the_rest_is_cost():
    costs = [Cost("52010", D("48500.00"), D("4365.00"), D("4365.00"))]

    assert posted(bill_entry(VENDOR, costs, D("33.33"), D(0))) == [
        ("52010", D("54320.30"), 0),
        ("11420", D("1454.85"), 0),
        ("11410", D("1454.85"), 0),
        ("21010", 0, D("57230.00")),
    ]
    assert posted(bill_entry(VENDOR, costs, D(0), D(0)))[0] == ("52010", D("57230.00"), 0)


def test_a_payment_and_a_deposit():
    assert posted(payment_entry(VENDOR, D("56260.00"))) == [
        ("21010", D("56260.00"), 0),
        ("11120", 0, D("56260.00")),
    ]
    assert posted(deposit_entry(D("970.00"))) == [("23050", D("970.00"), 0), ("11120", 0, D("970.00"))]


def test_the_parts_of_a_line_bear_together_the_tax_that_the_bill_shows():
    shown = D("10.01")
    first = tax_of(shown, D(3), D(1))

    assert first == D("3.34")
    assert tax_of(shown, D(3), D(3)) - first == D("6.67")

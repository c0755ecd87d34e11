"""Late interest and allocation as the accountant's sheet has them, and what holds of them for any figures."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.common.rules.money import to_paisa
from actors.common.rules.rates import MissingRate, Rate, RateBook
from actors.sales.rules import rates
from actors.sales.rules.allocation import Due, OpenBill, allocate, use_advances
from actors.sales.rules.interest import (
    LateBill,
    Resolution,
    grace_on,
    percent_days,
    rate_spans,
    tax_on_interest,
)

APRIL, MAY = date(2026, 4, 15), date(2026, 5, 15)
BILL = D("9811.00")


def law(*caps):
    """The law's caps, each (first day, percent)."""
    return RateBook(
        [Rate(rates.LATE_INTEREST_CAP, "MH", day, None, D(cap), "the law") for day, cap in caps], "MH"
    )


def at(percent, grace=0, cap="21"):
    """Spans of one resolution over the spring of 2026."""
    resolved = [Resolution(date(2020, 1, 1), None, D(percent), grace)]
    return rate_spans(resolved, law((date(2010, 1, 1), cap)), date(2026, 4, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("percent", "paid", "grace", "interest"),
    [
        ("21", date(2026, 5, 30), 0, "254.01"),
        ("12", date(2026, 5, 30), 0, "145.15"),
        ("21", date(2026, 4, 25), 10, "0.00"),
        ("12", date(2026, 4, 25), 10, "0.00"),
        ("21", date(2026, 4, 26), 10, "62.09"),  # a day later: from the day after the due date, 11 days
        ("21", APRIL, 0, "0.00"),
        ("21", date(2026, 4, 16), 0, "5.64"),
    ],
)
def test_example_1_9811_due_15_april(percent, paid, grace, interest):
    assert LateBill.of(BILL, APRIL, grace).interest_to(paid, at(percent)) == D(interest)


@pytest.mark.parametrize(
    ("percent", "interests", "left", "later"),
    [
        ("21", ("197.56", "28.22"), ("36.78", "9811.00"), ("0.23", "62.09")),
        ("12", ("112.89", "16.13"), ("0.00", "9751.02"), None),
    ],
)
def test_example_2_10000_paid_on_20_may_for_two_bills(percent, interests, left, later):
    spans, day = at(percent), date(2026, 5, 20)
    late = [LateBill.of(BILL, APRIL), LateBill.of(BILL, MAY)]
    found = [bill.interest_to(day, spans) for bill in late]
    assert found == [D(each) for each in interests]

    ids = [uuid.UUID(int=1), uuid.UUID(int=2)]
    paid = allocate(D("10000.00"), [OpenBill(i, BILL, x) for i, x in zip(ids, found, strict=True)])

    assert paid.sum_of(Due.INTEREST) == sum(found)
    assert paid.left == 0
    cleared = [
        sum((p.amount for p in paid.parts if p.due is Due.BILL and p.invoice_id == i), D(0)) for i in ids
    ]
    assert [BILL - amount for amount in cleared] == [D(each) for each in left]
    if later:
        after = [bill.paid(amount, day, spans) for bill, amount in zip(late, cleared, strict=True)]
        until = date(2026, 5, 31)
        grown = [bill.interest_to(until, spans) - x for bill, x in zip(after, found, strict=True)]
        assert grown == [D(each) for each in later]


def test_interest_of_example_1_bears_gst_where_the_bill_did():
    assert tax_on_interest(D("254.01"), D(9), D(9)) == (D("22.86"), D("22.86"))
    assert tax_on_interest(D("254.01"), D(0), D(0)) == (D("0.00"), D("0.00"))


def test_the_cap_of_the_day_goes_before_the_resolution():
    """Given 21 % resolved and a cap that falls to 12 % on 18 June, each day bears the rate of its own."""
    spans = rate_spans(
        [Resolution(date(2020, 4, 1), None, D(21))],
        law((date(2010, 1, 1), "21"), (date(2026, 6, 18), "12")),
        date(2026, 6, 1),
        date(2026, 6, 30),
    )

    assert [(span.first.day, span.last.day, span.percent) for span in spans] == [
        (1, 17, D(21)),
        (18, 30, D(12)),
    ]
    bill = LateBill.of(BILL, date(2026, 6, 15))
    assert bill.interest_to(date(2026, 6, 20), spans) == to_paisa(BILL * (2 * 21 + 3 * 12) / 36_500)


def test_a_lower_resolution_holds_under_a_higher_cap_and_from_its_day():
    resolved = [Resolution(date(2020, 4, 1), None, D(18)), Resolution(date(2026, 5, 1), None, D(10), 7)]
    spans = rate_spans(resolved, law((date(2010, 1, 1), "21")), date(2026, 4, 29), date(2026, 5, 2))

    assert [span.percent for span in spans] == [D(18), D(10)]
    assert percent_days(spans, date(2026, 4, 29), date(2026, 5, 2)) == 18 + 2 * 10
    assert (grace_on(APRIL, resolved), grace_on(MAY, resolved), grace_on(date(2019, 1, 1), resolved)) == (
        0,
        7,
        0,
    )


def test_days_without_a_resolution_bear_nothing_and_a_missing_cap_is_named():
    ended = [Resolution(date(2026, 4, 10), date(2026, 4, 20), D(21))]
    spans = rate_spans(ended, law((date(2010, 1, 1), "21")), date(2026, 4, 1), date(2026, 4, 30))
    assert [(span.first.day, span.percent) for span in spans] == [(1, 0), (10, D(21)), (21, 0)]

    with pytest.raises(MissingRate, match="no rate LATE_INTEREST_CAP is recorded for MH/IN on 10 Apr 2026"):
        rate_spans(ended, law(), date(2026, 4, 1), date(2026, 4, 30))


def test_what_is_paid_within_the_grace_bears_nothing_though_the_rest_is_late():
    spans = at("21")
    bill = LateBill.of(BILL, APRIL, 10).paid(D("9000.00"), date(2026, 4, 20), spans)

    assert bill.interest_to(date(2026, 4, 25), spans) == 0
    assert bill.interest_to(date(2026, 4, 30), spans) == to_paisa(D("811.00") * 21 * 15 / 36_500)


def test_interest_first_then_arrears_then_the_oldest_bill_and_the_rest_is_an_advance():
    one, two = uuid.UUID(int=1), uuid.UUID(int=2)
    bills = [
        OpenBill(one, D("100.00"), D("10.00"), D("3.00"), D(9), D(9)),
        OpenBill(two, D("200.00"), D("5.00")),
    ]

    paid = allocate(D("1000.00"), bills, D("50.00"))

    assert [(part.due, part.invoice_id, part.amount, part.cgst) for part in paid.parts] == [
        (Due.INTEREST_TAX, one, D("3.00"), 0),
        (Due.INTEREST, one, D("10.00"), D("0.90")),
        (Due.INTEREST, two, D("5.00"), 0),
        (Due.ARREARS, None, D("50.00"), 0),
        (Due.BILL, one, D("100.00"), 0),
        (Due.BILL, two, D("200.00"), 0),
        (Due.INTEREST_TAX, one, D("1.80"), 0),
    ]
    assert paid.left == D("630.20")


def test_a_bill_takes_the_oldest_advance_first_and_no_more_than_it_needs():
    first, second = uuid.UUID(int=1), uuid.UUID(int=2)

    assert use_advances([(first, D(30)), (second, D(50))], D(60)) == (
        [(first, D(30)), (second, D(30))],
        D(60),
    )
    assert use_advances([(first, D(30))], D(60)) == ([(first, D(30))], D(30))
    assert use_advances([], D(60)) == ([], D(0))


MONEY = st.decimals(min_value=0, max_value=100_000, places=2)


@given(
    amount=st.decimals(min_value=D("0.01"), max_value=400_000, places=2),
    bills=st.lists(st.tuples(MONEY, MONEY, MONEY, st.sampled_from([D(0), D(9)])), max_size=5),
    arrears=MONEY,
)
@settings(max_examples=200, deadline=None)
def test_an_allocation_never_exceeds_the_payment_or_a_due(amount, bills, arrears):
    open_bills = [OpenBill(uuid.UUID(int=n), *bill, bill[3]) for n, bill in enumerate(bills)]

    paid = allocate(amount, open_bills, arrears)

    assert sum(part.amount for part in paid.parts) + paid.left == amount
    assert all(part.amount > 0 for part in paid.parts)
    assert paid.sum_of(Due.ARREARS) <= arrears
    for bill in open_bills:
        mine = [part for part in paid.parts if part.invoice_id == bill.invoice_id]
        interest = sum(part.amount for part in mine if part.due is Due.INTEREST)
        principal = sum(part.amount for part in mine if part.due is Due.BILL)
        assert interest <= bill.interest
        assert principal <= bill.principal
        assert interest == bill.interest or paid.sum_of(Due.BILL, Due.ARREARS) == 0
    if paid.left:
        assert paid.sum_of(Due.BILL) == sum(bill.principal for bill in open_bills)


@given(
    principal=st.decimals(min_value=1, max_value=200_000, places=2),
    grace=st.integers(0, 20),
    payments=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=4),
    percent=st.sampled_from(["21", "12", "18.5", "7.25"]),
)
@settings(max_examples=200, deadline=None)
def test_the_days_of_a_bill_add_up_to_the_formula_for_each_stretch(principal, grace, payments, percent):
    """Whatever is paid in between, a stretch of one principal bears principal x rate x days / 365, rounded once."""
    spans, end = at(percent), date(2026, 11, 1)
    bill, since, lines, formula = LateBill.of(principal, APRIL, grace), APRIL, D(0), D(0)
    events = [
        (APRIL + timedelta(days=wait), to_paisa(principal * share / 100)) for wait, share in sorted(payments)
    ]
    for day, part in [*events, (end, D(0))]:
        rest = bill.principal
        if (day - APRIL).days > grace:
            formula += to_paisa(rest * D(percent) * (day - since).days / 36_500)
            lines += sum(
                bill.interest_to(since + timedelta(days=n + 1), spans)
                - bill.interest_to(since + timedelta(days=n), spans)
                for n in range((day - since).days)
            )
            since = day
        bill = bill.paid(min(part, rest), day, spans)

    assert lines == formula == bill.interest_to(end, spans)

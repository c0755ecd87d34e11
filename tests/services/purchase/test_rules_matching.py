"""The three-way match: every row of the accountant's table."""

from datetime import date
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.common.rules.rates import MissingRate, RateBook
from actors.purchase.rules.matching import (
    HOLDS,
    BilledLine,
    OrderedLine,
    Outcome,
    Receipt,
    Tolerance,
    accepted_by,
    bill_match,
    duplicate,
    match_line,
)

APRIL = date(2026, 4, 10)
ALLOWED = Tolerance(quantity=D(5), price=D(2))


def order(*received, billed=0):
    """100 @ 42.00; each receipt a day after the one before."""
    receipts = tuple(
        Receipt(APRIL.replace(day=10 + n), D(quantity)) for n, quantity in enumerate(received) if quantity
    )
    return OrderedLine(D(100), D("42.00"), receipts, D(billed))


def billed(quantity, price="42.00", **options):
    return BilledLine(D(quantity), D(price), **options)


@pytest.mark.parametrize(
    ("received", "quantity", "price", "outcome", "payable", "held"),
    [
        (100, 100, "42.00", "MATCHED", "4200.00", "0"),
        (60, 60, "42.00", "PARTIAL", "2520.00", "0"),
        (60, 100, "42.00", "HOLD_QTY", "2520.00", "1680.00"),
        (104, 104, "42.00", "MATCHED_TOL", "4368.00", "0"),
        (110, 110, "42.00", "HOLD_OVER_RECEIPT", "4410.00", "210.00"),
        (100, 100, "42.84", "MATCHED_TOL", "4284.00", "0"),
        (100, 100, "42.85", "HOLD_PRICE", "0", "4285.00"),
        (100, 100, "40.00", "MATCHED", "4000.00", "0"),
        (0, 100, "42.00", "HOLD_NO_GRN", "0", "4200.00"),
    ],
)
def test_an_order_of_100_at_42_rupees(received, quantity, price, outcome, payable, held):
    found = match_line(billed(quantity, price), order(received), ALLOWED)

    assert (found.outcome, found.payable, found.held) == (outcome, D(payable), D(held))


def test_60_and_60_leave_40_open():
    assert match_line(billed(60), order(60), ALLOWED).open_quantity == 40


def test_60_and_40_received_billed_as_60_then_as_45():
    first = match_line(billed(60), order(60, 40), ALLOWED)
    second = match_line(billed(45), order(60, 40, billed=60), ALLOWED)

    assert (first.outcome, first.payable) == (Outcome.PARTIAL, D("2520.00"))
    assert (second.outcome, second.payable, second.held) == (Outcome.HOLD_QTY, D("1680.00"), D("210.00"))


def test_the_same_number_of_the_same_vendor_in_the_same_year_is_a_duplicate():
    found = duplicate([billed(100)])

    assert (found.outcome, found.payable, found.held) == (Outcome.DUPLICATE, 0, 0)


def test_the_gravest_line_gives_the_bill_its_outcome_and_the_others_are_payable_all_the_same():
    found = bill_match(
        [match_line(billed(100), order(60), ALLOWED), match_line(billed(100), order(100), ALLOWED)]
    )

    assert (found.outcome, found.payable, found.held) == (Outcome.HOLD_QTY, D("6720.00"), D("1680.00"))


def test_an_officer_lets_a_line_pass_as_billed_and_the_finding_stays():
    found = match_line(billed(100, "42.85"), order(100), ALLOWED, overridden=True)

    assert (found.outcome, found.payable, found.held) == (Outcome.HOLD_PRICE, D("4285.00"), D(0))


def test_what_was_let_pass_once_stays_payable():
    found = match_line(billed(100, let_pass=D(60)), order(50), ALLOWED)

    assert (found.outcome, found.payable) == (Outcome.HOLD_QTY, D("2520.00"))


def test_the_term_of_payment_runs_from_the_receipt_that_covers_the_last_of_what_is_paid():
    assert match_line(billed(60), order(60, 40), ALLOWED).accepted_on == date(2026, 4, 10)
    assert match_line(billed(40), order(60, 40, billed=60), ALLOWED).accepted_on == date(2026, 4, 11)
    assert match_line(billed(100), order(0), ALLOWED).accepted_on is None
    assert accepted_by(order(60).receipts, D(100)) == date(2026, 4, 10)


def test_without_allowances_on_record_nothing_is_matched():
    with pytest.raises(MissingRate, match="MATCH_QUANTITY_TOLERANCE"):
        Tolerance.on(RateBook([]), APRIL)


@given(
    received=st.lists(st.integers(0, 70), max_size=3),
    bills=st.lists(
        st.tuples(st.integers(1, 80), st.sampled_from(["40.00", "42.00", "42.84", "42.85"])), max_size=4
    ),
)
def test_never_is_more_paid_than_received_or_than_the_allowance(received, bills):
    passed = D(0)
    for quantity, price in bills:
        line = billed(quantity, price)
        found = match_line(line, order(*received, billed=passed), ALLOWED)
        assert found.payable + found.held == line.amount
        assert (found.outcome in HOLDS) == (found.held > 0)
        passed += found.payable_quantity
    assert passed <= min(D(sum(received)), D(105))

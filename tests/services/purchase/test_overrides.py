"""Bills on hold that an officer lets pass."""

from datetime import date
from decimal import Decimal as D

import pytest

from actors.purchase import matching, store
from tests.services.purchase.trading import MANAGER, SECRETARY, TREASURER

OFFICE = "office@greenvalley.example.in"


@pytest.fixture
def dear_bill(trading):
    vendor = trading.vendor()
    order = trading.order(vendor)
    trading.receive(order, 100)
    return trading.bill(vendor, order, (100, "42.85"))


def test_an_officer_lets_a_dear_bill_pass_and_the_role_is_on_record(dear_bill, match, ask):
    match()
    with store.transaction() as purchase:
        matching.override_hold(purchase, dear_bill, TREASURER, "TREASURER", "price of the new season")

    match(date(2026, 4, 11))

    assert ask("select outcome, payable, held, override_role from purchase.match_result order by number") == [
        ("HOLD_PRICE", D(0), D(4285), None),
        ("HOLD_PRICE", D(4285), D(0), "TREASURER"),
    ]
    assert ask("select status from purchase.vendor_bill") == [("MATCHED_TOL",)]
    assert match(date(2026, 4, 12))["bills"] == 0


@pytest.mark.parametrize(
    ("officer", "role"), [(MANAGER, "MANAGER"), (SECRETARY, "TREASURER"), (OFFICE, "CHAIRPERSON")]
)
def test_who_may_not_let_a_bill_pass(dear_bill, match, ask, officer, role):
    ask("delete from purchase.officer where role = 'CHAIRPERSON'")
    match()

    with (
        pytest.raises(matching.OverrideRefused, match=f"{officer} may not let it pass"),
        store.transaction() as purchase,
    ):
        matching.override_hold(purchase, dear_bill, officer, role, "please")


def test_a_bill_that_is_not_on_hold_needs_no_override(trading, match, society):
    _, bill = trading.bought("100.00")
    match()

    with pytest.raises(matching.OverrideRefused, match="is not on hold"), store.transaction() as purchase:
        matching.override_hold(purchase, bill, TREASURER, "TREASURER", "please")

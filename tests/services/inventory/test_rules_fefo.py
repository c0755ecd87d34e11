"""First expired, first out."""

from datetime import date
from decimal import Decimal as D
from uuid import UUID

import pytest

from actors.inventory.rules.fefo import ShelfLot, expired, first_expired_first_out, notice_due
from actors.inventory.rules.quantity import NotEnoughStock

TODAY = date(2026, 4, 10)
L1, L2, L3, L4 = (UUID(int=number) for number in range(1, 5))
RECEIVED = date(2026, 1, 1)


def lot(key, quantity, expires_on=None, *, received=RECEIVED, quarantined=False):
    return ShelfLot(key, f"L{key.int}", D(quantity), received, expires_on, quarantined)


SHELF = [lot(L1, 10, date(2026, 5, 31)), lot(L2, 6, date(2026, 4, 20)), lot(L3, 4, date(2026, 4, 5))]


def test_an_issue_takes_what_expires_first_and_sets_apart_what_has_expired():
    picking = first_expired_first_out(SHELF, D(12), TODAY)

    assert picking.taken == ((L2, 6), (L1, 6))
    assert picking.expired == (L3,)


def test_expired_lots_are_not_counted_as_stock():
    with pytest.raises(NotEnoughStock, match="17 asked for, 16 fit for use"):
        first_expired_first_out(SHELF, D(17), TODAY)


def test_what_keeps_is_taken_last_and_the_oldest_first():
    newer = lot(L1, 5, received=date(2026, 3, 1))
    older = lot(L2, 5, received=date(2026, 2, 1))
    perishing = lot(L4, 1, date(2027, 1, 1))

    assert first_expired_first_out([newer, older, perishing], D(8), TODAY).taken == (
        (L4, 1),
        (L2, 5),
        (L1, 2),
    )


def test_a_lot_that_is_set_apart_gives_nothing():
    apart = lot(L2, 6, date(2026, 4, 20), quarantined=True)

    assert first_expired_first_out([SHELF[0], apart], D(3), TODAY).taken == ((L1, 3),)
    long_apart = lot(L3, 4, date(2026, 4, 5), quarantined=True)
    assert first_expired_first_out([SHELF[0], long_apart], D(3), TODAY).expired == (), "it is apart already"


def test_the_last_day_is_a_day_of_use():
    assert not expired(TODAY, TODAY)
    assert expired(date(2026, 4, 9), TODAY)
    assert not expired(None, TODAY)


@pytest.mark.parametrize(
    ("expires_on", "step"),
    [
        (date(2026, 5, 11), None), (date(2026, 5, 10), 30), (date(2026, 4, 18), 30), (date(2026, 4, 17), 7),
        (date(2026, 4, 11), 7), (date(2026, 4, 10), 0), (date(2026, 4, 9), None),
    ],
    ids=["31 days", "30 days", "8 days", "7 days", "1 day", "today", "over"],
)  # fmt: skip
def test_notices_are_given_30_and_7_days_before_and_on_the_last_day(expires_on, step):
    assert notice_due(expires_on, TODAY) == step

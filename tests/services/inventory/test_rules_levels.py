"""When to buy again."""

from decimal import Decimal as D

import pytest

from actors.inventory.rules.levels import (
    AlertState,
    NoReorderTerms,
    ReorderTerms,
    alerts,
    average_use,
    reorder_level,
    safety_stock,
    state_at,
    suggested_order,
)

PHENYL = ReorderTerms(lead_days=7, max_lead_days=10, peak_daily_use=D(5))


def test_the_level_is_average_use_over_the_lead_time_and_the_safety_stock():
    assert safety_stock(D("3.2"), PHENYL) == D("27.6")
    assert reorder_level(D("3.2"), PHENYL) == 50


def test_an_alert_is_given_once_until_stock_is_above_the_level_again():
    state, told = AlertState.ARMED, []
    for stock in (52, 49, 47, 80, 50):
        told.append(alerts(state, D(stock), D(50)))
        state = state_at(D(stock), D(50))

    assert told == [False, True, False, False, True]


@pytest.mark.parametrize(
    ("issued", "days_known", "average"),
    [(D(288), 400, "3.200"), (D(100), 30, "3.333"), (D(5), 0, "5.000"), (D(-4), 90, "0.000")],
    ids=["ninety days", "younger item", "first day", "more came back than went out"],
)
def test_use_is_averaged_over_ninety_days_or_what_is_known(issued, days_known, average):
    assert average_use(issued, days_known) == D(average)


def test_a_safety_stock_that_is_set_counts():
    assert reorder_level(D("3.2"), ReorderTerms(7, None, None, safety_stock=D(10))) == D("32.4")


def test_safety_stock_is_never_below_zero():
    assert safety_stock(D(9), PHENYL) == 0
    assert reorder_level(D(9), PHENYL) == 63


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (ReorderTerms(None, 10, D(5)), "has no lead time"),
        (ReorderTerms(7, None, D(5)), "neither a safety stock nor a peak use and longest lead time"),
        (ReorderTerms(7, 10, None), "neither a safety stock nor a peak use and longest lead time"),
    ],
    ids=["lead time", "longest lead time", "peak use"],
)
def test_an_item_that_lacks_a_term_is_not_guessed(terms, said):
    with pytest.raises(NoReorderTerms, match=said):
        reorder_level(D("3.2"), terms)


def test_an_order_fills_up_to_the_level_and_lasts_its_days_in_whole_packs():
    terms = ReorderTerms(7, 10, D(5), cover_days=30, pack=D(5))

    assert suggested_order(D(49), D("3.2"), D(50), terms) == 100  # 50 + 96 - 49 = 97
    assert suggested_order(D(50), D(0), D(50), terms) == 5, "at least a pack"

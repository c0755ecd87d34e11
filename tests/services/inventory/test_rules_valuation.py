"""What stock is worth: the examples of AS-2, and that no paisa is made or lost on the way."""

from datetime import date, timedelta
from decimal import Decimal as D
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.inventory.rules import stock as rules
from actors.inventory.rules.ageing import BUCKETS, bucket_of, is_slow
from actors.inventory.rules.posting import Kind, stock_entry
from actors.inventory.rules.quantity import BadQuantity, NotEnoughStock, checked_quantity, checked_value
from actors.inventory.rules.stock import Lot, Stock
from actors.inventory.rules.valuation import (
    Layer,
    Method,
    first_in_first_out,
    lower_of_cost_and_nrv,
    spread,
    weighted_average,
)

DAY = date(2026, 4, 10)
FIRST, SECOND = UUID(int=1), UUID(int=2)


def item(method=Method.FIFO, *deliveries):
    """An item with deliveries of (quantity, rate), a day apart."""
    stock = Stock("HK-001 Phenyl", method)
    for number, (quantity, rate) in enumerate(deliveries, start=1):
        stock = deliver(stock, number, D(quantity), D(quantity) * D(rate))
    return stock


def deliver(stock, number, quantity, value, expires_on=None):
    lot = Lot(UUID(int=number), f"L{number:03}", DAY - timedelta(days=100 - number), expires_on)
    change = rules.receive(lot.id, quantity, value)
    return Stock(stock.label, stock.method, (*stock.lots, lot), stock.average_value).after(change)


@pytest.mark.parametrize(
    ("method", "deliveries", "quantity", "issued", "left"),
    [
        (Method.WEIGHTED_AVERAGE, [(100, 40), (50, 46)], 120, "5040.00", "1260.00"),
        (Method.FIFO, [(100, 40), (50, 46)], 120, "4920.00", "1380.00"),
        (Method.WEIGHTED_AVERAGE, [(3, 10), (4, 11)], 5, "52.86", "21.14"),
    ],
    ids=["average", "FIFO", "value is kept, not rate"],
)
def test_the_examples_of_as_2(method, deliveries, quantity, issued, left):
    stock = item(method, *deliveries)

    change = rules.issue(stock, D(quantity), DAY)

    assert -change.value(method) == D(issued)
    after = stock.after(change)
    assert (after.fifo_value if method is Method.FIFO else after.average_value) == D(left)


def test_the_average_of_the_example_is_42():
    assert weighted_average(D(150), D(6300), D(1)) == D("42.00")


def test_the_last_of_a_layer_takes_what_is_left_of_its_value():
    (part,) = first_in_first_out([Layer("a", D(3), D("10.00"))], D(2))
    assert part.value == D("6.67")
    (rest,) = first_in_first_out([Layer("a", D(1), D("3.33"))], D(1))
    assert rest.value == D("3.33")


def test_more_than_there_is_cannot_go_out():
    stock = item(Method.FIFO, (10, 1))
    with pytest.raises(NotEnoughStock, match=r"HK-001 Phenyl: 11 asked for, 10 fit for use"):
        rules.issue(stock, D(11), DAY)
    with pytest.raises(NotEnoughStock):
        weighted_average(D(1), D(1), D(2))
    with pytest.raises(NotEnoughStock):
        first_in_first_out([Layer("a", D(1), D(1))], D(2))


def test_a_delivery_of_a_later_day_is_not_there_yet():
    stock = item(Method.FIFO, (10, 1))
    with pytest.raises(NotEnoughStock):
        rules.issue(stock, D(1), DAY - timedelta(days=200))


@pytest.mark.parametrize(
    ("cost", "on_hand", "nrv", "carried"),
    [("1260.00", 30, "40", "1200.00"), ("1260.00", 30, "43", "1260.00"), ("1260.00", 30, None, "1260.00")],
    ids=["below cost", "above cost", "kept for use"],
)
def test_stock_is_carried_at_the_lower_of_cost_and_net_realisable_value(cost, on_hand, nrv, carried):
    assert lower_of_cost_and_nrv(D(cost), D(on_hand), nrv and D(nrv)) == D(carried)


def test_a_write_down_takes_the_difference_once_and_is_not_written_up_again():
    stock = item(Method.WEIGHTED_AVERAGE, (100, 40), (50, 46))

    change = rules.write_down(stock, D(40))

    assert change.value(Method.WEIGHTED_AVERAGE) == D("-300.00")
    assert change.quantity == 0
    after = stock.after(change)
    assert (after.average_value, after.fifo_value, after.quantity) == (D(6000), D(6000), 150)
    assert rules.write_down(after, D(40)) is None
    assert rules.write_down(after, D(60)) is None


def test_what_comes_back_comes_at_the_cost_at_which_it_left():
    stock = item(Method.FIFO, (100, 40), (50, 46))
    issued = rules.issue(stock, D(120), DAY)

    back = rules.give_back(stock.after(issued), issued, D(30))

    assert back.quantity == 30
    assert back.fifo_value == D(20) * 46 + D(10) * 40, "the last that left is the first that comes back"
    assert back.average_value == D("1260.00")
    assert stock.after(issued).after(rules.give_back(stock.after(issued), issued, D(120))) == stock
    with pytest.raises(NotEnoughStock, match="121 come back, of the issue 120 are out"):
        rules.give_back(stock.after(issued), issued, D(121))


@pytest.mark.parametrize(
    ("counted", "quantity", "value"), [(47, -3, "-126.00"), (52, 2, "84.00")], ids=["short", "over"]
)
def test_a_count_brings_the_books_to_what_lies_there(counted, quantity, value):
    stock = item(Method.WEIGHTED_AVERAGE, (100, 40), (50, 46))

    change = rules.adjust(stock, SECOND, D(counted))

    assert change.quantity == quantity
    assert change.average_value == D(value)
    assert rules.adjust(stock, SECOND, D(50)) is None


@pytest.mark.parametrize("bad", ["0", "-3", "1.0001", "ten", "NaN", "Infinity"])
def test_a_quantity_is_a_number_above_zero_with_three_decimals(bad):
    with pytest.raises(BadQuantity, match="Phenyl: "):
        checked_quantity(bad, "Phenyl")
    assert checked_quantity("2.5", "Phenyl") == D("2.500")


@pytest.mark.parametrize("bad", ["-1", "1.001", "much", "NaN"])
def test_a_value_is_in_rupees_to_the_paisa_and_not_below_zero(bad):
    with pytest.raises(BadQuantity, match="Phenyl: value "):
        checked_value(bad, "Phenyl")
    assert checked_value("0", "Phenyl") == 0


def test_a_count_may_be_nothing_but_not_less():
    assert checked_quantity("0", "Phenyl", least=D(0)) == 0
    with pytest.raises(BadQuantity, match="quantity -1 is below zero"):
        checked_quantity("-1", "Phenyl", least=D(0))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_value_is_neither_made_nor_lost_and_stock_is_never_below_zero(data):
    method = data.draw(st.sampled_from(Method))
    stock, received, gone, count = item(method), D(0), D(0), 0
    for _ in range(data.draw(st.integers(1, 25))):
        if data.draw(st.booleans()) or stock.quantity == 0:
            count += 1
            quantity = D(data.draw(st.integers(1, 9_999))) / 1000
            value = D(data.draw(st.integers(0, 99_999))) / 100
            stock = deliver(stock, count, quantity, value)
            received += value
            continue
        quantity = D(data.draw(st.integers(1, int(stock.quantity * 1000)))) / 1000
        change = rules.issue(stock, quantity, DAY)
        assert change.quantity == -quantity
        assert change.fifo_value <= 0
        assert change.average_value <= 0
        gone -= change.value(method)
        stock = stock.after(change)
        assert stock.is_possible
        assert sum(lot.cost_quantity for lot in stock.lots) == stock.quantity
        assert stock.quantity or stock.average_value == stock.fifo_value == 0
    left = stock.fifo_value if method is Method.FIFO else stock.average_value
    assert received - gone == left


@given(st.lists(st.integers(0, 9_999), min_size=1, max_size=8), st.integers(0, 1_000))
def test_a_write_down_is_shared_without_rest_and_within_each_layer(values, per_mille):
    layers = [Layer(number, D(1), D(value) / 100) for number, value in enumerate(values)]
    cut = (sum(layer.value for layer in layers) * per_mille / 1000).quantize(D("0.01"))

    parts = spread(cut, layers)

    assert sum(part.value for part in parts) == cut
    assert all(0 <= part.value <= layers[part.key].value for part in parts)


@pytest.mark.parametrize(
    ("days", "label"),
    [
        (0, "0-30 days"), (30, "0-30 days"), (31, "31-90 days"), (90, "31-90 days"), (91, "91-180 days"),
        (181, "181-365 days"), (365, "181-365 days"), (366, "over 365 days"), (-2, "0-30 days"),
    ],
)  # fmt: skip
def test_buckets_of_age(days, label):
    assert bucket_of(DAY - timedelta(days=days), DAY).label == label
    assert len(BUCKETS) == 5


def test_a_slow_mover_has_not_been_issued_for_ninety_days():
    assert not is_slow(DAY - timedelta(days=90), DAY - timedelta(days=300), DAY)
    assert is_slow(DAY - timedelta(days=91), DAY - timedelta(days=300), DAY)
    assert is_slow(None, DAY - timedelta(days=91), DAY)
    assert not is_slow(None, DAY - timedelta(days=5), DAY)


@pytest.mark.parametrize(
    ("kind", "value", "debit", "credit"),
    [
        (Kind.ISSUE, "-5040.00", "52020", "11300"),
        (Kind.RECEIPT, "6300.00", "11300", "21030"),
        (Kind.OPENING, "10.00", "11300", "39010"),
        (Kind.RETURN, "10.00", "11300", "52020"),
        (Kind.WRITE_DOWN, "-300.00", "52030", "11300"),
        (Kind.WRITE_OFF, "-96.00", "52040", "11300"),
        (Kind.ADJUSTMENT, "-1.00", "52050", "11300"),
        (Kind.ADJUSTMENT, "1.00", "11300", "52050"),
    ],
)
def test_postings(kind, value, debit, credit):
    first, second = stock_entry(kind, D(value), FIRST).lines

    assert (first.account, first.debit, second.account, second.credit) == (
        debit,
        abs(D(value)),
        credit,
        abs(D(value)),
    )
    assert {line.account: line.party for line in (first, second)}["11300"] == FIRST

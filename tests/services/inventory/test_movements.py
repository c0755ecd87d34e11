"""What happens in the store, as its tables and its books have it: once, never below zero, never changed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal as D

import pytest
from psycopg2.errors import CheckViolation, ForeignKeyViolation, RestrictViolation, UniqueViolation

from actors.common import books
from actors.inventory import (
    adjust_stock,
    issue_stock,
    receive_stock,
    return_stock,
    reverse_movement,
    write_down_stock,
)
from actors.inventory.movements import BadDay
from actors.inventory.rules.quantity import BadQuantity, NotEnoughStock
from actors.inventory.rules.stock import CannotReverse
from actors.inventory.store import NoLocation, UnknownItem, UnknownLot, UnknownMovement
from tests.support.deaths import outlives_every_death

DAY = date(2026, 4, 10)
MARCH = date(2026, 3, 1)
BOOKED = (
    """select account_code, sum(debit - credit) from inventory.ledger_line group by account_code order by 1"""
)
LOTS = "select number, on_hand, quarantined_on from inventory.lot order by number"


def issue(item_id, quantity, reference="REQ-1", day="2026-04-10"):
    return issue_stock.fn(str(item_id), quantity, reference, day)


def test_an_issue_is_posted_at_its_cost(item, deliver, ask):
    phenyl = item(valuation="WEIGHTED_AVERAGE")
    deliver(phenyl, 100, 4000, "GRN-1", MARCH)
    deliver(phenyl, 50, 2300, "GRN-2", MARCH)

    assert issue(phenyl, "120")["value"] == "-5040.00"

    assert ask(
        """select account_code, debit, credit from inventory.ledger_line join inventory.ledger_entry on id = entry_id
        where source_kind = 'STOCK_ISSUE' order by position"""
    ) == [("52020", D("5040.00"), 0), ("11300", 0, D("5040.00"))]
    assert ask("select quantity, value, fifo_value from inventory.item") == [(30, D("1260.00"), D("1380.00"))]
    assert ask(BOOKED) == [("11300", D("1260.00")), ("21030", D("-6300.00")), ("52020", D("5040.00"))]


def test_an_issue_takes_what_expires_first_and_sets_apart_what_has_expired(item, deliver, ask):
    phenyl = item()
    deliver(phenyl, 10, 400, "L1", MARCH, date(2026, 5, 31))
    deliver(phenyl, 6, 252, "L2", MARCH, date(2026, 4, 20))
    deliver(phenyl, 4, 160, "L3", MARCH, date(2026, 4, 5))

    issue(phenyl, "12")

    assert ask(LOTS) == [("L1", 4, None), ("L2", 0, None), ("L3", 4, DAY)]
    assert ask("select quarantine_reason from inventory.lot where number = 'L3'") == [
        ("expired on 05 Apr 2026",)
    ]


def test_a_second_request_of_the_same_reference_changes_nothing(item, deliver, ask):
    phenyl = item()
    deliver(phenyl, 10, 400, "GRN-1", MARCH)

    first, second = issue(phenyl, "3"), issue(phenyl, "3")

    assert first == second
    assert ask("select count(*), sum(quantity) from inventory.movement where kind = 'ISSUE'") == [(1, -3)]
    received = [
        receive_stock.fn(str(phenyl), "5", "210.00", "GRN-2", "2026-04-11", "B7", "2026-12-31")
        for _ in range(2)
    ]
    assert received[0] == received[1]
    assert ask("select number, on_hand, expires_on from inventory.lot where number = 'B7'") == [
        ("B7", 5, date(2026, 12, 31))
    ]


def test_what_is_not_there_cannot_be_issued_and_nothing_is_written(item, deliver, ask):
    phenyl = item("HK-001")
    deliver(phenyl, 10, 400, "GRN-1", MARCH)

    with pytest.raises(NotEnoughStock, match="HK-001 Item HK-001: 11 asked for, 10 fit for use"):
        issue(phenyl, "11")
    with pytest.raises(BadQuantity, match="HK-001 Item HK-001: quantity -1 is not above zero"):
        issue(phenyl, "-1")
    with pytest.raises(UnknownItem, match="'phenyl' is not the id of any item"):
        issue("phenyl", "1")
    assert ask("select count(*) from inventory.movement") == [(1,)]


def test_two_who_want_the_last_do_not_both_get_it(item, deliver, ask):
    phenyl = item()
    deliver(phenyl, 10, 400, "GRN-1", MARCH)

    def take(number):
        try:
            return issue(phenyl, "6", f"REQ-{number}")["quantity"]
        except NotEnoughStock:
            return "none left"

    with ThreadPoolExecutor(4) as keepers:
        got = sorted(keepers.map(take, range(4)))

    assert got == ["-6.000", "none left", "none left", "none left"]
    assert ask("select quantity from inventory.item") == [(4,)]


def test_what_is_returned_comes_back_at_its_cost_and_not_twice(item, deliver, ask):
    phenyl = item()
    deliver(phenyl, 100, 4000, "GRN-1", MARCH)
    deliver(phenyl, 50, 2300, "GRN-2", MARCH)
    issued = issue(phenyl, "120")["movement"]

    for _ in range(2):
        assert return_stock.fn(issued, "30", "RET-1", "2026-04-12")["value"] == "1320.00"
    assert return_stock.fn(issued, "90", "RET-2", "2026-04-13")["value"] == "3600.00"
    with pytest.raises(NotEnoughStock, match="1 come back, of the issue 0 are out"):
        return_stock.fn(issued, "1", "RET-3", "2026-04-14")
    with pytest.raises(UnknownMovement, match="no issue has the id"):
        return_stock.fn(str(phenyl), "1", "RET-3", "2026-04-14")

    assert ask(LOTS) == [("GRN-1", 100, None), ("GRN-2", 50, None)]
    assert ask(BOOKED) == [("11300", D(6300)), ("21030", D(-6300)), ("52020", 0)]


def test_a_count_is_entered_once_and_posted_as_a_difference(item, deliver, ask):
    phenyl = item()
    lot = deliver(phenyl, 10, 400, "GRN-1", MARCH)

    for _ in range(2):
        assert adjust_stock.fn(lot, "8", "COUNT-1", "2026-04-10")["value"] == "-80.00"
    assert adjust_stock.fn(lot, "8", "COUNT-2", "2026-04-11") == {}
    assert adjust_stock.fn(lot, "0", "COUNT-3", "2026-04-12")["quantity"] == "-8.000"
    assert adjust_stock.fn(lot, "2", "COUNT-4", "2026-04-13")["value"] == "0.00"
    with pytest.raises(UnknownLot):
        adjust_stock.fn(str(phenyl), "2", "COUNT-5", "2026-04-13")

    assert ask(LOTS) == [("GRN-1", 2, None)]
    assert ask(BOOKED) == [("11300", 0), ("21030", D(-400)), ("52050", D(400))]


def test_a_write_down_brings_the_books_to_net_realisable_value(item, deliver, ask, community):
    pipes = item("SC-001", nrv="3.00")
    deliver(pipes, 100, 400, "GRN-1", MARCH)
    deliver(item("HK-001"), 100, 400, "GRN-2", MARCH)

    for expected in (["SC-001 Item SC-001"], []):
        assert write_down_stock.fn(str(community), "2026-03-31")["items"] == expected

    assert ask(BOOKED) == [("11300", D(700)), ("21030", D(-800)), ("52030", D(100))]
    ask("update inventory.item set nrv = 2.50 where code = 'SC-001'")
    assert write_down_stock.fn(str(community), "2026-03-31")["written_down"] == "50.00"


def test_a_wrong_delivery_is_taken_back_once_with_its_posting(item, deliver, ask):
    phenyl = item(valuation="WEIGHTED_AVERAGE")
    deliver(phenyl, 10, 400, "GRN-1", MARCH)
    wrong = receive_stock.fn(str(phenyl), "5", "999.00", "GRN-2", "2026-04-02")["movement"]

    for _ in range(2):
        assert reverse_movement.fn(wrong, "2026-04-03")["value"] == "-999.00"

    assert ask(LOTS) == [("GRN-1", 10, None), ("GRN-2", 0, None)]
    assert ask(BOOKED) == [("11300", D(400)), ("21030", D(-400))]
    assert ask("select narration from inventory.movement where kind = 'REVERSAL'") == [("Reversal of GRN-2",)]


def test_counts_and_write_downs_are_taken_back_too(item, deliver, ask, community):
    pipes = item("SC-001", nrv="3.00")
    lot = deliver(pipes, 100, 400, "GRN-1", MARCH)
    counted = adjust_stock.fn(lot, "90", "COUNT-1", "2026-04-01")["movement"]
    write_down_stock.fn(str(community), "2026-04-02")
    ((down,),) = ask("select id::text from inventory.movement where kind = 'WRITE_DOWN'")

    reverse_movement.fn(down, "2026-04-03")
    reverse_movement.fn(counted, "2026-04-03")

    assert ask(BOOKED) == [("11300", D(400)), ("21030", D(-400)), ("52030", 0), ("52050", 0)]
    assert ask("select quantity, fifo_value, average_value from inventory.item") == [(100, D(400), D(400))]


def test_what_has_gone_out_since_cannot_be_taken_back_nor_can_an_issue(item, deliver, ask):
    phenyl = item("HK-001")
    wrong = receive_stock.fn(str(phenyl), "5", "200.00", "GRN-1", "2026-04-02")["movement"]
    issued = issue(phenyl, "1")["movement"]

    with pytest.raises(CannotReverse, match="HK-001 Item HK-001: what came in has gone out in part since"):
        reverse_movement.fn(wrong, "2026-04-11")
    with pytest.raises(UnknownMovement, match="no delivery, count or write-down has the id"):
        reverse_movement.fn(issued, "2026-04-11")


def test_an_issue_outlives_every_death(item, deliver, ask, monkeypatch, inventory_database):
    made = []

    def reset():
        phenyl = item(f"HK-{len(made):03}")
        deliver(phenyl, 10, 400, "GRN-1", MARCH)
        made.append(phenyl)

    commits = outlives_every_death(
        monkeypatch,
        lambda: issue(made[-1], "3"),
        reset=reset,
        seen=lambda: ask(
            "select quantity, value, count(*) from inventory.movement where item_id = %s group by 1, 2 order by 1",
            str(made[-1]),
        ),
    )

    assert commits == 1


def test_a_society_without_a_location_is_told(item, ask):
    phenyl = item()
    ask("delete from inventory.location")

    with pytest.raises(NoLocation, match="has no location"):
        receive_stock.fn(str(phenyl), "5", "210.00", "GRN-2", "2026-04-11")


# -- what the database holds, whoever writes


def test_a_movement_stands(item, deliver, ask):
    deliver(item(), 10, 400, "GRN-1", MARCH)

    for statement in (
        "update inventory.movement set quantity = 11",
        "delete from inventory.movement",
        "update inventory.movement_line set quantity = 11",
        "delete from inventory.movement_line",
    ):
        with pytest.raises(RestrictViolation, match="what was moved stands; enter another movement"):
            ask(statement)


ENTER = """
    insert into inventory.movement (id, community_id, item_id, valuation, kind, reference, day, quantity, fifo_value,
        average_value, narration)
    select gen_random_uuid(), community_id, id, %s, %s, %s, '2026-04-10', %s, %s, %s, 'by hand' from inventory.item"""


@pytest.mark.parametrize(
    ("row", "refusal", "said"),
    [
        (("FIFO", "ISSUE", "X", -1, -40, -40), CheckViolation, "its lines say 0"),
        (("FIFO", "ISSUE", "X", -11, -400, -400), CheckViolation, "item_quantity_check"),
        (("FIFO", "ISSUE", "X", 1, 40, 40), CheckViolation, "movement_check"),
        (("FIFO", "RECEIPT", "GRN-1", 1, 40, 40), UniqueViolation, "movement_item_id_kind_reference_key"),
        (
            ("WEIGHTED_AVERAGE", "ISSUE", "X", -1, -40, -40),
            ForeignKeyViolation,
            "movement_item_id_valuation_fkey",
        ),
    ],
    ids=["without lines", "below zero", "the wrong way", "an event twice", "another method"],
)
def test_what_cannot_be_is_refused(item, deliver, ask, row, refusal, said):
    deliver(item(), 10, 400, "GRN-1", MARCH)

    with pytest.raises(refusal, match=said):
        ask(ENTER, *row)


def test_a_movement_that_is_not_in_the_books_is_refused(item, deliver, ask):
    deliver(item(), 10, 400, "GRN-1", MARCH)

    with pytest.raises(CheckViolation, match=r"movement X is worth -40\.00, and 0 in the books"):
        ask(
            f"""with entered as ({ENTER} returning id)
            insert into inventory.movement_line select entered.id, lot.id, -1, -1, -40 from entered, inventory.lot""",
            *("FIFO", "ISSUE", "X", -1, -40, -40),
        )


def test_a_lot_cannot_fall_below_zero(item, deliver, ask):
    phenyl = item()
    deliver(phenyl, 10, 400, "GRN-1", MARCH)
    deliver(phenyl, 10, 400, "GRN-2", MARCH)

    with pytest.raises(CheckViolation, match="lot_on_hand_check"):
        ask(
            f"""with entered as ({ENTER} returning id)
            insert into inventory.movement_line select entered.id, lot.id, -11, -10, -400
            from entered, inventory.lot where number = 'GRN-1'""",
            *("FIFO", "ISSUE", "X", -11, -400, -400),
        )


def test_the_method_of_an_item_with_movements_stays(item, deliver, ask):
    deliver(item(), 10, 400, "GRN-1", MARCH)

    with pytest.raises(ForeignKeyViolation):
        ask("update inventory.item set valuation = 'WEIGHTED_AVERAGE'")


def test_a_closed_month_takes_no_movement(item, deliver, ask, inventory):
    phenyl = item()
    deliver(phenyl, 10, 400, "GRN-1", MARCH)
    ask("update inventory.accounting_period set closed_at = now(), closed_by = 'Meera'")

    with pytest.raises(RestrictViolation, match="the books of 2026-03 are closed"):
        issue(phenyl, "1", day="2026-03-31")
    with pytest.raises(BadDay, match="'31 March' is not a day written YYYY-MM-DD"):
        issue(phenyl, "1", day="31 March")
    issue(phenyl, "1", day="2026-04-01")


def test_sum_of_ledger_is_valuation_after_a_lively_month(item, deliver, ask, community, inventory):
    for number, method in enumerate(("FIFO", "WEIGHTED_AVERAGE")):
        one = item(f"HK-{number}", method)
        deliver(one, 7, "74.00", "GRN-1", MARCH, date(2026, 4, 30))
        deliver(one, 3, "33.33", "GRN-2", MARCH)
        issued = issue(one, "5.125", "REQ-1")["movement"]
        issue(one, "1.375", "REQ-2")
        return_stock.fn(issued, "0.625", "RET-1", "2026-04-11")

    assert (
        sum(line.debit - line.credit for line in books.trial_balance(inventory, "inventory", community, DAY))
        == 0
    )
    assert ask("select id::text, value from inventory.item order by 1") == sorted(
        (str(party), value)
        for party, value in books.balances_of_parties(
            inventory, "inventory", "11300", community, date(2026, 4, 30)
        ).items()
    )

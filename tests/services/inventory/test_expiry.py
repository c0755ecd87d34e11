"""Expiry: told beforehand, set apart and written off afterwards, each once."""

from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from actors.inventory import check_expiry, expiry
from infra.queue import current_job
from periodic.inventory import expire_items_check
from tests.support.deaths import outlives_every_death
from tests.support.queue import broker_on
from tests.support.service import work_off

LAST = date(2026, 4, 20)
MARCH = date(2026, 3, 1)
EMPTY_STORE = """
    set session_replication_role = replica;  -- what was moved stands, but for a test's end
    delete from inventory.movement; delete from inventory.movement_line; delete from inventory.ledger_line;
    delete from inventory.ledger_entry; delete from inventory.expiry_notice; delete from inventory.lot;
    delete from inventory.item; delete from inventory.letter;
"""


@pytest.fixture
def lot(item, deliver):
    """Six litres, to be used by 20 April."""
    return deliver(item("HK-001", name="Phenyl, white"), 6, 252, "L2", MARCH, LAST)


@pytest.fixture
def check(community, inventory_database):
    return lambda day: check_expiry.fn(str(community), day.isoformat())


def test_notices_are_given_30_and_7_days_before_and_on_the_last_day_each_once(lot, check, mailbox):
    told = {}
    for left in (31, 30, 29, 8, 7, 6, 1, 0):
        for _ in range(2):
            told[left] = told.get(left, 0) + check(LAST - timedelta(days=left))["notices"]

    assert told == {31: 0, 30: 1, 29: 0, 8: 0, 7: 1, 6: 0, 1: 0, 0: 1}
    assert len(mailbox.letters) == 6, "three for manager and treasurer each"
    text = mailbox.letters[0].get_body(("plain",)).get_content()
    assert "HK-001 Phenyl, white" in text
    assert "lot L2" in text
    assert "use by 20 Apr 2026" in text
    assert "6 LTR" in text
    assert "last day of use is today" in mailbox.letters[-1].get_body(("html",)).get_content()


def test_of_missed_notices_only_the_latest_is_given(lot, check, ask):
    check(LAST - timedelta(days=3))

    assert ask("select days_before, told_on from inventory.expiry_notice") == [(7, date(2026, 4, 17))]


def test_a_lot_is_usable_on_its_last_day_and_written_off_the_day_after(lot, check, mailbox, ask):
    assert check(LAST)["written_off"] == 0
    done = check(LAST + timedelta(days=1))

    assert done == {"notices": 0, "written_off": 1, "loss": "252.00", "refused": []}
    assert ask("select on_hand, quarantined_on, quarantine_reason from inventory.lot") == [
        (0, date(2026, 4, 21), "expired on 20 Apr 2026")
    ]
    assert ask(
        """select entry_date, account_code, debit, credit from inventory.ledger_line
        join inventory.ledger_entry on id = entry_id where source_kind = 'STOCK_WRITE_OFF' order by position"""
    ) == [(date(2026, 4, 21), "52040", D("252.00"), 0), (date(2026, 4, 21), "11300", 0, D("252.00"))]
    letter = mailbox.letters[-1]
    assert letter["Subject"] == "Stock, 21 Apr: 1 expired, ₹ 252.00 written off"
    for part in ("plain", "html"):
        text = letter.get_body((part,)).get_content()
        assert "expired 20 Apr 2026" in text
        assert "₹ 252.00" in text


def test_after_an_outage_all_that_expired_is_written_off_page_by_page(item, deliver, check, ask, monkeypatch):
    monkeypatch.setattr(expiry, "PAGE", 2)
    for number in range(5):
        one = item(f"HK-{number}", valuation="WEIGHTED_AVERAGE")
        deliver(one, 2, "1.01", "L1", MARCH, LAST)
        deliver(one, 1, "1.01", "L2", MARCH, LAST + timedelta(days=1))
        deliver(one, 3, "3.03", "L3", MARCH)

    assert check(LAST + timedelta(days=9))["written_off"] == 10
    assert ask("select distinct quantity, average_value from inventory.item") == [(3, D("2.53"))]


def test_a_cancelled_check_stops_between_two_pages_and_the_next_goes_on(
    item, deliver, check, ask, monkeypatch
):
    monkeypatch.setattr(expiry, "PAGE", 1)
    for number in range(3):
        deliver(item(f"HK-{number}"), 2, "1.00", "L1", MARCH, LAST)
    answers = iter([False, False, True])
    monkeypatch.setattr(type(current_job()), "cancellation_requested", lambda _job: next(answers, False))

    assert check(LAST + timedelta(days=1)) == {"written_off": 2, "cancelled": True}
    assert check(LAST + timedelta(days=1))["written_off"] == 1


def test_a_lot_that_was_set_apart_before_is_written_off_too(lot, check, ask):
    ask("update inventory.lot set quarantined_on = '2026-04-02', quarantine_reason = 'leaks'")

    assert check(LAST)["notices"] == 0
    assert check(LAST + timedelta(days=1))["written_off"] == 1
    assert ask("select quarantine_reason from inventory.lot") == [("leaks",)]


def test_a_second_check_of_a_day_that_finds_more_writes_again(lot, item, deliver, check, mailbox):
    check(LAST)
    deliver(item("HK-002"), 6, 252, "L9", MARCH, LAST)
    check(LAST)
    check(LAST)

    assert len(mailbox.letters) == 4


def test_nothing_to_tell_is_no_letter(lot, check, mailbox):
    assert check(MARCH) == {"notices": 0, "written_off": 0, "loss": "0.00", "refused": []}
    assert mailbox.letters == []


def test_the_check_outlives_every_death(item, deliver, community, ask, kept_letters, monkeypatch):
    made = []

    def reset():
        ask(EMPTY_STORE)
        made.append(item("HK-001", id="00000000-0000-0000-0000-000000000001"))
        deliver(made[-1], 6, 252, "L1", MARCH, LAST)
        deliver(made[-1], 6, 258, "L2", MARCH, LAST + timedelta(days=5))

    commits = outlives_every_death(
        monkeypatch,
        lambda: check_expiry.fn(str(community), "2026-04-21"),
        reset=reset,
        seen=lambda: (
            ask("select number, on_hand, quarantined_on from inventory.lot order by 1"),
            ask("select reference, quantity, value from inventory.movement order by 1"),
            ask("select days_before, told_on from inventory.expiry_notice"),
            ask(
                "select account_code, sum(debit), sum(credit) from inventory.ledger_line group by 1 order by 1"
            ),
            ask("select key from inventory.letter order by 1"),
            kept_letters(),
        ),
    )

    assert commits == 5, "a page of lots, the empty page after it, the notices, a letter each"


def test_the_calendar_checks_every_society(lot, inventory_database, ask):
    with broker_on(inventory_database, jobs_services=("common", "inventory")) as broker:
        broker.declare_actor(check_expiry)
        assert expire_items_check.fn(scheduled_for="2026-04-21T00:00:00+05:30") == 1
    work_off(inventory_database, "inventory")

    assert ask("select count(*) from inventory.movement where kind = 'WRITE_OFF'") == [(1,)]


def test_the_days_figures(lot, item, deliver, check, ask, community):
    item("HK-002")

    figures = dict(ask("select * from inventory.daily_figures(%s, '2026-04-10')", str(community)))
    assert figures == {"low_stock_items": 0, "stock_value": D("252.00"), "items_expiring_30_days": 1}
    check(LAST + timedelta(days=1))
    ask(
        """insert into inventory.low_stock_alert
        select id, '2026-04-21 09:00+05:30', null, 0, 1, 1 from inventory.item where code = 'HK-002'"""
    )
    figures = dict(ask("select * from inventory.daily_figures(%s, '2026-04-21')", str(community)))
    assert figures == {"low_stock_items": 1, "stock_value": 0, "items_expiring_30_days": 0}
    assert (
        dict(ask("select * from inventory.daily_figures(%s, '2026-04-20')", str(community)))[
            "low_stock_items"
        ]
        == 0
    )

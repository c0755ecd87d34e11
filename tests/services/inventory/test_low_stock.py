"""The alert of low stock: told once, until there is enough again."""

from datetime import date, datetime, timedelta

import pytest

from actors.common.rules.calendar import INDIA
from actors.inventory import check_low_stock, issue_stock
from periodic.inventory import check_low_stock_alerts
from tests.support.deaths import outlives_every_death
from tests.support.queue import broker_on
from tests.support.service import work_off

NINE = datetime(2026, 4, 10, 9, tzinfo=INDIA)
EVERYONE = ["manager@greenvalley.example.in", "treasurer@greenvalley.example.in"]


@pytest.fixture
def phenyl(item):
    """An item whose level is 50: peak use of 5 a day, over 10 days at worst."""
    return item("HK-001", name="Phenyl, white", pack="5")


@pytest.fixture
def check(community, inventory_database):
    def check(days=0):
        return check_low_stock.fn(str(community), (NINE + timedelta(days=days)).isoformat())

    return check


def issue(item_id, quantity, reference):
    issue_stock.fn(str(item_id), str(quantity), reference, "2026-04-10")


def test_low_stock_is_told_once_until_there_is_enough_again(phenyl, deliver, check):
    deliver(phenyl, 52, 2184, "GRN-1", date(2026, 4, 9))
    told = [check(0)["alerts"]]
    issue(phenyl, 3, "REQ-1")
    told.append(check(1)["alerts"])
    issue(phenyl, 2, "REQ-2")
    told.append(check(2)["alerts"])
    deliver(phenyl, 33, 1386, "GRN-2", date(2026, 4, 10))
    told.append(check(3)["alerts"])
    issue(phenyl, 30, "REQ-3")
    told.append(check(4)["alerts"])

    assert told == [[], ["HK-001"], [], [], ["HK-001"]]


def test_manager_and_treasurer_get_a_table_with_the_suggested_order(
    phenyl, item, deliver, check, mailbox, ask
):
    deliver(phenyl, 340, 14280, "GRN-1", date(2026, 1, 1))
    issue(phenyl, 291, "REQ-1")
    item("SF-004", name="Guard torch", lead_days=None)

    done = check()

    assert done == {
        "items": 2, "alerts": ["HK-001"], "still_low": 0, "refused": ["SF-004 Guard torch has no lead time"],
    }  # fmt: skip
    assert sorted(letter["To"].addresses[0].addr_spec for letter in mailbox.letters) == EVERYONE
    letter = mailbox.letters[0]
    assert letter["Subject"] == "Low stock: 1 item to order"
    # average 291 / 90 = 3.233 a day; the level of 50 and 30 days' use, less 49: 97.99, in fives 100
    for part in ("plain", "html"):
        text = letter.get_body((part,)).get_content()
        for said in (
            "HK-001",
            "Phenyl, white",
            "49 LTR",
            "50",
            "100 LTR",
            "SF-004 Guard torch has no lead time",
        ):
            assert said in text, part


def test_a_second_run_mails_nothing_and_records_nothing(phenyl, deliver, check, mailbox, ask):
    deliver(phenyl, 10, 420, "GRN-1", date(2026, 4, 9))

    check()
    check()

    assert len(mailbox.letters) == 2
    assert ask("select count(*) from inventory.low_stock_alert") == [(1,)]


def test_what_is_low_still_is_listed_below_the_next_alert(phenyl, item, deliver, check, mailbox):
    deliver(phenyl, 10, 420, "GRN-1", date(2026, 4, 9))
    check()
    item("HK-002", name="Toilet cleaner")

    assert check(1) == {"items": 2, "alerts": ["HK-002"], "still_low": 1, "refused": []}
    text = mailbox.letters[-1].get_body(("plain",)).get_content()
    assert text.index("Toilet cleaner") < text.index("Told before") < text.index("Phenyl, white")


def test_what_is_expired_set_apart_or_no_longer_bought_does_not_count(phenyl, item, deliver, check, ask):
    deliver(phenyl, 60, 2520, "GRN-1", date(2026, 4, 1), date(2026, 4, 9))
    bought_no_more = item("HK-900")
    ask("update inventory.item set reordered = false where id = %s", str(bought_no_more))

    assert check()["alerts"] == ["HK-001"]


def test_enough_is_no_letter(phenyl, deliver, check, mailbox):
    deliver(phenyl, 51, 2142, "GRN-1", date(2026, 4, 9))

    assert check() == {"items": 1, "alerts": [], "still_low": 0, "refused": []}
    assert mailbox.letters == []


def test_an_address_that_is_refused_keeps_nobody_else_waiting(phenyl, check, mailbox, ask):
    ask("update inventory.officer set email = 'unknown@greenvalley.example.in' where role = 'MANAGER'")

    (refused,) = check()["refused"]

    assert refused.endswith("Suresh Deshpande <unknown@greenvalley.example.in>: 550 no such mailbox")
    assert [letter["To"].addresses[0].addr_spec for letter in mailbox.letters] == EVERYONE[1:]


def test_the_check_outlives_every_death(phenyl, community, ask, kept_letters, monkeypatch):
    def reset():
        ask("delete from inventory.low_stock_alert")
        ask("delete from inventory.letter")

    commits = outlives_every_death(
        monkeypatch,
        lambda: check_low_stock.fn(str(community), NINE.isoformat()),
        reset=reset,
        seen=lambda: (
            ask("select item_id, alerted_at from inventory.low_stock_alert"),
            ask("select key from inventory.letter order by 1"),
            kept_letters(),
        ),
    )

    assert commits == 3, "the alerts, and a letter each"


def test_the_calendar_checks_every_society(phenyl, inventory_database, mailbox, ask):
    with broker_on(inventory_database, jobs_services=("common", "inventory")) as broker:
        broker.declare_actor(check_low_stock)
        assert check_low_stock_alerts.fn(scheduled_for=NINE.isoformat()) == 1
        assert check_low_stock_alerts.fn(scheduled_for=NINE.isoformat()) == 1
    assert ask("select count(*) from inventory_jobs.queue") == [(1,)], "a second one finds the first waiting"
    work_off(inventory_database, "inventory")

    assert len(mailbox.letters) == 2

"""What the recurring jobs of purchase send, on a real queue, and what workers make of it."""

from datetime import datetime

import pytest

from actors.common.rules.calendar import INDIA
from periodic.purchase import check_grn_matching, send_po_approvals, vendor_payment_reminders
from tests.services.purchase.trading import MANAGER, TREASURER
from tests.support.service import work_off

MONDAY = datetime(2026, 4, 13, 9, tzinfo=INDIA)
QUEUED = """select actor_name, message -> 'args', eta at time zone 'Asia/Kolkata' from purchase_jobs.queue
    order by eta nulls first, actor_name"""


@pytest.fixture
def fire(society):
    return lambda job, moment: job.fn(scheduled_for=moment.isoformat())


def test_each_sends_one_job_for_the_society_once(fire, society, ask):
    for _ in range(2):
        assert fire(send_po_approvals, MONDAY.replace(hour=10)) == ["Green Valley"]
        assert fire(check_grn_matching, MONDAY) == ["Green Valley"]

    assert [(name, args) for name, args, _ in ask(QUEUED)] == [
        ("purchase.match_vendor_bills", [society, "2026-04-13"]),
        ("purchase.send_approval_requests", [society, "2026-04-13T10:00:00+05:30"]),
    ]


def test_the_mondays_run_arranges_the_reminders_of_the_week_for_nine(fire, society, ask):
    ahead = datetime(2030, 4, 15, 9, tzinfo=INDIA)
    fire(vendor_payment_reminders, ahead)

    queued = ask(QUEUED)
    assert queued[0][:2] == ("purchase.list_due_payments", [society, "2030-04-15"])
    assert [(name, args[1], f"{eta:%d %H:%M}") for name, args, eta in queued[1:]] == [
        ("purchase.remind_of_payments", f"2030-04-{day}", f"{day} 09:00") for day in range(16, 22)
    ]


def test_workers_match_post_and_write(fire, trading, database, ask, mailbox):
    vendor, _ = trading.bought("48500.00", nature="CONTRACTOR", gst=18)
    trading.bill(vendor, trading.order(vendor), (100, "42.00"), number="INV-77")
    trading.order(vendor, (1, "8000"), status="WAITING", since="2026-04-13 07:00+05:30")
    fire(check_grn_matching, MONDAY)
    fire(send_po_approvals, MONDAY.replace(hour=10))

    work_off(database, "purchase")

    assert ask("select sum(to_pay) from purchase.payable") == [(56260,)]
    letters = sorted((letter["To"].addresses[0].addr_spec, letter["Subject"]) for letter in mailbox.letters)
    assert letters == [
        (MANAGER, "1 bill on hold (1 new): ₹ 4,200.00 held"),
        (MANAGER, "1 order waits for your approval: ₹ 8,000.00"),
        (TREASURER, "1 bill on hold (1 new): ₹ 4,200.00 held"),
    ]

"""Orders that wait for approval: who is written to and when, and what the tables let be decided."""

from datetime import datetime

import pytest
from psycopg2.errors import CheckViolation, UniqueViolation

from actors.common.rules.calendar import INDIA
from actors.purchase import orders, send_approval_requests, store
from actors.purchase.seed import seed
from infra.gateways import mail
from infra.settings import settings
from tests.services.purchase.trading import CLERK, MANAGER, SECRETARY, TREASURER
from tests.support.deaths import outlives_every_death

FARHAN = "farhan.shaikh@greenvalley.example.in"
SMALL, LARGE, LARGER, LARGEST = ((1, "8000"),), ((1, "36000"),), ((1, "140000"),), ((1, "260000"),)


def at(day, hour):
    return datetime(2026, 4, day, hour, tzinfo=INDIA).isoformat()


@pytest.fixture
def vendor(trading):
    return trading.vendor()


@pytest.fixture
def wait(trading, vendor):
    """An order that waits since a moment."""

    def wait(*lines, day=10, hour=7, **options):
        return trading.order(vendor, *lines, status="WAITING", since=at(day, hour), **options)

    return wait


@pytest.fixture
def send(society):
    return lambda day, hour: send_approval_requests.fn(society, at(day, hour))


def to(mailbox):
    return sorted(letter["To"].addresses[0].addr_spec for letter in mailbox.letters)


def table_of(letter):
    html = letter.get_body(("html",)).get_content()
    return html[html.index('class="list"') : html.index("</table>", html.index('class="list"'))]


def test_a_new_order_is_told_once_to_whom_it_waits_for(wait, send, mailbox):
    wait(*LARGER)

    assert send(10, 8)["news"] == 2
    assert to(mailbox) == [SECRETARY, TREASURER]
    assert send(10, 10)["news"] == 0
    assert send(10, 8)["news"] == 0

    text = mailbox.letters[0].get_body(("plain",)).get_content()
    assert "PO/2627/0001" in text
    assert "₹ 1,40,000.00" in text
    assert "also missing: approval of the secretary" in text


def test_the_digest_goes_out_in_the_first_run_from_nine_on_once_a_day(wait, send, mailbox):
    wait(*SMALL)
    send(10, 8)
    mailbox.letters.clear()

    assert [send(day, hour)["digests"] for day, hour in ((10, 10), (11, 6), (11, 8), (11, 10), (11, 12))] == [
        0,
        0,
        0,
        1,
        0,
    ]
    assert send(12, 12)["digests"] == 1
    assert to(mailbox) == [MANAGER, MANAGER]
    assert mailbox.letters[0]["Subject"] == "1 order waits for your approval: ₹ 8,000.00, since 10 Apr"


def test_an_old_order_that_is_entered_after_the_days_digest_is_told_as_new(wait, send, mailbox):
    wait(*SMALL, day=9)
    assert send(10, 10)["digests"] == 1

    wait(*SMALL, day=8)

    assert send(10, 12)["news"] == 1
    assert "PO/2627/0002" in mailbox.letters[-1].get_body(("plain",)).get_content()


def test_the_digest_has_a_table_with_what_is_missing(trading, wait, send, mailbox):
    order = wait(*LARGEST)
    trading.insert(
        "quote", purchase_order_id=order, vendor_name="Bidder", amount=250000, quoted_on="2026-04-09"
    )
    send(10, 8)
    mailbox.letters.clear()

    send(11, 10)

    assert to(mailbox) == [FARHAN, "grace.dsouza@greenvalley.example.in"]
    table = table_of(mailbox.letters[0])
    for cell in (
        "PO/2627/0001",
        "Swachh Services",
        "₹ 2,60,000.00",
        "10 Apr 2026, 07:00",
        "27 h",
        "2 of 3 quotes",
    ):
        assert cell in table


def test_in_the_quiet_hours_nobody_is_written_to_and_the_morning_makes_up_for_it(wait, send, mailbox):
    wait(*SMALL, day=10, hour=21)

    assert [send(*moment)["news"] for moment in ((10, 22), (11, 0), (11, 6))] == [0, 0, 0]
    assert send(11, 8)["news"] == 1


def test_an_order_is_not_told_of_before_it_waits(wait, send):
    wait(*SMALL, day=10, hour=9)

    assert send(10, 8)["orders_waiting"] == 0


def test_an_order_that_nobody_may_approve_is_named(wait, send, ask, mailbox):
    ask("update purchase.officer set until = '2026-03-31' where role <> 'MANAGER'")
    wait(*SMALL, by=MANAGER)

    assert send(10, 8)["without_approver"] == ("PO/2627/0001",)
    assert mailbox.letters == []


def test_nobody_is_asked_to_approve_their_own_order(wait, send, mailbox):
    wait(*SMALL, by=MANAGER)

    send(10, 8)

    assert to(mailbox) == [TREASURER]


def decide(order, approver, **options):
    with store.transaction() as purchase:
        return orders.decide(purchase, order, approver, **options)


def test_an_order_is_approved_when_each_has_taken_their_step(wait, ask, send, mailbox):
    order = wait(*LARGER)

    assert decide(order, SECRETARY) == "WAITING"
    send(10, 8)
    assert to(mailbox) == [TREASURER]
    assert decide(order, TREASURER) == "APPROVED"

    assert ask("select role, approver from purchase.approval order by role") == [
        ("SECRETARY", SECRETARY),
        ("TREASURER", TREASURER),
    ]
    with pytest.raises(orders.ApprovalRefused, match="PO/2627/0001 is approved"):
        decide(order, TREASURER)


def test_a_changed_amount_restarts_the_approval(wait, ask, send, mailbox):
    order = wait(*LARGER)
    decide(order, SECRETARY)
    send(10, 8)
    mailbox.letters.clear()

    ask(
        """begin; set local dhanman.clock = '2026-04-10 09:30+05:30';
        update purchase.purchase_order_line set unit_price = 150000;
        update purchase.purchase_order set amount = 150000; commit"""
    )

    assert send(10, 10)["news"] == 2
    assert to(mailbox) == [SECRETARY, TREASURER]
    assert decide(order, SECRETARY) == "WAITING"
    assert ask("select version, role from purchase.approval order by version") == [
        (1, "SECRETARY"),
        (2, "SECRETARY"),
    ]


def test_an_approved_order_whose_amount_changes_waits_again(wait, ask):
    order = wait(*SMALL)
    decide(order, MANAGER)

    ask(
        """begin; update purchase.purchase_order_line set unit_price = 9000;
        update purchase.purchase_order set amount = 9000; commit"""
    )

    assert ask("select status, version from purchase.purchase_order") == [("WAITING", 2)]


@pytest.mark.parametrize(
    ("lines", "by", "approver", "why"),
    [
        (SMALL, MANAGER, MANAGER, "was asked for by manager@"),
        (SMALL, CLERK, SECRETARY, "does not wait for secretary@"),
        (SMALL, CLERK, "somebody@example.com", "does not wait for somebody@"),
        (LARGEST, CLERK, FARHAN, "needs 3 quotes and has 0"),
    ],
)
def test_who_may_not_approve(wait, lines, by, approver, why):
    order = wait(*lines, by=by)

    with pytest.raises(orders.ApprovalRefused, match=f"PO/2627/0001 .*{why}"):
        decide(order, approver)


def test_nobody_takes_two_steps_even_with_two_offices(trading, wait, society):
    trading.insert(
        "officer", community_id=society, role="SECRETARY", name="Meera", email=TREASURER, since="2026-01-01"
    )
    order = wait(*LARGER)
    decide(order, TREASURER)

    with pytest.raises(orders.ApprovalRefused, match="does not wait for treasurer@"):
        decide(order, TREASURER)


def test_the_tables_refuse_self_approval_and_a_second_word_of_the_same_person(trading, wait, society):
    order = wait(*LARGER, by=MANAGER)
    step = {
        "purchase_order_id": order,
        "version": 1,
        "requested_by": MANAGER,
        "approved": True,
        "decided_at": "2026-04-10",
    }

    with pytest.raises(CheckViolation):
        trading.insert("approval", role="TREASURER", approver=MANAGER, **step)
    trading.insert("approval", role="TREASURER", approver=TREASURER, **step)
    with pytest.raises(UniqueViolation):
        trading.insert("approval", role="SECRETARY", approver=TREASURER, **step)


def test_a_rejected_order_is_not_asked_for_again(wait, send, ask):
    order = wait(*LARGER)

    assert decide(order, TREASURER, approved=False, reason="too dear") == "REJECTED"
    assert send(10, 8)["orders_waiting"] == 0
    with pytest.raises(CheckViolation):
        decide(wait(*SMALL), MANAGER, approved=False)


def test_an_address_that_is_refused_does_not_keep_the_others_from_their_letters(
    trading, wait, send, ask, mailbox
):
    ask("update purchase.officer set email = 'unknown@greenvalley.example.in' where role = 'SECRETARY'")
    wait(*LARGER)

    result = send(10, 8)

    assert result["news"] == 1
    assert "unknown@greenvalley.example.in" in result["refused"][0]
    assert to(mailbox) == [TREASURER]


def test_a_full_mailbox_is_tried_again_and_the_others_are_not_written_to_twice(wait, send, ask, mailbox):
    ask("update purchase.officer set email = 'full@greenvalley.example.in' where role = 'SECRETARY'")
    wait(*LARGER)

    with pytest.raises(mail.MailError, match="452"):
        send(10, 8)
    ask("update purchase.officer set email = 'free@greenvalley.example.in' where role = 'SECRETARY'")
    assert send(10, 8)["news"] == 1

    assert to(mailbox) == ["free@greenvalley.example.in", TREASURER]


def test_it_outlives_every_death(purchase, ask, society, monkeypatch):
    seed(purchase, bills=2, first_month="2026-04", months=1)
    purchase.commit()

    def reset():
        ask("delete from purchase.letter; delete from purchase.approval_notice")
        for letter in settings().mail_folder.glob("*.eml"):
            letter.unlink()

    def seen():
        return (
            ask("select key, subject from purchase.letter order by key"),
            ask("select purchase_order_id, version, approver from purchase.approval_notice order by 1, 3"),
            sorted(path.name for path in settings().mail_folder.glob("*.eml")),
        )

    commits = outlives_every_death(
        monkeypatch,
        lambda: send_approval_requests.fn(society, at(16, 10)),
        reset=reset,
        seen=seen,
    )

    assert commits >= 4
    assert len(seen()[0]) >= 4

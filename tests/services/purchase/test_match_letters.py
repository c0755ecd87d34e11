"""The day's letter on bills that stand still."""

from datetime import date

from tests.services.purchase.trading import MANAGER, TREASURER


def html_of(letter):
    return letter.get_body(("html",)).get_content()


def test_treasurer_and_manager_get_each_exception_by_name_with_its_reason(trading, match, mailbox):
    vendor = trading.vendor()

    def billed(number, received, billed, price="42.00"):
        order = trading.order(vendor)
        if received:
            trading.receive(order, received)
        trading.bill(vendor, order, (billed, price), number=number)

    billed("B-1", 60, 100)
    billed("B-2", 110, 110)
    billed("B-3", 100, 100, "42.85")
    billed("B-4", 0, 100)
    billed("B-5", 100, 100)
    billed("b-5", 100, 100)
    odd = trading.vendor(name="Odd <One>", pan="?")
    trading.bought("5.00", vendor=odd, nature="CONTRACTOR")

    assert match()["letters"] == 2

    assert sorted(letter["To"].addresses[0].addr_spec for letter in mailbox.letters) == [MANAGER, TREASURER]
    letter = mailbox.letters[0]
    assert letter["Subject"] == "4 bills on hold, 1 double (5 new): ₹ 10,375.00 held; 1 bill not matched"
    html = html_of(letter)
    for words in (
        "Item 1: billed 100, received 60",
        "Item 1: billed 110, received 110 of 100 ordered",
        "Item 1: 42.85 each, ordered at 42.00",
        "Item 1: billed 100, nothing received",
        "Swachh Services billed this number before in the same financial year; ₹ 4,200.00 is not paid",
        "Odd &lt;One&gt;",
        "₹ 10,375.00",
    ):
        assert words in html
    assert ">B-5<" not in html
    text = letter.get_body(("plain",)).get_content()
    assert "B-1 of Swachh Services, 10 Apr 2026, order PO/2627/" in text
    assert "payable ₹ 2,520.00, held ₹ 1,680.00" in text


def test_what_other_bills_took_is_said(trading, match, mailbox):
    vendor = trading.vendor()
    order = trading.order(vendor)
    trading.receive(order, 100)
    trading.bill(vendor, order, (60, "42.00"))
    trading.bill(vendor, order, (45, "42.00"))

    match()

    assert "billed 45 after 60 on other bills, received 100" in html_of(mailbox.letters[0])


def test_where_all_is_in_order_nobody_is_written_to(trading, match, mailbox):
    trading.bought("100.00")

    assert match()["letters"] == 0
    assert mailbox.letters == []


def test_the_letter_goes_out_once_a_day_and_says_what_is_new(trading, match, mailbox):
    vendor = trading.vendor()
    trading.bill(vendor, trading.order(vendor), (1, "42.00"), number="OLD-1")
    match()
    match()
    assert len(mailbox.letters) == 2

    trading.bill(vendor, trading.order(vendor), (1, "42.00"), number="NEW-1", on=date(2026, 4, 11))
    match(date(2026, 4, 11))

    html = html_of(mailbox.letters[2])
    assert mailbox.letters[2]["Subject"] == "2 bills on hold (1 new): ₹ 84.00 held"
    assert html.index("NEW-1") < html.index("OLD-1")
    assert "since 10 Apr" in html

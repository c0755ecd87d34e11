"""The week's payments and their reminders: what the treasurer is told, when, and once."""

import io
from datetime import date
from decimal import Decimal as D

import openpyxl
import pytest

from actors.purchase import (
    list_due_payments,
    match_vendor_bills,
    record_vendor_payment,
    remind_of_payments,
)
from actors.purchase.seed import seed
from infra.gateways.mail import MailRefused
from tests.services.purchase.trading import INDIVIDUAL, MANAGER, TREASURER
from tests.support.deaths import outlives_every_death

ACCEPTED, MATCHED = date(2026, 4, 10), date(2026, 4, 13)
SMALL = {"msme_class": "SMALL", "msme_registration": "UDYAM-MH-26-0000001"}
BANK = {"bank_account": "123456789012", "ifsc": "DSBX0000042"}
STEPS = "select step, outcome from purchase.payment_reminder order by step"


@pytest.fixture
def owed(trading, society):
    """56,260.00 to a small enterprise, accepted on 10 Apr, agreed on 60 days: to be paid by 25 May."""

    def owed(**columns):
        terms = {**SMALL, **BANK, "credit_days": 60, **columns}
        vendor, _ = trading.bought("48500.00", nature="CONTRACTOR", gst=18, on=ACCEPTED, **terms)
        match_vendor_bills.fn(society, MATCHED.isoformat())
        return vendor

    return owed


@pytest.fixture
def week_of(society):
    return lambda month, day: list_due_payments.fn(society, date(2026, month, day).isoformat())


@pytest.fixture
def remind(society):
    return lambda month, day: remind_of_payments.fn(society, date(2026, month, day).isoformat())


def html_of(letter):
    return letter.get_body(("html",)).get_content()


def sheet_of(letter):
    (attachment,) = letter.iter_attachments()
    sheet = openpyxl.load_workbook(io.BytesIO(attachment.get_content())).active
    heads, *rows = sheet.iter_rows(min_row=4, values_only=True)
    return [dict(zip(heads, row, strict=True)) for row in rows]


def test_the_weeks_list_has_the_last_day_of_the_law_and_a_spreadsheet(owed, week_of, mailbox, ask):
    owed()

    assert week_of(5, 11)["payments"] == 0
    assert mailbox.letters == []
    told = week_of(5, 18)

    assert (told["payments"], told["amount"], told["late"], told["reminders"]) == (1, "56260.00", 0, 1)
    (letter,) = mailbox.letters
    assert letter["Subject"] == "1 payment to vendors this week: ₹ 56,260.00"
    assert letter["To"].addresses[0].addr_spec == TREASURER
    html = html_of(letter)
    for cell in (
        "Swachh Services",
        "MSME, small",
        "Mon 25 May 2026",
        "D-7",
        "₹ 56,260.00",
        "TDS ₹ 970.00, s. 393(1)",
    ):
        assert cell in html
    row, sums = sheet_of(letter)
    assert (row["Vendor"], row["MSME"], row["To pay"], row["TDS"], row["Account"], row["Deducted in"]) == (
        "Swachh Services",
        "Small",
        56260,
        970,
        "123456789012",
        "2026-27",
    )
    assert row["Last day"].date() == date(2026, 5, 25)
    assert sums["To pay"] == "=SUM(M5)"
    assert ask("select week_of, payments, amount from purchase.payment_run where payments > 0") == [
        (date(2026, 5, 18), 1, D("56260.00"))
    ]


def test_what_is_late_bears_interest_and_is_not_deducted_before_it_is_paid(owed, week_of, mailbox, ask):
    owed()

    told = week_of(7, 27)

    assert (told["late"], told["interest"]) == (1, "1610.06")
    html = html_of(mailbox.letters[0])
    assert "1 to micro or small enterprises is beyond the last day" in html
    assert "s. 43B(h)" in html
    assert "63 days late" in html
    row, _ = sheet_of(mailbox.letters[0])
    assert (row["Days late"], row["Interest s.16"], row["Deducted in"]) == (63, 1610.06, "year of payment")
    assert ask("select interest from purchase.payment_run_item") == [(D("1610.06"),)]


def test_a_vendor_that_is_no_msme_is_overdue_without_interest(owed, week_of, mailbox):
    owed(msme_class="NONE")

    told = week_of(7, 27)

    assert (told["payments"], told["late"], told["interest"]) == (1, 0, "0.00")
    assert "48 days late" in html_of(mailbox.letters[0])


def test_a_vendor_without_bank_account_or_pan_is_named(owed, week_of, mailbox):
    owed(bank_account=None, ifsc=None, pan=None, name="Lotus Uniforms")

    assert week_of(5, 18)["without_bank"] == ("Lotus Uniforms",)
    html = html_of(mailbox.letters[0])
    assert "No bank account on record:</span> Lotus Uniforms" in html
    assert "No PAN, so tax is deducted at the higher rate: Lotus Uniforms" in html
    assert sheet_of(mailbox.letters[0])[0]["Account"] == "MISSING"


def test_each_step_is_told_once_on_its_day(owed, remind, mailbox, ask):
    owed()

    told = [remind(5, day)["reminders"] for day in range(16, 29)]

    assert told == [0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0]
    assert ask(STEPS) == [("D", "SENT"), ("D+1", "SENT"), ("D-3", "SENT"), ("D-7", "SENT")]
    assert [remind(5, day)["reminders"] for day in range(16, 29)] == [0] * 13
    assert len(mailbox.letters) == 4


def test_the_weeks_list_tells_the_step_of_its_day(owed, week_of, remind, ask):
    owed()

    assert week_of(5, 18)["reminders"] == 1
    assert remind(5, 18)["reminders"] == 0
    assert ask(STEPS) == [("D-7", "SENT")]


def test_after_an_outage_the_latest_step_is_told_and_the_others_are_skipped(owed, remind, ask):
    owed()

    assert remind(5, 26)["reminders"] == 1
    assert ask(STEPS) == [("D", "SKIPPED"), ("D+1", "SENT"), ("D-3", "SKIPPED"), ("D-7", "SKIPPED")]


def test_what_is_credited_later_is_not_on_an_earlier_days_list(trading, society, remind):
    trading.bought("500.00", on=ACCEPTED, **SMALL)
    match_vendor_bills.fn(society, "2026-04-20")

    assert [remind(4, day)["payments"] for day in (19, 20)] == [0, 1]


def test_what_is_paid_is_not_reminded_of_and_a_part_leaves_the_rest(owed, remind, week_of, mailbox):
    vendor = owed()
    record_vendor_payment.fn(vendor, "56000.00", "UTR1", "2026-05-04")
    assert week_of(5, 18)["amount"] == "260.00"

    record_vendor_payment.fn(vendor, "260.00", "UTR2", "2026-05-19")
    assert remind(5, 22)["payments"] == 0
    assert week_of(5, 25)["payments"] == 0


def test_only_the_treasurer_is_told(owed, week_of, ask, mailbox):
    owed()
    ask("update purchase.officer set until = '2026-05-01' where role = 'TREASURER'")

    week_of(5, 18)

    assert MANAGER != mailbox.letters[0]["To"].addresses[0].addr_spec == "office@greenvalley.example.in"


def test_where_no_treasurer_can_be_reached_no_reminder_is_on_record(owed, week_of, ask, mailbox):
    owed()
    ask("update purchase.officer set email = 'unknown@greenvalley.example.in' where role = 'TREASURER'")

    with pytest.raises(MailRefused, match="unknown@greenvalley"):
        week_of(5, 18)
    assert ask(STEPS) == []


@pytest.mark.parametrize(
    ("run", "day"), [(list_due_payments, "2027-03-29"), (remind_of_payments, "2027-03-30")]
)
def test_it_outlives_every_death(purchase, society, ask, monkeypatch, run, day):
    seed(purchase, bills=40)
    purchase.commit()
    match_vendor_bills.fn(society, "2027-03-29")

    def reset():
        ask(
            """delete from purchase.letter; delete from purchase.payment_reminder;
            delete from purchase.payment_run_item; delete from purchase.payment_run"""
        )

    def seen():
        return (
            ask("select * from purchase.payment_run_item order by payable_id"),
            ask("select * from purchase.payment_reminder order by payable_id, step"),
            ask("select key, subject from purchase.letter"),
        )

    assert outlives_every_death(monkeypatch, lambda: run.fn(society, day), reset=reset, seen=seen) >= 3


def test_a_missing_bank_rate_is_named(owed, week_of, ask):
    owed()
    ask("create table kept as select * from purchase.tax_rate where code = 'BANK_RATE'")
    ask("delete from purchase.tax_rate where code = 'BANK_RATE'")
    try:
        with pytest.raises(LookupError, match="no rate BANK_RATE is recorded"):
            week_of(7, 27)
    finally:
        ask("insert into purchase.tax_rate select * from kept")
        ask("drop table kept")


def test_an_individual_without_gst_is_on_the_list(trading, society, week_of, mailbox):
    trading.bought("20000.00", pan=INDIVIDUAL, on=ACCEPTED, name="Ganesh Plumbing", **SMALL)
    match_vendor_bills.fn(society, MATCHED.isoformat())

    assert week_of(4, 20)["amount"] == "20000.00"
    assert "Sat 25 Apr 2026" in html_of(mailbox.letters[0])

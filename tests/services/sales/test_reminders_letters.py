"""Reminder letters as members and the committee get them: over a real mail server, with their PDFs."""

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from uuid import UUID

import pypdf
import pytest

from actors.common.rules.calendar import Period
from actors.common.rules.money import grouped
from actors.sales import (
    process_payment,
    send_invoice_reminder,
    statement_pdf,
)
from actors.sales.dues import DueBill, Dues, PaymentLine
from actors.sales.invoice import Supplier
from actors.sales.reminder_letters import Letter
from actors.sales.rules.reminders import Step
from infra.settings import settings
from tests.support.reminding import BILL, html, printed, text


@pytest.fixture
def supplier():
    return Supplier(
        "Green Valley Co-operative Housing Society Ltd.",
        "PNA/HSG/10482/2019",
        "Baner, Pune 411045",
        "Maharashtra",
        "27",
        None,
        "office@greenvalley.example.in",
        "Deccan Sahakari Bank, A/c 004210009182",
    )


def test_the_whole_ladder_from_friendly_to_the_formal_notice(billed, resolve, run, mailbox, ask):
    resolve(21)
    ((_, number, total),) = billed()
    assert total == D(BILL)
    for day in ("2026-04-10", "2026-04-14", "2026-04-16", "2026-04-22", "2026-04-30", "2026-05-15"):
        run(day)

    friendly, before, polite, firm, statement, notice = mailbox.letters
    assert friendly["Subject"] == f"Due 15 Apr: ₹ 9,811.00 for bill {number}"
    assert (
        "a friendly reminder: the maintenance bill of flat A-101 for April 2026 is due on 15 April 2026."
        in (text(friendly).replace("\n", " "))
    )
    assert "is due on 15 April 2026" in text(before)
    assert "was due on 15 April 2026" in text(polite)
    assert "nterest" not in text(polite)
    # 9,811.00 x 21 % x 7 / 365
    assert "Late interest to 22 Apr 2026: ₹ 39.51" in text(firm)
    assert "To pay today: ₹ 9,850.51" in text(firm)
    assert "₹ 39.51" in html(firm)
    # … x 15 / 365
    assert "Owed on 30 Apr 2026: ₹ 9,895.67" in text(statement)
    assert statement["Cc"] is not None
    assert notice["Subject"] == f"Notice {number}/N: dues of flat A-101, ₹ 9,980.34"
    assert [letter["Cc"] for letter in (friendly, before, polite, firm, notice)] == [None] * 5
    assert ask("select step, outcome, note from sales.reminder order by scheduled_for") == [
        ("FRIENDLY", "SENT", "no push gateway"),
        ("BEFORE_DUE", "SENT", "no push gateway"),
        ("POLITE", "SENT", None),
        ("FIRM", "SENT", None),
        ("STATEMENT", "SENT", None),
        ("NOTICE", "SENT", None),
    ]


def test_the_interest_quoted_is_what_a_payment_of_the_day_has_to_clear(
    billed, resolve, run, mailbox, ask, society
):
    resolve(21)
    billed()
    ask("update sales.community_turnover set amount = 26400000")
    (unit,) = society.unit_ids[:1]
    process_payment.fn("upi", "p1", str(unit), "4811.00", "2026-04-20T12:00:00+05:30")

    run("2026-04-22")

    (firm,) = mailbox.letters
    ((interest,),) = ask("select sum(amount) from sales.allocation where due = 'INTEREST'")
    # to 20 Apr on 9,811, of which 28.22 was paid with it; then two days on the rest
    assert interest == D("28.22")
    assert "Balance: ₹ 5,028.22" in text(firm)
    assert "You have paid ₹ 4,782.78 of it, thank you" in text(firm)
    assert "Late interest to 22 Apr 2026: ₹ 5.79" in text(firm)

    process_payment.fn("upi", "p2", str(unit), "5034.01", "2026-04-22T12:00:00+05:30")
    assert ask("select unallocated from sales.receipt order by number") == [(0,), (0,)]
    assert ask("select total - paid_amount from sales.invoice") == [(0,)]


def test_within_the_grace_no_interest_is_quoted_but_announced(billed, resolve, run, mailbox, ask):
    resolve(21, grace=10)
    billed()

    run("2026-04-22")

    (firm,) = mailbox.letters
    assert "bears late interest from its due date on, now 21 % a year" in text(firm).replace("\n", " ")
    assert "Late interest to" not in text(firm)


def test_the_statement_goes_to_the_committee_too_with_bills_payments_and_ageing(
    billed, resolve, run, mailbox, ask, society
):
    resolve(21)
    billed()
    process_payment.fn("upi", "p1", str(society.unit_ids[0]), "2811.00", "2026-04-12T12:00:00+05:30")
    run("2026-04-22")
    billed(period="2026-05")

    run("2026-04-30")

    statement = mailbox.letters[-1]
    copied = {address.addr_spec.partition("@")[0] for address in statement["Cc"].addresses}
    assert copied == {"chair", "secretary", "treasurer", "farhan.shaikh", "grace.dsouza"}
    paper = printed(statement)
    for wanted in (
        "STATEMENT",
        "GV" if "GV" in paper else "BS",
        "RC/2627/000001",
        "2,811.00",
        "Over 90 days",
    ):
        assert wanted in paper
    assert "May 2026" in paper  # open, though its own steps are to come
    assert "9,811.00" in paper
    assert "Of it not due yet: ₹ 9,811.00" in text(statement)


def test_the_notice_is_on_the_letterhead_with_reference_words_and_the_provision(
    billed, resolve, run, mailbox, society
):
    resolve(21)
    ((_, number, _),) = billed()
    billed(period="2026-06")  # open, and no matter for a notice yet

    run("2026-05-15")

    (letter,) = mailbox.letters
    assert "June 2026" not in printed(letter)
    paper = " ".join(printed(letter).split())
    assert "Green Valley Co-operative Housing Society Ltd." in paper
    assert f"{number}/N" in paper
    assert "Rupees Nine Thousand Nine Hundred Eighty and Paise Thirty Four Only" in paper
    assert "to confirm" in paper
    assert "30 May 2026" in paper
    (kept,) = (settings().home / "var" / "reminders" / "2026-05").iterdir()
    assert kept.name == f"notice-{number.replace('/', '-')}.pdf"


def test_a_long_statement_goes_over_several_pages_with_all_its_bills(supplier):
    bill = DueBill(
        UUID(int=1), "GV/2627/000001", UUID(int=2), "A-101", "Tower A", Period(2026, 4), date(2026, 4, 1),
        date(2026, 4, 15), D(BILL), D(0), D("84.67"), D(0), 15, void=False, disputed=False,
    )  # fmt: skip
    bills = tuple(
        replace(bill, number=f"GV/2627/{n:06d}", disputed=n == 7, days_late=0 if n == 59 else 15)
        for n in range(60)
    )
    account = Dues(date(2026, 4, 30), bills, D(21))
    paid = [
        PaymentLine(date(2026, 4, 20), f"RC/2627/{n:06d}", "A-101", "UPI", D(100), None) for n in range(30)
    ]
    paid.append(
        PaymentLine(date(2026, 4, 21), "RC/2627/000030", "A-101", "CHEQUE", D(100), date(2026, 4, 25))
    )
    letter = Letter(
        UUID(int=3), Step.STATEMENT, date(2026, 4, 30), UUID(int=4), UUID(int=5), "Asha Rao", "a@example.in",
        None, "en", supplier,
    )  # fmt: skip

    pdf = statement_pdf.render(letter, account, paid)

    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]
    together = "\n".join(pages)
    assert all(f"Page {n} of {len(pages)}" in page for n, page in enumerate(pages, start=1))
    assert len(pages) == 3
    assert all(each.number in together for each in bills)
    assert all(line.number in together for line in paid)
    assert "Cheque, taken back 25 Apr 2026" in together
    assert grouped(59 * D(BILL)) in together  # the disputed one is listed, not counted
    assert "Disputed bills are listed" in together
    assert statement_pdf.render(letter, account, paid) == pdf


def test_one_member_with_several_flats_gets_one_letter_a_step(billed, clock, run, mailbox, ask):
    bills = billed(flats=3)
    ask("update sales.invoice set disputed_at = now() where id = %s", bills[2][0])
    ask(
        "update sales.ownership set resident_id = (select resident_id from sales.invoice where id = %s)",
        bills[0][0],
    )
    sole = "select resident_id from sales.invoice where id = %s"
    ask("set session_replication_role = replica")  # what is issued stands, but for this test's beginning
    ask(f"update sales.invoice set resident_id = ({sole})", bills[0][0])
    ask("set session_replication_role = default")

    clock("2026-04-14 08:00")
    assert send_invoice_reminder.fn(bills[0][0]) == "sent"
    assert send_invoice_reminder.fn(bills[1][0]) == "decided before"
    run("2026-04-16")

    before, polite = mailbox.letters
    for letter in (before, polite):
        said = text(letter).replace("\n", " ")
        assert "the maintenance bills of flats A-101 and A-102 for April 2026" in said
        assert "Balance in all: ₹ 19,622.00" in text(letter)
        assert all(number in html(letter) for _, number, _ in bills[:2])
        assert bills[2][1] not in html(letter)


def test_letters_greet_in_the_members_language(billed, run, mailbox, ask):
    billed()
    ask("update sales.resident set name = 'कृष्णा वर्मा', language = 'mr'")

    run("2026-04-30")

    (statement,) = mailbox.letters
    assert text(statement).startswith("नमस्कार कृष्णा वर्मा,")
    assert "कृष्णा वर्मा" in printed(statement)

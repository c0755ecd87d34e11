"""The receipt a member gets: printed, kept, mailed once, with what it cleared."""

from __future__ import annotations

import io

import pypdf
import pytest

from actors.sales import send_receipt, store
from actors.sales.receipt_pdf import render
from actors.sales.receipts import UnknownReceipt, receipt
from infra.gateways import mail
from infra.settings import settings
from tests.support.society import PERIOD


@pytest.fixture
def late_payment(member, bill, resolve, pay):
    """The id of a receipt of 12,000 rupees for a bill that is 45 days late."""
    resolve(21)
    bill(member, PERIOD)
    return pay(member, "12000.00", "2026-05-30")["receipt_id"]


def text_of(pdf):
    (page,) = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return page.extract_text()


def test_the_receipt_says_who_paid_what_for_what_in_figures_and_words(sales, late_payment):
    text = text_of(render(receipt(sales, late_payment)))

    for said in (
        "RECEIPT", "RC/2627/000001", "30 May 2026", "Flat A-102", "UPI", "pay_000001", "₹ 12,000.00",
        "Rupees Twelve Thousand Only", "Late interest on bill GV/2627/000001 of April 2026", "254.01", "9,811.00",
        "GST on late interest", "45.72", "Advance, for the next bill", "1,889.27", "CGST 22.86 and SGST 22.86",
        "GSTIN 27AABAG4821K1Z",
    ):  # fmt: skip
        assert said in text, said
    assert "Subject to realisation" not in text


def test_the_same_receipt_is_the_same_file_also_when_its_advance_is_used(sales, late_payment, member, bill):
    before = render(receipt(sales, late_payment))
    bill(member, "2026-06")

    assert render(receipt(sales, late_payment)) == before


def test_a_cheque_is_subject_to_realisation(sales, member, pay):
    receipt_id = pay(member, "10.00", "2026-05-30", mode="CHEQUE")["receipt_id"]

    assert "Subject to realisation of the cheque." in text_of(render(receipt(sales, receipt_id)))


def test_it_is_kept_and_mailed_once(late_payment, mailbox, tmp_path):
    assert [send_receipt.fn(late_payment) for _ in range(2)] == ["sent", "sent before"]

    (letter,) = mailbox.letters
    assert letter["Subject"] == "Receipt RC/2627/000001: ₹ 12,000.00 for flat A-102"
    text = letter.get_body(("plain",)).get_content()
    assert "Late interest on bill GV/2627/000001 of April 2026" in text
    assert "The late interest received made GST of ₹ 45.72 due." in text
    assert "1,889.27" in letter.get_body(("html",)).get_content()
    (attached,) = letter.iter_attachments()
    kept = tmp_path / "var" / "receipts" / "2026-05" / "RC-2627-000001.pdf"
    assert attached.get_filename() == kept.name
    assert attached.get_content() == kept.read_bytes()


def test_a_mail_server_that_is_away_gets_it_later(late_payment, mailbox, monkeypatch):
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(mail.MailError):
        send_receipt.fn(late_payment)

    monkeypatch.setenv("SMTP_URL", f"smtp://post:s3cret%40@127.0.0.1:{mailbox.port}")
    settings.cache_clear()
    assert send_receipt.fn(late_payment) == "sent"


def test_a_member_without_address_has_the_receipt_printed(late_payment, ask, tmp_path):
    ask("update sales.resident set email = null")

    assert send_receipt.fn(late_payment) == "printed; flat A-102 has no mail address"
    assert list((tmp_path / "var" / "receipts").rglob("*.pdf"))


def test_a_bill_that_an_advance_pays_says_so(sales, member, bill, pay, mailbox):
    from actors.sales import send_invoice_created_notification
    from actors.sales.invoice_pdf import render as print_bill

    pay(member, "1000.00", "2026-03-30")
    invoice = bill(member, PERIOD)

    text = text_of(print_bill(store.invoice(sales, invoice)))
    send_invoice_created_notification.fn(invoice)

    assert "Paid in advance, by earlier receipts" in text
    assert "-₹ 1,000.00" in text
    assert text.count("₹ 8,811.00") == 2
    (letter,) = mailbox.letters
    assert "Left to pay: ₹ 8,811.00" in letter.get_body(("plain",)).get_content()


def test_an_unknown_receipt_is_refused(sales_database):
    with pytest.raises(UnknownReceipt, match="'nonsense' is not the id of any receipt"):
        send_receipt.fn("nonsense")


def test_the_daily_figures_of_a_society(member, society, bill, resolve, pay, ask):
    """Billed 9,811; 5,000 paid late on 20 May: interest of 35 days first, and nothing is an advance."""
    resolve(21)
    bill(member, PERIOD)
    pay(member, "5000.00", "2026-05-20")

    figures = [
        dict(ask("select figure, amount from sales.daily_figures(%s, %s)", str(society.community_id), day))
        for day in ("2026-04-01", "2026-05-20")
    ]

    assert [float(figure["billed"]) for figure in figures] == [9811, 0]
    assert [float(figure["collected"]) for figure in figures] == [0, 5000]
    assert [str(figure["dues"]) for figure in figures] == [
        "9811.00",
        "5044.12",
    ]  # 197.56 and GST of 35.56 on it
    assert float(figures[1]["overdue_bills"]) == 1
    assert float(figures[1]["advance_balances"]) == 0

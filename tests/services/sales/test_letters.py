"""Letters: kept as files or over a real mail server, once each, readable by any mail program."""

import email
import io
from email.policy import default
from pathlib import Path

import pypdf
import pytest

from actors.common import send_welcome_email
from actors.sales import (
    create_invoice,
    generate_invoice_for_resident,
    letters,
    send_invoice_created_notification,
    send_invoice_notification,
)
from infra.gateways import mail
from infra.settings import settings
from tests.support.society import AHEAD, PERIOD


@pytest.fixture
def issued(society, ask):
    """A bill of a member who writes in Devanagari, with arrears."""
    unit = str(society.unit_ids[0])
    ask(
        """update sales.resident set name = 'कृष्णा वर्मा', language = 'hi'
        from sales.ownership where resident_id = resident.id and unit_id = %s""",
        unit,
    )
    ask("delete from sales.opening_arrears")
    ask("insert into sales.opening_arrears values (%s, '2026-03-31', 1234.50)", unit)
    return generate_invoice_for_resident.fn(unit, AHEAD)


def kept():
    return [
        email.message_from_bytes(path.read_bytes(), policy=default)
        for path in sorted(settings().mail_folder.glob("*.eml"))
    ]


def test_without_a_server_the_letter_is_a_file_with_the_bill_attached(issued, ask):
    send_invoice_notification.fn(issued)

    (letter,) = kept()
    ((number,),) = ask("select number from sales.invoice")
    assert letter["To"].addresses[0].display_name == "कृष्णा वर्मा"
    assert number in letter["Subject"]
    text = letter.get_body(("plain",)).get_content()
    html = letter.get_body(("html",)).get_content()
    assert "नमस्कार कृष्णा वर्मा" in text
    assert "₹ 1,234.50" in text
    assert "कृष्णा वर्मा" in html
    (attachment,) = letter.iter_attachments()
    assert attachment.get_filename() == f"{number.replace('/', '-')}.pdf"
    printed = pypdf.PdfReader(io.BytesIO(attachment.get_content())).pages[0].extract_text()
    assert "कृष्णा वर्मा" in printed
    assert number in printed
    (copy,) = (settings().home / "var" / "invoices" / AHEAD).iterdir()
    assert copy.read_bytes() == attachment.get_content()


def test_over_smtp_with_a_password(issued, mailbox):
    send_invoice_notification.fn(issued)

    (letter,) = mailbox.letters
    assert letter["To"].addresses[0].display_name == "कृष्णा वर्मा"
    assert [part.get_content_type() for part in letter.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
    ]
    assert not settings().mail_folder.exists()


def test_the_member_gets_one_letter_whoever_sends_it_and_however_often(issued, mailbox, ask):
    send_invoice_notification.fn(issued)
    send_invoice_notification.fn(issued)
    send_invoice_created_notification.fn(issued)

    assert len(mailbox.letters) == 1
    assert ask("select kind, recipient, message_id from sales.mail_log") == [
        ("CREATED", mailbox.letters[0]["To"].addresses[0].addr_spec, mailbox.letters[0]["Message-ID"])
    ]


def test_a_letter_that_could_not_be_sent_is_not_on_record_and_goes_out_later(
    issued, mailbox, ask, monkeypatch
):
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(mail.MailError, match=r"mail server 127\.0\.0\.1:1: .*refused"):
        send_invoice_notification.fn(issued)
    assert ask("select count(*) from sales.mail_log") == [(0,)]

    monkeypatch.setenv("SMTP_URL", f"smtp://post:s3cret%40@127.0.0.1:{mailbox.port}")
    settings.cache_clear()
    send_invoice_notification.fn(issued)
    assert len(mailbox.letters) == 1


def test_a_draft_is_not_announced(society):
    draft = create_invoice.fn(str(society.unit_ids[0]), PERIOD)

    with pytest.raises(letters.NotIssued, match="the bill of flat A-101 for 2026-04 is a draft"):
        send_invoice_notification.fn(draft)


def test_a_member_without_address_gets_no_letter_and_no_error(issued, ask):
    ask("update sales.resident set email = null")

    send_invoice_notification.fn(issued)

    assert kept() == []


def test_a_new_user_is_welcomed_and_a_repetition_is_the_same_letter(sales_database):
    send_welcome_email.fn("asha.rao@example.com", "Asha <b>Rao</b>")
    send_welcome_email.fn("asha.rao@example.com", "Asha <b>Rao</b>")

    (letter,) = kept()
    assert "Asha <b>Rao</b>" in letter.get_body(("plain",)).get_content()
    assert "Asha &lt;b&gt;Rao&lt;/b&gt;" in letter.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("address", "error"), [("unknown@example.com", mail.AddressRefused), ("full@example.com", mail.MailError)]
)
def test_what_the_server_says_is_told_with_its_name_and_without_the_password(mailbox, address, error):
    with pytest.raises(mail.MailError, match=rf"mail server 127\.0\.0\.1:{mailbox.port} refused") as caught:
        send_welcome_email.fn(address, "Nobody")

    assert type(caught.value) is error
    assert "s3cret" not in str(caught.value)


def test_a_wrong_password_is_refused_for_good(mailbox, monkeypatch):
    monkeypatch.setenv("SMTP_URL", f"smtp://post:wrong@127.0.0.1:{mailbox.port}")
    settings.cache_clear()

    with pytest.raises(mail.MailRefused, match="535"):
        send_welcome_email.fn("asha.rao@example.com", "Asha Rao")


def test_a_header_cannot_be_smuggled_in_with_a_name(sales_database):
    with pytest.raises(ValueError, match=r"(?i)(invalid|line)"):
        send_welcome_email.fn("asha@example.com", "Asha\r\nBcc: all@example.com")
    assert not list(Path(settings().mail_folder).glob("*.eml"))

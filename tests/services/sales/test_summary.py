"""The treasurer's summary of a billing run: what it says, to whom, and that the same news is mailed once."""

import re
import uuid
from html.parser import HTMLParser

import pytest

from actors.sales import runs, send_bulk_generation_summary, summary
from infra.composition import Batch, Failure, UnknownWorkflow
from infra.gateways import mail
from infra.settings import settings
from pipelines.invoices import generate_bulk_invoices
from tests.support.queue import broker_on
from tests.support.society import BAD_FLAT, PERIOD


@pytest.fixture
def run(work, mailbox):
    """Bills a society and returns the batch's id; all mails are sent."""

    def run(society):
        batch_id = generate_bulk_invoices(society.community_id, PERIOD)
        work()
        return batch_id

    return run


@pytest.fixture
def summaries(mailbox):
    """The letters to the treasurer, in order."""

    def summaries():
        return [letter for letter in mailbox.letters if letter["To"].addresses[0].username == "treasurer"]

    return summaries


def text_of(letter):
    return letter.get_body(("plain",)).get_content().replace("\r\n", "\n")


class Rows(HTMLParser):
    """The rows of all tables, each as its cells' own text; every tag must be closed."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.open, self.tags = [], [], []
        self.feed(html)
        assert self.tags == []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br"):
            self.tags.append(tag)
        if tag == "tr":
            self.open.append([])
        if tag in ("td", "th"):
            self.open[-1].append("")

    def handle_endtag(self, tag):
        assert self.tags.pop() == tag, f"</{tag}> closes nothing"
        if tag == "tr":
            self.rows.append(self.open.pop())

    def handle_data(self, data):
        if self.open and self.open[-1]:
            self.open[-1][-1] += data.strip()


def test_when_all_flats_are_billed_one_mail_says_so_with_sums_in_lakh_grouping(
    society, run, summaries, ask, sales
):
    run(society)

    (letter,) = summaries()
    month = ask("select to_char(sum(total), 'FM9,99,99,999.00') from sales.invoice")[0][0]
    assert letter["To"].addresses[0].addr_spec == "treasurer@greenvalley.example.in"
    assert letter["Subject"] == f"Bills of April 2026: all 12 flats billed, ₹ {month}"
    text = text_of(letter)
    assert "All 12 flats are billed." in text
    assert "NOT BILLED" not in text
    assert "retry" not in text
    assert re.search(rf"Total billed +₹ {month}\n", text)
    sent, ahead = re.search(r"Letters sent +(\d+)\n(?:  Letters on their way +(\d+)\n)?", text).groups()
    assert int(sent) + int(ahead or 0) == 12


def test_the_heads_taxes_and_round_off_add_up_to_the_total(society, run, summaries):
    run(society)

    lines = re.findall(r"^  (.+?) +(-?)₹ ([\d,.]+)$", text_of(summaries()[0]), re.MULTILINE)
    amounts = {name: float(amount.replace(",", "")) * (-1 if minus else 1) for name, minus, amount in lines}
    total, _ = amounts.pop("Total billed"), amounts.pop("Arrears, shown apart on the bills")
    assert {"Maintenance, by area", "Service charges", "CGST", "SGST", "Round-off"} <= amounts.keys()
    assert sum(amounts.values()) == pytest.approx(total, abs=0.001)


def test_a_flat_that_failed_is_named_with_its_member_and_why_and_what_to_do(
    flawed_society, run, summaries, ask
):
    batch_id = run(flawed_society)

    (letter,) = summaries()
    ((member,),) = ask(
        """select resident.name from sales.unit join sales.ownership on unit_id = unit.id
        join sales.resident on resident.id = resident_id where label = %s""",
        BAD_FLAT,
    )
    why = f"has no tariff for {PERIOD}: only its property tax could be billed"
    assert letter["Subject"] == "Bills of April 2026: 11 of 12 flats billed, 1 failed"
    text = text_of(letter)
    assert "11 of 12 flats are billed; 1 could not be billed." in text
    assert re.search(rf"^  {BAD_FLAT} +{member} +{re.escape(why)}$", text, re.MULTILINE)
    assert f"dhanman-jobs batches retry {batch_id}" in text
    html = letter.get_body(("html",)).get_content()
    assert [BAD_FLAT, member, why] in Rows(html).rows
    assert f"dhanman-jobs batches retry {batch_id}" in html


def test_both_parts_of_the_mail_say_the_same(flawed_society, run, summaries):
    run(flawed_society)

    (letter,) = summaries()
    shown = Rows(letter.get_body(("html",)).get_content())
    text = text_of(letter)
    figures = [row for row in shown.rows if len(row) == 2]
    assert len(figures) > 12
    for name, value in figures:
        assert re.search(rf"^  {re.escape(name)} +{re.escape(value)}$", text, re.MULTILINE), name


def test_once_the_failed_flat_is_billed_a_second_mail_says_that_nothing_is_left(
    flawed_society, run, summaries, repair, work
):
    batch_id = run(flawed_society)
    repair(flawed_society)

    assert Batch.get(batch_id).retry_failed() == 1
    work()

    first, second = summaries()
    assert first["Message-ID"] != second["Message-ID"]
    assert second["Subject"].startswith("Bills of April 2026: all 12 flats billed, ₹ ")
    assert "All 12 flats are billed now, also the one that was left." in text_of(second)


def test_a_retry_that_fails_again_is_no_news(flawed_society, run, summaries, work):
    batch_id = run(flawed_society)

    Batch.get(batch_id).retry_failed()
    work()

    assert len(summaries()) == 1


def test_a_redelivery_mails_nothing_before_the_repair_and_after_it(
    flawed_society, run, summaries, repair, work, ask
):
    batch_id = run(flawed_society)
    assert send_bulk_generation_summary.fn(batch_id) == "told before"
    repair(flawed_society)
    Batch.get(batch_id).retry_failed()
    work()

    assert send_bulk_generation_summary.fn(batch_id) == "told before"
    assert len(summaries()) == 2
    assert ask("select unbilled, recipient, message_id from sales.billing_summary order by sent_at") == [
        (unbilled, letter["To"].addresses[0].addr_spec, letter["Message-ID"])
        for unbilled, letter in zip((1, 0), summaries(), strict=True)
    ]


def test_a_mail_that_could_not_be_sent_is_not_on_record_and_goes_out_later(
    society, sales_database, work, mailbox, summaries, ask, monkeypatch
):
    batch_id = generate_bulk_invoices(society.community_id, PERIOD)
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:1")
    settings.cache_clear()
    work()
    with pytest.raises(mail.MailError, match="refused"):
        send_bulk_generation_summary.fn(batch_id)
    assert ask("select count(*) from sales.billing_summary") == [(0,)]

    monkeypatch.setenv("SMTP_URL", f"smtp://post:s3cret%40@127.0.0.1:{mailbox.port}")
    settings.cache_clear()
    assert send_bulk_generation_summary.fn(batch_id) == "sent"

    (letter,) = summaries()
    assert re.search(r"Letters sent +0\n", text_of(letter))
    assert re.search(r"Letters on their way +12\n", text_of(letter))


def test_members_without_address_are_named(society, run, summaries, ask):
    ask(
        """update sales.resident set email = null from sales.ownership join sales.unit on unit.id = unit_id
        where resident_id = resident.id and label = 'A-302'"""
    )
    run(society)

    text = text_of(summaries()[0])
    assert re.search(r"Members without a mail address +1\n", text)
    assert "No letter could be mailed to: A-302." in text


def test_a_second_run_says_that_it_changed_nothing(society, run, summaries):
    first, second = run(society), run(society)

    assert first != second
    assert "All 12 flats were billed before; this run changed nothing." in text_of(summaries()[1])
    assert re.search(r"New since the run began +0\n", text_of(summaries()[1]))


def test_a_society_without_a_treasurers_address_is_told_at_its_office(society, run, mailbox, ask):
    ask("update sales.community set treasurer_email = null")
    run(society)

    assert "office@greenvalley.example.in" in [
        letter["To"].addresses[0].addr_spec for letter in mailbox.letters
    ]


def test_a_cancelled_run_says_how_many_flats_were_not_begun(society, sales_database, work, summaries):
    batch_id = generate_bulk_invoices(society.community_id, PERIOD)
    Batch.get(batch_id).cancel(by="treasurer")
    work()

    (letter,) = summaries()
    assert letter["Subject"] == "Bills of April 2026: 0 of 12 flats billed, 12 not"
    assert "0 of 12 flats are billed; 12 not begun when the run was cancelled." in text_of(letter)
    assert "A new run of the month bills the flats that were not begun." in text_of(letter)


def test_of_many_failed_flats_the_first_are_named_and_the_rest_counted(
    society, sales_database, work, summaries, ask, monkeypatch
):
    monkeypatch.setattr(summary, "SHOWN", 3)
    ask("delete from sales.tariff")
    batch_id = generate_bulk_invoices(society.community_id, PERIOD)
    work()

    (letter,) = summaries()
    assert len(re.findall(r"^  A-\d+ ", text_of(letter), re.MULTILINE)) == 3
    assert f"and 9 more: dhanman-jobs batches show {batch_id}" in text_of(letter)


def test_a_batch_that_is_no_billing_run_is_refused(sales_database):
    with pytest.raises(runs.UnknownRun, match="is no billing run"):
        send_bulk_generation_summary.fn(str(uuid.uuid4()))
    with pytest.raises(runs.UnknownRun, match="'nonsense' is not the id of any billing run"):
        send_bulk_generation_summary.fn("nonsense")


def test_a_run_whose_batch_has_expired_is_refused(society, sales, sales_database, ask):
    batch_id = str(uuid.uuid4())
    ask("insert into sales.billing_run values (%s, %s, '2026-04-01')", batch_id, str(society.community_id))

    with broker_on(sales_database), pytest.raises(UnknownWorkflow, match=batch_id):
        send_bulk_generation_summary.fn(batch_id)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "BillingError: flat A-101 has no owner on record, so nobody can be billed",
            "has no owner on record, so",
        ),
        (
            "BillingError: flat A-101: every charge of 2026-04 is nil, so",
            "every charge of 2026-04 is nil, so",
        ),
        ("MissingRate: no rate NOC_CAP is recorded for MH/IN", "no rate NOC_CAP is recorded for MH/IN"),
        (
            "RestrictViolation: the books of 2026-04 are closed\nCONTEXT:  PL/pgSQL",
            "the books of 2026-04 are closed",
        ),
        ("KeyError: 'x'", "an error of the system, KeyError: 'x'"),
        (None, "the job did not end: attempts used up after 4"),
    ],
)
def test_why_a_flat_failed_in_plain_words(error, said):
    failure = Failure("id", "sales.generate_invoice_for_resident", (), {}, error, "attempts used up after 4")

    assert summary.in_plain_words(failure, "A-101").startswith(said)
    assert "CONTEXT" not in summary.in_plain_words(failure, "A-101")

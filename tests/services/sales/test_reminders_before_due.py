"""The step one day before the due date: its own job and the daily run are one and the same step."""

import threading
from datetime import datetime

import pytest

from actors.common.rules.calendar import INDIA
from actors.sales import (
    create_invoice,
    letters,
    remind,
    reminders,
    send_invoice_reminder,
    send_reminder_letter,
    store,
)
from actors.sales.reminders import UnknownLetter
from infra.gateways import mail
from infra.settings import settings
from tests.support.reminding import text
from tests.support.society import PERIOD


def test_the_day_before_is_one_step_whoever_takes_it_first(billed, clock, run, mailbox, ask):
    ((bill, _, _),) = billed()
    clock("2026-04-14 22:00")
    assert send_invoice_reminder.fn(bill) == "put off to 15 Apr 2026, 08:00 IST"
    clock("2026-04-14 08:00")

    assert send_invoice_reminder.fn(bill) == "sent"
    assert run("2026-04-14")["decided"] == {"overtaken": 1}
    assert send_invoice_reminder.fn(bill) == "decided before"

    assert len(mailbox.letters) == 1
    assert ask("select step, outcome from sales.reminder order by step") == [
        ("BEFORE_DUE", "SENT"),
        ("FRIENDLY", "SKIPPED"),
    ]


def test_the_delayed_job_takes_what_the_run_has_planned(billed, clock, mailbox, ask):
    ((bill, _, _),) = billed()
    clock("2026-04-14 10:00")
    remind(datetime(2026, 4, 14, 10, tzinfo=INDIA))

    assert send_invoice_reminder.fn(bill) == "sent"

    ((letter_id,),) = ask("select id from sales.reminder_letter")
    assert send_reminder_letter.fn(letter_id) == "decided before"
    assert len(mailbox.letters) == 1
    assert ask("select sent from sales.reminder_letter") == [(True,)]


def test_what_was_decided_while_the_run_was_reading_stands(billed, clock, mailbox, ask, monkeypatch):
    ((bill, _, _),) = billed()
    clock("2026-04-14 10:00")
    write = reminders._write

    def write_late(connection, decided, day, moment):
        monkeypatch.setattr(reminders, "_write", write)
        assert send_invoice_reminder.fn(bill) == "sent"
        ask("update sales.invoice set disputed_at = now()")
        return write(connection, decided, day, moment)

    monkeypatch.setattr(reminders, "_write", write_late)
    remind(datetime(2026, 4, 14, 10, tzinfo=INDIA))
    for (letter_id,) in ask("select id from sales.reminder_letter where settled_at is null"):
        send_reminder_letter.fn(letter_id)

    assert len(mailbox.letters) == 1
    assert ask("select outcome from sales.reminder where step = 'BEFORE_DUE'") == [("SENT",)]


def test_the_day_before_quotes_the_balance(billed, clock, mailbox, ask):
    ((bill, _, _),) = billed()
    ask("update sales.invoice set paid_amount = 1000")
    clock("2026-04-14 08:00")

    assert send_invoice_reminder.fn(bill) == "sent"

    assert "Balance: ₹ 8,811.00" in text(mailbox.letters[0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("paid_amount = total", "paid"),
        ("voided_at = now()", "void"),
        ("disputed_at = now()", "disputed"),
    ],
)
def test_no_reminder_the_day_before_of_a_bill_that_is(billed, clock, mailbox, ask, change, reason):
    ((bill, _, _),) = billed()
    ask(f"update sales.invoice set {change}")
    clock("2026-04-14 08:00")

    assert send_invoice_reminder.fn(bill) == f"skipped: {reason}"

    assert mailbox.letters == []
    assert ask("select outcome, reason from sales.reminder") == [("SKIPPED", reason)]


def test_the_day_before_is_not_announced_when_it_is_past(billed, clock, mailbox):
    ((bill, _, _),) = billed()
    clock("2026-04-16 08:00")

    assert send_invoice_reminder.fn(bill) == "skipped: past due"
    assert mailbox.letters == []


def test_a_reminder_that_could_not_be_sent_is_still_ahead(billed, clock, ask, monkeypatch):
    ((bill, _, _),) = billed()
    clock("2026-04-14 08:00")
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:1")
    settings.cache_clear()

    with pytest.raises(mail.MailError):
        send_invoice_reminder.fn(bill)

    assert ask("select outcome from sales.reminder") == [(None,)]


def test_unknown_bills_drafts_and_letters_are_refused_by_name(society, clock):
    clock("2026-04-14 08:00")
    nobody = "00000000-0000-0000-0000-000000000001"
    draft = create_invoice.fn(str(society.unit_ids[0]), PERIOD)

    with pytest.raises(store.UnknownInvoice, match=nobody):
        send_invoice_reminder.fn(nobody)
    with pytest.raises(letters.NotIssued, match=r"flat A-101 .* is a draft"):
        send_invoice_reminder.fn(draft)
    with pytest.raises(UnknownLetter, match=nobody):
        send_reminder_letter.fn(nobody)


def test_with_a_gateway_the_day_before_goes_to_the_phone_alone(billed, run, mailbox, ask, monkeypatch):
    billed(flats=2)
    ask("update sales.resident set user_id = 'auth0|' || name")
    ask(
        "update sales.resident set email = null where id = (select min(resident_id::text)::uuid from sales.invoice)"
    )
    monkeypatch.setenv("PUSH_URL", "https://push.example/")
    settings.cache_clear()

    run("2026-04-14")

    assert mailbox.letters == []
    assert (
        ask("select outcome, reason, note from sales.reminder where step = 'BEFORE_DUE'")
        == [("SENT", None, None)] * 2
    )
    pushed = ask("""select message #>> '{args,1}', message #>> '{args,2}', message #>> '{args,4}'
        from common_jobs.queue where actor_name = 'common.send_notification'""")
    assert len(pushed) == 2
    assert all(to.startswith("auth0|") and channel == "push" for to, channel, _ in pushed)
    said = "₹ 9,811.00 for the maintenance bill of flat A-101 is due on 15 April 2026."
    assert said in [body for *_, body in pushed]


def test_two_at_once_send_one_letter(billed, clock, mailbox, ask):
    ((bill, _, _),) = billed()
    clock("2026-04-14 10:00")
    said = []
    jobs = [threading.Thread(target=lambda: said.append(send_invoice_reminder.fn(bill))) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()

    assert sorted(said) == ["decided before"] * 3 + ["sent"]
    assert len(mailbox.letters) == 1

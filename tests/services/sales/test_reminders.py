"""The reminder ladder at work: its days, outages, quiet hours, and deaths in between."""

from datetime import date, datetime

import pytest

from actors.common.rules.calendar import INDIA
from actors.sales import (
    remind,
    report_unreached_members,
    send_invoice_reminder,
    send_reminder_letter,
)
from infra.gateways import mail
from infra.settings import settings
from periodic.sales import send_payment_reminders
from tests.support.deaths import outlives_every_death
from tests.support.reminding import text


@pytest.mark.parametrize(
    ("day", "step"),
    [
        ("2026-04-10", "FRIENDLY"),
        ("2026-04-14", "BEFORE_DUE"),
        ("2026-04-16", "POLITE"),
        ("2026-04-22", "FIRM"),
        ("2026-04-30", "STATEMENT"),
        ("2026-05-15", "NOTICE"),
    ],
)
def test_each_step_of_the_example_is_taken_on_its_day_and_not_before(billed, run, mailbox, ask, day, step):
    billed()
    day_before = date.fromordinal(date.fromisoformat(day).toordinal() - 1).isoformat()
    run(day_before)
    mailbox.letters.clear()

    done = run(day)

    assert done["decided"][step] == 1
    assert ask("select outcome from sales.reminder where step = %s", step) == [("SENT",)]
    assert len(mailbox.letters) == 1
    assert run(day)["decided"] == {}
    assert len(mailbox.letters) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("paid_amount = total", "paid"),
        ("voided_at = now()", "void"),
        ("disputed_at = now()", "disputed"),
    ],
)
def test_none_for_a_bill_that_is_and_it_is_asked_again_at_sending(
    billed, clock, mailbox, ask, change, reason
):
    billed()
    clock("2026-04-16 10:00")
    remind(datetime(2026, 4, 16, 10, tzinfo=INDIA))
    ask(f"update sales.invoice set {change}")

    ((letter_id,),) = ask("select id from sales.reminder_letter")
    assert send_reminder_letter.fn(letter_id) == f"skipped: {reason}"
    assert remind(datetime(2026, 4, 22, 10, tzinfo=INDIA))["decided"] == {}

    assert mailbox.letters == []
    assert ask("select outcome, reason from sales.reminder where step = 'POLITE'") == [("SKIPPED", reason)]


def test_after_an_outage_the_latest_step_is_sent_and_the_rest_say_why_not(billed, run, mailbox, ask):
    billed()
    run("2026-04-10")

    done = run("2026-04-23")

    assert done["decided"] == {"FIRM": 1, "overtaken": 2}
    assert len(mailbox.letters) == 2
    assert ask("select step, reason from sales.reminder where outcome = 'SKIPPED' order by step") == [
        ("BEFORE_DUE", "overtaken by FIRM"),
        ("POLITE", "overtaken by FIRM"),
    ]


def test_a_letter_that_waited_for_the_mail_server_is_overtaken_by_the_next_step(
    billed, clock, mailbox, ask, monkeypatch, run
):
    billed()
    clock("2026-04-16 10:00")
    remind(datetime(2026, 4, 16, 10, tzinfo=INDIA))
    ((polite,),) = ask("select id from sales.reminder_letter")
    away = settings().smtp_url
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(mail.MailError):
        send_reminder_letter.fn(polite)
    assert ask("select outcome from sales.reminder where step = 'POLITE'") == [(None,)]
    monkeypatch.setenv("SMTP_URL", away)
    settings.cache_clear()

    clock("2026-04-22 10:00")
    assert remind(datetime(2026, 4, 22, 10, tzinfo=INDIA))["letters"] == 2
    assert send_reminder_letter.fn(polite) == "decided before"

    run("2026-04-22")
    assert [letter["Subject"].split(":")[0] for letter in mailbox.letters] == ["Overdue"]
    assert ask("select reason from sales.reminder where step = 'POLITE'") == [("overtaken by FIRM",)]


def test_a_letter_that_waited_goes_out_with_the_next_days_run(billed, clock, mailbox, ask, run):
    billed()
    clock("2026-04-16 10:00")
    remind(datetime(2026, 4, 16, 10, tzinfo=INDIA))
    ask("delete from sales_jobs.queue")  # its job failed for good

    done = run("2026-04-17")

    assert (done["decided"], done["letters"]) == ({}, 1)
    assert len(mailbox.letters) == 1


def test_a_letter_due_at_22_30_waits_until_8_and_one_at_20_59_goes_out(billed, clock, mailbox, ask):
    billed()
    clock("2026-04-10 22:30")
    assert remind(datetime(2026, 4, 10, 10, tzinfo=INDIA))["letters"] == 1
    due = """select eta at time zone 'Asia/Kolkata' from sales_jobs.queue
        where actor_name = 'sales.send_reminder_letter'"""
    assert ask(due) == [(datetime(2026, 4, 11, 8),)]
    ((letter_id,),) = ask("select id from sales.reminder_letter")

    assert send_reminder_letter.fn(letter_id) == "put off to 11 Apr 2026, 08:00 IST"
    assert mailbox.letters == []

    clock("2026-04-10 20:59")
    assert send_reminder_letter.fn(letter_id) == "sent"
    assert len(mailbox.letters) == 1


def test_members_without_address_are_named_in_the_result_and_to_the_office_once(billed, run, mailbox, ask):
    billed(flats=2)
    ask("""update sales.resident set email = null from sales.ownership, sales.unit
        where resident_id = resident.id and unit_id = unit.id and label = 'A-101'""")

    done = run("2026-04-16")
    (community,) = ask("select id from sales.community")[0]
    assert report_unreached_members.fn(community, "2026-04-16") == "sent"
    assert report_unreached_members.fn(community, "2026-04-16") == "sent before"

    assert done["unreached"] == 1
    assert done["unreached_bills"][0].startswith("A-101 ")
    assert len(mailbox.letters) == 2
    office = mailbox.letters[-1]
    assert office["To"].addresses[0].addr_spec == "office@greenvalley.example.in"
    assert "A-101" in text(office)
    assert "A-102" not in text(office)
    assert ask("select reason from sales.reminder where step = 'POLITE' and outcome = 'SKIPPED'") == [
        ("no mail address",)
    ]

    assert run("2026-04-22")["unreached"] == 0  # told before
    assert run("2026-05-15")["unreached"] == 1  # the formal notice has to be delivered by hand
    report_unreached_members.fn(community, "2026-05-15")
    assert "deliver it by hand" in text(mailbox.letters[-1])


def test_an_address_that_the_server_refuses_fails_by_name_and_the_office_hears_of_it(
    billed, clock, run, mailbox, ask
):
    """Given a wrong address, the step is skipped, not tried for ever; the next one finds the address put right."""
    ((bill, _, _),) = billed()
    ask("update sales.resident set email = 'unknown@example.in'")
    clock("2026-04-14 08:00")
    with pytest.raises(mail.AddressRefused, match=r"refused .*unknown@example\.in"):
        send_invoice_reminder.fn(bill)
    assert send_invoice_reminder.fn(bill) == "decided before"

    with pytest.raises(mail.AddressRefused):
        run("2026-04-16")
    assert ask(
        "select distinct reason from sales.reminder where outcome = 'SKIPPED' and reason !~ 'overtaken'"
    ) == [("mail address refused",)]
    (community,) = ask("select id from sales.community")[0]
    assert report_unreached_members.fn(community, "2026-04-16") == "sent"
    assert "mail address refused" in text(mailbox.letters[-1])

    ask("update sales.resident set email = 'right@example.in'")
    told = run("2026-04-22")
    assert (told["decided"], told["unreached"]) == ({"FIRM": 1}, 0)
    assert mailbox.letters[-1]["To"].addresses[0].addr_spec == "right@example.in"


def test_a_society_takes_its_own_days(billed, run, mailbox, ask, society):
    billed()
    ask("insert into sales.reminder_rule values (%s, 'POLITE', '2026-04-01', 3)", str(society.community_id))
    ask("insert into sales.reminder_rule values (%s, 'FIRM', '2026-04-01', null)", str(society.community_id))
    run("2026-04-14")
    mailbox.letters.clear()

    for day in ("2026-04-16", "2026-04-17"):
        assert run(day)["decided"] == {}
    assert run("2026-04-18")["decided"] == {"POLITE": 1}
    assert run("2026-04-22")["decided"] == {}
    assert len(mailbox.letters) == 1


def test_pages_are_decided_one_by_one_and_a_letter_may_span_them(billed, run, mailbox, monkeypatch, ask):
    billed(flats=5)
    monkeypatch.setattr("actors.sales.reminders.PAGE", 2)

    assert run("2026-04-16")["decided"] == {"POLITE": 5, "overtaken": 10}
    assert len(mailbox.letters) == len({letter["To"] for letter in mailbox.letters})
    assert ask("select count(*) from sales.reminder where step = 'POLITE' and outcome = 'SENT'") == [(5,)]


def test_the_calendars_job_and_the_workers_do_it_all(billed, clock, mailbox, ask, work):
    billed(flats=2)
    clock("2026-04-16 10:00")

    told = send_payment_reminders.fn("2026-04-16T10:00:00+05:30")
    work()

    assert told["decided"] == {"POLITE": 2, "overtaken": 4}
    reminded = [letter for letter in mailbox.letters if letter["Subject"].startswith("Was due 15 Apr")]
    assert len(reminded) == told["letters"] == 2
    assert not [letter for letter in mailbox.letters if letter["Subject"].startswith("Due 15 Apr")]
    assert ask("select count(*) from sales_jobs.queue") == [(0,)]


def test_the_daily_run_outlives_every_death(billed, clock, mailbox, ask, monkeypatch):
    """Given a death at any commit, before it or after, another run leaves the same steps, and a member sees each letter
    once: sent again after a death between mail and commit, it bears the same Message-ID.
    """
    billed(flats=3)
    ask(
        "update sales.resident set email = null where id = (select min(resident_id::text)::uuid from sales.invoice)"
    )
    monkeypatch.setattr("actors.sales.reminders.PAGE", 2)
    clock("2026-04-22 10:00")

    def reset():
        mailbox.letters.clear()
        for table in ("sales.reminder", "sales.letter", "sales.reminder_letter", "sales_jobs.queue"):
            ask(f"delete from {table}")

    def run():
        remind(datetime(2026, 4, 22, 10, tzinfo=INDIA))
        for (letter_id,) in ask("select id from sales.reminder_letter order by id"):
            send_reminder_letter.fn(letter_id)

    def seen():
        shown = {letter["Message-ID"]: letter for letter in mailbox.letters}
        jobs = ask(
            "select actor_name, count(distinct message -> 'args') from sales_jobs.queue group by 1 order by 1"
        )
        return (
            ask("""select number, step, outcome, reason, scheduled_for, told_on from sales.reminder
                join sales.invoice on invoice.id = invoice_id order by number, step"""),
            sorted((letter["To"], letter["Subject"], text(letter)) for letter in shown.values()),
            jobs,
        )

    assert outlives_every_death(monkeypatch, run, reset=reset, seen=seen) >= 6


def test_where_only_copies_are_taken_a_refused_member_is_not_taken_for_reached(mailbox):
    letter = mail.compose(
        key="k", to="unknown@example.in", name="Nobody", subject="s", text="t", html="<p>t</p>",
        copies=(("Meera Kulkarni", "treasurer@example.in"),),
    )  # fmt: skip

    with pytest.raises(mail.MailRefused, match="Nobody"):
        mail.send(letter)
